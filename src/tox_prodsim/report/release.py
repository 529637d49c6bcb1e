"""Whether the runs of one report are about one release: the same project and version, and the same files.

A wheel may differ from machine to machine by its name: each tests the wheel for its platform. Two files of one name
must be the same. A file that a run has built for itself, from the same source tree as the others, differs by its
timestamps: with ``built_here`` the Python sources of such wheels are compared instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tox_prodsim.model.events import Event, RunStarted

_BUILT = "built "
"""How the origin of a wheel begins that the run has built."""


def refusal(each_run: Sequence[tuple[str, Iterable[Event]]], *, built_here: bool = False) -> str:
    """Return why the runs, each with what it is called, are not of one release; empty: they are."""
    known: dict[str, tuple[str, str]] = {}
    first: tuple[str, str] | None = None
    for name, started in _started(each_run):
        of = _project(started)
        first = first or (name, of)
        if of != first[1]:
            return f"{name} is a report of {of}, {first[0]} of {first[1]}"
        is_built = built_here and started.wheel_origin.startswith(_BUILT)
        for file, sha256 in _sources(started) if is_built else _files(started):
            other, before = known.setdefault(file, (name, sha256))
            if sha256 != before:
                return f"{name} has another {file} (sha256 {sha256[:12]}) than {other} (sha256 {before[:12]})"
    return ""


def _started(each_run: Iterable[tuple[str, Iterable[Event]]]) -> Iterator[tuple[str, RunStarted]]:
    """Yield the begin of each run that has a file: one whose build failed has none."""
    for name, events in each_run:
        yield from ((name, each) for each in events if isinstance(each, RunStarted) and any(_files(each)))


def _files(started: RunStarted) -> Iterator[tuple[str, str]]:
    """Yield name and SHA-256 of each file that is to be published; if they are not known, of the wheel under test."""
    yield from ((each.name, each.sha256.lower()) for each in started.files)
    if started.wheel_name and not started.files:
        yield started.wheel_name, started.wheel_sha256.lower()


def _sources(started: RunStarted) -> Iterator[tuple[str, str]]:
    """Yield what the Python sources of the wheel are called, and their SHA-256, if it is known."""
    if started.wheel_sources_sha256:
        yield f"source in {started.wheel_name}", started.wheel_sources_sha256


def _project(started: RunStarted) -> str:
    """Return the project and the version, as the wheel is named, or else the sdist."""
    if started.wheel_name:
        name, version, *_ = [*started.wheel_name.split("-"), ""]
    else:
        name, _, version = next(_files(started))[0].removesuffix(".tar.gz").rpartition("-")
    return f"{re.sub(r'[-_.]+', '-', name).lower()} {version}".rstrip()
