"""Run a command so that nothing of it survives: start it under a guard, wait for it, stop it, say how it ended.

On Linux the work is done by ``_child/guard.py`` in processes of its own, which outlive even SIGKILL of this one;
``start`` talks to it over a socket. Elsewhere a thread (``GroupWarden``) speaks the same messages, with what a process
group and psutil can do; ``containment`` says which is in force and what it guarantees.
"""

from __future__ import annotations

import functools
import json
import selectors
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tox_prodsim.model.errors import Cancelled
from tox_prodsim.model.runner import CHILD_SCRIPTS
from tox_prodsim.model.scenario import ContainmentKind
from tox_prodsim.supervision import clock, ownership
from tox_prodsim.supervision.cancel import Cancel
from tox_prodsim.supervision.containment import KINDS, kill_cgroup, resolve, unavailable
from tox_prodsim.supervision.diagnosis import lives
from tox_prodsim.supervision.ending import KILL, Cause, Containment, Ending, SignalSent, Survivor
from tox_prodsim.supervision.ledger import RunRecord
from tox_prodsim.supervision.process_group import GroupWarden
from tox_prodsim.supervision.procfs import RUN_TAG

GUARD = CHILD_SCRIPTS / "guard.py"
BEGIN = "import sys; sys.path.append(sys.argv[1]); import guard; guard.begin(int(sys.argv[2]))"
START_LIMIT_S = 30.0  # a guard that has not started the command by then is lost
MARGIN_S = 12.0  # after a grace: the kill limit of the warden and that of the guard, before the guard is given up
CANCEL_GRACE_S = 5.0
"""Longest grace once the user asked to end: GitHub's runner kills 10 s after its first signal, others sooner."""
LAST_LOOK_S = 0.6
"""A last look at what does not stop comes so long before the end of the grace, or after half of a shorter one."""


@functools.cache
def containment(name: ContainmentKind = "auto") -> Containment:
    """Return how a run is held together here; by trying it, so what is returned is what works.

    Raises ProdsimError for one that was asked for by its name and is not available.
    """
    kind = resolve(name)
    if kind in {"cgroup", "pidns"}:
        nothing = [sys.executable, "-I", "-S", "-c", ""]
        trial = start(
            nothing, cwd=Path("/"), env={}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, containment=kind
        )
        trial.wait(START_LIMIT_S)
        trial.close()
    return KINDS[kind]


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
) -> Process:
    """Start a command under supervision and return once it runs, or once it is known that it cannot be started.

    ``stdout`` and ``stderr`` are file descriptors (None: ours, and subprocess.DEVNULL). When this process is killed the
    guard removes the files ``remove_if_lost``; ``ledger`` is the folder in which the run is recorded while it lives
    (None: nowhere). Raises Cancelled when ``cancel`` is set, and ProdsimError for a containment that was asked for by
    its name and is not available: nothing has been started then.
    """
    if cancel and cancel.is_set:
        raise Cancelled
    kind, tag = resolve(containment), uuid.uuid4().hex
    request = {
        "argv": list(argv),
        "cwd": str(cwd.absolute()),
        "env": {**env, RUN_TAG: _nested(env, tag)},
        "containment": kind,
        "tag": tag,
        "remove_if_lost": [str(path.absolute()) for path in remove_if_lost],
    }
    entry = RunRecord(ledger, tag=tag, argv=argv)
    entry.begin()
    ours, theirs = socket.socketpair()
    files = {"stdin": subprocess.DEVNULL if stdin_null else None, "stdout": stdout, "stderr": stderr}
    process = Process(ours, _start_guard(kind, theirs, files), tag, cancel, kind, entry=entry)
    try:
        process.begin(request)
    except BaseException:
        process.close()
        raise
    return process


