"""The processes of a run as they come and go: which of them ended, how, and which of them nobody has reaped.

A run reaps its own children, so this is seen from outside, by looks at /proc. A process that comes and goes between two
looks is not seen. How one ended is read while it is a zombie; when its parent was faster, from its pidfd, which shows
it from Linux 6.15 on. Where neither works, the status is not known, and nobody is accused.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.supervision import clock, pidfd, procfs
from tox_prodsim.supervision.procfs import Identity, ProcessStatus

CAN_FOLLOW = sys.platform == "linux"
"""Whether this system shows the processes of others as /proc does."""
MOST = 256
"""Processes that are followed at the same time at most: each needs a file descriptor."""
_SETTLES_S = 2.0
"""So long a young process may change its command line: by exec, or by setproctitle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DescendantEnding:
    """How a process of the run ended."""

    pid: int
    command: str
    parent: Identity
    """The process that started it."""
    parent_command: str
    """Empty: not known."""
    is_copy: bool
    """Whether it ran the program of its parent: a worker that was forked."""
    ended_at: float
    """The ``clock.now()`` at which it was seen."""
    lived_s: float
    """How long it was seen alive."""
    status: int | None
    """As wait(2) returns it; None: not known."""

    @property
    def signal(self) -> int | None:
        """Return the signal that ended it; None: it exited, or that is not known."""
        return os.WTERMSIG(self.status) if self.status is not None and os.WIFSIGNALED(self.status) else None

    @property
    def code(self) -> int | None:
        """Return its exit code; None: a signal ended it, or that is not known."""
        return os.WEXITSTATUS(self.status) if self.status is not None and os.WIFEXITED(self.status) else None

    @property
    def core_dumped(self) -> bool:
        """Return whether the kernel wrote a core."""
        return self.status is not None and os.WCOREDUMP(self.status)


@dataclass(frozen=True, kw_only=True, slots=True)
class Zombie:
    """A process that has ended and that its parent does not wait for."""

    pid: int
    command: str
    parent: Identity
    parent_command: str
    since: float
    """The ``clock.now()`` at which it was first seen so."""


@dataclass(slots=True)
class _Followed:
    """What is known of a process."""

    identity: Identity
    name: str
    command: str
    parent: _Followed | None
    parent_pid: int
    seen_at: float
    handle: int | None
    zombie_since: float | None = None
    status: int | None = None
    is_told: bool = False

    def is_copy(self) -> bool:
        """Return whether it runs the program of its parent; by the name where it has no command line any more."""
        if self.parent is None:
            return False
        return self.command == self.parent.command or (self.command == self.name == self.parent.name)


