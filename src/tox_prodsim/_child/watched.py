"""The warden as the guard sees it. A tracer can hide from a parent that its child is stopped, and that it has ended."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress

from processes import reread, stat

HELD_LIMIT_S = 1.0  # who is traced stands still for moments; one that does not go on is as good as dead
_ENDS = {os.CLD_EXITED: "exit code", os.CLD_KILLED: "signal", os.CLD_DUMPED: "signal"}


class WatchedChild:
    """A child of this process that must go on, or end."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.held_since: float | None = None
        self._pidfd = self._stat = -1  # opened now: later the limit of open files may be used up
        with suppress(OSError, AttributeError):
            self._stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
            self._pidfd = os.pidfd_open(pid)

    def end(self) -> str | None:
        """Return how it ended, nothing if well, None while it lives: stopped, it is continued; held, it is killed."""
        end = self._reported_end()
        if end is None and self._is_dead():
            # It may have ended since the first question, and only now.
            end = self._reported_end()
            return "a tracer hides how" if end is None else end
        if end is None:
            self._end_hold()
        return end

    def kill(self) -> None:
        """Send SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    def _reported_end(self) -> str | None:
        change = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WSTOPPED | os.WNOHANG)
        if change and change.si_code not in _ENDS:
            os.kill(self.pid, signal.SIGCONT)
            return None
        if change is None:
            return None
        return f"{_ENDS[change.si_code]} {change.si_status}" if change.si_status else ""

    def _is_dead(self) -> bool:
        """Return whether it has ended, reported or not."""
        if self._pidfd >= 0:
            return bool(select.select([self._pidfd], [], [], 0)[0])
        return stat(self.pid)[0] == "Z"

    def _end_hold(self) -> None:
        """Kill it when it is in a tracing stop for too long, which SIGCONT does not end."""
        if reread(self._stat).rpartition(b")")[2].split()[:1] != [b"t"]:
            self.held_since = None
        elif self.held_since is None:
            self.held_since = time.monotonic()
        elif time.monotonic() >= self.held_since + HELD_LIMIT_S:
            self.kill()
