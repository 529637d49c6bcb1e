"""Who listens: the listening sockets of this machine, and which of them a process holds.

A socket is known by a token: its inode on Linux, elsewhere the pid of its process.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.supervision import procfs
from tox_prodsim.supervision.diagnosis import living_thread
from tox_prodsim.supervision.probes.answers import WrongProcess

RECHECK_S = 0.02  # a worker may be about to inherit the socket, or be too young for the first scan of the tree
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_KERNEL_S = 1.0
_SOCK_DIAG, _BY_FAMILY, _DUMP_REQUEST, _ERROR, _LISTEN = 4, 20, 0x301, 2, 10  # linux/netlink.h, sock_diag.h
_SHOW_NAME_AND_FILE, _UNIX_NAME, _UNIX_FILE = 3, 0, 1  # linux/unix_diag.h
_ON_LINUX = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class TcpListener:
    """A listening TCP socket; ``token`` is its inode on Linux and elsewhere the pid of its process."""

    address: Address
    port: int
    token: int


def held_by(processes: Iterable[psutil.Process], searched: Container[int]) -> tuple[list[tuple[int, int]], list[int]]:
    """Return which of the tokens processes hold, each with a pid, and the pids to which access is denied."""
    held, hidden = [], []
    for process in processes:
        try:
            held += [(process.pid, token) for token in tokens(process.pid) if token in searched]
        except PermissionError:
            hidden.append(process.pid)
    return held, hidden


def find_owner(address: str, searched: set[int]) -> WrongProcess:
    """Return who holds one of the tokens, as far as we may know: pid, command and age of a process."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if searched & tokens(process.pid):
                return wrong_process(address, process)
    return WrongProcess(address=address, pid=None, command="", since="")


def wrong_process(address: str, process: psutil.Process) -> WrongProcess:
    """Return that a process answered which is not one of ours."""
    since = datetime.fromtimestamp(process.create_time(), UTC).astimezone()
    command = " ".join(living_thread(process).cmdline())
    return WrongProcess(
        address=address, pid=process.pid, command=command, since=f"running since {since:%Y-%m-%d %H:%M:%S}"
    )


def tokens(pid: int) -> set[int]:
    """Return what identifies the sockets of a process; nothing when it has ended, PermissionError when it is closed."""
    if not _ON_LINUX:
        return {pid}
    found, folder = set(), f"/proc/{pid}/fd"
    with suppress(FileNotFoundError, ProcessLookupError):
        fds = os.listdir(folder)  # noqa: PTH208 - asked every 20 ms; pathlib takes five times as long
        if not fds:  # its first thread may have ended
            folder = f"{procfs.living_folder(pid)}/fd"
            fds = os.listdir(folder)  # noqa: PTH208 - the same
        for fd in fds:
            with suppress(FileNotFoundError):
                kind, _, inode = os.readlink(f"{folder}/{fd}").partition(":[")  # noqa: PTH115 - the same
                if kind == "socket":
                    found.add(int(inode[:-1]))
    return found


def tcp_listeners(processes: Iterable[psutil.Process] = ()) -> list[TcpListener]:
    """Return the listening TCP sockets of this machine, or of ``processes`` where only those may be seen."""
    if _ON_LINUX:
        try:
            return [*_tcp_from_kernel(socket.AF_INET), *_tcp_from_kernel(socket.AF_INET6)]
        except OSError:  # a kernel or a sandbox without sock_diag
            return [*_tcp_from_proc(Path("/proc/self/net/tcp")), *_tcp_from_proc(Path("/proc/self/net/tcp6"))]
    with suppress(psutil.AccessDenied):
        return [_from_psutil(each, each.pid or 0) for each in psutil.net_connections("tcp") if each.status == "LISTEN"]
    found = []
    for process in processes:
        with suppress(psutil.Error):
            mine = [each for each in process.net_connections("tcp") if each.status == "LISTEN"]
            found += [_from_psutil(each, process.pid) for each in mine]
    return found


