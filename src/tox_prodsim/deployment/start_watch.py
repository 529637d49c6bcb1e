"""Who is told of the starts that a deployment makes anyway, because some of them count as samples of its start-up."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class StartWatch(Protocol):
    """Is told of each start; must not raise."""

    def before(self, why_not: str) -> None:
        """Take note that a start is made now; ``why_not`` is why it does not count, empty: it does."""

    def ready(self, effective_s: float) -> None:
        """Take note that it has come as far as a timed start does, after so many effective seconds."""

    def stopped(self) -> None:
        """Take note that it has been stopped."""


class Unwatched:
    """Takes note of nothing: no start counts."""

    def before(self, why_not: str) -> None:
        """Take note of nothing."""

    def ready(self, effective_s: float) -> None:
        """Take note of nothing."""

    def stopped(self) -> None:
        """Take note of nothing."""


UNWATCHED: StartWatch = Unwatched()
_FOLDER = "its folder"


def changed_since(before: Path, now: Path) -> str:
    """Return what a start finds that the first one did not find in its folder; empty: nothing.

    ``before`` is the copy of the folder as it was.
    """
    try:
        was, found = _entries(before), _entries(now)
    except OSError:  # it changes at this moment
        return _FOLDER
    if not before.is_dir():
        return _FOLDER
    return next((name for name in sorted(was.keys() | found.keys()) if was.get(name) != found.get(name)), "")


def _entries(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return the kind, the size and the time of change of everything below a folder; of a folder the kind alone."""
    entries = {}
    for path in root.rglob("*"):
        status = path.lstat()
        is_folder = path.is_dir() and not path.is_symlink()
        entries[str(path.relative_to(root))] = (
            status.st_mode,
            0 if is_folder else status.st_size,
            0 if is_folder else status.st_mtime_ns,
        )
    return entries
