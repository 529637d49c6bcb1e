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
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tox_prodsim.scenario import LOOPBACK, FileProbe, HttpProbe, ListenProbe, LogProbe, Probe, TcpProbe

CONNECT_S = 1.0
BODY_LIMIT_BYTES = 1 << 20
LOG_BYTES_PER_POLL = 1 << 20
LINE_LIMIT_BYTES = 1 << 16
RECHECK_S = 0.02  # a worker may be about to inherit the socket, or be too young for the first look at the tree

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
            watch = log if isinstance(log, LogWatch) else LogWatch(path=log)
            found = watch.find(probe.pattern)
            return NotYet(reason=f"no line matches /{probe.pattern}/") if found is None else Ready(detail=f"log {found}")
        case FileProbe():
            path = scratch / probe.path
            return Ready(detail=f"file {probe.path}") if path.exists() else NotYet(reason=f"no file {probe.path}")


def ports_named(probes: Iterable[Probe]) -> tuple[tuple[str, int], ...]:
    """Return the hosts and ports of this machine that the probes name: they must be free before the start."""
    named: dict[tuple[str, int], None] = {}
    for probe in probes:
        match probe:
            case HttpProbe():
                named[_http_target(probe)] = None
            case TcpProbe():
                named[probe.host, probe.port] = None
            case ListenProbe(port=int(port)):
                named[LOOPBACK, port] = None
    return tuple(target for target in named if _local_address(target[0]))


def taken(host: str, port: int) -> tuple[int | None, str] | None:
    """Return pid and command (None and empty: not known) of who listens there, None when nobody does."""
    address = _local_address(host)
    listeners = _listeners(address, port) if address else ()
    if listeners:
        return _owner(listeners)[:2]
    return None if address and _sees_sockets() else (None, "") if isinstance(_connect(host, port), socket.socket) else None
