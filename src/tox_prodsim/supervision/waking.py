"""Wake the supervising processes of a run whose host is gone: a stopped guard and warden clean up once they go on."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import suppress

from tox_prodsim.supervision import procfs
from tox_prodsim.supervision.ownership import RunIdentity, held, is_marked
from tox_prodsim.supervision.procfs import Identity

WAKE_LIMIT_S = 5.0
"""Longer than a guard and a warden that are awake need to end a run whose host is gone."""
_STOPPED = "Tt"
_POLL_S = 0.02


def wake(run: RunIdentity, supervisors: Sequence[Identity], limit_s: float = WAKE_LIMIT_S) -> bool:
    """Let those that are stopped go on, and wait for the end of all; return whether any of them was stopped.

    Only a process with the mark of the run is signalled. One that is still there after ``limit_s`` cannot clean up.
    """
    stopped = [each for each in supervisors if _continue(run, each)]
    until = time.monotonic() + limit_s
    while stopped and time.monotonic() < until and any(map(procfs.lives, supervisors)):
        time.sleep(_POLL_S)
    return bool(stopped)


def marked(run: RunIdentity, without: Sequence[Identity]) -> dict[int, str]:
    """Return the command lines of the living processes with the mark of the run, but for these, by their pids."""
    known = {each.pid for each in without}
    found = (procfs.read_status(pid) for pid in procfs.pids() if pid not in known and is_marked(run, pid))
    return {now.identity.pid: procfs.command(now.identity.pid) for now in found if now and now.lives}


def _continue(run: RunIdentity, supervisor: Identity) -> bool:
    """Send SIGCONT to a supervising process that is stopped; return whether it is one."""
    with held(supervisor.pid) as handle:
        now = procfs.read_status(supervisor.pid)
        if handle is None or now is None or now.identity != supervisor or now.state not in _STOPPED:
            return False
        if not is_marked(run, supervisor.pid):
            return False
        with suppress(OSError):
            signal.pidfd_send_signal(handle, signal.SIGCONT)
        return True
