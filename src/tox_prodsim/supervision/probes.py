"""Is it ready: ask a probe once, and believe an answer only when it comes from the deployment itself.

A server of yesterday that still listens on the port answers every naive probe within milliseconds. So after an answer
over TCP the listening socket must belong to a process of our tree; where that cannot be seen, the answer says so.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psutil

from tox_prodsim.readiness import LOOPBACK, FileProbe, HttpProbe, ListenProbe, LogProbe, Probe, TcpProbe

CONNECT_S = 1.0
BODY_LIMIT_BYTES = 1 << 20
LOG_BYTES_PER_POLL = 1 << 20
LINE_LIMIT_BYTES = 1 << 16
RECHECK_S = 0.02  # a worker may be about to inherit the socket, or be too young for the first look at the tree

_QUERY = "/%:@!$&'()*+,;=~?"
_SOCK_DIAG, _BY_FAMILY, _DUMP_REQUEST, _ERROR, _TCP_LISTEN = 4, 20, 0x301, 2, 10  # linux/netlink.h, sock_diag.h
_ON_LINUX = sys.platform == "linux"
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

Tree = Callable[[], tuple[psutil.Process, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ready:
    """The probe is satisfied; ``detail`` is the evidence, ``url`` where it listens when the probe found that out."""

    detail: str
    url: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotYet:
    """Not satisfied; ``reason`` is shown when the time runs out."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreign:
    """It answered, but the listener is no process of ours; ``pid`` is None and the texts empty where not known."""

    address: str
    pid: int | None
    command: str
    since: str


Answer = Ready | NotYet | Foreign


def polls() -> Iterator[float]:
    """Yield the seconds to sleep between two looks: from 1 ms, 1.3 times longer each time, up to 20 ms."""
    pause_s = 0.001
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.3, 0.02)


def ask(probe: Probe, *, tree: Tree, log: Path | LogWatch, scratch: Path) -> Answer:
    """Ask one probe once; give a LogWatch instead of a path to have a long log read on from where it was left."""
    match probe:
        case HttpProbe():
            return _http(probe, tree)
        case TcpProbe():
            return _tcp(probe, tree)
        case ListenProbe():
            return _listen(probe, tree)
        case LogProbe():
            watch = log if isinstance(log, LogWatch) else LogWatch(log)
            found = watch.find(probe.pattern)
            return (
                NotYet(reason=f"no line matches /{probe.pattern}/") if found is None else Ready(detail=f'log "{found}"')
            )
        case FileProbe():
            path = scratch / probe.path
            return Ready(detail=f"file {probe.path}") if path.exists() else NotYet(reason=f"no file {probe.path}")


def ports_named(probes: Iterable[Probe]) -> tuple[tuple[str, int], ...]:
    """Return the hosts and ports of this machine that the probes name: they must be free before the start."""
    named: dict[tuple[str, int], None] = {}
    for probe in probes:
        match probe:
            case HttpProbe():
                named[_target(probe.url)[:2]] = None
            case TcpProbe():
                named[probe.host, probe.port] = None
            case ListenProbe(port=int(port)):
                named[LOOPBACK, port] = None
    return tuple(target for target in named if _local_addresses(*target))


def taken(host: str, port: int) -> tuple[int | None, str] | None:
    """Return pid and command (None and empty: not known) of who listens there; None when nobody does."""
    sockets = _listening()
    for address in _local_addresses(host, port):
        if found := _answering(sockets, address, port):
            return _holder(found)[:2]
    return None


