"""What the hook wrote down in the processes of a run: JSON lines in ``PID.witness.jsonl``.

Such a file is written by the program under test: it may be missing, cut short, no file, or hold anything.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from tox_prodsim.deployment.leaks import log
from tox_prodsim.model.leaks import Grade, Leak, LeakKind

_FILES = 1000
_LINES = 10_000
_LINE_BYTES = 1 << 16
_PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # Windows has neither


def ran(folder: Path) -> bool:
    """Return whether the hook ran in at least one process."""
    return any(name.endswith((".stacks", ".witness.jsonl")) for name in _names(folder))


def exited(folder: Path) -> bool:
    """Return whether at least one interpreter came to its exit, which the hook writes down last."""
    return any(record.get("kind") == "exit" for record in _all(folder))


def read(folder: Path) -> Iterator[Leak]:
    """Yield what the witnesses of all processes tell, as far as they can be understood."""
    for record in _all(folder):
        leak = _leak(record)
        if leak is not None:
            yield leak


def _all(folder: Path) -> Iterator[dict[str, Any]]:
    names = sorted(name for name in _names(folder) if name.endswith(".witness.jsonl"))
    return islice((record for name in names[:_FILES] for record in _records(folder / name)), _LINES)


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, _LINES)]
    except OSError:
        return []


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for line in _lines(path):
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a plain file, a longer one in pieces; nothing of a link, a pipe or what cannot be read."""
    with suppress(OSError):
        fd = os.open(path, _PLAIN)
        with open(fd, "rb") as file:  # noqa: PTH123 - a file descriptor
            if stat.S_ISREG(os.fstat(fd).st_mode):
                while line := file.readline(_LINE_BYTES):
                    yield line


def _leak(record: dict[str, Any]) -> Leak | None:
    """Return the leak that a record tells of, None when it tells of none."""
    file, line, message = _text(record, "file"), record.get("line"), _text(record, "message")
    line = line if isinstance(line, int) else None
    match record.get("kind"):
        case "warning":
            return log.warning(f"{_text(record, 'category')}: {message}", file, line)
        case "thread" if name := _text(record, "name"):
            detail = "a daemon" if record.get("daemon") is True else "no daemon"
            return Leak(kind=LeakKind.THREAD, grade=Grade.HINT, subject=name, detail=detail)
        case "exception" if kind := _text(record, "type"):
            said = f"{kind}: {message}" if message else kind
            where = _text(record, "where").removeprefix("Exception ")
            return log.raised(said, where if where.startswith("ignored") else f"in {where}", file, line)
        case "task":
            what = "destroyed while pending" if "destroyed" in message else "its exception was never retrieved"
            return log.task(_text(record, "name"), what, file, line)
    return None


def _text(record: dict[str, Any], field: str) -> str:
    """Return a field that should be a text; anything else is nothing."""
    value = record.get(field)
    return value[:1000].encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ""
