"""What a distribution and all that it requires take on the disk: the files that its users get, without bytecode.

What an installer writes by itself is not counted, because it differs from one to the next: bytecode, the commands of
entry points, its notes in ``.dist-info``, and the first line of a script, which has the path of the environment.
"""

from __future__ import annotations

import csv
import heapq
import importlib.metadata
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.inventory import COMMAND_GROUPS, Distribution
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.installed_metadata import named_distributions, read_text

MOST_FILES = 300
"""So many of the largest files are named."""
LEAST_BYTES = 1000
"""A smaller file is not named."""
_NOTES = frozenset({"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"})
_UNREADABLE = (csv.Error, OSError, ValueError, TypeError, KeyError)
"""What ``csv`` and ``importlib.metadata`` raise for files that no installer wrote."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledSizes:
    """What a distribution and its requirements take, in bytes."""

    distributions: Mapping[str, int]
    """By ``name==version``, the one under test included."""
    files: Mapping[str, int]
    """The largest files, by their path from site-packages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetPython:
    """The Python of the environment, for what a requirement depends on."""

    version: str
    implementation: str
    """As in ``sys.implementation.name``."""

    @property
    def markers(self) -> dict[str, str]:
        """Return what the markers of a requirement are compared with: the machine is this one."""
        short = ".".join(self.version.split(".")[:2])
        ours = {name: str(value) for name, value in default_environment().items()}
        named = {"implementation_name": self.implementation, "python_version": short}
        return {**ours, **named, "python_full_version": self.version, "implementation_version": self.version}


def sizes_in(
    site_packages: Path, scripts_dir: Path, distribution: Distribution, python: TargetPython
) -> InstalledSizes:
    """Return what the distribution takes, with all that it requires here; others in the environment do not count."""
    found: dict[str, tuple[str, str, importlib.metadata.Distribution]] = {
        canonicalize_name(name): (name, version, each) for name, version, each in named_distributions(site_packages)
    }
    commands = os.path.relpath(scripts_dir.resolve(), site_packages.resolve())
    totals: dict[str, int] = {}
    files: dict[str, int] = {}
    for key in _required(distribution, found, python.markers):
        name, version, each = found[key]
        sizes = dict(_sizes(each, site_packages, commands))
        totals[f"{name}=={version}"] = sum(sizes.values())
        files |= sizes
    named = ((path, size) for path, size in files.items() if size >= LEAST_BYTES)
    largest = heapq.nlargest(MOST_FILES, named, key=lambda item: item[1])
    return InstalledSizes(distributions=totals, files=dict(largest))


def _required(
    distribution: Distribution,
    found: Mapping[str, tuple[str, str, importlib.metadata.Distribution]],
    markers: Mapping[str, str],
) -> list[str]:
    """Return the keys of what is installed of the distribution, its requirements, theirs, and so on."""
    extras: dict[str, set[str]] = {distribution.key: set(distribution.extras)}
    queue = [distribution.key]
    while queue:
        key = queue.pop()
        own = distribution.requires if key == distribution.key else _requires(found, key)
        for requirement in _applying(own, extras[key], markers):
            other = canonicalize_name(requirement.name)
            known = extras.get(other)
            if known is None or not requirement.extras <= known:
                extras[other] = {*(known or ()), *requirement.extras}
                queue.append(other)
    return sorted(key for key in extras if key in found)


def _requires(found: Mapping[str, tuple[str, str, importlib.metadata.Distribution]], key: str) -> Iterable[str]:
    with suppress(*_UNREADABLE):
        return found[key][2].requires or ()
    return ()


def _applying(texts: Iterable[str], extras: Iterable[str], markers: Mapping[str, str]) -> Iterator[Requirement]:
    for text in texts:
        with suppress(InvalidRequirement, ValueError):  # what cannot be read is reported as DEP209
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({**markers, "extra": extra}) for extra in ("", *extras)):
                yield requirement


def _sizes(each: importlib.metadata.Distribution, site_packages: Path, commands: str) -> Iterator[tuple[str, int]]:
    """Yield the files that count, by their path from site-packages; a RECORD that cannot be read names none."""
    wrappers: set[str] = set()
    with suppress(*_UNREADABLE):
        wrappers = {point.name for point in each.entry_points if point.group in COMMAND_GROUPS}
    with suppress(csv.Error):
        for row in csv.reader(read_text(each, "RECORD").splitlines()):
            path = os.path.normpath(",".join(row[:-2]) or "".join(row[:1]))
            folder, name = os.path.split(path)
            is_command = folder == commands
            if not row or _is_of_installer(path, name) or (is_command and _stem(name) in wrappers):
                continue
            with suppress(OSError, ValueError):
                yield path, _size(site_packages / path, is_command=is_command)


def _is_of_installer(path: str, name: str) -> bool:
    is_note = name in _NOTES and path.rpartition("/")[0].endswith(".dist-info")
    return is_note or name.endswith(".pyc") or "__pycache__" in path.split("/")


def _stem(name: str) -> str:
    return name.removesuffix(".exe").removesuffix("-script.py")


def _size(path: Path, *, is_command: bool) -> int:
    size = path.lstat().st_size
    if not is_command:
        return size
    with path.open("rb") as file:
        head = file.readline(1000)
    return size - len(head) if head.startswith(b"#!") else size
