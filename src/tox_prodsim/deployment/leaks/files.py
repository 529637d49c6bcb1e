"""What a run left in folders: everything new in its TMPDIR, and the runtime files in its scratch folder.

Runtime files are those that only a live process needs: pid files, lock files, sockets and named pipes.

Only names and sizes are read, of at most LIMIT entries, and no symbolic link is followed; what changes or goes away
meanwhile is skipped.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.formatting import counted, plural
from tox_prodsim.model.leaks import Grade, Leak, LeakKind, LeakReport
from tox_prodsim.model.regex import lazy_regex

LIMIT = 10_000
"""Entries of a folder that are read, those of its subfolders included."""
_LOCK_BYTES = 256
"""A lock file holds at most a pid and a host; what is bigger is output (uv.lock)."""
_LOCK_OUTPUT = {"Cargo.lock", "Gemfile.lock", "Pipfile.lock", "flake.lock", "pdm.lock", "poetry.lock", "uv.lock"}
_RUNTIME_KINDS = {"pid": "pid file", "lock": "lock file", "lck": "lock file", "sock": "socket", "socket": "socket"}
_RUNTIME_NAME = lazy_regex(rf"\.({'|'.join(_RUNTIME_KINDS)})$|^(pid|lock)(?:file)?$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What a folder holds."""

    folder: Path
    without: Path | None
    """Subfolder that is left out; None: there is none."""
    paths: frozenset[str]
    """Paths below the folder."""
    complete: bool
    """False when there are more than LIMIT."""


@dataclass(slots=True)
class _New:
    """A new file, or a new folder with everything in it."""

    path: str
    """Relative to the folder that was compared."""
    status: os.stat_result
    files: int = 0
    """How many a folder has."""
    size_bytes: int = 0
    """Of all of them."""


def content(folder: Path, *, without: Path | None = None) -> Content:
    """Return what a folder holds now, leaving out one folder of it."""
    paths = [path for path, _ in _entries(folder, without)]
    return Content(folder=folder, without=without, paths=frozenset(paths), complete=len(paths) <= LIMIT)


def left_in_temporary(before: Content) -> LeakReport:
    """Return what is new in the TMPDIR of a run; a folder counts once."""
    entries, not_observable = _new_entries(before, "TMPDIR")
    leaks = (
        Leak(kind=LeakKind.FILE, grade=Grade.CERTAIN, subject=printable(new.path), detail=_describe(new))
        for new in _topmost(entries)
    )
    return LeakReport(leaks=tuple(leaks), not_observable=not_observable)


def left_in_scratch(before: Content) -> LeakReport:
    """Return the pid files, lock files and sockets that are new in the working folder; other output is not a leak."""
    entries, not_observable = _new_entries(before, "the working folder")
    written = sum(not stat.S_ISDIR(status.st_mode) for _, status in entries)
    among = f"in the working folder, one of {written} files written there" if written > 1 else "in the working folder"
    leaks = (
        Leak(kind=LeakKind.FILE, grade=grade, subject=printable(path), detail=f"{kind} {among}")
        for path, status in entries
        for kind, grade in _runtime_kinds(path, status)
    )
    return LeakReport(leaks=tuple(leaks), not_observable=not_observable)


def printable(path: str) -> str:
    """Return a path whose bytes may not be UTF-8 as text that every report can hold."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def format_size(count_bytes: int) -> str:
    """Return a size as text: bytes, kB or MB."""
    if count_bytes < 1000:
        return f"{count_bytes} {plural('byte', count_bytes)}"
    return f"{count_bytes / 1e3:.1f} kB" if count_bytes < 1e6 else f"{count_bytes / 1e6:.1f} MB"


def _new_entries(before: Content, name: str) -> tuple[list[tuple[str, os.stat_result]], tuple[str, ...]]:
    """Return what is new in a folder, parents first, and what is not observable of it."""
    if not before.complete:
        return [], (f"files left in {name} are not observable: it had more than {LIMIT} entries before the start",)
    entries = list(_entries(before.folder, before.without))
    too_many = (f"files left in {name} are not all observable: it has more than {LIMIT} entries",)
    return [each for each in entries if each[0] not in before.paths], too_many if len(entries) > LIMIT else ()


def _topmost(entries: list[tuple[str, os.stat_result]]) -> list[_New]:
    """Return the topmost of the new entries, each with what is below it."""
    topmost: list[_New] = []
    folders: dict[str, _New] = {}
    for path, status in entries:
        top = folders.get(os.path.dirname(path))  # noqa: PTH120 - 10,000 of them
        if top is None:
            topmost.append(top := _New(path=path, status=status))
        if stat.S_ISDIR(status.st_mode):
            folders[path] = top
        else:
            top.files += 1
            top.size_bytes += status.st_size
    return topmost


def _describe(new: _New) -> str:
    if not stat.S_ISDIR(new.status.st_mode):
        return f"{_special_kind(new.status) or 'file'} in TMPDIR, {format_size(new.size_bytes)}"
    if not new.files:
        return "empty folder in TMPDIR"
    return f"folder in TMPDIR with {counted(new.files, 'file')}, {format_size(new.size_bytes)}"


def _special_kind(status: os.stat_result) -> str:
    kinds = ((stat.S_ISSOCK, "socket"), (stat.S_ISFIFO, "named pipe"), (stat.S_ISLNK, "symbolic link"))
    return next((name for is_so, name in kinds if is_so(status.st_mode)), "")


def _runtime_kinds(path: str, status: os.stat_result) -> Iterator[tuple[str, Grade]]:
    """Yield what an entry is and how surely it is a leak, nothing when it may as well be output.

    An empty lock file is a hint: flock(2) needs the file and not that it goes away (filelock never removes it).
    """
    name = os.path.basename(path)  # noqa: PTH119 - 10,000 of them
    if stat.S_ISSOCK(status.st_mode) or stat.S_ISFIFO(status.st_mode):
        yield _special_kind(status), Grade.CERTAIN
        return
    found = _RUNTIME_NAME.search(name)
    if found is None or stat.S_ISDIR(status.st_mode) or name in _LOCK_OUTPUT or status.st_size > _LOCK_BYTES:
        return
    kind = _RUNTIME_KINDS[(found[1] or found[2]).lower()]
    yield kind, Grade.HINT if kind == "lock file" and not status.st_size else Grade.CERTAIN


def _entries(folder: Path, without: Path | None) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the paths below a folder with their status, parents first, one more than LIMIT at most."""
    left = LIMIT + 1
    queue = [""]
    while queue:
        below = queue.pop()
        for name, status in _scan(os.path.join(folder, below), left):  # noqa: PTH118 - 10,000 of them
            path = f"{below}/{name}" if below else name
            if without is not None and folder / path == without:
                continue
            yield path, status
            left -= 1
            if stat.S_ISDIR(status.st_mode):
                queue.append(path)
        if left <= 0:
            return


def _scan(folder: str, limit: int) -> list[tuple[str, os.stat_result]]:
    """Return name and status of the entries of one folder, ``limit`` at most; none of one that cannot be read."""
    found: list[tuple[str, os.stat_result]] = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if len(found) >= limit:
                break
            with suppress(OSError):
                found.append((entry.name, entry.stat(follow_symlinks=False)))
    return found
