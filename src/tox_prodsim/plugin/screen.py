"""tox's outputs as one screen: a line that is redrawn goes away before anything else is written.

tox, its loggers, our report and the threads that pass on what commands print all write to the buffers of ``sys.stdout``
and ``sys.stderr``. The method ``write`` of these buffers is replaced, which none of them can pass by.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from typing import Any

from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.report.progress import width

_COLORS_AT_END = lazy_regex(rb"(?:\x1b\[[0-9;]*m)+\Z")
_ERASE, _UP = "\r\x1b[K", "\x1b[A\x1b[K"
_DEFAULT_COLUMNS = 80


class Screen:
    """The output ``stream``, with others that the same terminal shows.

    With ``redraws``, a line of progress can stand at its end. Without, its writers never wait for one another here.
    """

    def __init__(self, stream: TextIOWrapper, others: Iterable[TextIOWrapper] = (), *, redraws: bool) -> None:
        self._stream, self._redraws = stream, redraws
        self._lock = threading.RLock()
        self._standing = ""
        self._at_line_start = True
        self._written_at = time.monotonic()
        self._flush: Callable[[], object] = stream.buffer.flush
        self._write: Callable[[bytes], object] = stream.buffer.write
        self._watched: list[tuple[dict[str, Any], object]] = []
        for each in (stream, *others):
            self._watch(each)

    def _watch(self, stream: TextIOWrapper) -> None:
        """Replace ``write`` of its buffer; a stream that is not one of Python's own is left as it is."""
        buffer: Any = stream.buffer
        with suppress(AttributeError, TypeError):
            attributes: dict[str, Any] = vars(buffer)
            write = buffer.write
            ours = partial(self._pass_on, write, buffer.flush)
            attributes["write"] = ours
            self._watched.append((attributes, ours))

    def close(self) -> None:
        """Let the line go away, and write as before."""
        self.erase()
        for attributes, ours in self._watched:
            if attributes.get("write") is ours:
                del attributes["write"]

    @property
    def columns(self) -> int:
        """Return the width of the terminal; some tell none."""
        with suppress(OSError, ValueError):
            return os.get_terminal_size(self._stream.fileno()).columns or _DEFAULT_COLUMNS
        return _DEFAULT_COLUMNS

    @property
    def silent_s(self) -> float:
        """Return for how long nothing but lines of progress was written."""
        return time.monotonic() - self._written_at

    def draw(self, line: str, still_wanted: Callable[[], bool]) -> None:
        """Let this line stand at the end in place of the one that does, unless it is not wanted any more."""
        with self._lock, suppress(OSError, ValueError, RuntimeError):
            if still_wanted() and self._at_line_start and line != self._standing:
                self._put(self._erasing() + line)
                self._standing = line

    def erase(self) -> None:
        """Let no line stand."""
        if not self._redraws:
            return
        with self._lock, suppress(OSError, ValueError, RuntimeError):  # a signal may come while the buffer is written
            self._put(self._erasing())

    def print(self, line: str) -> None:
        """Write a line of progress that stays, on a line of its own.

        Half a line that it divides goes on behind dots: a CI system may obey what stands at the begin of a line.
        """
        with suppress(OSError, ValueError):
            self._put(f"{line}\n" if self._at_line_start else f"\n{line}\n... ")

    def _put(self, text: str) -> None:
        if text:
            self._write(text.encode(self._stream.encoding or "ascii", "replace"))
            self._flush()

    def _erasing(self) -> str:
        """Return what removes the line that stands, all of it if the terminal has become narrower."""
        standing, self._standing = self._standing, ""
        if not standing:
            return ""
        return _ERASE + _UP * ((width(standing) - 1) // max(self.columns, 1))

    def _pass_on(self, write: Callable[[Any], int], flush: Callable[[], object], data: Any) -> int:
        """Write what somebody else writes, with the line out of its way; not later, when a line may stand again."""
        if not self._redraws:
            count = write(data)
            self._note(data)
            return count
        with self._lock:
            self.erase()
            count = write(data)
            flush()
            self._note(data)
            return count

    def _note(self, data: Any) -> None:
        """Note whether it ends a line; the colors that tox puts around an output do not count."""
        end = _COLORS_AT_END.sub(b"", bytes(memoryview(data)[-64:]))
        self._written_at = time.monotonic()
        if end:
            self._at_line_start = end.endswith(b"\n")