class Descendants:
    """Follows the processes of one run; ``pids`` returns them at each look, zombies too. Whoever makes one closes it.

    ``main`` is the pid of the main process, whose end is not of interest here. ``too_many`` is set when some could not
    be followed.
    """

    def __init__(self, pids: Callable[[], Iterable[int]], main: int) -> None:
        self._pids, self._main = pids, main
        self._followed: dict[Identity, _Followed] = {}
        self._reaped_after: dict[Identity, float] = {}
        self.too_many = False

    def look(self) -> list[DescendantEnding]:
        """Look at all processes, and return those that ended since the last look."""
        now = clock.now()
        present = {status.identity: status for pid in self._pids() if (status := procfs.read_status(pid))}
        for status in present.values():
            self._follow(status, now)
        return list(self._endings(present, now))

    def zombies(self) -> list[Zombie]:
        """Return those that had ended at the last look and were not reaped by a process of the run."""
        return [
            Zombie(
                pid=each.identity.pid,
                command=each.command,
                parent=each.parent.identity,
                parent_command=each.parent.command,
                since=each.zombie_since,
            )
            for each in self._followed.values()
            if each.zombie_since is not None and each.parent is not None and each.identity.pid != self._main
        ]

    def alive(self) -> list[tuple[DescendantEnding, float]]:
        """Return those that are alive, without an ending, and when each was first seen."""
        return [
            (self._ending(each, None, each.seen_at), each.seen_at)
            for each in self._followed.values()
            if not each.is_told and each.identity.pid != self._main
        ]

    def reaped_late(self, age_s: float) -> set[Identity]:
        """Return the processes that have waited for a child that had been a zombie for so long."""
        return {parent for parent, late_s in self._reaped_after.items() if late_s >= age_s}

    def wait(self, limit_s: float) -> None:
        """Sleep until one of them ends, ``limit_s`` seconds at most."""
        by_handle = {
            each.handle: each
            for each in self._followed.values()
            if each.handle is not None and each.zombie_since is None and each.identity.pid != self._main
        }
        if not by_handle or not hasattr(select, "poll"):
            time.sleep(limit_s)
            return
        poller = select.poll()
        for handle in by_handle:
            poller.register(handle, select.POLLIN)
        for handle, _ in poller.poll(limit_s * 1000):
            ended = by_handle[handle]  # its parent may not have reaped it yet: at once, or it is too late
            ended.status = _zombie_status(procfs.read_status(ended.identity.pid, ended.identity))

    def close(self) -> None:
        """Follow none any more; idempotent."""
        for each in self._followed.values():
            _close(each)
        self._followed.clear()

    def _follow(self, status: ProcessStatus, now: float) -> None:
        known = self._followed.get(status.identity)
        if known is None:
            known = self._begin_to_follow(status, now)
        elif status.lives and now - known.seen_at < _SETTLES_S:
            known.name, known.command = status.name, procfs.command(status.identity.pid) or known.command
        if known is not None and status.is_zombie and known.zombie_since is None:
            known.zombie_since = now

    def _begin_to_follow(self, status: ProcessStatus, now: float) -> _Followed | None:
        if len(self._followed) >= MOST:
            self.too_many = True
            return None
        pid = status.identity.pid
        handle, parent = pidfd.open_handle(pid), self._by_pid(status.parent)
        followed = _Followed(status.identity, status.name, procfs.command(pid), parent, status.parent, now, handle)
        again = procfs.read_status(pid)
        if again is None or again.identity != status.identity:  # its pid may be that of another process by now
            _close(followed)
            return None
        self._followed[status.identity] = followed
        return followed

    def _by_pid(self, pid: int) -> _Followed | None:
        return next((each for each in reversed(self._followed.values()) if each.identity.pid == pid), None)

    def _endings(self, present: dict[Identity, ProcessStatus], now: float) -> Iterator[DescendantEnding]:
        for identity, each in tuple(self._followed.items()):
            status = present.get(identity)
            is_gone = status is None and procfs.read_status(identity.pid, identity) is None
            ended = each.status if each.status is not None else _status(each, status, is_gone=is_gone)
            if not each.is_told and identity.pid != self._main and (is_gone or ended is not None):
                each.is_told = True
                yield self._ending(each, ended, now)
            if is_gone:
                self._forget(each, now)

    def _forget(self, each: _Followed, now: float) -> None:
        _close(self._followed.pop(each.identity))
        if each.zombie_since is not None and each.parent is not None:
            parent, late_s = each.parent.identity, now - each.zombie_since
            self._reaped_after[parent] = max(late_s, self._reaped_after.get(parent, 0.0))

    @staticmethod
    def _ending(each: _Followed, status: int | None, now: float) -> DescendantEnding:
        parent = each.parent
        return DescendantEnding(
            pid=each.identity.pid,
            command=each.command,
            parent=parent.identity if parent else Identity(pid=each.parent_pid, started=0),
            parent_command=parent.command if parent else "",
            is_copy=each.is_copy(),
            ended_at=now,
            lived_s=(each.zombie_since or now) - each.seen_at,
            status=status,
        )


def _status(each: _Followed, status: ProcessStatus | None, *, is_gone: bool) -> int | None:
    """Return the wait status, None as long as it is alive, or when it is not known."""
    if not is_gone:
        return _zombie_status(status)
    return None if each.handle is None else pidfd.reaped_status(each.handle)


def _zombie_status(status: ProcessStatus | None) -> int | None:
    """Return the wait status of a zombie; the kernel shows 0 to those who may not know it."""
    if (
        status is None
        or not status.is_zombie
        or not (os.geteuid() == 0 or procfs.owner(status.identity.pid) == os.geteuid())
    ):
        return None
    return status.wait_status


def _close(each: _Followed) -> None:
    if each.handle is not None:
        with suppress(OSError):
            os.close(each.handle)
        each.handle = None
