"""What the hook recorded in the processes of a run: JSON lines in ``PID.witness.jsonl``.

The process of the program under test writes the file: it may be missing, truncated, not a file, or hold anything.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from tox_prodsim.deployment.leaks import log
from tox_prodsim.model import files
from tox_prodsim.model.leaks import Leak

_SUFFIX = ".witness.jsonl"
_FILES = 1000
_LINES = 10_000
_LINE_BYTES = 1 << 16


def ran(folder: Path) -> bool:
    """Return whether the hook ran in at least one process."""
    return any(name.endswith((".stacks", _SUFFIX)) for name in _names(folder))


def exited(folder: Path) -> bool:
    """Return whether at least one interpreter came to its exit, which the hook records last."""
    return any(record.get("kind") == "exit" for record in _records(folder))


def read(folder: Path) -> Iterator[Leak]:
    """Yield the leaks in the records of all processes, as far as they can be understood."""
    for record in _records(folder):
        leak = _leak(record)
        if leak is not None:
            yield leak


def _records(folder: Path) -> Iterator[dict[str, Any]]:
    names = sorted(name for name in _names(folder) if name.endswith(_SUFFIX))
    return islice((record for name in names[:_FILES] for record in _records_of(folder / name)), _LINES)


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, _LINES)]
    except OSError:
        return []


def _records_of(path: Path) -> Iterator[dict[str, Any]]:
    for line in _lines(path):
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a plain file, a longer one in pieces; nothing of a link, a pipe or what cannot be read."""
    with suppress(OSError), files.open_regular(path) as file:
        while line := file.readline(_LINE_BYTES):
            yield line


def _leak(record: dict[str, Any]) -> Leak | None:
    """Return the leak that a record reports, None when it reports none."""
    file, line, message = _text(record, "file"), record.get("line"), _text(record, "message")
    line = line if isinstance(line, int) else None
    match record.get("kind"):
        case "warning":
            return log.warning_leak(f"{_text(record, 'category')}: {message}", file, line)
        case "exception" if kind := _text(record, "type"):
            text = f"{kind}: {message}" if message else kind
            where = _text(record, "where").removeprefix("Exception ")
            return log.exception_leak(text, where if where.startswith("ignored") else f"in {where}", file, line)
        case "task":
            what = "destroyed while pending" if "destroyed" in message else "its exception was never retrieved"
            return log.task_leak(_text(record, "name"), what, file, line)
    return None


def _text(record: dict[str, Any], field: str) -> str:
    """Return a field that should be a text; an empty text for anything else."""
    value = record.get(field)
    return value[:1000].encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ""
