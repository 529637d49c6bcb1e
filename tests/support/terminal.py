"""A terminal to run a program in, and what it shows in the end."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_PART = re.compile(
    r"\x1b\[(?P<numbers>[0-9;?]*)(?P<letter>[A-Za-z])|(?P<control>[\r\n\x08])|(?P<text>[^\x1b\r\n\x08]+)"
)


def displayed(output: str) -> list[str]:
    """Return the lines that a terminal shows of an output; it is as wide as they are."""
    lines, row, column = [""], 0, 0
    for part in _PART.finditer(output):
        if text := part["text"]:
            lines[row] = lines[row].ljust(column)[:column] + text + lines[row][column + len(text) :]
            column += len(text)
        elif part["control"] == "\r":
            column = 0
        elif part["control"] == "\n":
            row += 1
            lines += [""] if row == len(lines) else []
        elif part["letter"] == "K":
            lines[row] = lines[row][:column]
        elif part["letter"] == "A":
            row = max(row - int(part["numbers"] or 1), 0)
        else:
            assert part["letter"] == "m", part[0]  # the only others are colors
    return [line.rstrip() for line in lines]


class TerminalRun:
    """A program that runs in a terminal of its own, with so many columns."""

    def __init__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], columns: int = 100) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            argv, cwd=cwd, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self._output = b""

    @property
    def output(self) -> str:
        """Return all that was written so far."""
        return self._output.decode(errors="replace")

    def until(self, pattern: str, limit_s: float = 120.0) -> str:
        """Read until the pattern is found in what is written from now on, and return the text that it matches."""
        give_up_at, begin = time.monotonic() + limit_s, len(self.output)
        while (found := re.search(pattern, self.output[begin:])) is None:
            assert time.monotonic() < give_up_at, self.output
            assert self._read(1.0), f"ended before {pattern!r}:\n{self.output}"
        return found[0]

    def end(self, limit_s: float = 120.0) -> int:
        """Read to the end, and return the exit code."""
        give_up_at = time.monotonic() + limit_s
        while self._read(1.0):
            assert time.monotonic() < give_up_at, self.output
        os.close(self._master)
        return self.process.wait(limit_s)

    def _read(self, limit_s: float) -> bool:
        """Read what there is; False at the end: nobody has the terminal open any more."""
        if not select.select([self._master], [], [], limit_s)[0]:
            return True
        try:
            data = os.read(self._master, 1 << 16)
        except OSError as problem:
            if problem.errno != errno.EIO:
                raise
            return False
        self._output += data
        return bool(data)
