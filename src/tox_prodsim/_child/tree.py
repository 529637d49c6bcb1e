"""The processes below the warden: signalled, suspended and reaped together."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from processes import (
    children,
    descendants,
    is_reported,
    keep_list_of_children,
    lives,
    no_child_left,
    read,
    reaped,
    send,
    stat,
)

SUSPEND_SCANS = 50  # a tree that is not at rest after so many scans has a process that cannot be stopped


class Tree:
    """The main process and all others below this one; main is reaped last, so that its pid and group stay ours."""

    def __init__(self, main: int) -> None:
        self.top = os.getpid()
        keep_list_of_children()
        self.main = main
        self.main_reaped = False
        self.suspended: set[int] = set()  # what we have stopped; not what had stopped itself

    def living(self) -> list[int]:
        """Return what is below this process and alive."""
        return [pid for pid in descendants(self.top) if lives(pid)]

    def left(self) -> list[int]:
        """Return what is below this process and alive; if nothing is, what is dead and kept from us by its tracer."""
        return self.living() or [pid for pid in descendants(self.top) if not is_reported(pid)]

    def main_end(self) -> os.waitid_result | None:
        """Reap ended orphans and return how the main process ended, without reaping that one; None: it is alive."""
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == self.main:
                return ended
            os.waitpid(ended.si_pid, 0)
        return None

    def is_gone(self) -> bool:
        """Reap what has ended, the main process last; return whether the kernel says that nothing is left."""
        if not self.main_reaped:
            left = [pid for pid in children(self.top) if pid != self.main and not reaped(pid)]
            if left:
                return False
            os.waitpid(self.main, 0)
            self.main_reaped = True
        return no_child_left()

    def signal(self, number: int, to: str = "tree") -> int:
        """Signal the main process ("main"), its group ("group"), or all ("tree"); then continue whatever is stopped.

        Returns how many processes got the signal.
        """
        alive = self.living()
        outside = [pid for pid in alive if self.main_reaped or stat(pid)[2] != self.main]
        if to == "main":
            send(self.main, number)
        else:
            self.signal_beyond(number, outside if to == "tree" else [])
        self.signal_beyond(signal.SIGCONT, outside)
        return {"main": 1, "group": len(alive) - len(outside)}.get(to, len(alive))

    def signal_beyond(self, number: int, pids: list[int]) -> None:
        """Signal the main process's group, and these processes outside of it."""
        self.signal_group(number)
        for pid in pids:
            send(pid, number)

    def signal_group(self, number: int) -> None:
        """Signal the main process's group: one step for the kernel, so that a fork cannot slip through."""
        if not self.main_reaped:
            with suppress(OSError):
                os.killpg(self.main, number)

    def kill(self, pids: list[int]) -> None:
        """SIGKILL the main process's group, and these processes."""
        self.signal_beyond(signal.SIGKILL, pids)

    def kill_tracer(self) -> None:
        """SIGKILL what traces this process, if it is in the tree: the next signal to us would stop us for good."""
        tracer = int(read("/proc/self/status").partition(b"\nTracerPid:")[2].split(b"\n")[0] or 0)
        if tracer:
            send(tracer, signal.SIGKILL)

    def suspend(self) -> None:
        """Stop every process."""
        for _ in range(SUSPEND_SCANS):
            running = [pid for pid in self.living() if stat(pid)[0] not in "Tt"]
            for pid in running:
                send(pid, signal.SIGSTOP)
            self.suspended.update(running)
            if not running:
                return
            time.sleep(0.001)

    def resume(self) -> None:
        """Continue what ``suspend`` has stopped."""
        for pid in self.suspended:
            send(pid, signal.SIGCONT)
        self.suspended.clear()