def _from_psutil(connection: Any, pid: int) -> TcpListener:
    return TcpListener(ipaddress.ip_address(connection.laddr.ip), connection.laddr.port, pid)


def _tcp_from_kernel(family: int) -> list[TcpListener]:
    """Return the listening sockets as sock_diag(7) lists them: 0.1 ms, where /proc/net/tcp walks a large table for 4.

    An answer has the port at 4, the address at 8, the inode at 68.
    """
    found = []
    size = 4 if family == socket.AF_INET else 16
    for answer in _sock_diag(struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 0, 0, 1 << _LISTEN)):
        (port,), (inode,) = struct.unpack_from("!H", answer, 4), struct.unpack_from("=I", answer, 68)
        found.append(TcpListener(ipaddress.ip_address(answer[8 : 8 + size]), port, inode))
    return found


def _sock_diag(question: bytes) -> Iterator[bytes]:
    """Yield the answers of the kernel's sock_diag to a question, each without its netlink header of 16 bytes."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(_KERNEL_S)
        kernel.send(struct.pack("=IHHII", 16 + len(question), _BY_FAMILY, _DUMP_REQUEST, 1, 0) + question)
        while True:
            answers, at = kernel.recv(1 << 16), 0
            while at < len(answers):
                length, kind = struct.unpack_from("=IH", answers, at)
                if kind == _ERROR:
                    raise OSError(-struct.unpack_from("=i", answers, at + 16)[0], "sock_diag")
                if kind != _BY_FAMILY:
                    return
                yield answers[at + 16 : at + length]
                at += (length + 3) & ~3


def _tcp_from_proc(table: Path) -> Iterator[TcpListener]:
    """Yield the listening sockets of ``/proc/net/tcp``: their state is 0A, their address in words of this machine."""
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                words, _, port = fields[1].partition(":")
                raw = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
                yield TcpListener(ipaddress.ip_address(raw), int(port, 16), int(fields[9]))


def unix_listeners(path: Path) -> set[int]:
    """Return the inodes of the sockets that listen on a socket file; empty also where that cannot be known."""
    try:
        file = path.stat()
    except OSError:
        return set()
    if not _ON_LINUX:
        return set()
    try:
        return _unix_from_kernel(file, path.name)
    except OSError:  # a kernel or a sandbox without sock_diag
        return set(_unix_from_proc(path))


def _unix_from_kernel(file: os.stat_result, name: str) -> set[int]:
    """Return the inodes of the listening sockets whose file this is, whatever the path by which they bound it.

    An answer has the inode at 4, and from 16 on attributes: length, kind, value, filled up to a multiple of 4. The
    number of the file system may be another one to the kernel than to stat (overlayfs), so the file's name counts too.
    """
    found = set()
    device = os.major(file.st_dev) << 20 | os.minor(file.st_dev)
    for answer in _sock_diag(
        struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 1 << _LISTEN, 0, _SHOW_NAME_AND_FILE, 0, 0)
    ):
        attributes = dict(_attributes(answer[16:]))
        bound = attributes.get(_UNIX_NAME, b"").rstrip(b"\0")
        inode, its_device = struct.unpack_from("=II", attributes.get(_UNIX_FILE, bytes(8)))
        same_place = its_device == device or os.fsdecode(bound).rpartition("/")[2] == name
        if bound and same_place and inode == file.st_ino & 0xFFFFFFFF:
            found.add(struct.unpack_from("=I", answer, 4)[0])
    return found


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        yield kind, data[at + 4 : at + length]
        at += max(4, (length + 3) & ~3)


def _unix_from_proc(path: Path) -> Iterator[int]:
    """Yield the inodes of ``/proc/net/unix`` that accept connections (flag 0x10000) under this very path."""
    with suppress(OSError):
        for line in Path("/proc/self/net/unix").read_text(errors="surrogateescape").splitlines()[1:]:
            fields = line.split(maxsplit=7)
            if len(fields) == 8 and int(fields[3], 16) & 0x10000 and os.path.realpath(fields[7]) == str(path.resolve()):
                yield int(fields[6])
