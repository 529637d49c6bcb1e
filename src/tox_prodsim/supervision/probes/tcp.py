"""Probes of TCP: does a process of ours accept a connection, does it listen, and is a port taken before the start."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable
from contextlib import closing, suppress

from tox_prodsim.model.probes import LOOPBACK, ListenProbe, TcpProbe
from tox_prodsim.supervision.probes.answers import Answer, NotReady, Ready, Refusal, Tree, WrongProcess
from tox_prodsim.supervision.probes.sockets import RECHECK_S, Address, TcpListener, find_owner, held_by, tcp_listeners

CONNECT_S = 1.0


def probe_tcp(probe: TcpProbe, tree: Tree) -> Answer:
    """Return whether a process of the tree accepts a connection."""
    try:
        with closing(connected(probe.host, probe.port, CONNECT_S)) as connection:
            owner = check_owner(connection, tree)
    except OSError as problem:
        return NotReady(reason=reason(problem), refusal=refusal(problem))
    except (UnicodeError, OverflowError) as problem:
        return NotReady(reason=f"{probe.host} is not the name of a host: {problem}")
    if isinstance(owner, WrongProcess):
        return owner
    return Ready(detail=f"tcp {_text(probe.host, probe.port)} accepted{owner}")


def probe_listen(probe: ListenProbe, tree: Tree) -> Answer:
    """Return whether a process of the tree listens on the port, or on any."""
    processes = tree()
    sockets = tcp_listeners(processes)
    held, hidden = held_by(processes, {each.token for each in sockets})
    ours = [(pid, each) for pid, token in held for each in sockets if each.token == token]
    for pid, found in sorted(ours, key=lambda each: each[1].port):
        if probe.port in {None, found.port}:
            host = found.address if not found.address.is_unspecified else {4: LOOPBACK, 6: "::1"}[found.address.version]
            detail = f"listening {_text(found.address, found.port)} (pid {pid})"
            return Ready(detail=detail, url=f"http://{_text(host, found.port)}")
    where = "a TCP port" if probe.port is None else f"port {probe.port}"
    note = f", as far as can be seen: no right to look into pid {hidden[0]}" if hidden else ""
    return NotReady(reason=f"no process of the deployment listens on {where}{note}")


def port_owner(host: str, port: int) -> tuple[int | None, str] | None:
    """Return pid and command (None and empty: not known) of who listens there; None when nobody does."""
    listening = tcp_listeners()
    for address in local_addresses(host, port):
        if found := _answering(listening, address, port):
            owner = find_owner("", {each.token for each in found})
            return owner.pid, owner.command
    return None


def connected(host: str, port: int, timeout_s: float) -> socket.socket:
    """Return a connection; raises OSError."""
    connection = socket.create_connection((host, port), timeout=timeout_s)
    if connection.getsockname() == connection.getpeername():
        # Without a listener, a port of the ephemeral range can be given to us as our own: TCP then connects to itself.
        connection.close()
        raise ConnectionRefusedError
    return connection


def reason(problem: OSError) -> str:
    """Return in words why there was no answer."""
    match problem:
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionError():
            return "the connection was closed without an answer"
        case OSError(strerror=str(text)):
            return text.lower()
    return str(problem).lower()


def refusal(problem: OSError) -> Refusal:
    """Return how a connection failed."""
    match problem:
        case ConnectionRefusedError():
            return Refusal.REFUSED
        case ConnectionError():
            return Refusal.CLOSED
    return Refusal.SILENT if isinstance(problem, TimeoutError) else Refusal.OTHER


def listening_addresses(tree: Tree) -> tuple[str, ...]:
    """Return the TCP addresses on which processes of the tree listen, such as ``127.0.0.1:8000``."""
    processes = tree()
    sockets = tcp_listeners(processes)
    held, _ = held_by(processes, {each.token for each in sockets})
    ours = {token for _, token in held}
    found = sorted((each.port, str(each.address)) for each in sockets if each.token in ours)
    return tuple(dict.fromkeys(_text(address, port) for port, address in found))


def check_owner(connection: socket.socket, tree: Tree) -> WrongProcess | str:
    """Return the process that answered if it is not of the tree, otherwise a note about the check (mostly empty)."""
    if not is_local(connection):
        return ", owner not checked: not on this machine"
    address, port = ipaddress.ip_address(connection.getpeername()[0]), connection.getpeername()[1]
    for pause_s in (0.0, RECHECK_S):
        time.sleep(pause_s)
        processes = tree()
        found = {each.token for each in _answering(tcp_listeners(processes), address, port)}
        held, hidden = held_by(processes, found)
        if held:
            return ""
    if hidden:
        return f", owner not checked: no right to look into pid {hidden[0]}"
    if not found:
        return ", owner not checked: the listening socket cannot be seen"
    return find_owner(_text(address, port), found)


def is_local(connection: socket.socket) -> bool:
    """Return whether the other end is on this machine: a loopback address, or the one that we speak from."""
    host = connection.getpeername()[0]
    return ipaddress.ip_address(host).is_loopback or host == connection.getsockname()[0]


def local_addresses(host: str, port: int) -> list[Address]:
    """Return the addresses of a host as far as they are on this machine; a datagram socket connects without a word."""
    found = []
    with suppress(OSError, ValueError):
        for family, _, _, _, target in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
            with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.connect(target)
                if is_local(sock):
                    found.append(ipaddress.ip_address(sock.getpeername()[0]))
    return found


def _answering(sockets: Iterable[TcpListener], address: Address, port: int) -> list[TcpListener]:
    """Return those that get the connections to an address: the most precise ones, as the kernel chooses."""
    ranks = [
        (rank, each) for each in sockets if each.port == port and (rank := _rank(each.address, address)) is not None
    ]
    best = min((rank for rank, _ in ranks), default=0)
    return [each for rank, each in ranks if rank == best]


def _rank(listening: Address, target: Address) -> int | None:
    """Return how far from the address a listening socket is, None when it does not get its connections."""
    if listening == target or getattr(listening, "ipv4_mapped", None) == target:
        return 0
    if not listening.is_unspecified or (listening.version == 4 and target.version == 6):
        return None
    return 1 if listening.version == target.version else 2


def _text(host: object, port: int) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
