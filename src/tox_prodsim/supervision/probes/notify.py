"""The receiving end of sd_notify(3): a service reports that it is ready, still starting, alive, stopping.

A message counts when its sender is a process of the deployment at the moment it is read. A sender that has ended by
then cannot be found in the tree any more (``systemd-notify --no-block`` and other helpers live for a millisecond): it
counts when its user is ours or one of the deployment's, because only these know the address, and the state is marked
as unverified. A message of any other live process is ignored. ``systemd-notify`` itself waits for its BARRIER=1, so
that it is still there when the tree is read.
"""

from __future__ import annotations

import array
import math
import os
import select
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.formatting import shortened
from tox_prodsim.supervision.clock import now
from tox_prodsim.supervision.diagnosis import lives, living_thread
from tox_prodsim.supervision.probes.answers import Tree

MESSAGE_LIMIT_BYTES = 1 << 16  # systemd reads 4 KiB; what is longer than this is not a message
MESSAGES_PER_READ = 8  # a flood of them must not hold up the clock of anybody; the rest is there at the next read
STATUS_LIMIT = 200
EXTENSION = 10
"""A service may make a limit so many times as long; more is a matter of the configuration."""
SUN_PATH_BYTES = 107
_RECHECK_S = 0.02  # a process may be too young for the first scan of the tree
_CREDENTIALS = struct.Struct("=iII")
_MOST_FDS = 253  # SCM_MAX_FD
_PASS_CREDENTIALS = getattr(socket, "SO_PASSCRED", None)
_SCM_CREDENTIALS = getattr(socket, "SCM_CREDENTIALS", None)
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class NotifyState:
    """What a service has sent so far; moments are those of the socket's clock, None: it was never sent."""

    ready_at: float | None = None
    status: str = ""
    extend_until: float | None = None
    watchdog_at: float | None = None
    watchdog_interval_s: float | None = None
    """What the service itself set with WATCHDOG_USEC=; 0: it wants no watchdog any more."""
    triggered: bool = False
    stopping: bool = False
    reloading: bool = False
    main_pid: int | None = None
    errno: int | None = None
    sender_unverified: bool = False
    """The READY=1 came from a process that had ended before it could be found in the tree."""
    foreign_sender: str = ""
    """The process that sent a message which did not count; empty: none."""

    @property
    def ready(self) -> bool:
        """Return whether READY=1 was sent."""
        return self.ready_at is not None


def apply_message(state: NotifyState, message: bytes, now: float) -> NotifyState:
    """Return the state after one datagram; what is not understood changes nothing, the first of equal keys counts."""
    assignments: dict[str, str] = {}
    for line in message.rstrip(b"\0").decode("utf-8", "replace").split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            assignments.setdefault(key, value)
    for key, value in assignments.items():
        state = _changed(state, key, value, now)
    return state


_FLAGS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("RELOADING", "1"): {"reloading": True},
    ("STOPPING", "1"): {"stopping": True},
    ("WATCHDOG", "trigger"): {"triggered": True},
}


def _changed(state: NotifyState, key: str, value: str, now: float) -> NotifyState:
    number = int(value) if value.isascii() and value.isdigit() and len(value) <= 20 else None
    match key, value:
        case "READY", "1":
            return replace(state, ready_at=now if state.ready_at is None else state.ready_at, reloading=False)
        case "STATUS", _:
            return replace(state, status=shortened(value, STATUS_LIMIT))
        case "WATCHDOG", "1":
            return replace(state, watchdog_at=now)
        case _ if (key, value) in _FLAGS:
            return replace(state, **_FLAGS[key, value])
    return state if number is None else _set(state, key, number, now)


def _set(state: NotifyState, key: str, number: int, now: float) -> NotifyState:
    match key:
        case "EXTEND_TIMEOUT_USEC":
            return replace(state, extend_until=max(now + number / 1e6, state.extend_until or -math.inf))
        case "WATCHDOG_USEC":
            return replace(state, watchdog_interval_s=number / 1e6)
        case "MAINPID":
            return replace(state, main_pid=number)
        case "ERRNO":
            return replace(state, errno=number)
    return state


