"""Where a deployment runs, and how it is started there."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.deployment.start_watch import UNWATCHED, StartWatch
from tox_prodsim.model import files
from tox_prodsim.model.activity import Announce, unannounced
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.leaks import AllowLeaks
from tox_prodsim.model.probes import LOOPBACK, NotifyProbe, Probe
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner
from tox_prodsim.model.scenario import Deployment, Launch

_LONGEST_POLL_S = 1.0
TIMED_POLL_S = 0.01
"""Of a start that counts, for as long as that is more often than once in a hundredth of the time so far."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchContext:
    """Where a deployment runs: folders, its log, and how a command line and an environment become production's."""

    scratch: Path
    """Working folder, which the deployment may fill."""
    cwd: Path
    """Folder in which the command is started; mostly the scratch folder."""
    temporary: Path
    """TMPDIR of the deployment alone."""
    scratch_copy: Path
    """Copy of the scratch folder as it was before the first start; it need not exist."""
    log: Path
    """File of both outputs."""
    environ: Callable[[Mapping[str, str]], dict[str, str]]
    """Returns production's variables; the argument has the values of the placeholders."""
    resolve: Callable[[Sequence[str], str], list[str]]
    """Finds the executable of a command; the second argument is the key that names the command."""
    cancel: supervision.Cancel
    """Ends every wait when the user stops the run."""
    hook: supervision.Hook
    """Lets Python processes report where they hang and what they leave."""
    ledger: Path
    """Folder in which runs are recorded."""
    own_code: tuple[Path, ...] = ()
    """Folders and modules of the project's own code."""
    containment: supervision.ContainmentKind = "auto"
    """How the processes are held together."""
    allow_leaks: AllowLeaks = field(default_factory=AllowLeaks)
    """Leaks that the user accepts."""
    expressions: supervision.Expressions = field(default_factory=supervision.Expressions)
    """Searches for those of the user."""
    own_network: bool = False
    """Whether the deployment has a network namespace of its own, in which the probes must ask."""
    as_pid1: bool = False
    """Whether the main process is PID 1 of a pid namespace, as in a container."""
    announce: Announce = unannounced
    """Shows what goes on."""
    service: str = ""
    """The name of the service that runs there, beside others in the same scratch folder; empty: it is alone."""
    others: Callable[[], Mapping[str, str]] = dict
    """Returns what the placeholders of the other services stand for, such as ``db_port``, as far as it is known."""
    other_ports: Callable[[], Mapping[int, supervision.Tree]] = dict
    """Returns what returns the processes of another service, by the port on which that one listens."""
    starts: StartWatch = UNWATCHED
    """Is told of the starts, some of which count as samples of the start-up."""

    @property
    def longest_poll_s(self) -> float:
        """Return the longest pause between two questions of a probe: a start that counts is asked more often."""
        return _LONGEST_POLL_S if self.starts is UNWATCHED else TIMED_POLL_S

    weights: dict[str, list[supervision.TreeWeight]] = field(default_factory=dict)
    """What each service had once it was ready, at each start, by its name."""

    def weigh(self, process: supervision.Process) -> None:
        """Keep what a service has that has just become ready, as soon as that does not change any more."""
        if (weight := supervision.settled_weight(process.tree)) is not None:
            self.weights.setdefault(self.service, []).append(weight)

    def named_log(self, name: str) -> Path:
        """Return the file of another log beside the log: ``restart.log``, or ``restart-db.log`` for a service."""
        return self.log.with_name(self.log.name.replace("deploy", name, 1))

    @contextmanager
    def hook_installed(self) -> Iterator[None]:
        """Have the hook in the environment, for the time in which nothing is timed."""
        try:
            self.hook.install()
            yield
        finally:
            self.hook.remove()

    def diagnose(self, process: supervision.Process, *, may_serve: bool = False) -> tuple[str, ...]:
        """Return in lines what the process is doing now, where it hangs first; nothing is ended for that.

        ``may_serve`` says that it does not hang when it waits for requests. A cancel cuts the diagnosis short.
        """
        diagnosis = supervision.diagnose(
            process.tree(), hook=self.hook, output=self.log, give_up=lambda: self.cancel.is_set
        )
        return tuple(supervision.summary(diagnosis, self.own_code, may_serve=may_serve))

    def runner(self, values: Mapping[str, str]) -> Runner:
        """Return what runs a short command as the deployment is run, its placeholders filled with ``values``."""

        def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
            completed = supervision.run(
                self.resolve(argv, "ready"),
                cwd=self.cwd,
                env={**self.environ(values), **variables},
                timeout_s=timeout_s,
                cancel=self.cancel,
                ledger=self.ledger,
                containment=self.containment,
            )
            return supervision.outcome(completed)

        return run


