"""The output of a command: all of it in a file, a part of it shown, so that any amount needs little memory."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from tox_prodsim.model import files

HEAD_BYTES = 1 << 20
"""This much of a stream is shown as it comes."""
TAIL_BYTES = 1 << 16
"""This much of a longer stream is shown at its end."""

_DISPLAYED = frozenset(b"\a\b\t\n\v\f\r\x0f\x1b")
"""The control characters of colours and progress bars; they are shown as they are."""
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127) if code not in _DISPLAYED}


class Spool:
    """A file with all output of both streams, in the order in which it comes.

    If a write fails, the file is removed, because a part could be mistaken for the output; ``error`` says why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error = ""
        self.size_bytes = 0
        self._file: FileIO | None = None
        self._closed = False
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Append the bytes. Never raises."""
        with self._lock:
            self.size_bytes += len(data)
            if self.error or self._closed:
                return
            try:
                self._append(data)
            except OSError as problem:
                self.error = problem.strerror or str(problem)
                self._remove()

    def _append(self, data: bytes) -> None:
        if self._file is None:
            self._file = files.create(self.path)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _remove(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; later writes are ignored. Idempotent."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()


class OutputPreview:
    """Shows the beginning of a stream as it comes and its end at the end; a line between them says what is left out."""

    def __init__(self, show: Callable[[bytes], object], spool: Spool) -> None:
        self._show, self._spool = show, spool
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._head_left = HEAD_BYTES
        self._tail = bytearray()
        self._omitted_bytes = 0
        self._at_line_start = True
        self._closed = False
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Append the bytes to the file, and show them if they belong to the beginning."""
        self._spool.write(data)
        with self._lock:
            if self._closed:
                return
            if self._head_left:
                self._show_safely(data[: self._head_left], final=False)
            self._append_tail(data[self._head_left :])
            self._head_left = max(0, self._head_left - len(data))

    def _append_tail(self, data: bytes) -> None:
        self._tail += data
        excess = len(self._tail) - TAIL_BYTES
        if excess > 0:
            if not self._omitted_bytes:
                self._show_notice(f"the output goes on in {self._spool.path}, its end will be shown here")
            del self._tail[:excess]
            self._omitted_bytes += excess

    def close(self) -> None:
        """Show the end; later output is not shown. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            tail = bytes(self._tail)
            if self._omitted_bytes:
                tail = _from_boundary(tail)
                omitted_bytes = self._omitted_bytes + len(self._tail) - len(tail)
                self._show_notice(f"{omitted_bytes / 1e6:.1f} MB left out, {self._location()}")
            self._show_safely(tail, final=True)

    def _location(self) -> str:
        if self._spool.error:
            return f"and lost: {self._spool.path}: {self._spool.error}"
        return f"all of it is in {self._spool.path}"

    def _show_notice(self, line: str) -> None:
        """Show a line of the plugin between those of the command."""
        self._show_safely(b"", final=True)
        self._show(("" if self._at_line_start else "\n").encode() + f"prodsim: {line}\n".encode())
        self._at_line_start = True

    def _show_safely(self, data: bytes, *, final: bool) -> None:
        """Show the bytes; those that are not text are escaped."""
        text = self._decoder.decode(data, final).translate(_ESCAPES)
        if text:
            self._at_line_start = text.endswith("\n")
            self._show(text.encode())


def _from_boundary(tail: bytes) -> bytes:
    """Return the bytes from the first whole line on, or from the first whole character if there is only one line."""
    line = tail.find(b"\n") + 1
    if 0 < line < len(tail):
        return tail[line:]
    torn = len(tail) - len(tail.lstrip(bytes(range(0x80, 0xC0))))
    return tail[torn:] if torn < 4 else tail