def deadline(since: float, limit_s: float, state: NotifyState) -> float:
    """Return when a limit is over: EXTEND_TIMEOUT_USEC moves it out, never in, as in systemd.

    What was extended ends where it was extended to, so a service that takes long sends it again in time. Other than in
    systemd, all extensions together make it EXTENSION times as long at most.
    """
    extended = min(state.extend_until or -math.inf, since + EXTENSION * limit_s)
    return max(since + limit_s, extended)


def watchdog_missed(state: NotifyState, interval_s: float | None, now: float, *, since: float | None = None) -> bool:
    """Return whether a sign of life is overdue: WATCHDOG=1 is due every ``interval_s`` from READY=1 on.

    ``since`` stands for the READY=1 of a service that does not say it, None: it is not up yet. An interval of None:
    none was asked for, although the service may set one by itself (WATCHDOG_USEC=). WATCHDOG=trigger counts as missed
    at once; EXTEND_TIMEOUT_USEC gives time here too; after STOPPING=1 none is expected.
    """
    if state.triggered:
        return True
    interval_s = interval_s if state.watchdog_interval_s is None else state.watchdog_interval_s
    up_at = since if state.ready_at is None else state.ready_at
    if not interval_s or up_at is None or state.stopping:
        return False
    return now > deadline(max(up_at, state.watchdog_at or -math.inf), interval_s, state)