def launch_for(deployment: Deployment, context: LaunchContext, port: int | None = None) -> Launch:
    """Return the command line and the probes of one start; a port that they name is this one, or one free now."""
    port = (port or free_ports(1)[0]) if deployment.uses_port else None
    return deployment.launch(port=port, scratch=context.scratch, others=context.others())


def start_variables(launch: Launch, context: LaunchContext) -> dict[str, str]:
    """Return the variables of one start: production's, and the port where the probes look for it, or a free one."""
    variables = context.environ(launch.values)
    if launch.port is not None:
        return {**variables, "PORT": str(launch.port)}
    return {"PORT": str(urlsplit(launch.url).port or free_ports(1)[0]), **variables}


class Start:
    """One start of a deployment: its ``process``, and its ``notify`` socket (None: nothing waits for its messages).

    Both outputs go to the end of the log. Raises Cancelled and OSError; whoever makes one closes it.
    """

    def __init__(self, deployment: Deployment, launch: Launch, context: LaunchContext, env: Mapping[str, str]) -> None:
        self.notify = _notify_socket(deployment, launch, context)
        notify_variables = self.notify.variables if self.notify is not None else {}
        with ExitStack() as on_error:
            on_error.callback(self._close_notify)
            self.process = _start_process(launch, context, {**env, **notify_variables})
            on_error.callback(self.process.close)
            if self.notify is not None:
                self.notify.start_reader(self.process.tree)
            on_error.pop_all()

    def close(self) -> None:
        """Kill at once whatever is left of it; idempotent."""
        self.process.close()
        self._close_notify()

    def _close_notify(self) -> None:
        if self.notify is not None:
            self.notify.close()


def _notify_socket(deployment: Deployment, launch: Launch, context: LaunchContext) -> supervision.NotifySocket | None:
    interval_s = deployment.watchdog_timeout_s
    if interval_s is None and not any(isinstance(probe, NotifyProbe) for probe in launch.probes):
        return None
    return supervision.NotifySocket(context.log.parent, watchdog_s=interval_s, clock=supervision.clock.now)


def _start_process(launch: Launch, context: LaunchContext, env: Mapping[str, str]) -> supervision.Process:
    with files.create(context.log) as log:
        return supervision.start(
            context.resolve(launch.argv, "deploy"),
            cwd=context.cwd,
            env=env,
            stdout=log.fileno(),
            stderr=log.fileno(),
            cancel=context.cancel,
            containment=context.containment,
            remove_if_lost=(context.hook.pth,),
            ledger=context.ledger,
            as_pid1=context.as_pid1,
        )


def free_ports(count: int) -> list[int]:
    """Return so many TCP ports of the loopback address that nobody listens on at this moment, no two the same."""
    with ExitStack() as bound:
        probes = [bound.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [probe.getsockname()[1] for probe in probes]


def taken_addresses(probes: Sequence[Probe], context: LaunchContext) -> Iterator[Finding]:
    """Yield a finding for each port and Unix socket of the probes on which something listens before the start.

    Another service may listen on a port of its own: its probes are what is asked there.
    """
    ports_of_others = context.other_ports()
    for host, port in supervision.probe_ports(probes):
        owner = supervision.port_owner(host, port) if port not in ports_of_others else None
        if owner is not None:
            yield findings.port_taken(f"{host}:{port}", *owner)
    for path in supervision.probe_sockets(probes, context.scratch):
        owner = supervision.socket_owner(path)
        if owner is not None:
            yield findings.socket_taken(str(path), *owner)
