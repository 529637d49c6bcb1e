"""Run a command so that nothing of it survives: start it under a guard, wait for it, stop it, say how it ended.

On Linux the work is done by ``_child/guard.py`` in processes of its own, which outlive even SIGKILL of this one;
``start`` talks to it over a socket. Elsewhere a thread (``GroupWarden``) speaks the same messages, with what a process
group and psutil can do; ``containment`` says which of the two is in force and what it guarantees.
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import psutil

from tox_prodsim.errors import Cancelled
from tox_prodsim.supervision.diagnosis import lives
from tox_prodsim.supervision.ending import KILL, Cause, Completed, Containment, Ending, SignalSent, Survivor
from tox_prodsim.supervision.group import GroupWarden

RUN_TAG = "TOX_PRODSIM_RUN"
GUARD = Path(__file__).parents[1] / "_child" / "guard.py"
BEGIN = "import sys; sys.path.append(sys.argv[1]); import guard; guard.begin(int(sys.argv[2]))"
START_LIMIT_S = 30.0  # a guard that has not started the command by then is lost
MARGIN_S = 12.0  # after a grace: the kill limit of the warden and that of the guard, before the guard is given up
HELPER_GRACE_S = 1.0
CANCEL_GRACE_S = 5.0
"""Longest grace once the user asked to end: GitHub's runner kills 10 s after its first signal, others sooner."""


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
        self._ear, self._mouth = socket.socketpair()  # Windows cannot wait for a pipe
        self._mouth.setblocking(False)  # noqa: FBT003 - positional-only
        self._set = self._hard = self._closed = False

    def set(self, *, hard: bool = False) -> None:
        """Ask to end, ``hard``: without any grace; asking twice does no harm."""
        self._hard = self._hard or hard
        told, self._set = self._set, True
        if not told and not self._closed:
            self._mouth.send(b"!")

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
        return self._ear.fileno()

    def close(self) -> None:
        """Release the file descriptors; idempotent."""
        if not self._closed:
            self._closed = True
            self._ear.close()
            self._mouth.close()


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
        GroupWarden(theirs, files)
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

        A cancel leaves CANCEL_GRACE_S of the grace, a hard one nothing. A command that ended by itself before keeps
        that ending.
        """
        hard = grace_s <= 0 or stop_signal == KILL
        self._order(KILL if hard else stop_signal, grace_s, cause)
        begun = time.monotonic()
        patient_until = begun + CANCEL_GRACE_S
        while (ending := self.poll()) is None:
            now = time.monotonic()
            if not (self._cancel and self._cancel.is_set):
                patient_until = now + CANCEL_GRACE_S
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

    def _check_cancel(self) -> None:
        if self._cancel and self._cancel.is_set:
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
