"""The process that forks guards (``_child/guards.py``), while a host wants to share it between its runs.

An interpreter that starts and imports what a guard needs takes ten times as long as a fork. What holds a run together
is the same: each run has its own guard and its own warden, and needs the server only to begin.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from tox_prodsim.model.runner import CHILD_SCRIPTS

_BEGIN = "import sys; sys.path.append(sys.argv[1]); import guards; guards.serve(int(sys.argv[2]))"
_ANSWER_LIMIT_S = 10.0
_EXIT_LIMIT_S = 2.0
_INT_BYTES = 4
_STANDARD = ("stdin", "stdout", "stderr")


@contextmanager
def shared() -> Iterator[None]:
    """Share one server between all runs of this process that begin meanwhile; it ends with the last who shares it."""
    _SHARED.enter()
    try:
        yield
    finally:
        _SHARED.leave()


@contextmanager
def beyond_standard_files(fd: int) -> Iterator[int]:
    """Give a copy of a descriptor that is none of 0, 1 and 2, which a host without these gives to its sockets."""
    import fcntl  # noqa: PLC0415 - not on Windows

    copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    try:
        yield copy
    finally:
        os.close(copy)


def fork(control: int, files: Mapping[str, int | None]) -> ForkedGuard | None:
    """Return a guard that has these files; None: guards are not shared here. Raises OSError."""
    return _SHARED.fork(control, files)


class ServerLostError(OSError):
    """The process that forks guards was killed, or does not answer."""


class ForkedGuard:
    """A guard that is no child of this process, known by a handle; the methods are those of Popen."""

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle: int | None = handle

    def poll(self) -> int | None:
        """Return 0 when it has ended."""
        return 0 if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises TimeoutExpired."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired("guard", timeout or 0.0)
        return 0

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        """Signal it, unless it has ended."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def _has_ended(self, limit_s: float | None) -> bool:
        if self._handle is None:
            return True
        awaited = select.poll()
        awaited.register(self._handle, select.POLLIN)
        if not awaited.poll(None if limit_s is None else limit_s * 1000):
            return False
        os.close(self._handle)
        self._handle = None
        return True


class _Server:
    """The process, and our end of its socket."""

    def __init__(self) -> None:
        self.host = os.getpid()
        self._socket, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its_end, beyond_standard_files(its_end.fileno()) as control:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _BEGIN, str(CHILD_SCRIPTS), str(control)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                pass_fds=(control,),
                start_new_session=True,
            )
        self._socket.settimeout(_ANSWER_LIMIT_S)

    def ask(self, files: list[int]) -> None:
        """Ask for a guard; raises OSError when the server is gone."""
        self._process.send_signal(signal.SIGCONT)  # another process may have stopped it
        socket.send_fds(self._socket, [b"g"], files)

    def answer(self) -> ForkedGuard:
        """Return the guard that was asked for; raises OSError, and ServerLostError when the server is gone."""
        try:
            message, handles, *_ = socket.recv_fds(self._socket, _INT_BYTES, 1)
        except OSError as problem:
            raise ServerLostError(problem.errno, "the process that forks guards does not answer") from problem
        number = int.from_bytes(message, sys.byteorder, signed=True)
        if not message:
            raise ServerLostError(errno.EPIPE, "the process that forks guards was killed")
        if number < 0 or not handles:
            raise OSError(-number, os.strerror(-number))
        return ForkedGuard(number, handles[0])

    def close(self, *, is_lost: bool = False) -> None:
        """Let it end, which it does once its guards have; one that is lost is killed."""
        self._socket.close()
        if is_lost:
            self._process.kill()
        try:
            self._process.wait(_EXIT_LIMIT_S)
        except subprocess.TimeoutExpired:
            threading.Thread(target=self._process.wait, name="prodsim-reap", daemon=True).start()


class _Shared:
    """The server of this process, started when the first guard is wanted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._server: _Server | None = None

    def enter(self) -> None:
        """Share from now on, where a process can be known by a handle."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """Do not share any more."""
        with self._lock:
            self._users -= 1
            server = None if self._users else self._server
            if server is not None:
                self._server = None
        if server is not None and server.host == os.getpid():
            server.close()

    def fork(self, control: int, files: Mapping[str, int | None]) -> ForkedGuard | None:
        """Return a guard that has these files; None: guards are not shared, or one of the files is closed here."""
        with self._lock, ExitStack() as opened:
            if not self._users or not _has_handles():
                return None
            standard = [_descriptor(number, files[name], opened) for number, name in enumerate(_STANDARD)]
            open_here = [file for file in standard if file is not None]
            if len(open_here) < len(standard):
                return None
            server = self._ask([control, *open_here])
            try:
                return server.answer()
            except ServerLostError:
                self._server = None
                server.close(is_lost=True)
                raise

    def _ask(self, files: list[int]) -> _Server:
        """Ask the server, or a new one if that has been killed; one of the process that forked us is not ours."""
        if self._server is not None and self._server.host == os.getpid():
            with suppress(OSError):
                self._server.ask(files)
                return self._server
            self._server.close(is_lost=True)
        self._server = _Server()
        self._server.ask(files)
        return self._server


def _descriptor(number: int, file: int | None, opened: ExitStack) -> int | None:
    """Return the file that the guard gets with this number; None: it is closed here."""
    if file == subprocess.DEVNULL:
        file = os.open(os.devnull, os.O_RDWR)
        opened.callback(os.close, file)
    try:
        os.fstat(number if file is None else file)
    except OSError:
        return None
    return number if file is None else file


def _has_handles() -> bool:
    """Return whether a process can be known by a handle here."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # not on Linux; an old kernel, a sandbox, or no descriptor is left
        return False
    return True


_SHARED = _Shared()
