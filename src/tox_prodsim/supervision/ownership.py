"""Which processes are of a run, when those that supervised it are gone; and SIGKILL for just these.

A pid with its start time proves identity, never ownership. What proves that a process is ours is one of these, and it
is checked again in the moment of the kill, while a pidfd holds on to the process:

* its **mark**: a number of 59 random bits in its limit of real-time CPU (RLIMIT_RTTIME, which no process without a
  real-time priority ever meets). The host sets it on the guard; from there on only a fork passes it on, and neither an
  empty environment nor a new session nor an exec takes it away: it is descent, kept by the kernel;
* its **tag** in the environment, *and* that it is an orphan: the parent of the topmost process with this tag is who
  adopts the orphans of the host, and in another session. Whoever was started with the same environment by a parent
  that lives is somebody else's;
* that it is, at this moment, **below** a process that is ours by its tag.
"""

from __future__ import annotations

import functools
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.runner import CHILD_SCRIPTS
from tox_prodsim.supervision import procfs
from tox_prodsim.supervision.procfs import Identity, ProcessStatus

LIMIT_S = 2.0
_ORPHAN = CHILD_SCRIPTS / "orphan.py"
_EXPERIMENT_LIMIT_S = 5.0
_MARK = 1 << 59
"""Marks are from here to twice this: in microseconds 18,000 years and more, which no limit means in earnest."""
_OUTER = _MARK << 1
"""Added to the mark in the hard limit, which cannot be raised again: so the marks of runs in runs fit below it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunIdentity:
    """What identifies the processes of a run."""

    tag: str
    mark: int = 0
    """0: it has none."""
    adopters: tuple[Identity, ...] = ()
    """The processes that adopt orphans of its host."""
    since: int = 0
    """None of its processes is older; in clock ticks since the boot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KillResult:
    """What was killed, and what is alive all the same: pids with their command lines."""

    killed: tuple[tuple[int, str], ...] = ()
    left: tuple[tuple[int, str], ...] = ()


def mark(guard: int) -> int:
    """Mark the guard of a run, whose children inherit it, and return the mark; 0 where that cannot be done."""
    if sys.platform != "linux" or sys.maxsize < _OUTER:
        return 0
    from resource import RLIM_INFINITY, RLIMIT_RTTIME, prlimit  # noqa: PLC0415 - not on Windows

    chosen = _MARK + secrets.randbelow(_MARK)
    with suppress(OSError, ValueError):
        hard = prlimit(guard, RLIMIT_RTTIME)[1]
        if hard == RLIM_INFINITY or hard >= _OUTER:
            limits = (chosen, chosen + _OUTER if hard == RLIM_INFINITY else hard)
            for pid in (guard, *_forked_already(guard)):
                prlimit(pid, RLIMIT_RTTIME, limits)
            return chosen
    return 0


def _forked_already(guard: int) -> list[int]:
    """Return the pids below a guard; it has one thread and rarely a child yet, so not all of /proc is read for it."""
    try:
        if not (procfs.PROC / str(guard) / "task" / str(guard) / "children").read_bytes():
            return []
    except OSError:  # a kernel that does not list children
        pass
    return _descendants(guard)


def may_be_mark(number: object) -> bool:
    """Return whether a number may be a mark, or 0 for none: a limit that means something is never taken for one."""
    return type(number) is int and (number == 0 or _MARK <= number < _OUTER)


def own_identity() -> Identity:
    """Return this process; pid 0 where nothing can be known about processes in this way."""
    now = procfs.read_status(os.getpid())
    return now.identity if now else Identity(pid=0, started=0)


