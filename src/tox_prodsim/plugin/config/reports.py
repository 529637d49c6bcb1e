"""The key ``reports``: formats, each with a file or without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.scenario import ReportFile
from tox_prodsim.plugin import report_files
from tox_prodsim.plugin.ci import job
from tox_prodsim.report import FORMATS


def parse(key: str, words: Iterable[str]) -> tuple[ReportFile, ...]:
    """Return the reports of ``FORMAT`` and ``FORMAT:PATH``; raises ProdsimError for any other.

    ``none`` is not one of them: with it nothing is reported to the CI job by itself.
    """
    found = tuple(_parsed(key, word) for word in words if word != job.OFF)
    twice = [each for each, number in Counter(found).items() if number > 1]
    if twice:
        msg = f"{twice[0].format} is written twice to the same file, remove one"
        raise ProdsimError(key, msg)
    return found


def _parsed(key: str, word: str) -> ReportFile:
    name, colon, path = word.partition(":")
    if name not in FORMATS:
        msg = f"{name!r} is not a format, write one of {', '.join(FORMATS)}, {job.OFF}"
        raise ProdsimError(key, msg)
    if colon and not path:
        msg = f"{word!r} has no file behind the colon, write for example {name}:report.{FORMATS[name].suffix}"
        raise ProdsimError(key, msg)
    if not path.isprintable():
        msg = f"{word!r} has a character that no name of a report can have"
        raise ProdsimError(key, msg)
    return ReportFile(format=name, path=Path(path) if path else None)


def resolve(key: str, root: Path, found: Sequence[ReportFile]) -> tuple[ReportFile, ...]:
    """Return the reports with paths below the root; raises ProdsimError for one that cannot be written."""
    return tuple(_resolved(key, root, found))


def _resolved(key: str, root: Path, found: Sequence[ReportFile]) -> Iterator[ReportFile]:
    paths: set[Path] = set()
    for each in found:
        if each.path is None:
            yield each
            continue
        path = root / each.path
        if path in paths:
            msg = f"two reports are written to {each.path}, name another file for one of them"
            raise ProdsimError(key, msg)
        paths.add(path)
        if reason := report_files.reason_not_writable(path):
            msg = f"{each.path} cannot be written: {reason}"
            raise ProdsimError(key, msg)
        yield ReportFile(format=each.format, path=path)
