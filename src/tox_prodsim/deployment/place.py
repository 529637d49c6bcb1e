"""Where a deployment runs, and how it is started there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim import endings, supervision
from tox_prodsim.findings import Finding
from tox_prodsim.readiness import LOOPBACK, Probe
from tox_prodsim.scenario import Launch


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a deployment runs: folders, its log, and how a command line and an environment become production's."""

    scratch: Path
    cwd: Path
    snapshot: Path
    log: Path
    environ: Callable[[Mapping[str, str]], dict[str, str]]
    resolve: Callable[[Sequence[str]], list[str]]
    cancel: supervision.Cancel


def start(launch: Launch, place: Place) -> supervision.Process:
    """Start the command of a launch under supervision, with both outputs appended to the log file."""
    extra = {"PORT": str(launch.port)} if launch.port is not None else {}
    place.log.unlink(missing_ok=True)
    with place.log.open("ab", buffering=0) as log:
        return supervision.start(
            place.resolve(launch.argv),
            cwd=place.cwd,
            env={**place.environ(launch.values), **extra},
            stdout=log.fileno(),
            stderr=log.fileno(),
            cancel=place.cancel,
        )


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def taken_ports(wanted: Sequence[Probe]) -> Iterator[Finding]:
    """Yield a finding for each port of the probes on which something listens before the start."""
    for host, port in supervision.ports_named(wanted):
        owner = supervision.taken(host, port)
        if owner is not None:
            yield endings.port_taken(f"{host}:{port}", *owner)
