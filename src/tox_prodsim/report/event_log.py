"""The saved run: one event a line as JSON, written while it happens, so that a crash loses at most the last line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tox_prodsim.model.events import Event, from_record, to_record


class EventLog:
    """Writes every event to ``path`` (replacing what was there) and flushes it before the next one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="ascii", newline="\n")

    def handle(self, event: Event) -> None:
        """Write one line; nothing in an event can break the line, because JSON in ASCII escapes it."""
        self._file.write(json.dumps(to_record(event)) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()


def read(path: Path) -> Iterator[Event]:
    """Yield the events of a saved run; a torn last line (the writer was killed) is left out.

    Raises ValueError with file and line for a line that is complete and yet no event, OSError when it cannot be read.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            yield _event(line, f"{path}:{number}")


def _event(line: bytes, place: str) -> Event:
    try:
        return from_record(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        msg = f"{place}: this is no event of a prodsim run ({type(problem).__name__}: {problem})"
        raise ValueError(msg) from problem
