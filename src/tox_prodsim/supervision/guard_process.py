"""The process of the guard (``_child/guard.py``), as the host starts and reaps it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress

from tox_prodsim.model.runner import CHILD_SCRIPTS

GUARD = CHILD_SCRIPTS / "guard.py"
_BEGIN = "import sys; sys.path.append(sys.argv[1]); import guard; guard.begin(int(sys.argv[2]))"
_EXIT_LIMIT_S = 2.0


def start(guard_end: socket.socket, files: Mapping[str, int | None]) -> subprocess.Popen[bytes] | None:
    """Start the guard at its end of the control socket.

    If even that fails, the error is sent in the guard's place and None is returned.
    """
    with guard_end:
        try:
            return _popen(guard_end.fileno(), files)
        except OSError as problem:
            error = f"the supervising process could not be started: {problem.strerror}"
            guard_end.sendall(json.dumps({"event": "not started", "error": error}).encode() + b"\n")
            return None


def _popen(control: int, files: Mapping[str, int | None]) -> subprocess.Popen[bytes]:
    """Start the guard in the root folder, and in a session of its own: no signal to a terminal's group reaches it."""
    # Imported and not run by its path: so its bytecode is used, which the installer has compiled.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _BEGIN, str(GUARD.parent), str(control)],
        stdin=files["stdin"],
        stdout=files["stdout"],
        stderr=files["stderr"],
        cwd="/",
        pass_fds=(control,),
        start_new_session=True,
    )


def reap(guard: subprocess.Popen[bytes]) -> None:
    """Wait for the end of the guard, which has closed its socket; a guard that does not end is killed."""
    with suppress(subprocess.TimeoutExpired):
        guard.wait(_EXIT_LIMIT_S)
        return
    guard.kill()
    guard.wait()
