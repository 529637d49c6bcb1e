"""Run a command so that nothing of it survives: start it under a guard, wait for it, stop it, report how it ended.

On Linux the work is done by ``_child/guard.py`` in processes of its own, which outlive even SIGKILL of this one;
``start`` talks to it over a socket. Elsewhere a thread (``GroupWarden``) speaks the same messages, with what a process
group and psutil can do; ``containment`` says which is in force and what it guarantees.
"""

from __future__ import annotations

import functools
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from tox_prodsim.model.errors import Cancelled, ProdsimError
from tox_prodsim.model.scenario import ContainmentKind, StopTo
from tox_prodsim.supervision import clock, guard_process, ownership, process_tree, procfs
from tox_prodsim.supervision.cancel import Cancel
from tox_prodsim.supervision.containment import KINDS, kill_cgroup, resolve, unavailable
from tox_prodsim.supervision.control import ControlSocket
from tox_prodsim.supervision.ending import KILL, Cause, Containment, Ending, Survivor
from tox_prodsim.supervision.ledger import RunRecord
from tox_prodsim.supervision.process_group import GroupWarden
from tox_prodsim.supervision.procfs import RUN_TAG
from tox_prodsim.supervision.run_state import RunState

START_LIMIT_S = 30.0  # a guard that has not started the command by then is lost
DRAIN_S = 10.0
"""Longer than the guard needs for its leak grace, its SIGTERM and its SIGKILL to what a main process left."""
CLOSE_LIMIT_S = 7.0  # what keeps the socket open so long after the end was reported, or the guard died, is held
MARGIN_S = 12.0  # after a grace: the kill limit of the warden and that of the guard, before the guard is given up
CANCEL_GRACE_S = 5.0
"""Longest grace once the user asked to end: GitHub's runner kills 10 s after its first signal, others sooner."""
BEFORE_KILL_S = 0.6
"""``before_kill`` is called so long before the end of the grace, or after half of a shorter one."""


@functools.cache
def containment(name: ContainmentKind = "auto") -> Containment:
    """Return how a run is held together here; by trying it, so what is returned is what works.

    Raises ProdsimError for one that was asked for by its name and is not available.
    """
    kind = resolve(name)
    if kind in {"cgroup", "pidns"}:
        _try(kind)
    return KINDS[kind]


@functools.cache
def no_pid1(name: ContainmentKind = "auto") -> str:
    """Return why a command cannot be PID 1 of a pid namespace here; nothing when it can."""
    try:
        _try(name, as_pid1=True)
    except ProdsimError as problem:
        return problem.message.removeprefix(unavailable("pid1", "").message)
    return ""


def _try(kind: ContainmentKind, *, as_pid1: bool = False) -> None:
    """Start a command that does nothing; raises ProdsimError when that cannot be contained so."""
    nothing, null = [sys.executable, "-I", "-S", "-c", ""], subprocess.DEVNULL
    trial = start(nothing, cwd=Path("/"), env={}, stdout=null, stderr=null, containment=kind, as_pid1=as_pid1)
    trial.wait(START_LIMIT_S)
    trial.close()


def start(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: int | None,
    stderr: int | None,
    stdin_null: bool = True,
    cancel: Cancel | None = None,
    containment: ContainmentKind = "auto",
    remove_if_lost: Sequence[Path] = (),
    ledger: Path | None = None,
    as_pid1: bool = False,
    keeps_left: bool = False,
) -> Process:
    """Start a command under supervision and return once it runs, or once it is known that it cannot be started.

    ``stdout`` and ``stderr`` are file descriptors (None: ours, and subprocess.DEVNULL). If this process is killed, the
    guard removes the files ``remove_if_lost``. ``ledger`` is the folder in which the run is recorded while it lives
    (None: nowhere). With ``as_pid1`` the command is PID 1 of a new pid namespace, as in a container. With
    ``keeps_left`` what the main process leaves lives on until a stop, but not where a group holds it together. Raises
    Cancelled when ``cancel`` is set. Raises ProdsimError if a named containment, or a PID 1, is not available. Nothing
    has been started then.
    """
    if cancel and cancel.is_set:
        raise Cancelled
    kind, tag = resolve(containment), uuid.uuid4().hex
    request = _request(argv, cwd, env, kind=kind, tag=tag, remove_if_lost=remove_if_lost)
    request |= {"pid1": as_pid1, "keeps_left": keeps_left}
    if as_pid1 and kind == "group":
        raise unavailable("pid1", "it needs Linux")
    record = RunRecord(ledger, tag=tag, argv=argv)
    record.begin()
    files = {"stdin": subprocess.DEVNULL if stdin_null else None, "stdout": stdout, "stderr": stderr}
    host_end, guard = _start_supervisor(kind, files)
    process = Process(host_end, guard, tag, cancel, kind, record=record)
    process.begin_or_close(request)
    return process


