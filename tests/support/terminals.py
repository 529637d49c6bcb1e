"""A command at a terminal of its own, which a test types at and reads."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_TAKE = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


def at_a_terminal(
    argv: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a command with a new controlling terminal; return the process, and the file descriptor of the other end.

    ``pty.fork`` would fork a process that has threads, which Python warns of since 3.12.
    """
    terminal, inner = pty.openpty()
    ends = {"stdin": inner, "stdout": inner, "stderr": inner}
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", _TAKE, *argv], cwd=cwd, env=env, start_new_session=True, **ends
    )
    os.close(inner)
    return process, terminal
