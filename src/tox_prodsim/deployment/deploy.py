"""One deployment on stage: start, ready, stop, and what its end and its output say.

A service stands up in ``up`` and is taken down in ``down``; a job runs to its end in ``up``. Whoever makes a Stage
closes it: ``close`` ends whatever is left, whenever it is called.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, output
from tox_prodsim.deployment.monitored import MonitoredStart
from tox_prodsim.deployment.place import LaunchContext, free_port, taken
from tox_prodsim.deployment.readiness import ReadinessWait, ended
from tox_prodsim.model.events import Event, Evidence, Found, Outcome, Progress, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import plural
from tox_prodsim.model.probes import ListenProbe
from tox_prodsim.model.scenario import Deployment

_CODES = frozenset(f"RUN{number}" for number in (*range(601, 605), *range(606, 619), *range(620, 628), 630, 631))
"""What playing a deployment checks; RUN605 is about tox's commands."""
NEAR = 0.8
"""From this share of a limit on, the next slow machine is a failure: RUN630."""
_TIMEOUTS = {"RUN603", "RUN610", "RUN615", "RUN616", "RUN617"}
_SLOW_EVERY_S = 10.0
_TAIL_LINES = 12
_DIGITS = re.compile(r"\d+")
"""What differs between two looks at the same hang: pids, CPU shares, sizes."""


def checks(deployment: Deployment) -> frozenset[str]:
    """Return the codes of what playing the deployment checks: a limit that is not set is none of them."""
    limits = {
        "RUN615": deployment.idle_timeout_s,
        "RUN616": deployment.watchdog_timeout_s,
        "RUN617": deployment.output_limit_bytes,
    }
    return _CODES - {code for code, limit in limits.items() if limit is None}


