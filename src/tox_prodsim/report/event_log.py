"""The event log: one JSON object a line, written during the run, so that a crash loses the last line at most."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BufferedWriter, TextIOWrapper
from pathlib import Path
from typing import Any

from tox_prodsim.model import files
from tox_prodsim.model.errors import LogVersionError
from tox_prodsim.model.events import SCHEMA_VERSION, Event, from_record, to_record


class EventLog:
    """Writes events to ``path``, replacing an existing file; each is flushed before the next one."""

    def __init__(self, path: Path) -> None:
        self._file = TextIOWrapper(BufferedWriter(files.create(path)), encoding="ascii", newline="\n")

    def handle(self, event: Event) -> None:
        """Write one line; JSON in ASCII escapes everything that could break it."""
        self._file.write(json.dumps(to_record(event)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()


def read(path: Path) -> Iterator[Event]:
    """Yield the events of a saved run; an incomplete last line (the writer was killed) is left out.

    Raises LogVersionError for the log of another version, ValueError with file and line for a complete line that is
    not an event, OSError if the file cannot be read.
    """
    with files.open_regular(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            yield _event(line, f"{path}:{number}")


def _event(line: bytes, place: str) -> Event:
    try:
        record = json.loads(line)
        _check_version(record)
        return from_record(record)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
        msg = f"{place}: this is not an event of a prodsim run ({type(problem).__name__}: {problem})"
        raise ValueError(msg) from problem


def _check_version(record: dict[str, Any]) -> None:
    """Raise LogVersionError for the first event of a log with another schema; version 1 did not name its own."""
    version = record.get("schema_version", 1)
    if record["event"] == "RunStarted" and version != SCHEMA_VERSION:
        age = "a newer" if version > SCHEMA_VERSION else "an older"
        msg = f"recorded by {age} tox-prodsim"
        raise LogVersionError(msg)