def _request(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    *,
    kind: ContainmentKind,
    tag: str,
    remove_if_lost: Sequence[Path],
) -> dict[str, Any]:
    """Return the first message to the guard."""
    return {
        "argv": list(argv),
        "cwd": str(cwd.absolute()),
        "env": {**env, RUN_TAG: _nested_tag(env, tag)},
        "containment": kind,
        "tag": tag,
        "remove_if_lost": [str(path.absolute()) for path in remove_if_lost],
    }


def _nested_tag(env: Mapping[str, str], tag: str) -> str:
    """Return the tag of a run that may itself be inside of a run: both must find it."""
    return f"{env[RUN_TAG]}:{tag}" if env.get(RUN_TAG) else tag


def _start_supervisor(
    kind: ContainmentKind, files: Mapping[str, int | None]
) -> tuple[socket.socket, guard_process.Guard | None]:
    """Start the guard, or for a group a thread of ours; return our end of the socket, and the process of the guard."""
    try:
        host_end, guard_end = socket.socketpair()
    except OSError as problem:
        raise ProdsimError("containment", f"no control socket can be opened: {problem.strerror}") from problem
    if kind == "group":
        GroupWarden(guard_end, files)
        return host_end, None
    return host_end, guard_process.start(guard_end, files)


class Process:
    """A command under supervision; all methods may be called from any thread."""

    def __init__(
        self,
        host_end: socket.socket,
        guard: guard_process.Guard | None,
        tag: str,
        cancel: Cancel | None,
        kind: ContainmentKind = "subreaper",
        *,
        record: RunRecord | None = None,
    ) -> None:
        self._kind = kind
        self._control = ControlSocket(host_end)
        self._guard = guard
        self._cancel = cancel
        self._record = record or RunRecord(None, tag=tag, argv=())
        self._run = ownership.RunIdentity(tag=tag, mark=ownership.mark(guard.pid) if guard else 0)
        self._lock = threading.Lock()
        self._state = RunState()
        self._ending: Ending | None = None
        self._close_due_at: float | None = None

    @property
    def pid(self) -> int:
        """Return the pid of the main process; 0: it was not started."""
        return self._state.pid

    @property
    def spawned_at(self) -> float:
        """Return the ``clock.now()`` of its exec."""
        return self._state.spawned_at

    @property
    def queued_before_s(self) -> float:
        """Return for how long the main process had waited for a CPU before its exec."""
        return self._state.queued_before_s

    @property
    def cgroup(self) -> Path | None:
        """Return the folder of its own cgroup; None: it has none."""
        return self._state.cgroup

    @property
    def containment(self) -> Containment:
        """Return how it is held together."""
        return KINDS[self._kind]

    def begin_or_close(self, request: Mapping[str, Any]) -> None:
        """Do as ``begin``; if that raises, nothing is left behind."""
        try:
            self.begin(request)
        except BaseException:
            self.close()
            raise

    def begin(self, request: Mapping[str, Any]) -> None:
        """Send the command over and wait until it runs; raises Cancelled, and ProdsimError when it is not contained."""
        if self._guard:
            self._record.guarded(self._guard.pid, self._run.mark)
        self._control.send_request(request, START_LIMIT_S)
        self._wait_for_start()
        if self._state.not_contained:
            kind = "pid1" if request.get("pid1") else self._kind
            raise unavailable(kind, self._state.not_contained)
        if self.poll() is None:
            _LIVE.add(self)
            self._record.started(self._state.warden, self.cgroup)

    def _wait_for_start(self) -> None:
        give_up_at = clock.now() + START_LIMIT_S
        while self.poll() is None and not self.pid:
            self._check_cancel()
            if clock.now() > give_up_at:
                self._abandon("the supervising process did not start the command")
            self._sleep(1.0, until_cancel=True)

    def poll(self) -> Ending | None:
        """Return how it ended once everything of it is gone, None before that."""
        with self._lock:
            if self._ending is None:
                self._read()
            return self._ending

    def main_exited(self) -> bool:
        """Return whether the main process has ended; others may still be draining."""
        return self.poll() is not None or self._state.main_exited

    def main_ending(self) -> Ending | None:
        """Return how the main process ended, while others may still run; None while it is alive."""
        return self.poll() or self._state.main_ending

    def wait(self, timeout_s: float | None = None, *, for_main: bool = False) -> Ending | None:
        """Wait for the end of all, or of the main process; None: the time ran out. Raises Cancelled when it is set."""
        until = None if timeout_s is None else clock.now() + timeout_s
        while (ending := self.main_ending() if for_main else self.poll()) is None:
            self._check_cancel()
            left = 1.0 if until is None else min(1.0, until - clock.now())
            if left <= 0:
                return None
            self._sleep(left, until_cancel=True)
        return ending

    def wait_in_time(self, limit_s: float) -> Ending | None:
        """Do as ``wait``; a main process that has ended in time counts, and the end of what it left is waited for."""
        return self.wait(limit_s) or (self.wait_for_rest() if self.main_exited() else None)

    def wait_for_rest(self) -> Ending:
        """Return how a process ended whose main process is gone; the guard ends meanwhile what that one left."""
        return self.wait(DRAIN_S) or self.stop(KILL, 0)

    def stop(
        self,
        stop_signal: signal.Signals,
        grace_s: float,
        *,
        cause: Cause = Cause.STOPPED,
        before_kill: Callable[[], None] | None = None,
        to: StopTo = "tree",
    ) -> Ending:
        """Send the signal, SIGKILL to the whole tree after the grace, and return how it ended; the first stop counts.

        Unless all of it gets the signal, what the main process leaves is reported before it is signalled, too.
        A cancel leaves CANCEL_GRACE_S of the grace, a hard one nothing. A command that ended by itself before keeps
        that ending. ``before_kill`` is called in this thread if something is alive shortly before the grace ends.
        """
        is_hard = grace_s <= 0 or stop_signal == KILL
        self._order(KILL if is_hard else stop_signal, grace_s, cause, to)
        timers = _StopTimers(grace_s, self._cancel, before_kill, is_hard=is_hard)
        while (ending := self.poll()) is None:
            now = clock.now()
            timers.call_before_kill(now)
            if timers.must_kill(now):
                self._order(KILL, 0.0, cause)
            if now > timers.give_up_at:
                self._abandon("the supervising process did not answer")
            self._sleep(0.05)
        return ending

    def tree(self) -> tuple[psutil.Process, ...]:
        """Return the processes of the run that are alive now, without those that supervise it."""
        if self.poll() is not None or not self.pid:
            return ()
        if self._guard is None:
            return process_tree.with_descendants(self.pid)
        found = process_tree.descendants(self._guard.pid)
        return tuple(each for each in found if each.pid != self._state.warden)

    def pids(self) -> list[int]:
        """Return the pids of the run, zombies too, without those that supervise it."""
        if self.poll() is not None or not self.pid:
            return []
        if self._guard is None:
            return [self.pid, *process_tree.pids_below(self.pid)]
        return [pid for pid in process_tree.pids_below(self._guard.pid) if pid != self._state.warden]

    def close(self) -> None:
        """Kill at once whatever is left and release everything; idempotent."""
        if self.poll() is None:
            self.stop(KILL, 0.0)

    def fileno(self) -> int:
        """Return a file descriptor that is readable when something has changed; -1 after the end."""
        return self._control.fileno()

    def suspend(self, *, suspended: bool) -> None:
        """Let the whole tree and its clock stand still, or go on; takes no lock: a signal handler may call it."""
        self._control.send({"suspended": suspended})

    def _check_cancel(self) -> None:
        if self._cancel is not None and self._cancel.is_set:
            raise Cancelled

    def _sleep(self, limit_s: float, *, until_cancel: bool = False) -> None:
        """Sleep until a message arrives, ``limit_s`` seconds at most."""
        with self._lock:
            if self._ending:
                return
            self._control.waiters += 1
        self._control.wait(limit_s, self._cancel if until_cancel else None)
        with self._lock:
            self._control.waiters -= 1
            if self._ending:
                self._control.close()
            elif self._guard:
                self._guard.send_signal(signal.SIGCONT)  # another process may have stopped it

    def _order(self, number: int, grace_s: float, cause: Cause, to: StopTo = "tree") -> None:
        with self._lock:
            self._control.send({"signal": int(number), "grace_s": grace_s, "cause": str(cause), "to": to})

    def _read(self) -> None:
        """Take in what has arrived; the end of file makes the ending final."""
        for message in self._control.receive():
            self._state.update(message)
        if self._control.at_end or self._is_overdue():
            self._finish()

    def _is_overdue(self) -> bool:
        """Return whether the end of file should have come long ago: a tracer may hold a supervising process."""
        if self._close_due_at is None:
            if self._state.ending or (self._guard and self._guard.poll() is not None):
                self._close_due_at = clock.now() + CLOSE_LIMIT_S
            return False
        return clock.now() > self._close_due_at

    def _finish(self) -> None:
        """Reap the guard; when it could not do its work to the end, kill what is of this run."""
        if self._guard:
            guard_process.reap(self._guard, guard_process.EXIT_LIMIT_S if self._control.at_end else 0.0)
        ending = self._state.final_ending()
        left = self._kill_rest() if ending.cause is Cause.LOST else {}
        if not left:
            self._record.remove()
        self._ending = _with_left(ending, left)
        _LIVE.discard(self)
        self._control.close()

    def _kill_rest(self) -> dict[int, str]:
        """Kill what is left of a lost run; return what withstands, pids with their command lines."""
        if self.cgroup:
            kill_cgroup(self.cgroup)
        # Without a guard the command is our own child; with one, our children are not of this run.
        adopters = tuple(filter(None, (ownership.adopter(), None if self._guard else ownership.own_identity())))
        try:
            return dict(ownership.kill(replace(self._run, adopters=adopters)).left)
        except OSError as problem:
            return {0: f"processes that cannot be seen: {problem.strerror}"}

    def _abandon(self, why: str) -> None:
        """Give up a guard that does not answer."""
        with self._lock:
            if self._ending is None:
                self._state.ending = self._state.ending or self._state.without_exit(Cause.LOST, why)
                if self._guard:
                    self._guard.kill()
                self._finish()