def _start_guard(
    kind: ContainmentKind, theirs: socket.socket, files: Mapping[str, int | None]
) -> subprocess.Popen[bytes] | None:
    """Start the guard at its end of the socket; when not even that can be done, say so in its place.

    Returns None where no process is the guard: a group has a thread of ours.
    """
    if kind == "group":
        GroupWarden(theirs, files)
        return None
    with theirs:
        # Imported and not run by its path: so its bytecode is used, which the installer has compiled.
        command = [sys.executable, "-I", "-S", "-c", BEGIN, str(GUARD.parent), str(theirs.fileno())]
        stdin, stdout, stderr = files["stdin"], files["stdout"], files["stderr"]
        try:
            # In the root folder, and in a session of its own: no signal to a terminal's group reaches it.
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as problem:
            error = f"the supervising process could not be started: {problem.strerror}"
            theirs.sendall(json.dumps({"event": "not started", "error": error}).encode() + b"\n")
            return None


def _nested(env: Mapping[str, str], tag: str) -> str:
    """Return the tag of a run that may itself be inside of a run: both must find it."""
    return f"{env[RUN_TAG]}:{tag}" if env.get(RUN_TAG) else tag


class Process:
    """A command under supervision; all methods may be called from any thread.

    ``pid`` is its main process (0: it was not started), ``spawned_at`` the ``clock.now()`` of its exec, ``cgroup`` the
    folder of a cgroup of its own.
    """

    def __init__(
        self,
        control: socket.socket,
        guard: subprocess.Popen[bytes] | None,
        tag: str,
        cancel: Cancel | None,
        kind: ContainmentKind = "subreaper",
        *,
        entry: RunRecord | None = None,
    ) -> None:
        self.pid = 0
        self.spawned_at = clock.now()
        self.containment = KINDS[kind]
        self.cgroup: Path | None = None
        self._kind = kind
        self._control = control
        self._guard = guard
        self._tag = tag
        self._cancel = cancel
        self._entry = entry or RunRecord(None, tag=tag, argv=())
        self._mark = ownership.mark(guard.pid) if guard else 0
        self._lock = threading.Lock()
        self._waiting = 0
        self._unread = b""
        self._warden = 0
        self._main_exited = False
        self._told: Ending | None = None  # by the warden; final only at the end of file
        self._ending: Ending | None = None
        self._trouble = self._not_contained = ""

    def begin(self, request: Mapping[str, Any]) -> None:
        """Send the command over and wait until it runs; raises Cancelled, and ProdsimError when it is not contained."""
        if self._guard:
            self._entry.guarded(self._guard.pid, self._mark)
        self._control.settimeout(START_LIMIT_S)
        with suppress(OSError):  # the guard is dead: its end of file will say so
            self._control.sendall(json.dumps(request).encode() + b"\n")
        self._control.settimeout(0.0)
        give_up_at = clock.now() + START_LIMIT_S
        while self.poll() is None and not self.pid:
            self._check_cancel()
            if clock.now() > give_up_at:
                self._abandon("the supervising process did not start the command")
            self._sleep(1.0, until_cancel=True)
        if self._not_contained:
            raise unavailable(self._kind, self._not_contained)
        if self.poll() is None:
            _LIVE.add(self)
            self._entry.started(self._warden, self.cgroup)

    def poll(self) -> Ending | None:
        """Return how it ended once everything of it is gone, None before that."""
        with self._lock:
            if self._ending is None:
                self._read()
            return self._ending

    def main_exited(self) -> bool:
        """Return whether the main process has ended; others may still be draining."""
        return self.poll() is not None or self._main_exited

    def wait(self, timeout_s: float | None = None) -> Ending | None:
        """Wait for the end; None means that the time ran out, raises Cancelled when that is asked for meanwhile."""
        until = None if timeout_s is None else clock.now() + timeout_s
        while (ending := self.poll()) is None:
            self._check_cancel()
            left = 1.0 if until is None else min(1.0, until - clock.now())
            if left <= 0:
                return None
            self._sleep(left, until_cancel=True)
        return ending

    def stop(
        self,
        stop_signal: signal.Signals,
        grace_s: float,
        *,
        cause: Cause = Cause.STOPPED,
        last_look: Callable[[], None] | None = None,
    ) -> Ending:
        """Send the signal to the whole tree, SIGKILL after the grace, and return how it ended; the first stop counts.

        A cancel leaves CANCEL_GRACE_S of the grace, a hard one nothing. A command that ended by itself before keeps
        that ending. ``last_look`` is called in this thread when something is still alive shortly before the end of
        the grace, unless there is a cancel; the kill does not wait for it.
        """
        hard = grace_s <= 0 or stop_signal == KILL
        self._order(KILL if hard else stop_signal, grace_s, cause)
        begun = clock.now()
        patient_until = begun + CANCEL_GRACE_S
        look_at = begun + grace_s - min(LAST_LOOK_S, grace_s / 2)
        while (ending := self.poll()) is None:
            now = clock.now()
            if not self._is_cancelled():
                patient_until = now + CANCEL_GRACE_S
                if last_look and not hard and now >= look_at:
                    last_look()
                    last_look = None
            if not hard and self._cancel and (self._cancel.hard or now > patient_until):
                hard = True
                self._order(KILL, 0.0, cause)
            if now > begun + max(grace_s, 0.0) + MARGIN_S:
                self._abandon("the supervising process did not answer")
            self._sleep(0.05)
        return ending

    def tree(self) -> tuple[psutil.Process, ...]:
        """Return the processes of the run that are alive now, without those that supervise it."""
        if self.poll() is not None or not self.pid:
            return ()
        if self._guard is None:
            with gone_is_fine():
                main = psutil.Process(self.pid)
                return tuple(each for each in (main, *main.children(recursive=True)) if lives(each))
            return ()
        found = []
        for pid in _below(self._guard.pid):
            with gone_is_fine():
                found.append(psutil.Process(pid))
        return tuple(each for each in found if each.pid != self._warden and lives(each))

    def close(self) -> None:
        """Kill at once whatever is left and release everything; idempotent."""
        if self.poll() is None:
            self.stop(KILL, 0.0)

    def fileno(self) -> int:
        """Return a file descriptor that is readable when something has changed; -1 after the end."""
        return self._control.fileno()

    def suspend(self, *, suspended: bool) -> None:
        """Let the whole tree and its clock stand still, or go on; takes no lock: a signal handler may call it."""
        with suppress(OSError):
            self._control.send(json.dumps({"suspended": suspended}).encode() + b"\n")

    def _is_cancelled(self) -> bool:
        return self._cancel is not None and self._cancel.is_set

    def _check_cancel(self) -> None:
        if self._is_cancelled():
            raise Cancelled

    def _sleep(self, limit_s: float, *, until_cancel: bool = False) -> None:
        """Sleep until the supervisor says something, ``limit_s`` seconds at most."""
        with self._lock:
            if self._ending:
                return
            self._waiting += 1
        with selectors.DefaultSelector() as awaited:
            awaited.register(self._control, selectors.EVENT_READ)
            if until_cancel and self._cancel:
                awaited.register(self._cancel, selectors.EVENT_READ)
            awaited.select(limit_s)
        with self._lock:
            self._waiting -= 1
            self._release()
            if self._guard and self._ending is None:
                self._guard.send_signal(signal.SIGCONT)  # in case that somebody has stopped it

    def _order(self, number: int, grace_s: float, cause: Cause) -> None:
        order = {"signal": int(number), "grace_s": grace_s, "cause": str(cause)}
        with self._lock, suppress(OSError):
            self._control.sendall(json.dumps(order).encode() + b"\n")

    def _read(self) -> None:
        """Take in what the supervisor has said; its end of file makes the ending final."""
        try:
            while chunk := self._control.recv(1 << 16):
                *lines, self._unread = (self._unread + chunk).split(b"\n")
                for line in lines:
                    self._hear(json.loads(line))
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        self._finish()

    def _hear(self, message: dict[str, Any]) -> None:
        match message.pop("event"):
            case "started":
                self.spawned_at, self._warden = clock.CLOCK.showed(message["at"]), message["warden"]
                self.cgroup = Path(message["cgroup"]) if message["cgroup"] else None
                self.pid = message["pid"]
            case "main":
                self._main_exited = True
            case "trouble":
                self._trouble = message["error"]
            case "not contained":
                self._not_contained = message["error"]
                self._told = self._without_end(Cause.NOT_STARTED, message["error"])
            case "not started":
                self._told = self._without_end(Cause.NOT_STARTED, message["error"])
            case "lost":
                self._told = self._told or self._without_end(Cause.LOST, self._trouble or message["error"])
            case "ended":
                self._told = _ending(message)

    def _finish(self) -> None:
        """Reap the guard; when it could not do its work to the end, look for what carries the tag of this run."""
        if self._guard:
            try:
                self._guard.wait(2.0)
            except subprocess.TimeoutExpired:
                self._guard.kill()
                self._guard.wait()
        ending = self._told or self._unheard()
        left: tuple[tuple[int, str], ...] = ()
        if ending.cause is Cause.LOST:
            if self.cgroup:
                kill_cgroup(self.cgroup)
            # Without a guard the command is our own child; with one, what is our child is somebody else's.
            adopters = tuple(filter(None, (ownership.adopter(), None if self._guard else ownership.me())))
            left = ownership.kill(ownership.Run(tag=self._tag, mark=self._mark, adopters=adopters)).left
        if not left:
            self._entry.remove()
        self._ending = ending
        _LIVE.discard(self)
        self._release()

    def _unheard(self) -> Ending:
        """Return the ending of a run whose supervisors ended without one: what kept them from a start, or a loss."""
        if self._trouble and not self.pid:
            return self._without_end(Cause.NOT_STARTED, f"the supervising process could not work: {self._trouble}")
        return self._without_end(Cause.LOST, self._trouble or "the supervising processes were killed")

    def _abandon(self, why: str) -> None:
        """Give up a guard that does not answer."""
        with self._lock:
            if self._ending is None:
                self._told = self._told or self._without_end(Cause.LOST, why)
                if self._guard:
                    self._guard.kill()
                self._finish()

    def _without_end(self, cause: Cause, error: str) -> Ending:
        duration_s = clock.now() - self.spawned_at
        return Ending(cause=cause, code=None, signal=None, duration_s=duration_s, error=error)

    def _release(self) -> None:
        """Close the socket once nobody polls it any more: its number could be another file's by then."""
        if self._ending and not self._waiting:
            self._control.close()


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
    clock.CLOCK.go_on()


def _ending(message: dict[str, Any]) -> Ending:
    """Return the ending that the warden describes."""
    message["signals"] = tuple(SignalSent(**wave) for wave in message["signals"])
    for kind in ("survivors", "unkillable"):
        message[kind] = tuple(Survivor(**{**each, "listens": tuple(each["listens"])}) for each in message[kind])
    return Ending(**{**message, "cause": Cause(message["cause"])})


def _below(top: int) -> list[int]:
    """Return the pids below a process, nearest first; with psutil where the kernel does not list children."""
    if not Path(f"/proc/{top}/task/{top}/children").exists():
        with gone_is_fine():
            return [each.pid for each in psutil.Process(top).children(recursive=True)]
    found: list[int] = []
    queue = [top]
    while queue:
        with suppress(OSError):
            for task in Path(f"/proc/{queue.pop(0)}/task").iterdir():
                pids = [int(pid) for pid in (task / "children").read_bytes().split() if int(pid) not in found]
                found += pids
                queue += pids
    return found


def gone_is_fine() -> suppress:
    """Return a context in which a process may have ended, or hide itself, while it is looked at."""
    return suppress(psutil.Error)
