"""Probes of Unix sockets: does a process of the tree accept a connection, and does any process before the start."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

from tox_prodsim.model.probes import UnixProbe
from tox_prodsim.supervision.probes.answers import Answer, NotReady, Ready, Tree, WrongProcess
from tox_prodsim.supervision.probes.sockets import RECHECK_S, find_owner, held_by, unix_listeners, wrong_process
from tox_prodsim.supervision.probes.tcp import reason

CONNECT_S = 1.0
SUN_PATH_BYTES = 107 if sys.platform == "linux" else 103  # of struct sockaddr_un, less the NUL
_REASONS = {
    errno.ENOENT: "no such socket",
    errno.EAGAIN: "its queue of connections is full",
    errno.EPROTOTYPE: "no stream socket",
}


def probe_unix(probe: UnixProbe, scratch: Path, tree: Tree) -> Answer:
    """Return whether a process of the tree accepts a stream connection."""
    path = scratch / probe.path
    try:
        with closing(connected(path, CONNECT_S)) as connection:
            owner = _check_owner(connection, path, tree)
    except OSError as problem:
        return NotReady(reason=f"unix {probe.path}: {_REASONS.get(problem.errno or 0) or reason(problem)}")
    if isinstance(owner, WrongProcess):
        return owner
    return Ready(detail=f"unix {probe.path} accepted{owner}")


def socket_owner(path: Path) -> tuple[int | None, str] | None:
    """Return pid and command (None and empty: not known) of who listens there; None when nobody does."""
    listening = unix_listeners(path)
    try:
        with closing(connected(path, CONNECT_S)):
            pass
    except OSError as problem:
        if not listening and problem.errno not in {errno.EAGAIN, errno.EPROTOTYPE}:
            return None
    owner = find_owner("", listening)
    return owner.pid, owner.command


def connected(path: Path, timeout_s: float) -> socket.socket:
    """Return a stream connection to the socket, however long its path is; raises OSError."""
    if not hasattr(socket, "AF_UNIX"):
        raise OSError(errno.EAFNOSUPPORT, "this system has no Unix sockets")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        if len(os.fsencode(path)) <= SUN_PATH_BYTES:
            connection.connect(str(path))
        else:
            _connect_to_file(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect_to_file(connection: socket.socket, path: Path) -> None:
    """Connect to a path that is too long for an address, by a descriptor of the file."""
    if sys.platform != "linux":
        raise OSError(errno.ENAMETOOLONG, f"the path is longer than {SUN_PATH_BYTES} bytes")
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def _check_owner(connection: socket.socket, path: Path, tree: Tree) -> WrongProcess | str:
    """Return the process that answered if it is not of the tree, otherwise a note about the check (mostly empty)."""
    for pause_s in (0.0, RECHECK_S):
        time.sleep(pause_s)
        processes, listening = tree(), unix_listeners(path)
        held, hidden = held_by(processes, listening)
        if held:
            return ""
    if hidden:
        return f", owner not checked: no right to look into pid {hidden[0]}"
    if listening:
        return find_owner(f"unix:{path}", listening)
    return _by_credentials(connection, path, processes)


def _by_credentials(connection: socket.socket, path: Path, ours: tuple[psutil.Process, ...]) -> WrongProcess | str:
    """Judge by the process that called listen(2), where the listening sockets of the machine cannot be seen."""
    pid = _listened(connection)
    if pid in {process.pid for process in ours}:
        return ""
    with suppress(psutil.Error):
        if pid > 0:
            return wrong_process(f"unix:{path}", psutil.Process(pid))
    return ", owner not checked: the listening socket cannot be seen"


def _listened(connection: socket.socket) -> int:
    """Return the pid of who called listen(2), 0 when it is not known."""
    if sys.platform != "linux":
        return 0
    pid: int = struct.unpack("=iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return pid