class NotifySocket:
    """A datagram socket; one deployment gets its address in ``variables``. Methods may be called from any thread."""

    def __init__(self, folder: Path, *, watchdog_s: float | None = None, clock: Callable[[], float] = now) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        self._closed = False
        self._state = NotifyState()
        self._path: Path | None = folder.absolute() / "notify.sock"
        if len(os.fsencode(self._path)) > SUN_PATH_BYTES:
            self._path = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            address = _bind(self._socket, self._path)
        except BaseException:
            self._socket.close()
            raise
        self._socket.settimeout(0.0)
        self.variables = {"NOTIFY_SOCKET": address}
        if watchdog_s is not None:
            self.variables["WATCHDOG_USEC"] = str(round(watchdog_s * 1e6))

    def fileno(self) -> int:
        """Return the file descriptor, which is readable when there is something to read; -1 after close."""
        return self._socket.fileno()

    @property
    def state(self) -> NotifyState:
        """Return the state as far as it was read."""
        return self._state

    def read(self, tree: Tree) -> NotifyState:
        """Take in what has arrived, without waiting, and return the state of the deployment."""
        with self._lock:
            senders = _Senders(tree)
            for message, pid, uid in self._messages():
                self._state = self._state_after(senders, message, pid, uid)
            return self._state

    def start_reader(self, tree: Tree) -> None:
        """Read from now on in a thread, as soon as something arrives, until close.

        The kernel keeps ten messages by default: a service whose messages nobody reads hangs at the eleventh.
        """
        self._reader = threading.Thread(target=self._read_loop, args=(tree,), name="prodsim-notify", daemon=True)
        self._reader.start()

    def _read_loop(self, tree: Tree) -> None:
        while not self._closed:
            select.select([self._socket], [], [])
            self.read(tree)

    def _messages(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield each datagram with the pid and the user of its sender; the descriptors in it are closed.

        Closing them is also the answer to BARRIER=1, so it happens only when the one before has been taken in.
        """
        space = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(_MOST_FDS * 4)
        for _ in range(MESSAGES_PER_READ):
            try:
                message, extras, flags, _ = self._socket.recvmsg(MESSAGE_LIMIT_BYTES, space, _CLOSE_ON_EXEC)
            except OSError:
                return
            try:
                yield (b"" if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC) else message), *_credentials(extras)
            finally:
                _close(extras)

    def _state_after(self, senders: _Senders, message: bytes, pid: int, uid: int) -> NotifyState:
        before = self._state
        if senders.is_in_tree(pid):
            return apply_message(before, message, self._clock())
        gone = not senders.lives(pid)
        if gone and uid in senders.users():
            after = apply_message(before, message, self._clock())
            return replace(after, sender_unverified=True) if after.ready and not before.ready else after
        return replace(before, foreign_sender=f"pid {pid}{' (gone)' if gone else senders.command(pid)}")

    def close(self) -> None:
        """Close it and remove its file; idempotent."""
        if not self._closed:
            self._closed = True
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the reader
            if self._reader is not None:
                self._reader.join()
        with self._lock:
            self._socket.close()
            if self._path is not None:
                self._path.unlink(missing_ok=True)


def _bind(sock: socket.socket, path: Path | None) -> str:
    """Bind the socket to the file, or without one to an abstract name that nobody can guess; return its address."""
    if _PASS_CREDENTIALS is None:
        msg = "this system does not say who sends a notification, use another probe than notify"
        raise ProdsimError("ready", msg)
    sock.setsockopt(socket.SOL_SOCKET, _PASS_CREDENTIALS, 1)
    if path is None:
        name = f"tox-prodsim/{uuid.uuid4().hex}"
        sock.bind(f"\0{name}")
        return f"@{name}"
    path.unlink(missing_ok=True)
    sock.bind(str(path))
    path.chmod(0o666)  # a service may have become another user; the sender is checked anyway
    return str(path)


def _credentials(extras: Iterable[tuple[int, int, bytes]]) -> tuple[int, int]:
    """Return pid and user of the sender as the kernel reports them; 0 for a process that cannot be seen from here."""
    for level, kind, data in extras:
        if level == socket.SOL_SOCKET and kind == _SCM_CREDENTIALS and len(data) >= _CREDENTIALS.size:
            pid, uid, _ = _CREDENTIALS.unpack_from(data)
            return pid, uid
    return 0, -1


def _close(extras: Iterable[tuple[int, int, bytes]]) -> None:
    for level, kind, data in extras:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds = array.array("i")
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
            for fd in fds:
                with suppress(OSError):
                    os.close(fd)


class _Senders:
    """The senders of one read: the tree is read for each that is not known yet, once more after a pause."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._processes: tuple[psutil.Process, ...] = ()
        self._rechecked = False

    def is_in_tree(self, pid: int) -> bool:
        """Return whether the process is one of the deployment."""
        if not self._knows(pid) and self.lives(pid):
            self._read_tree()
        if not self._knows(pid) and self.lives(pid) and not self._rechecked:
            self._rechecked = True
            time.sleep(_RECHECK_S)
            self._read_tree()
        return self._knows(pid)

    def lives(self, pid: int) -> bool:
        """Return whether a process with this pid is there; 0 stands for one in another pid namespace."""
        if pid <= 0:
            return True
        with suppress(psutil.Error):
            return lives(psutil.Process(pid))
        return False

    def users(self) -> set[int]:
        """Return the users whose processes may know the address."""
        if not self._processes:
            self._read_tree()
        found = {os.getuid()}
        for process in self._processes:
            with suppress(psutil.Error):
                uids = process.uids()
                found |= {uids.real, uids.effective}
        return found

    def command(self, pid: int) -> str:
        """Return the command line of a process for a message, with a blank before it; nothing when it is not known."""
        with suppress(psutil.Error):
            words = living_thread(psutil.Process(pid)).cmdline() if pid > 0 else []
            return f' "{shortened(" ".join(words), STATUS_LIMIT)}"' if words else ""
        return ""

    def _knows(self, pid: int) -> bool:
        return any(process.pid == pid for process in self._processes)

    def _read_tree(self) -> None:
        self._processes = self._tree()
