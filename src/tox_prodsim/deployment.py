"""One deployment on stage: start, ready, stop, and what its end and its output say.

A service stands up in ``up`` and is taken down in ``down``; a job runs to its end in ``up``. Whoever makes a Stage
closes it: ``close`` ends whatever is left, whenever it is called.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from tox_prodsim import endings, measure, output, supervision
from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.events import Event, Found, Happened, Outcome, Step, StepFinished, StepStarted, Told
from tox_prodsim.findings import Finding, Level
from tox_prodsim.scenario import LOOPBACK, Deployment, Launch, ListenProbe, Probe

CODES = frozenset(code for code in CATALOGUE if code.startswith("RUN")) - {"RUN605"}
"""What playing a deployment checks."""
NEAR = 0.8
"""From this share of a limit on, the next slow machine is a failure: RUN630."""
_SLOW_EVERY_S = 10.0
_TAIL_LINES = 12
_TIMED_POLL_S = 0.01
_DRAIN_S = 10.0
"""Longer than the guard needs for its leak grace, its SIGTERM and its SIGKILL to what a main process left."""


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


class Stage:
    """Play one deployment, once; ``went_up`` says whether the commands may run, ``url`` where it can be asked."""

    def __init__(self, deployment: Deployment, place: Place) -> None:
        self._deployment = deployment
        self._place = place
        self._launch = deployment.launch(port=free_port() if deployment.uses_port else None, scratch=place.scratch)
        self._process: supervision.Process | None = None
        self._began = time.monotonic()
        self._failed = False
        self._told = False
        self.went_up = False
        self.start_s: float | None = None
        self.url = self._launch.url

    @property
    def variables(self) -> dict[str, str]:
        """Return what smoke commands are told in their environment: PRODSIM_URL, _PORT, _PID and _SCRATCH."""
        told = {f"PRODSIM_{name.upper()}": value for name, value in self.values.items()}
        return told | ({"PRODSIM_PID": str(self._process.pid)} if self._process is not None else {})

    @property
    def values(self) -> Mapping[str, str]:
        """Return what the placeholders in commands and ``set_env`` stand for."""
        port = _port_of(self.url) if self._launch.port is None else self._launch.port
        found = {"url": self.url, "port": "" if port is None else str(port)}
        return {**self._launch.values, **{name: value for name, value in found.items() if value}}

    def up(self) -> Iterator[Event]:
        """Start it; a service until it is ready, a job until it ended."""
        self._began = time.monotonic()
        kind = "service" if self._deployment.is_service else "job"
        yield StepStarted(step=Step.DEPLOY, detail=f"{shlex.join(self._launch.argv)} ({kind})")
        blocked = next(taken_ports(self._launch.probes), None)
        if blocked is not None:
            yield from self._fail(blocked)
            return
        yield from self._spawn()
        if self._process is None:
            return
        yield from (self._until_ready() if self._deployment.is_service else self._until_done())

    def _spawn(self) -> Iterator[Event]:
        process = start(self._launch, self._place)
        ending = process.poll()
        if ending is not None and ending.cause is supervision.Cause.NOT_STARTED:
            yield from self._fail(endings.could_not_start(self._name, ending.error))
            return
        self._process = process
        self._began = process.spawned_at
        yield self._happened("spawn", f"pid {process.pid}")

    def _until_ready(self) -> Iterator[Event]:
        limit_s = self._deployment.ready_timeout_s
        watch = _Watch(self._running, self._launch, self._place, limit_s)
        for probe, ready in watch.answers():
            if isinstance(probe, ListenProbe) and not self.url:
                self.url = ready.url
            yield self._happened("ready" if not watch.pending else "answers", ready.detail, limit_s)
        if watch.trouble is not None:
            yield from self._fail(watch.trouble)
            return
        self.went_up = True
        self.start_s = self._elapsed()
        yield from self._near("ready_timeout", self.start_s, limit_s)
        if supervision.is_unhandled(self._running.pid, self._deployment.stop.signal):
            yield Found(finding=endings.no_handler(self._name, self._deployment.stop.signal.name))

    def _until_done(self) -> Iterator[Event]:
        limit_s = self._deployment.run_timeout_s
        ending = None
        while ending is None and self._elapsed() < limit_s:
            ending = self._running.wait(min(_SLOW_EVERY_S, limit_s - self._elapsed()))
            if ending is None and self._elapsed() < limit_s:
                yield self._happened("SLOW", f"still running ({self._elapsed():.0f} s of {limit_s:g} s)", limit_s)
        if ending is None:
            yield from self._fail(endings.job_timed_out(self._name, limit_s), cause=supervision.Cause.TIMED_OUT)
            return
        yield self._happened("ended", endings.how(ending), limit_s)
        self.start_s = ending.duration_s
        yield from self._near("run_timeout", ending.duration_s, limit_s)
        yield from self._judge_end(ending)
        self.went_up = not self._failed

    def down(self, *, commands_ran: bool) -> Iterator[Event]:
        """Stop a service that is up, judge how it ended and what it printed, and finish the step."""
        if self._process is not None and self._deployment.is_service and self.went_up:
            yield from self._take_down(self._process)
        if self._process is not None:
            yield from self._judge_output()
        if self._failed:
            yield from self._last_lines()
        elif not (self._deployment.proves_something or commands_ran):
            yield Found(finding=endings.proved_nothing(self._name))
        self.close()
        yield StepFinished(
            step=Step.DEPLOY,
            outcome=Outcome.FAILED if self._failed else Outcome.OK,
            detail="" if self._failed else self._evidence(),
            duration_s=time.monotonic() - self._began,
        )

    def _take_down(self, process: supervision.Process) -> Iterator[Event]:
        stop = self._deployment.stop
        if process.main_exited():
            ending = _ended(process)
            self._failed = True
            yield self._happened("died", endings.how(ending))
            yield Found(finding=endings.died(self._name, ending))
            yield from (Found(finding=each) for each in endings.left_behind(self._name, ending))
            return
        count = len(process.tree())
        yield self._happened(stop.signal.name, f"to {count} process{'es' if count != 1 else ''}")
        asked = time.monotonic()
        ending = process.stop(stop.signal, stop.grace_s)
        took_s = time.monotonic() - asked
        yield self._happened("stopped", endings.how(ending), stop.grace_s, took_s)
        if ending.forced:
            self._failed = True
            yield Found(finding=endings.killed(self._name, stop.signal.name, stop.grace_s))
            return
        yield from self._near("stop_timeout", took_s, stop.grace_s)
        yield from self._judge_end(ending)

    def _judge_end(self, ending: supervision.Ending) -> Iterator[Event]:
        for finding in endings.judged_end(self._name, ending, self._deployment.exit_codes):
            self._failed |= finding.level is Level.ERROR
            yield Found(finding=finding)

    def _judge_output(self) -> Iterator[Event]:
        for finding in output.judge(self._place.log, self._deployment, ended_well=not self._failed):
            self._failed |= finding.level is Level.ERROR
            yield Found(finding=finding)

    def _fail(self, finding: Finding, *, cause: supervision.Cause = supervision.Cause.STOPPED) -> Iterator[Event]:
        """Report the failure, then end what was started: evidence first, clean-up after it."""
        self._failed = True
        self.went_up = False
        if cause is supervision.Cause.TIMED_OUT or finding.code == "RUN603":
            yield self._happened("TIMEOUT", finding.message)
            lines = tuple(supervision.tree(self._running.tree()))
            yield Told(step=Step.DEPLOY, title="processes at that moment", lines=lines)
        yield Found(finding=finding)
        yield from self._last_lines()
        if self._process is not None:
            stop = self._deployment.stop
            ending = self._process.stop(stop.signal, stop.grace_s, cause=cause)
            if ending.signals:
                yield self._happened("stopped", f"{endings.how(ending)} ({endings.signals(ending)})")
            else:
                yield self._happened("ended", endings.how(ending))
            if ending.forced:
                yield Found(finding=endings.killed(self._name, stop.signal.name, stop.grace_s))
            yield from (Found(finding=each) for each in endings.left_behind(self._name, ending))

    def _last_lines(self) -> Iterator[Event]:
        """Show how the log ends, once: at the moment of the failure, not after the messages of a stop."""
        lines = tuple(output.tail(self._place.log, _TAIL_LINES))
        if lines and not self._told:
            self._told = True
            yield Told(step=Step.DEPLOY, title=f"end of {self._place.log.name}", lines=lines)

    def _near(self, key: str, took_s: float, limit_s: float) -> Iterator[Event]:
        if took_s >= NEAR * limit_s:
            yield Found(finding=endings.near_limit(self._name, key, took_s, limit_s))

    def _evidence(self) -> str:
        if self._deployment.is_service:
            return "started, was ready, was stopped, left nothing running"
        seen = f", {len(self._deployment.expect_output)} expected lines seen" if self._deployment.expect_output else ""
        return f"ended with an allowed exit code{seen}, left nothing running"

    @property
    def _name(self) -> str:
        return Path(self._launch.argv[0]).name

    @property
    def _running(self) -> supervision.Process:
        if self._process is None:
            msg = "the deployment was not started"
            raise RuntimeError(msg)
        return self._process

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _happened(self, what: str, detail: str, limit_s: float | None = None, used_s: float | None = None) -> Happened:
        at_s = self._elapsed()
        return Happened(step=Step.DEPLOY, at_s=at_s, what=what, detail=detail, limit_s=limit_s, used_s=used_s)

    def close(self) -> None:
        """End whatever is left of it; may be called at any time, and again."""
        if self._process is not None:
            stop = self._deployment.stop
            self._process.stop(stop.signal, min(stop.grace_s, supervision.CANCEL_GRACE_S))
            self._process.close()


class _Watch:
    """Ask the probes until all are satisfied; ``trouble`` says why that did not happen."""

    def __init__(
        self, process: supervision.Process, launch: Launch, place: Place, limit_s: float, longest_poll_s: float = 1.0
    ) -> None:
        self._process, self._place = process, place
        self._name = Path(launch.argv[0]).name
        self._limit_s, self._longest_poll_s = limit_s, longest_poll_s
        self._log = supervision.LogWatch(place.log)
        self.pending: list[Probe] = list(launch.probes)
        self.trouble: Finding | None = None

    def answers(self) -> Iterator[tuple[Probe, supervision.Ready]]:
        """Yield each probe with its answer as it is satisfied, until all are, or until ``trouble`` is set."""
        reason = "never asked"
        for pause_s in supervision.polls():
            if self._process.main_exited():
                self.trouble = endings.exited_early(self._name, _ended(self._process), reason)
                return
            for probe in tuple(self.pending):
                match supervision.ask(probe, tree=self._process.tree, log=self._log, scratch=self._place.scratch):
                    case supervision.Ready() as ready:
                        self.pending.remove(probe)
                        yield probe, ready
                    case supervision.Foreign() as foreign:
                        self.trouble = endings.foreign(self._name, foreign)
                        return
                    case supervision.NotYet() as not_yet:
                        reason = not_yet.reason
            if not self.pending:
                return
            left_s = self._limit_s - (time.monotonic() - self._process.spawned_at)
            if left_s <= 0:
                self.trouble = endings.not_ready(self._name, self._limit_s, reason)
                return
            self._process.wait(min(pause_s, left_s, self._longest_poll_s))


def _ended(process: supervision.Process) -> supervision.Ending:
    """Return how a process ended whose main process is gone; what that one left behind is being ended meanwhile."""
    return process.wait(_DRAIN_S) or process.stop(supervision.KILL, 0)


def keep_snapshot(place: Place) -> None:
    """Copy the scratch folder as it is before the first start, so that later, timed starts find the same.

    What cannot be copied (a socket, a full disk) leaves no snapshot, and ``timed_start`` says so.
    """
    try:
        shutil.copytree(place.scratch, place.snapshot, symlinks=True)
    except OSError:
        shutil.rmtree(place.snapshot, ignore_errors=True)


def timed_start(deployment: Deployment, place: Place) -> float:
    """Start a deployment once more, in a copy of the scratch folder as it was, and return its effective seconds.

    A service is timed from the spawn until it is ready, a job until its end; both are then gone. Raises RuntimeError
    with one sentence when it does not come that far, and Cancelled.
    """
    if place.cwd != place.scratch:
        msg = "change_dir is not the scratch folder, so that a second start would meet what the first one left"
        raise RuntimeError(msg)
    if not place.snapshot.is_dir():
        msg = "the scratch folder could not be copied for a second start"
        raise RuntimeError(msg)
    spare = place.snapshot.with_name("scratch-timed")
    shutil.rmtree(spare, ignore_errors=True)
    shutil.copytree(place.snapshot, spare, symlinks=True)
    place = replace(place, scratch=spare, cwd=spare, log=place.log.with_name("startup.log"))
    launch = deployment.launch(port=free_port() if deployment.uses_port else None, scratch=spare)
    process = start(launch, place)
    try:
        return (
            _timed_ready(process, deployment, launch, place)
            if deployment.is_service
            else _timed_end(process, deployment)
        )
    finally:
        process.stop(deployment.stop.signal, deployment.stop.grace_s)
        process.close()


def _timed_ready(process: supervision.Process, deployment: Deployment, launch: Launch, place: Place) -> float:
    watch = _Watch(process, launch, place, deployment.ready_timeout_s, longest_poll_s=_TIMED_POLL_S)
    for _ in watch.answers():
        if not watch.pending:
            return measure.effective_since(process.pid, process.spawned_at) or time.monotonic() - process.spawned_at
    raise RuntimeError(watch.trouble.message if watch.trouble is not None else "it has no probe")


def _timed_end(process: supervision.Process, deployment: Deployment) -> float:
    ending = process.wait(deployment.run_timeout_s)
    if ending is None or ending.returncode not in deployment.exit_codes:
        raise RuntimeError("it did not end in time" if ending is None else f"it ended with {endings.how(ending)}")
    return ending.effective_s


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


def _port_of(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


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