@functools.cache
def adopter() -> Identity | None:
    """Return who adopts the orphans of this process, found by making one; None: that cannot be known.

    When this process is a subreaper it is this process itself.
    """
    try:
        experiment = subprocess.run(
            [sys.executable, "-I", "-S", str(_ORPHAN)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_EXPERIMENT_LIMIT_S,
            check=True,
        )
        orphan, parent = (int(word) for word in experiment.stdout.split())
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if parent == os.getpid():
        with suppress(ChildProcessError):
            os.waitpid(orphan, 0)
    adopting = procfs.read_status(parent)
    return adopting.identity if adopting else None


def is_ours(run: RunIdentity, now: ProcessStatus | None) -> bool:
    """Return whether a process is alive and proved to be of the run by what it carries."""
    if now is None or not now.lives or now.identity.started < run.since:
        return False
    return is_marked(run, now.identity.pid) or (run.tag in procfs.tags(now.identity.pid) and _is_orphaned(run, now))


def is_marked(run: RunIdentity, pid: int) -> bool:
    """Return whether a process has the mark of the run."""
    return bool(run.mark) and not {run.mark, run.mark + _OUTER}.isdisjoint(procfs.realtime_limits(pid))


def kill(run: RunIdentity, limit_s: float = LIMIT_S) -> KillResult:
    """SIGKILL what is of the run until two scans in a row find nothing, for ``limit_s`` seconds at most.

    Raises OSError when nothing can be known about processes.
    """
    killed: dict[int, str] = {}
    quiet, until = 0, time.monotonic() + limit_s
    while quiet < 2 and time.monotonic() < until:
        found = [pid for pid in procfs.pids() if _kill_if_ours(run, pid, killed)]
        quiet = 0 if found else quiet + 1
        time.sleep(0.01)
    left = [pid for pid in procfs.pids() if quiet < 2 and is_ours(run, procfs.read_status(pid))]
    done = tuple((pid, command) for pid, command in sorted(killed.items()) if pid not in left)
    return KillResult(killed=done, left=tuple((pid, procfs.command(pid)) for pid in sorted(left)))


def _is_orphaned(run: RunIdentity, now: ProcessStatus) -> bool:
    """Return whether the topmost process with the tag, from this one up, was left to an adopter of our orphans."""
    top, parent = now, procfs.read_status(now.parent)
    while parent and run.tag in procfs.tags(parent.identity.pid):
        top, parent = parent, procfs.read_status(parent.parent)
    if parent is None or parent.session == top.session:
        return False
    return parent.identity.pid == 1 or parent.identity in run.adopters


def _kill_if_ours(run: RunIdentity, pid: int, killed: dict[int, str]) -> bool:
    """Kill a process and what is below it if it is ours; return whether it was."""
    with held(pid) as handle:
        now = procfs.read_status(pid)
        if not is_ours(run, now) or now is None:
            return False
        if not is_marked(run, pid):
            _kill_below(now.identity, killed)
        _send(handle, pid, killed)
        return True


def _kill_below(top: Identity, killed: dict[int, str]) -> None:
    """Kill what is below a process of ours that is alive: once that is dead, they cannot be found any more."""
    for pid in _descendants(top.pid):
        with held(pid) as handle:
            # The order counts: that ``top`` is alive after the check upwards proves that it was there during the check.
            if _is_below(pid, top.pid) and procfs.lives(top):
                _send(handle, pid, killed)


def _send(handle: int | None, pid: int, killed: dict[int, str]) -> None:
    """Send SIGKILL to the process that is held, which was found to be ours since."""
    command = procfs.command(pid)
    with suppress(OSError):
        if handle is not None:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            killed.setdefault(pid, command)


@contextmanager
def held(pid: int) -> Iterator[int | None]:
    """Hold on to a process: whoever has its pid later, a signal by this handle is for it or for nobody."""
    try:
        handle = os.pidfd_open(pid)
    except (OSError, AttributeError):  # it has ended, or there are no such handles: then nothing is killed
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _descendants(top: int) -> list[int]:
    """Return the pids below a process, the deepest last."""
    parents = {pid: now.parent for pid in procfs.pids() if (now := procfs.read_status(pid))}
    found = [top]
    for pid in found:  # which grows
        found += [child for child, parent in parents.items() if parent == pid and child not in found]
    return found[1:]


def _is_below(pid: int, top: int) -> bool:
    while pid > 1:
        now = procfs.read_status(pid)
        pid = now.parent if now else 0
        if pid == top:
            return True
    return False
