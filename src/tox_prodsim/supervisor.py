"""Run a command so that nothing of it survives: start it under a guard, wait for it, stop it, say how it ended.

On Linux the work is done by ``_child/guard.py`` in processes of its own, which outlive even SIGKILL of this one;
``start`` talks to it over a socket. Elsewhere a thread (``_GroupWarden``) speaks the same messages, with what a process
group and psutil can do; ``containment`` says which of the two is in force and what it guarantees.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import psutil

from tox_prodsim.errors import Cancelled

RUN_TAG = "TOX_PRODSIM_RUN"
GUARD = Path(__file__).with_name("_child") / "guard.py"
START_LIMIT_S = 30.0  # a guard that has not started the command by then is lost
MARGIN_S = 12.0  # after a grace: the kill limit of the warden and that of the guard, before the guard is given up
HELPER_GRACE_S = 1.0
LEAK_GRACE_S = 0.5
KILL_LIMIT_S = 5.0


class Cause(StrEnum):
    """Why a run is over."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    STOPPED = "stopped"
    TIMED_OUT = "timed out"
    NOT_STARTED = "not started"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalSent:
    """One wave of a signal: ``at_s`` seconds after the spawn, to ``pids`` processes."""

    name: str
    at_s: float
    pids: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Survivor:
    """A process of the run that outlived its main process; ``listens`` are TCP addresses such as ``127.0.0.1:80``."""

    pid: int
    command: str
    listens: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a run ended; ``duration_s`` is from the spawn to the end of the main process.

    ``survivors`` lived on when the main process had ended by itself and the leak grace was over (they were killed
    then); ``unkillable`` are alive even now. ``forced``: SIGKILL had to be sent because the grace of a stop ran out.
    ``waited_for_cpu_s`` is what its first thread was ready to run and had to queue (0 where that is not known).
    ``error`` says why it was not started or lost.
    """

    cause: Cause
    code: int | None
    signal: int | None
    duration_s: float
    signals: tuple[SignalSent, ...] = ()
    survivors: tuple[Survivor, ...] = ()
    unkillable: tuple[Survivor, ...] = ()
    forced: bool = False
    waited_for_cpu_s: float = 0.0
    error: str = ""

    @property
    def returncode(self) -> int | None:
        """Return the exit code, -N for signal N (as in subprocess), None when the main process did not end."""
        return self.code if self.signal is None else -self.signal

    @property
    def effective_s(self) -> float:
        """Return the duration without the wait for a CPU: what a quiet machine would have needed."""
        return self.duration_s - self.waited_for_cpu_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """A helper command and what it wrote."""

    ending: Ending
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Containment:
    """How the processes of a run are held together, and what that guarantees."""

    name: str
    guarantee: str


SUBREAPER = Containment(name="nested subreaper", guarantee="every descendant, also if tox is killed")
GROUP = Containment(name="process group + psutil", guarantee="best effort while tox lives: not what leaves its group")


@functools.cache
def containment() -> Containment:
    """Return what is in force on this machine."""
    if sys.platform != "linux" or not Path("/proc/self/task").is_dir():
        return GROUP
    get_child_subreaper, answer = 37, ctypes.c_int()
    supported = ctypes.CDLL(None).prctl(get_child_subreaper, ctypes.byref(answer), 0, 0, 0) == 0
    return SUBREAPER if supported else GROUP


class Cancel:
    """A request to end, made in another thread or in a signal handler; readable on ``fileno`` once it is made."""

    def __init__(self) -> None:
        self._ear, self._mouth = os.pipe()
        os.set_blocking(self._mouth, False)
        self._set = self._hard = self._closed = False

    def set(self, *, hard: bool = False) -> None:
        """Ask to end, ``hard``: without any grace; asking twice does no harm."""
        self._hard = self._hard or hard
        told, self._set = self._set, True
        if not told and not self._closed:
            os.write(self._mouth, b"!")

    @property
    def is_set(self) -> bool:
        """Return whether it was asked for."""
        return self._set

    @property
    def hard(self) -> bool:
        """Return whether it was asked for without any grace."""
        return self._hard

    def fileno(self) -> int:
        """Return a file descriptor that stays readable from the request on."""
        return self._ear

    def close(self) -> None:
        """Release the file descriptors; idempotent."""
        if not self._closed:
            self._closed = True
            os.close(self._ear)
            os.close(self._mouth)


def start(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: int | None,
    stderr: int | None,
    stdin_null: bool = True,
    cancel: Cancel | None = None,
    contain: Literal["subreaper", "group"] | None = None,
) -> Process:
    """Start a command under supervision and return once it runs, or once it is known that it cannot be started.

    ``stdout`` and ``stderr`` are file descriptors (None: ours). Raises Cancelled when ``cancel`` is set.
    """
    if cancel and cancel.is_set:
        raise Cancelled
    tag = uuid.uuid4().hex
    request = {"argv": list(argv), "cwd": str(cwd.absolute()), "env": {**env, RUN_TAG: _nested(env, tag)}}
    ours, theirs = socket.socketpair()
    files = {"stdin": subprocess.DEVNULL if stdin_null else None, "stdout": stdout, "stderr": stderr}
    guard = None
    if contain == "group" or (contain is None and containment() is GROUP):
        _GroupWarden(theirs, files)
    else:
        guard = _start_guard(theirs, files)
    process = Process(ours, guard, tag, cancel)
    try:
        process.begin(request)
    except BaseException:
        process.close()
        raise
    return process


def _start_guard(theirs: socket.socket, files: Mapping[str, int | None]) -> subprocess.Popen[bytes] | None:
    """Start the guard at its end of the socket; when not even that can be done, say so in its place."""
    with theirs:
        command = [sys.executable, "-I", "-S", str(GUARD), str(theirs.fileno())]
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

    ``pid`` is its main process (0: it was not started), ``spawned_at`` the ``time.monotonic()`` of its exec.
    """

    def __init__(
        self, control: socket.socket, guard: subprocess.Popen[bytes] | None, tag: str, cancel: Cancel | None
    ) -> None:
        self.pid = 0
        self.spawned_at = time.monotonic()
        self._control = control
        self._guard = guard
        self._tag = tag
        self._cancel = cancel
        self._lock = threading.Lock()
        self._waiting = 0
        self._unread = b""
        self._warden = 0
        self._main_exited = False
        self._told: Ending | None = None  # by the warden; final only at the end of file
        self._ending: Ending | None = None
        self._trouble = ""

    def begin(self, request: Mapping[str, Any]) -> None:
        """Send the command over and wait until it runs; raises Cancelled."""
        self._control.settimeout(START_LIMIT_S)
        with suppress(OSError):  # the guard is dead: its end of file will say so
            self._control.sendall(json.dumps(request).encode() + b"\n")
        self._control.settimeout(0.0)
        give_up_at = time.monotonic() + START_LIMIT_S
        while self.poll() is None and not self.pid:
            self._check_cancel()
            if time.monotonic() > give_up_at:
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
        return self.poll() is not None or self._main_exited

    def wait(self, timeout_s: float | None = None) -> Ending | None:
        """Wait for the end; None means that the time ran out, raises Cancelled when that is asked for meanwhile."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while (ending := self.poll()) is None:
            self._check_cancel()
            left = 1.0 if until is None else min(1.0, until - time.monotonic())
            if left <= 0:
                return None
            self._sleep(left, until_cancel=True)
        return ending

    def stop(self, stop_signal: signal.Signals, grace_s: float, *, cause: Cause = Cause.STOPPED) -> Ending:
        """Send the signal to the whole tree, SIGKILL after the grace, and return how it ended; the first stop counts.

        A hard cancel ends the grace. A command that ended by itself before keeps that ending.
        """
        hard = grace_s <= 0 or stop_signal == signal.SIGKILL
        self._order(signal.SIGKILL if hard else stop_signal, grace_s, cause)
        overdue_at = time.monotonic() + max(grace_s, 0.0) + MARGIN_S
        while (ending := self.poll()) is None:
            if not hard and self._cancel and self._cancel.hard:
                hard = True
                self._order(signal.SIGKILL, 0.0, cause)
            if time.monotonic() > overdue_at:
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
                return tuple(each for each in (main, *main.children(recursive=True)) if _lives(each))
            return ()
        found = []
        for pid in _below(self._guard.pid):
            with gone_is_fine():
                found.append(psutil.Process(pid))
        return tuple(each for each in found if each.pid != self._warden and _lives(each))

    def close(self) -> None:
        """Kill at once whatever is left and release everything; idempotent."""
        if self.poll() is None:
            self.stop(signal.SIGKILL, 0.0)

    def fileno(self) -> int:
        """Return a file descriptor that is readable when something has changed; -1 after the end."""
        return self._control.fileno()

    def _check_cancel(self) -> None:
        if self._cancel and self._cancel.is_set:
            raise Cancelled

    def _sleep(self, limit_s: float, *, until_cancel: bool = False) -> None:
        """Sleep until the supervisor says something, ``limit_s`` seconds at most."""
        with self._lock:
            if self._ending:
                return
            self._waiting += 1
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        if until_cancel and self._cancel:
            poller.register(self._cancel, select.POLLIN)
        poller.poll(limit_s * 1000)
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
                self.spawned_at, self._warden, self.pid = message["at"], message["warden"], message["pid"]
            case "main":
                self._main_exited = True
            case "trouble":
                self._trouble = message["error"]
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
        ending = self._told or self._without_end(Cause.LOST, self._trouble or "the supervising processes were killed")
        if ending.cause is Cause.LOST:
            _kill_tagged(self._tag)
        self._ending = ending
        self._release()

    def _abandon(self, why: str) -> None:
        """Give up a guard that does not answer."""
        with self._lock:
            if self._ending is None:
                self._told = self._told or self._without_end(Cause.LOST, why)
                if self._guard:
                    self._guard.kill()
                self._finish()

    def _without_end(self, cause: Cause, error: str) -> Ending:
        duration_s = time.monotonic() - self.spawned_at
        return Ending(cause=cause, code=None, signal=None, duration_s=duration_s, error=error)

    def _release(self) -> None:
        """Close the socket once nobody polls it any more: its number could be another file's by then."""
        if self._ending and not self._waiting:
            self._control.close()


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


