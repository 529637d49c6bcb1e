"""What a run left in folders: everything new in its TMPDIR, and what only a live process needs in its scratch folder.

Only names and sizes are read, of at most LIMIT entries, and no symbolic link is followed; what changes or goes away
meanwhile is passed over.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.model.formatting import counted, plural
from tox_prodsim.model.leaks import Grade, Leak, LeakKind, LeakReport

LIMIT = 10_000
"""Entries of a folder that are looked at, with those of its folders."""
_LOCK_BYTES = 256
"""A lock file holds at most a pid and a host; what is bigger is output (uv.lock)."""
_OUTPUT = {"Cargo.lock", "Gemfile.lock", "Pipfile.lock", "flake.lock", "pdm.lock", "poetry.lock", "uv.lock"}
_MARKS = {"pid": "pid file", "lock": "lock file", "lck": "lock file", "sock": "socket", "socket": "socket"}
_MARK = re.compile(rf"\.({'|'.join(_MARKS)})$|^(pid|lock)(?:file)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a folder holds: paths below it, parents first; ``complete`` is False when there was more than LIMIT."""

    folder: Path
    without: Path | None
    paths: frozenset[str]
    complete: bool


@dataclass(slots=True)
class _New:
    """A new file, or a new folder with everything in it."""

    path: str
    status: os.stat_result
    files: int = 0
    size_bytes: int = 0


def content(folder: Path, *, without: Path | None = None) -> Content:
    """Return what a folder holds now, leaving out one folder of it."""
    paths = [path for path, _ in _entries(folder, without)]
    return Content(folder=folder, without=without, paths=frozenset(paths), complete=len(paths) <= LIMIT)


def left_in_temporary(known: Content) -> LeakReport:
    """Return what is new in the TMPDIR of a run; a folder counts once."""
    news, trouble = _news(known, "TMPDIR")
    leaks = (
        Leak(kind=LeakKind.FILE, grade=Grade.CERTAIN, subject=printable(new.path), detail=_what(new))
        for new in _tops(news)
    )
    return LeakReport(leaks=tuple(leaks), not_observable=trouble)


def left_in_scratch(known: Content) -> LeakReport:
    """Return the pid files, lock files and sockets that are new in the working folder; other output is no leak."""
    news, trouble = _news(known, "the working folder")
    written = sum(not stat.S_ISDIR(status.st_mode) for _, status in news)
    among = f"in the working folder, one of {written} files written there" if written > 1 else "in the working folder"
    marked = ((path, _mark(path, status)) for path, status in news)
    leaks = (
        Leak(kind=LeakKind.FILE, grade=mark[1], subject=printable(path), detail=f"{mark[0]} {among}")
        for path, mark in marked
        if mark is not None
    )
    return LeakReport(leaks=tuple(leaks), not_observable=trouble)


def printable(path: str) -> str:
    """Return a path whose bytes may be no UTF-8 as text that every report can hold."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def size(count_bytes: int) -> str:
    """Return a size in words: bytes, kB or MB."""
    if count_bytes < 1000:
        return f"{count_bytes} {plural('byte', count_bytes)}"
    return f"{count_bytes / 1e3:.1f} kB" if count_bytes < 1e6 else f"{count_bytes / 1e6:.1f} MB"


def _news(known: Content, name: str) -> tuple[list[tuple[str, os.stat_result]], tuple[str, ...]]:
    """Return what is new in a folder, parents first, and what cannot be said about it."""
    if not known.complete:
        return [], (f"files left in {name} are not observable: it had more than {LIMIT} entries before the start",)
    entries = list(_entries(known.folder, known.without))
    much = (f"files left in {name} are not all observable: it has more than {LIMIT} entries",)
    return [each for each in entries if each[0] not in known.paths], much if len(entries) > LIMIT else ()


def _tops(news: list[tuple[str, os.stat_result]]) -> list[_New]:
    """Return the topmost of the new entries, each with what is below it."""
    tops: list[_New] = []
    folders: dict[str, _New] = {}
    for path, status in news:
        top = folders.get(os.path.dirname(path))  # noqa: PTH120 - 10,000 of them
        if top is None:
            tops.append(top := _New(path=path, status=status))
        if stat.S_ISDIR(status.st_mode):
            folders[path] = top
        else:
            top.files += 1
            top.size_bytes += status.st_size
    return tops


def _what(new: _New) -> str:
    if not stat.S_ISDIR(new.status.st_mode):
        return f"{_special(new.status) or 'file'} in TMPDIR, {size(new.size_bytes)}"
    if not new.files:
        return "empty folder in TMPDIR"
    return f"folder in TMPDIR with {counted(new.files, 'file')}, {size(new.size_bytes)}"


def _special(status: os.stat_result) -> str:
    kinds = ((stat.S_ISSOCK, "socket"), (stat.S_ISFIFO, "named pipe"), (stat.S_ISLNK, "symbolic link"))
    return next((name for is_so, name in kinds if is_so(status.st_mode)), "")


def _mark(path: str, status: os.stat_result) -> tuple[str, Grade] | None:
    """Return what an entry is and how surely it is a leak, None when it may as well be output.

    An empty lock file is a hint: flock(2) needs the file and not that it goes away (filelock never removes it).
    """
    name = os.path.basename(path)  # noqa: PTH119 - 10,000 of them
    if stat.S_ISSOCK(status.st_mode) or stat.S_ISFIFO(status.st_mode):
        return _special(status), Grade.CERTAIN
    found = _MARK.search(name)
    if found is None or stat.S_ISDIR(status.st_mode) or name in _OUTPUT or status.st_size > _LOCK_BYTES:
        return None
    what = _MARKS[(found[1] or found[2]).lower()]
    return what, Grade.HINT if what == "lock file" and not status.st_size else Grade.CERTAIN


def _entries(folder: Path, without: Path | None) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the paths below a folder with what they are, parents first, one more than LIMIT at most."""
    left = LIMIT + 1
    queue = [""]
    while queue:
        below = queue.pop()
        for name, status in _listed(os.path.join(folder, below), left):  # noqa: PTH118 - 10,000 of them
            path = f"{below}/{name}" if below else name
            if without is not None and folder / path == without:
                continue
            yield path, status
            left -= 1
            if stat.S_ISDIR(status.st_mode):
                queue.append(path)
        if left <= 0:
            return


def _listed(folder: str, limit: int) -> list[tuple[str, os.stat_result]]:
    """Return name and status of the entries of one folder, ``limit`` at most; of one that cannot be read none."""
    found: list[tuple[str, os.stat_result]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if len(found) >= limit:
                break
            with suppress(OSError):
                found.append((entry.name, entry.stat(follow_symlinks=False)))
    return found