class LogWatch:
    """Finds lines in a log that grows: each pattern reads on from where it stopped, a bounded amount at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, bytes]] = {}

    def find(self, pattern: str) -> str | None:
        """Return the first line not yet seen that matches, or None; the last line counts though it may still grow."""
        offset, rest = self._places.get(pattern, (0, b""))
        chunk = self._read(offset)
        *lines, rest = (rest + chunk).split(b"\n")
        self._places[pattern] = (offset + len(chunk), rest[-LINE_LIMIT_BYTES:])
        regex = re.compile(pattern.encode())
        return next((line.decode("utf-8", "replace")[:200] for line in (*lines, rest) if regex.search(line)), None)

    def _read(self, offset: int) -> bytes:
        try:
            with self._path.open("rb") as log:
                log.seek(offset)
                return log.read(LOG_BYTES_PER_POLL)
        except OSError:
            return b""


def _http(probe: HttpProbe, tree: Tree) -> Answer:
    host, port, target = _target(probe.url)
    late = NotYet(reason=f"no answer within {probe.timeout_s:g} s")
    give_up_at = time.monotonic() + probe.timeout_s
    try:
        with closing(_connected(host, port, probe.timeout_s)) as plain, _ShutAt(plain, give_up_at):
            foreign_or_note = _whose(plain, tree)
            if isinstance(foreign_or_note, Foreign):
                return foreign_or_note
            answer = _judged(probe, *_exchange(probe, plain, target))
    except TimeoutError:
        return late
    except (OSError, ValueError, http.client.HTTPException) as problem:
        return late if time.monotonic() >= give_up_at else NotYet(reason=_reason(problem))
    if time.monotonic() >= give_up_at:  # shut while it was talking: what came may look complete
        return late
    return Ready(detail=answer.detail + foreign_or_note) if isinstance(answer, Ready) else answer


def _exchange(probe: HttpProbe, plain: socket.socket, target: str) -> tuple[http.client.HTTPResponse, bytes]:
    """Send the request and return the answer with the beginning of its body: no proxy, no redirect followed."""
    host, port, _ = _target(probe.url)
    connection = http.client.HTTPConnection(host, port, timeout=probe.timeout_s)
    connection.sock = _encrypted(plain, host) if probe.url.startswith("https") else plain
    with closing(connection):
        connection.request(probe.method, target, headers={"User-Agent": "tox-prodsim", "Accept": "*/*"})
        with connection.getresponse() as response:
            return response, response.read(BODY_LIMIT_BYTES) if probe.body else b""


def _judged(probe: HttpProbe, response: http.client.HTTPResponse, body: bytes) -> Ready | NotYet:
    status = response.status
    if status not in probe.statuses if probe.statuses else not 200 <= status < 300:
        return NotYet(reason=f"http {status}")
    if probe.body and not re.search(probe.body.encode(), body):
        return NotYet(reason=f"http {status}, but the body does not match /{probe.body}/")
    if probe.header:
        name, pattern = probe.header
        if not re.search(pattern, response.headers.get(name, "")):
            return NotYet(reason=f"http {status}, but the header {name} does not match /{pattern}/")
    return Ready(detail=f"http {urlsplit(probe.url).path or '/'} {status}")


def _encrypted(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Return the socket with TLS on it; a certificate for the loopback address proves nothing and is not checked."""
    context = ssl.create_default_context()
    if _is_local(plain):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


class _ShutAt:
    """Shuts a connection at a moment: a socket's own timeout begins anew with each byte of a server that drips."""

    def __init__(self, connection: socket.socket, at: float) -> None:
        self._copy = connection.dup()  # TLS takes the socket itself over
        self._timer = threading.Timer(max(0.0, at - time.monotonic()), self._shut)

    def __enter__(self) -> None:
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self._copy.close()

    def _shut(self) -> None:
        with suppress(OSError):
            self._copy.shutdown(socket.SHUT_RDWR)


def _tcp(probe: TcpProbe, tree: Tree) -> Answer:
    try:
        with closing(_connected(probe.host, probe.port, CONNECT_S)) as connection:
            foreign_or_note = _whose(connection, tree)
    except OSError as problem:
        return NotYet(reason=_reason(problem))
    if isinstance(foreign_or_note, Foreign):
        return foreign_or_note
    return Ready(detail=f"tcp {_text(probe.host, probe.port)} accepted{foreign_or_note}")


