"""Where a deployment runs, and how it is started there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.leaks import AllowLeaks
from tox_prodsim.model.probes import LOOPBACK, NotifyProbe, Probe
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner
from tox_prodsim.model.scenario import Deployment, Launch


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchContext:
    """Where a deployment runs: folders, its log, and how a command line and an environment become production's.

    ``resolve`` finds the executable of a command, and is told the key that named it. ``hook`` lets Python processes say
    where they hang and what they leave; ``ledger`` is where runs are recorded; ``own_code`` are the folders of the
    project's own code; ``own_network``: the deployment goes into a network namespace, where it is to be asked.
    """

    scratch: Path
    cwd: Path
    temporary: Path
    snapshot: Path
    log: Path
    environ: Callable[[Mapping[str, str]], dict[str, str]]
    resolve: Callable[[Sequence[str], str], list[str]]
    cancel: supervision.Cancel
    hook: supervision.Hook
    ledger: Path
    own_code: tuple[Path, ...] = ()
    containment: supervision.ContainmentKind = "auto"
    allow_leaks: AllowLeaks = field(default_factory=AllowLeaks)
    own_network: bool = False

    @contextmanager
    def hook_installed(self) -> Iterator[None]:
        """Have the hook in the environment, for the time in which nothing is timed."""
        try:
            self.hook.install()
            yield
        finally:
            self.hook.remove()

    def look(self, process: supervision.Process) -> tuple[str, ...]:
        """Return in lines what it is doing now, where it hangs first; nothing of it is ended for that.

        A cancel cuts the look short.
        """
        found = supervision.diagnose(
            process.tree(), hook=self.hook, output=self.log, give_up=lambda: self.cancel.is_set
        )
        return tuple(supervision.summary(found, self.own_code))

    def runner(self, values: Mapping[str, str]) -> Runner:
        """Return what runs a short command as the deployment is run, its placeholders filled with ``values``."""

        def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
            env = {**self.environ(values), **variables}
            found = self.resolve(argv, "ready")
            done = supervision.run(
                found,
                cwd=self.cwd,
                env=env,
                timeout_s=timeout_s,
                cancel=self.cancel,
                ledger=self.ledger,
                containment=self.containment,
            )
            return supervision.outcome(done)

        return run


def environ(launch: Launch, place: LaunchContext) -> dict[str, str]:
    """Return the variables of one start: production's, and the port that is its own."""
    own = {"PORT": str(launch.port)} if launch.port is not None else {}
    return {**place.environ(launch.values), **own}


class Start:
    """One start of a deployment: its ``process``, and ``notify``, which hears what it says (None: it need not speak).

    Both outputs go to the end of the place's log. Raises Cancelled and OSError; whoever makes one closes it.
    """

    def __init__(self, deployment: Deployment, launch: Launch, place: LaunchContext, env: Mapping[str, str]) -> None:
        self.notify = _notify_socket(deployment, launch, place)
        told = self.notify.variables if self.notify is not None else {}
        with ExitStack() as undone:
            undone.callback(self._hang_up)
            self.process = _started(launch, place, {**env, **told})
            undone.callback(self.process.close)
            if self.notify is not None:
                self.notify.start_reader(self.process.tree)
            undone.pop_all()

    def close(self) -> None:
        """Kill at once whatever is left of it; idempotent."""
        self.process.close()
        self._hang_up()

    def _hang_up(self) -> None:
        if self.notify is not None:
            self.notify.close()


def _notify_socket(deployment: Deployment, launch: Launch, place: LaunchContext) -> supervision.NotifySocket | None:
    interval_s = deployment.watchdog_timeout_s
    if interval_s is None and not any(isinstance(probe, NotifyProbe) for probe in launch.probes):
        return None
    return supervision.NotifySocket(place.log.parent, watchdog_s=interval_s, clock=supervision.clock.now)


def _started(launch: Launch, place: LaunchContext, env: Mapping[str, str]) -> supervision.Process:
    place.log.unlink(missing_ok=True)
    with place.log.open("ab", buffering=0) as log:
        return supervision.start(
            place.resolve(launch.argv, "deploy"),
            cwd=place.cwd,
            env=env,
            stdout=log.fileno(),
            stderr=log.fileno(),
            cancel=place.cancel,
            containment=place.containment,
            remove_if_lost=(place.hook.pth,),
            ledger=place.ledger,
        )


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def taken(wanted: Sequence[Probe], scratch: Path) -> Iterator[Finding]:
    """Yield a finding for each port and Unix socket of the probes on which something listens before the start."""
    for host, port in supervision.probe_ports(wanted):
        owner = supervision.port_owner(host, port)
        if owner is not None:
            yield findings.port_taken(f"{host}:{port}", *owner)
    for path in supervision.probe_sockets(wanted, scratch):
        owner = supervision.socket_owner(path)
        if owner is not None:
            yield findings.socket_taken(str(path), *owner)
