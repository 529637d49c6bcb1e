"""What a command prints: kept whole in a file, and shown in part, so that any amount of it costs little memory."""

from __future__ import annotations

import codecs
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path

HEAD_BYTES = 1 << 20
"""So much of a stream is shown as it comes."""
TAIL_BYTES = 1 << 16
"""So much of it is shown at its end, when there was more."""

_KEPT = frozenset(b"\a\b\t\n\v\f\r\x0f\x1b")
"""What programs use for colours and progress bars; a terminal gets it as it is."""
_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(32), 127) if code not in _KEPT}


class Spool:
    """A file that takes all that is written, of both streams as they come; ``trouble`` says why it was given up.

    A file that the disk did not take whole is removed: nobody is to mistake it for the output.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""
        self.size_bytes = 0
        self._file: FileIO | None = None
        self._closed = False
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        """Append the bytes; never raises."""
        with self._lock:
            self.size_bytes += len(data)
            if self.trouble or self._closed:
                return
            try:
                self._append(data)
            except OSError as problem:
                self.trouble = problem.strerror or str(problem)
                self._remove()

    def _append(self, data: bytes) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = FileIO(self.path, "wb")
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _remove(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; what is written later is lost. Idempotent."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()


class OutputPreview:
    """Show the beginning of a stream as it comes, its end at the end, and in between what was left out."""

    def __init__(self, show: Callable[[bytes], object], spool: Spool) -> None:
        self._show, self._spool = show, spool
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._room = HEAD_BYTES
        self._tail = bytearray()
        self._left_out = 0
        self._at_line_start = True
        self._closed = False
        self._lock = threading.Lock()

    def take(self, data: bytes) -> None:
        """Keep the bytes, and show them if they are of the beginning."""
        self._spool.write(data)
        with self._lock:
            if self._closed:
                return
            if self._room:
                self._show_safely(data[: self._room], final=False)
            self._keep(data[self._room :])
            self._room = max(0, self._room - len(data))

    def _keep(self, data: bytes) -> None:
        self._tail += data
        excess = len(self._tail) - TAIL_BYTES
        if excess > 0:
            if not self._left_out:
                self._say(f"the output goes on in {self._spool.path}, its end will be shown here")
            del self._tail[:excess]
            self._left_out += excess

    def close(self) -> None:
        """Show the end; what comes later is not shown any more. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            tail = bytes(self._tail)
            if self._left_out:
                tail = _from_a_boundary(tail)
                left_out = self._left_out + len(self._tail) - len(tail)
                self._say(f"{left_out / 1e6:.1f} MB left out, {self._where()}")
            self._show_safely(tail, final=True)

    def _where(self) -> str:
        if self._spool.trouble:
            return f"and lost: {self._spool.path}: {self._spool.trouble}"
        return f"all of it is in {self._spool.path}"

    def _say(self, line: str) -> None:
        """Show a line of ours between those of the command, in no colour of its."""
        self._show_safely(b"", final=True)
        self._show(("" if self._at_line_start else "\n").encode() + f"prodsim: {line}\n".encode())
        self._at_line_start = True

    def _show_safely(self, data: bytes, *, final: bool) -> None:
        """Show the bytes, escaped where they are no text; colours and the like stay."""
        text = self._decoder.decode(data, final).translate(_ESCAPES)
        if text:
            self._at_line_start = text.endswith("\n")
            self._show(text.encode())


def _from_a_boundary(tail: bytes) -> bytes:
    """Return the bytes from the first whole line on, or of a longer line from the first whole character on."""
    line = tail.find(b"\n") + 1
    if 0 < line < len(tail):
        return tail[line:]
    torn = len(tail) - len(tail.lstrip(bytes(range(0x80, 0xC0))))
    return tail[torn:] if torn < 4 else tail