def _kill_tagged(tag: str) -> None:
    """Kill the processes that carry the tag of this run in their environment: the net below the net."""
    deadline = time.monotonic() + 2.0
    quiet = 0
    while quiet < 2 and time.monotonic() < deadline:
        found = [process for process in psutil.process_iter() if _carries(process, tag)]
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        quiet = 0 if found else quiet + 1
        time.sleep(0.01)


def _carries(process: psutil.Process, tag: str) -> bool:
    with suppress(psutil.Error, OSError):
        return process.status() != psutil.STATUS_ZOMBIE and tag in process.environ().get(RUN_TAG, "").split(":")
    return False


def gone_is_fine() -> suppress:
    """Return a context in which a process may have ended, or hide itself, while it is looked at."""
    return suppress(psutil.Error)


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    cancel: Cancel | None = None,
    stdout_limit_bytes: int = 8 << 20,
) -> Completed:
    """Run a short helper command and return what it wrote, up to ``stdout_limit_bytes`` of each stream.

    When the time runs out it is stopped and the cause of its ending is TIMED_OUT; raises Cancelled.
    """
    stdout, stderr = _Reader(stdout_limit_bytes), _Reader(stdout_limit_bytes)
    try:
        process = start(argv, cwd=cwd, env=env, stdout=stdout.write_end, stderr=stderr.write_end, cancel=cancel)
    finally:
        os.close(stdout.write_end)
        os.close(stderr.write_end)
    try:
        ending = process.wait(timeout_s) or process.stop(signal.SIGTERM, HELPER_GRACE_S, cause=Cause.TIMED_OUT)
    except Cancelled:
        process.stop(signal.SIGTERM, HELPER_GRACE_S)
        raise
    finally:
        process.close()
    return Completed(ending=ending, stdout=stdout.content(), stderr=stderr.content())