class DeploymentRun:
    """Play one deployment, once; ``went_up`` says whether the commands may run, ``url`` where it can be asked."""

    def __init__(self, deployment: Deployment, place: LaunchContext) -> None:
        self._deployment = deployment
        self._place = place
        self._launch = deployment.launch(port=free_port() if deployment.uses_port else None, scratch=place.scratch)
        self._observed: MonitoredStart | None = None
        self._began = supervision.clock.now()
        self._failed = False
        self._told = False
        self._seen: tuple[str, ...] = ()
        self.went_up = False
        self.start_s: float | None = None
        self.url = self._launch.url

    @property
    def variables(self) -> dict[str, str]:
        """Return what smoke commands are told in their environment: PRODSIM_URL, _PORT, _PID and _SCRATCH."""
        told = {f"PRODSIM_{name.upper()}": value for name, value in self.values.items()}
        return told | ({"PRODSIM_PID": str(self._observed.process.pid)} if self._observed is not None else {})

    @property
    def values(self) -> Mapping[str, str]:
        """Return what the placeholders in commands and ``set_env`` stand for."""
        port = _port_of(self.url) if self._launch.port is None else self._launch.port
        found = {"url": self.url, "port": "" if port is None else str(port)}
        return {**self._launch.values, **{name: value for name, value in found.items() if value}}

    def up(self) -> Iterator[Event]:
        """Start it; a service until it is ready, a job until it ended."""
        self._began = supervision.clock.now()
        kind = "service" if self._deployment.is_service else "job"
        yield StepStarted(step=Step.DEPLOY, detail=f"{shlex.join(self._launch.argv)} ({kind})")
        blocked = next(taken(self._launch.probes, self._place.scratch), None)
        if blocked is not None:
            yield from self._fail(blocked)
            return
        yield from self._spawn()
        if self._observed is not None:
            yield from (self._until_ready if self._deployment.is_service else self._until_done)(self._observed)

    def _spawn(self) -> Iterator[Event]:
        observed = MonitoredStart(self._deployment, self._launch, self._place)
        ending = observed.process.poll()
        if ending is not None and ending.cause is supervision.Cause.NOT_STARTED:
            observed.close()
            yield from self._fail(findings.could_not_start(self._name, ending.error))
            return
        self._observed = observed
        self._began = observed.process.spawned_at
        yield self._happened("spawn", f"pid {observed.process.pid}")

    def _until_ready(self, observed: MonitoredStart) -> Iterator[Event]:
        limit_s = self._deployment.ready_timeout_s
        watch = ReadinessWait(observed.process, self._launch, self._place, limit_s, notify=observed.notify)
        for probe, ready in watch.answers():
            if isinstance(probe, ListenProbe) and not self.url:
                self.url = ready.url
            yield self._happened("ready" if not watch.pending else "answers", ready.detail, limit_s)
        if watch.trouble is not None:
            yield from self._fail(observed.broken() or watch.trouble)
            return
        self.went_up = True
        observed.sentinel.up_since = supervision.clock.now()
        self.start_s = self._elapsed()
        yield from self._near("ready_timeout", self.start_s, limit_s)
        if supervision.is_unhandled(observed.process.pid, self._deployment.stop.signal):
            yield Found(finding=findings.no_handler(self._name, self._deployment.stop.signal.name))

    def _until_done(self, observed: MonitoredStart) -> Iterator[Event]:
        limit_s = self._deployment.run_timeout_s
        ending = None
        while ending is None and self._elapsed() < limit_s:
            ending = observed.process.wait(min(_SLOW_EVERY_S, limit_s - self._elapsed()))
            if ending is None and self._elapsed() < limit_s:
                yield self._happened("SLOW", f"still running ({self._elapsed():.0f} s of {limit_s:g} s)", limit_s)
        is_over = ending is not None or observed.sentinel.finding is not None
        if is_over and (broken := observed.broken()) is not None:
            yield from self._fail(broken)
            return
        if ending is None:
            yield from self._fail(
                findings.job_timed_out(self._name, limit_s, observed.sentinel.silent_s),
                cause=supervision.Cause.TIMED_OUT,
            )
            return
        yield self._happened("ended", findings.how(ending), limit_s)
        self.start_s = ending.duration_s
        yield from self._near("run_timeout", ending.duration_s, limit_s)
        yield from self._judge(findings.judged_end(self._name, ending, self._deployment.exit_codes))
        yield from self._judge(observed.left(ending))
        self.went_up = not self._failed

    def down(self, *, commands_ran: bool) -> Iterator[Event]:
        """Stop a service that is up, judge how it ended and what it printed, and finish the step."""
        if self._observed is not None:
            if self._deployment.is_service and self.went_up:
                yield from self._take_down(self._observed)
            yield from self._judge(output.judge(self._place.log, self._deployment, ended_well=not self._failed))
        if self._failed:
            yield from self._last_lines()
        elif not (self._deployment.proves_something or commands_ran):
            yield Found(finding=findings.proved_nothing(self._name))
        self.close()
        yield StepFinished(
            step=Step.DEPLOY,
            outcome=Outcome.FAILED if self._failed else Outcome.OK,
            detail="" if self._failed else self._evidence(),
            not_checked=self._observed.not_observable if self._observed is not None else (),
            duration_s=supervision.clock.now() - self._began,
        )

    def _take_down(self, observed: MonitoredStart) -> Iterator[Event]:
        if (broken := observed.broken()) is not None:
            yield from self._fail(broken)
            return
        if observed.process.main_exited():
            ending = ended(observed.process)
            self._failed = True
            yield self._happened("died", findings.how(ending))
            yield Found(finding=findings.died(self._name, ending))
        else:
            ending = yield from self._stopped(observed)
        yield from self._judge(findings.unkillable(self._name, ending))
        yield from self._judge(observed.left(ending))

    def _stopped(self, observed: MonitoredStart) -> Generator[Event, None, supervision.Ending]:
        """Stop it, tell how that went, and judge it; returns how it ended."""
        stop, count = self._deployment.stop, len(observed.process.tree())
        yield self._happened(stop.signal.name, f"to {count} {plural('process', count)}")
        asked = supervision.clock.now()
        ending = observed.stop()
        took_s = supervision.clock.now() - asked
        yield self._happened("stopped", findings.how(ending), stop.grace_s, took_s)
        if ending.forced:
            yield from self._forced(observed)
        else:
            yield from self._near("stop_timeout", took_s, stop.grace_s)
            yield from self._judge(findings.judged_end(self._name, ending, self._deployment.exit_codes))
        return ending

    def _forced(self, observed: MonitoredStart) -> Iterator[Event]:
        """Tell why it had to be killed."""
        stop = self._deployment.stop
        if observed.why_not:
            same = _DIGITS.sub("", "\n".join(observed.why_not)) == _DIGITS.sub("", "\n".join(self._seen))
            lines = ("the same as above",) if same else observed.why_not
            yield Evidence(step=Step.DEPLOY, title="why it did not stop", lines=lines)
        yield from self._judge([findings.killed(self._name, stop.signal.name, stop.grace_s)])

    def _judge(self, findings: Iterable[Finding]) -> Iterator[Event]:
        for finding in findings:
            self._failed |= finding.level is Level.ERROR
            yield Found(finding=finding)

    def _fail(self, finding: Finding, *, cause: supervision.Cause = supervision.Cause.STOPPED) -> Iterator[Event]:
        """Report the failure, then end what was started: evidence first, clean-up after it."""
        self._failed = True
        self.went_up = False
        if self._observed is not None and finding.code in _TIMEOUTS:
            yield from self._timed_out(finding, self._observed)
        yield Found(finding=finding)
        yield from self._last_lines()
        if self._observed is not None:
            yield from self._clear_away(self._observed, cause)

    def _timed_out(self, finding: Finding, observed: MonitoredStart) -> Iterator[Event]:
        """Tell where it hangs; what a sentinel saw was seen in time."""
        broken = observed.sentinel if observed.sentinel.finding is finding else None
        at_s = broken.broken_at - self._began if broken else self._elapsed()
        yield Progress(step=Step.DEPLOY, at_s=at_s, name="TIMEOUT", detail=finding.message)
        self._seen = broken.seen if broken else observed.look()
        if self._seen:
            yield Evidence(step=Step.DEPLOY, title="what it was doing", lines=self._seen)

    def _clear_away(self, observed: MonitoredStart, cause: supervision.Cause) -> Iterator[Event]:
        """Stop what has failed, and tell how that went."""
        ending = observed.stop(cause=cause)
        sent = f" ({findings.signals(ending)})" if ending.signals else ""
        yield self._happened("stopped" if sent else "ended", f"{findings.how(ending)}{sent}")
        if ending.forced:
            yield from self._forced(observed)
        yield from self._judge(findings.unkillable(self._name, ending))
        yield from self._judge(observed.left(ending))

    def _last_lines(self) -> Iterator[Event]:
        """Show how the log ends, once: at the moment of the failure, not after the messages of a stop."""
        lines = tuple(output.tail(self._place.log, _TAIL_LINES))
        if lines and not self._told:
            self._told = True
            yield Evidence(step=Step.DEPLOY, title=f"end of {self._place.log.name}", lines=lines)

    def _near(self, key: str, took_s: float, limit_s: float) -> Iterator[Event]:
        if took_s >= NEAR * limit_s:
            yield Found(finding=findings.near_limit(self._name, key, took_s, limit_s))

    def _evidence(self) -> str:
        if self._deployment.is_service:
            return "started, was ready, was stopped, left nothing running"
        seen = f", {len(self._deployment.expect_output)} expected lines seen" if self._deployment.expect_output else ""
        return f"ended with an allowed exit code{seen}, left nothing running"

    @property
    def _name(self) -> str:
        return Path(self._launch.argv[0]).name

    def _elapsed(self) -> float:
        return supervision.clock.now() - self._began

    def _happened(self, what: str, detail: str, limit_s: float | None = None, used_s: float | None = None) -> Progress:
        at_s = self._elapsed()
        return Progress(step=Step.DEPLOY, at_s=at_s, name=what, detail=detail, limit_s=limit_s, used_s=used_s)

    def close(self) -> None:
        """End whatever is left of it; may be called at any time, and again."""
        if self._observed is not None:
            self._observed.close()


def _port_of(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
