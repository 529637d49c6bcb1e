"""The process of the guard (``_child/guard.py``), as the host starts and reaps it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from tox_prodsim.model.runner import CHILD_SCRIPTS
from tox_prodsim.supervision import guard_server
from tox_prodsim.supervision.guard_server import ForkedGuard

Guard = subprocess.Popen[bytes] | ForkedGuard
GUARD = CHILD_SCRIPTS / "guard.py"
_BEGIN = "import sys; sys.path.append(sys.argv[1]); import guard; guard.begin(int(sys.argv[2]))"
EXIT_LIMIT_S = 2.0
_KILLED_LIMIT_S = 1.0


def start(guard_end: socket.socket, files: Mapping[str, int | None]) -> Guard | None:
    """Start the guard at its end of the control socket; while guards are shared, as a fork of their server.

    If even that fails, the error is sent in the guard's place and None is returned.
    """
    with guard_end:
        try:
            with guard_server.beyond_standard_files(guard_end.fileno()) as control:
                return guard_server.fork(control, files) or _popen(control, files)
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


def reap(guard: Guard, limit_s: float = EXIT_LIMIT_S) -> None:
    """Wait for the end of the guard, which has closed its socket; a guard that does not end is killed.

    If a tracer hides that it has ended, a thread reaps it when the tracer lets it go.
    """
    for each_s in (limit_s, _KILLED_LIMIT_S):
        with suppress(subprocess.TimeoutExpired):
            guard.wait(each_s)
            return
        guard.kill()
    threading.Thread(target=guard.wait, name="prodsim-reap", daemon=True).start()