class _Reader(threading.Thread):
    """Reads a pipe to its end, so that neither a flood nor a full pipe delays anything; keeps the beginning."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(daemon=True)
        self._read_end, self.write_end = os.pipe()
        self._limit_bytes = limit_bytes
        self._kept = bytearray()
        self.start()

    def run(self) -> None:
        """Read until nobody holds the write end any more."""
        while chunk := os.read(self._read_end, 1 << 16):
            self._kept += chunk[: self._limit_bytes - len(self._kept)]
        os.close(self._read_end)

    def content(self) -> bytes:
        """Return what was kept; the end of file may never come when a stranger was handed the pipe."""
        self.join(1.0)
        return bytes(self._kept)


class _GroupWarden(threading.Thread):
    """Does what the warden does where there are no subreapers: with a process group, and what psutil has seen."""

    def __init__(self, control: socket.socket, files: Mapping[str, int | None]) -> None:
        super().__init__(daemon=True)
        self._control = control
        # Copies: the caller closes its own as soon as start has returned.
        self._files = {name: os.dup(fd) if fd is not None and fd >= 0 else fd for name, fd in files.items()}
        self._order: dict[str, Any] | None = None
        self._urgent = False
        self._known: dict[int, psutil.Process] = {}
        self._ending: dict[str, Any] = {"code": None, "signal": None, "error": "", "forced": False, "survivors": []}
        self._ending |= {"signals": [], "unkillable": [], "waited_for_cpu_s": 0.0}
        self.start()

    def run(self) -> None:
        """See one command through, from its start to the end of what can be found of it."""
        with self._control, self._control.makefile("rwb", buffering=0) as self._lines:
            request: dict[str, Any] = {**json.loads(self._lines.readline()), **self._files}
            self._spawned_at = time.monotonic()
            try:
                main: subprocess.Popen[bytes] = subprocess.Popen(request.pop("argv"), **request, start_new_session=True)
            except OSError as problem:
                self._tell(event="not started", error=f"{problem.filename}: {problem.strerror}")
                return
            finally:
                for fd in self._files.values():
                    if fd is not None and fd >= 0:
                        os.close(fd)
            self._main = self._known[main.pid] = psutil.Process(main.pid)
            self._tell(event="started", pid=main.pid, warden=0, at=self._spawned_at)
            self._see_through()
            code = main.wait()  # reaped only now: until then the group is ours
            self._ending |= {"code": code} if code >= 0 else {"signal": -code}
            self._ending.setdefault("cause", Cause.EXITED if code >= 0 else Cause.SIGNALLED)
            self._tell(event="ended", **self._ending)

    def _see_through(self) -> None:
        while _lives(self._main) and not self._order:
            self._rest()
        self._ending["duration_s"] = time.monotonic() - self._spawned_at
        if self._order and _lives(self._main):
            self._ending["cause"] = self._order["cause"]
            if not self._urgent:
                self._wave(self._order["signal"])
                self._ending["forced"] = not self._drained(self._order["grace_s"]) and not self._urgent
        elif not self._drained(LEAK_GRACE_S) and not self._urgent:
            self._ending["survivors"] = [_described(process) for process in self._alive()]
            self._wave(signal.SIGTERM)
            self._drained(LEAK_GRACE_S)
        if not self._drained(0.0):
            self._wave(signal.SIGKILL)
            self._urgent = False
            self._drained(KILL_LIMIT_S, again=signal.SIGKILL)
            self._ending["unkillable"] = [_described(process) for process in self._alive()]

    def _drained(self, limit_s: float, *, again: int = 0) -> bool:
        """Wait until nothing that is known is alive, sending the signal ``again`` to what still appears."""
        until = time.monotonic() + limit_s
        while self._alive():
            if self._urgent or time.monotonic() >= until:
                return False
            self._rest()
            if again:
                self._send(again)
        return True

    def _rest(self) -> None:
        """Look at the tree, and listen to the host for a moment; the end of the host is an order to end."""
        with suppress(psutil.Error):
            self._known |= {child.pid: child for child in self._main.children(recursive=True)}
        if select.select([self._control], [], [], 0.02)[0]:
            order = json.loads(self._lines.readline() or '{"signal": 9, "grace_s": 0, "cause": "stopped"}')
            self._order = self._order or order
            self._urgent = self._urgent or order["signal"] == signal.SIGKILL

    def _alive(self) -> list[psutil.Process]:
        for pid in psutil.pids():
            with suppress(psutil.Error, OSError):
                if pid not in self._known and os.getpgid(pid) == self._main.pid:
                    self._known[pid] = psutil.Process(pid)
        return [process for process in self._known.values() if _lives(process)]

    def _wave(self, number: int) -> None:
        at_s, pids = time.monotonic() - self._spawned_at, len(self._alive())
        self._ending["signals"].append({"name": signal.Signals(number).name, "at_s": at_s, "pids": pids})
        self._send(number)
        self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        """Signal the group, and what is known outside of it; psutil looks at the start time before it sends."""
        with suppress(OSError):
            os.killpg(self._main.pid, number)
        for process in self._alive():
            with suppress(psutil.Error, OSError):
                if os.getpgid(process.pid) != self._main.pid:
                    process.send_signal(number)

    def _tell(self, **message: Any) -> None:
        with suppress(OSError):
            self._lines.write(json.dumps(message).encode() + b"\n")


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _described(process: psutil.Process) -> dict[str, Any]:
    """Return pid, command line and TCP listeners, as far as psutil may look."""
    command, listens = "", []
    with suppress(psutil.Error):
        command = " ".join(process.cmdline())[:300]
        listens = [f"{c.laddr.ip}:{c.laddr.port}" for c in process.net_connections("tcp") if c.status == "LISTEN"]
    return {"pid": process.pid, "command": command, "listens": listens}