def _listen(probe: ListenProbe, tree: Tree) -> Answer:
    processes = tree()
    held, hidden = _held_by(processes, _listening(processes))
    for pid, found in sorted(held, key=lambda each: each[1].port):
        if probe.port in {None, found.port}:
            host = found.address if not found.address.is_unspecified else {4: LOOPBACK, 6: "::1"}[found.address.version]
            detail = f"listening {_text(found.address, found.port)} (pid {pid})"
            return Ready(detail=detail, url=f"http://{_text(host, found.port)}")
    where = "a TCP port" if probe.port is None else f"port {probe.port}"
    note = f", as far as can be seen: no right to look into pid {hidden[0]}" if hidden else ""
    return NotYet(reason=f"no process of the deployment listens on {where}{note}")


def _reason(problem: Exception) -> str:
    match problem:
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionError():
            return "the connection was closed without an answer"
        case http.client.HTTPException():
            return f"no HTTP answer ({type(problem).__name__})"
        case OSError(strerror=str(text)):
            return text.lower()
    return str(problem).lower()


def _target(url: str) -> tuple[str, int, str]:
    """Return host, port, and what the request line asks for."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.hostname or LOOPBACK, port, quote(target, safe=_QUERY)


def _connected(host: str, port: int, timeout_s: float) -> socket.socket:
    connection = socket.create_connection((host, port), timeout=timeout_s)
    if connection.getsockname() == connection.getpeername():
        # With nobody there, a port of the ephemeral range can be given to us as our own: TCP then connects to itself.
        connection.close()
        raise ConnectionRefusedError
    return connection


# Who listens: the sockets of this machine, and which of them a process holds.


@dataclass(frozen=True, slots=True)
class _Socket:
    """A listening TCP socket; ``token`` is its inode on Linux and elsewhere the pid of its process."""

    address: _Address
    port: int
    token: int


def _whose(connection: socket.socket, tree: Tree) -> Foreign | str:
    """Return who answered when it was none of ours, otherwise what is to be noted about that (mostly nothing)."""
    if not _is_local(connection):
        return ", owner not checked: not on this machine"
    address, port = ipaddress.ip_address(connection.getpeername()[0]), connection.getpeername()[1]
    for pause_s in (0.0, RECHECK_S):
        time.sleep(pause_s)
        processes = tree()
        sockets = _listening(processes)
        held, hidden = _held_by(processes, sockets)
        found = _answering(sockets, address, port)
        if found and any(each in found for _, each in held):
            return ""
    if hidden:
        return f", owner not checked: no right to look into pid {hidden[0]}"
    if not found:
        return ", owner not checked: the listening socket cannot be seen"
    pid, command, since = _holder(found)
    return Foreign(address=_text(address, port), pid=pid, command=command, since=since)


def _is_local(connection: socket.socket) -> bool:
    """Return whether the other end is on this machine: a loopback address, or the one that we speak from."""
    host = connection.getpeername()[0]
    return ipaddress.ip_address(host).is_loopback or host == connection.getsockname()[0]


def _local_addresses(host: str, port: int) -> list[_Address]:
    """Return the addresses of a host as far as they are on this machine; a datagram socket connects without a word."""
    found = []
    with suppress(OSError, ValueError):
        for family, _, _, _, target in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
            with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as ear:
                ear.connect(target)
                if _is_local(ear):
                    found.append(ipaddress.ip_address(ear.getpeername()[0]))
    return found


def _answering(sockets: Iterable[_Socket], address: _Address, port: int) -> list[_Socket]:
    """Return those that get the connections to an address: the most precise ones, as the kernel chooses."""
    ranks = [
        (rank, each) for each in sockets if each.port == port and (rank := _rank(each.address, address)) is not None
    ]
    best = min((rank for rank, _ in ranks), default=0)
    return [each for rank, each in ranks if rank == best]


def _rank(listening: _Address, wanted: _Address) -> int | None:
    """Return how far from the address a listening socket is, None when it does not get its connections."""
    if listening == wanted or getattr(listening, "ipv4_mapped", None) == wanted:
        return 0
    if not listening.is_unspecified or (listening.version == 4 and wanted.version == 6):
        return None
    return 1 if listening.version == wanted.version else 2


def _held_by(
    processes: Iterable[psutil.Process], sockets: list[_Socket]
) -> tuple[list[tuple[int, _Socket]], list[int]]:
    """Return the sockets that processes hold, each with a pid, and the pids that we have no right to look into."""
    held, hidden = [], []
    for process in processes:
        try:
            tokens = _tokens(process.pid)
        except PermissionError:
            hidden.append(process.pid)
        else:
            held += [(process.pid, each) for each in sockets if each.token in tokens]
    return held, hidden


def _holder(sockets: Iterable[_Socket]) -> tuple[int | None, str, str]:
    """Return pid, command and age of a process that holds one of the sockets, as far as we may know."""
    wanted = {each.token for each in sockets}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if wanted & _tokens(process.pid):
                since = datetime.fromtimestamp(process.create_time(), UTC).astimezone()
                return process.pid, " ".join(process.cmdline()), f"running since {since:%Y-%m-%d %H:%M:%S}"
    return None, "", ""


def _tokens(pid: int) -> set[int]:
    """Return what identifies the sockets of a process; nothing when it has ended, PermissionError when it is closed."""
    if not _ON_LINUX:
        return {pid}
    found, folder = set(), f"/proc/{pid}/fd"
    with suppress(FileNotFoundError, ProcessLookupError):
        for fd in os.listdir(folder):  # noqa: PTH208 - asked every 20 ms; pathlib takes five times as long
            with suppress(FileNotFoundError):
                kind, _, inode = os.readlink(f"{folder}/{fd}").partition(":[")  # noqa: PTH115 - the same
                if kind == "socket":
                    found.add(int(inode[:-1]))
    return found


def _listening(processes: Iterable[psutil.Process] = ()) -> list[_Socket]:
    """Return the listening TCP sockets of this machine, or of ``processes`` where only those may be seen."""
    if _ON_LINUX:
        try:
            return [*_from_kernel(socket.AF_INET), *_from_kernel(socket.AF_INET6)]
        except OSError:  # a kernel or a sandbox without sock_diag
            return [*_from_proc(Path("/proc/self/net/tcp")), *_from_proc(Path("/proc/self/net/tcp6"))]
    with suppress(psutil.AccessDenied):
        return [_from_psutil(each, each.pid or 0) for each in psutil.net_connections("tcp") if each.status == "LISTEN"]
    found = []
    for process in processes:
        with suppress(psutil.Error):
            mine = [each for each in process.net_connections("tcp") if each.status == "LISTEN"]
            found += [_from_psutil(each, process.pid) for each in mine]
    return found


def _from_psutil(connection: Any, pid: int) -> _Socket:
    return _Socket(ipaddress.ip_address(connection.laddr.ip), connection.laddr.port, pid)


def _from_kernel(family: int) -> list[_Socket]:
    """Return the listening sockets as sock_diag(7) tells them: 0.1 ms, where /proc/net/tcp walks a large table for 4.

    An answer is a netlink header of 16 bytes, family and states in 4, then port at 20, address at 24, inode at 84.
    """
    found: list[_Socket] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(CONNECT_S)
        request = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 0, 0, 1 << _TCP_LISTEN)
        kernel.send(struct.pack("=IHHII", 16 + len(request), _BY_FAMILY, _DUMP_REQUEST, 1, 0) + request)
        while True:
            answers, at = kernel.recv(1 << 16), 0
            while at < len(answers):
                length, kind = struct.unpack_from("=IH", answers, at)
                if kind == _ERROR:
                    raise OSError(-struct.unpack_from("=i", answers, at + 16)[0], "sock_diag")
                if kind != _BY_FAMILY:
                    return found
                (port,), (inode,) = (
                    struct.unpack_from("!H", answers, at + 20),
                    struct.unpack_from("=I", answers, at + 84),
                )
                raw = answers[at + 24 : at + (28 if family == socket.AF_INET else 40)]
                found.append(_Socket(ipaddress.ip_address(raw), port, inode))
                at += (length + 3) & ~3


def _from_proc(table: Path) -> Iterator[_Socket]:
    """Yield the listening sockets of ``/proc/net/tcp``: their state is 0A, their address in words of this machine."""
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":
                words, _, port = fields[1].partition(":")
                raw = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
                yield _Socket(ipaddress.ip_address(raw), int(port, 16), int(fields[9]))


def _text(host: object, port: int) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