def _with_left(ending: Ending, left: Mapping[int, str]) -> Ending:
    """Return the ending of a lost run with what withstands after all; what the guard named may be dead by now."""
    if ending.cause is not Cause.LOST:
        return ending
    named = {each.pid: each for each in ending.unkillable if procfs.read_status(each.pid)}
    found = {pid: Survivor(pid=pid, command=command, listens=()) for pid, command in left.items()}
    return replace(ending, unkillable=tuple((found | named).values()))


class _StopTimers:
    """What is due while a stop waits for the end of its run."""

    def __init__(
        self, grace_s: float, cancel: Cancel | None, before_kill: Callable[[], None] | None, *, is_hard: bool
    ) -> None:
        now = clock.now()
        self._cancel = cancel
        self._is_hard = is_hard
        self._patient_until = now + CANCEL_GRACE_S
        self._before_kill = None if is_hard else before_kill
        self._before_kill_at = now + grace_s - min(BEFORE_KILL_S, grace_s / 2)
        self.give_up_at = now + max(grace_s, 0.0) + MARGIN_S

    def call_before_kill(self, now: float) -> None:
        """Call ``before_kill``, once, when that is due."""
        is_cancelled = self._cancel is not None and self._cancel.is_set
        if self._before_kill and not is_cancelled and now >= self._before_kill_at:
            self._before_kill()
            self._before_kill = None

    def must_kill(self, now: float) -> bool:
        """Return, once, whether a cancel ends the grace."""
        if self._is_hard or self._cancel is None:
            return False
        if not self._cancel.is_set:
            self._patient_until = now + CANCEL_GRACE_S
        self._is_hard = self._cancel.hard or now > self._patient_until
        return self._is_hard


_LIVE: set[Process] = set()
"""What a suspension of this process concerns: from its start to its end."""


def suspend() -> None:
    """Let the clock and the trees of all live processes stand still; a signal handler may call it."""
    clock.CLOCK.halt()
    for process in tuple(_LIVE):
        process.suspend(suspended=True)


def resume() -> None:
    """Let the clock and the trees of all live processes go on; a signal handler may call it."""
    for process in tuple(_LIVE):
        process.suspend(suspended=False)
    clock.CLOCK.resume()
