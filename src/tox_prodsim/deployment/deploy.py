"""Run one deployment: start it, wait until it is ready, stop it, and check how it ended and what it printed.

A service becomes ready in ``start`` and is stopped in ``stop``; a job runs to its end in ``start``. Whoever makes a
DeploymentRun closes it: ``close`` ends whatever is left, whenever it is called.
"""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, output
from tox_prodsim.deployment.in_flight import RequestOutcome, RequestsInFlight
from tox_prodsim.deployment.launch import LaunchContext, launch_for, taken_addresses
from tox_prodsim.deployment.monitored import MonitoredStart
from tox_prodsim.deployment.progress import DeploymentProgress
from tox_prodsim.deployment.readiness import ReadinessWait, wait_for_ending
from tox_prodsim.deployment.restart import start_again
from tox_prodsim.model.events import Event, Found, Outcome, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.probes import ListenProbe
from tox_prodsim.model.scenario import Deployment

_CODES = frozenset(
    f"RUN{number}" for number in (*range(601, 605), *range(606, 619), *range(620, 628), 630, 631, 640, 641)
)
"""Codes that a run of the deployment checks; RUN605 is about tox's commands."""
_TIMEOUTS = {"RUN603", "RUN610", "RUN615", "RUN616", "RUN617"}
_SLOW_EVERY_S = 10.0


def checked_codes(deployment: Deployment) -> frozenset[str]:
    """Return the codes that a run of the deployment checks; the code of a limit that is not set is left out."""
    limits = {
        "RUN615": deployment.idle_timeout_s,
        "RUN616": deployment.watchdog_timeout_s,
        "RUN617": deployment.output_limit_bytes,
    }
    return _CODES - {code for code, limit in limits.items() if limit is None}


class DeploymentRun:
    """Run one deployment, once.

    ``ready_for_commands`` says whether the smoke commands may run, ``url`` where the deployment answers, and
    ``start_s`` how long its start took, None when it did not come that far.
    """

    def __init__(self, deployment: Deployment, context: LaunchContext) -> None:
        self._deployment = deployment
        self._context = context
        self._launch = launch_for(deployment, context)
        self._name = Path(self._launch.argv[0]).name
        self._progress = DeploymentProgress(self._name, context.log)
        self._monitored: MonitoredStart | None = None
        self.ready_for_commands = False
        self.start_s: float | None = None
        self._in_flight: RequestsInFlight | None = None
        self._outcomes: list[RequestOutcome] = []
        self.url = self._launch.url

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables for the smoke commands: PRODSIM_URL, _PORT, _PID and _SCRATCH."""
        variables = {f"PRODSIM_{name.upper()}": value for name, value in self.values.items()}
        return variables | ({"PRODSIM_PID": str(self._monitored.process.pid)} if self._monitored is not None else {})

    @property
    def values(self) -> Mapping[str, str]:
        """Return what the placeholders in commands and ``set_env`` stand for."""
        port = _port_of(self.url) if self._launch.port is None else self._launch.port
        address = {"url": self.url, "port": "" if port is None else str(port)}
        return {**self._launch.values, **{name: value for name, value in address.items() if value}}

    def start(self) -> Iterator[Event]:
        """Start it, and wait: for a service until it is ready, for a job until it has ended."""
        self._progress.began_at = supervision.clock.now()
        kind = "service" if self._deployment.is_service else "job"
        yield StepStarted(step=Step.DEPLOY, detail=f"{shlex.join(self._launch.argv)} ({kind})")
        taken = next(taken_addresses(self._launch.probes, self._context.scratch), None)
        if taken is not None:
            yield from self._fail(taken)
            return
        yield from self._spawn()
        if self._monitored is not None:
            wait = self._wait_until_ready if self._deployment.is_service else self._wait_until_ended
            yield from wait(self._monitored)

    def _spawn(self) -> Iterator[Event]:
        monitored = MonitoredStart(self._deployment, self._launch, self._context)
        ending = monitored.process.poll()
        if ending is not None and ending.cause is supervision.Cause.NOT_STARTED:
            monitored.close()
            yield from self._fail(findings.start_failed(self._name, ending.error))
            return
        self._monitored = monitored
        self._progress.began_at = monitored.process.spawned_at
        yield self._progress.event("spawn", f"pid {monitored.process.pid}")

    def _wait_until_ready(self, monitored: MonitoredStart) -> Iterator[Event]:
        limit_s = self._deployment.ready_timeout_s
        wait = ReadinessWait(monitored.process, self._launch, self._context, limit_s, notify=monitored.notify)
        for probe, ready in wait.answers():
            if isinstance(probe, ListenProbe) and not self.url:
                self.url = ready.url
            yield self._progress.event("ready" if not wait.pending else "answers", ready.detail, limit_s)
        if wait.failure is not None:
            yield from self._fail(monitored.end_watch() or wait.failure)
            return
        self.ready_for_commands = True
        monitored.watchdog.ready_at = supervision.clock.now()
        self.start_s = wait.satisfied_at - self._progress.began_at
        yield from self._progress.near_limit("ready_timeout", self._progress.elapsed_s, limit_s)
        if supervision.is_unhandled(monitored.process.pid, self._deployment.stop.signal):
            yield Found(finding=findings.no_signal_handler(self._name, self._deployment.stop.signal.name))

    def _wait_until_ended(self, monitored: MonitoredStart) -> Iterator[Event]:
        limit_s = self._deployment.run_timeout_s
        ending = yield from self._wait_for_job(monitored, limit_s)
        is_over = ending is not None or monitored.watchdog.exceeded is not None
        exceeded = monitored.end_watch() if is_over else None
        if exceeded is not None:
            yield from self._fail(exceeded)
        elif ending is None:
            idle_s = monitored.watchdog.growth.idle_s
            finding = findings.run_timeout_exceeded(self._name, limit_s, idle_s)
            yield from self._fail(finding, cause=supervision.Cause.TIMED_OUT)
        else:
            yield from self._job_ended(monitored, ending, limit_s)

    def _wait_for_job(
        self, monitored: MonitoredStart, limit_s: float
    ) -> Generator[Event, None, supervision.Ending | None]:
        """Report from time to time that the job still runs; returns how it ended, None when its time is over."""
        ending, progress = None, self._progress
        while ending is None and progress.elapsed_s < limit_s:
            ending = monitored.process.wait(min(_SLOW_EVERY_S, limit_s - progress.elapsed_s))
            if ending is None and progress.elapsed_s < limit_s:
                detail = f"still running ({progress.elapsed_s:.0f} s of {limit_s:g} s)"
                yield progress.event("SLOW", detail, limit_s)
        return ending

    def _job_ended(self, monitored: MonitoredStart, ending: supervision.Ending, limit_s: float) -> Iterator[Event]:
        yield self._progress.event("ended", findings.describe_ending(ending), limit_s)
        self.start_s = ending.duration_s
        yield from self._progress.near_limit("run_timeout", ending.duration_s, limit_s)
        yield from self._progress.report(findings.unexpected_ending(self._name, ending, self._deployment.exit_codes))
        yield from self._progress.report(monitored.find_leaks(ending))
        self.ready_for_commands = not self._progress.failed

    def stop(self, *, commands_ran: bool) -> Iterator[Event]:
        """Stop a service that is running, check how it ended and what it printed, and finish the step."""
        progress = self._progress
        if self._monitored is not None:
            if self._deployment.is_service and self.ready_for_commands:
                yield from self._stop_service(self._monitored)
            found = output.check_output(self._context.log, self._deployment, ended_well=not progress.failed)
            yield from progress.report(found)
        if not progress.failed and self._deployment.is_service:
            yield from start_again(self._deployment, self._launch, self._context, progress)
        elif progress.failed:
            yield from progress.log_end()
        if not progress.failed and not (self._deployment.proves_something or commands_ran):
            yield Found(finding=findings.no_evidence(self._name))
        self.close()
        not_observable = self._monitored.not_observable if self._monitored is not None else ()
        yield StepFinished(
            step=Step.DEPLOY,
            outcome=Outcome.FAILED if progress.failed else Outcome.OK,
            detail="" if progress.failed else self._evidence(),
            not_checked=not_observable,
            impossible=() if progress.failed else not_observable,
            duration_s=progress.elapsed_s,
        )

    def _stop_service(self, monitored: MonitoredStart) -> Iterator[Event]:
        exceeded = monitored.end_watch()
        if exceeded is not None:
            yield from self._fail(exceeded)
            return
        if not monitored.process.main_exited():
            self._in_flight = RequestsInFlight(self._launch.drain, self._deployment.stop.grace_s)
        if monitored.process.main_exited():
            ending = wait_for_ending(monitored.process)
            yield self._progress.event("died", findings.describe_ending(ending))
            yield from self._progress.report([findings.exited_while_serving(self._name, ending)])
        else:
            ending = yield from self._stop_running(monitored)
        yield from self._report_in_flight()
        yield from self._report_left(monitored, ending)

    def _report_in_flight(self) -> Iterator[Event]:
        """Report the requests that were in flight and were not answered in full."""
        self._outcomes = self._in_flight.outcomes() if self._in_flight is not None else []
        stop = self._deployment.stop
        failed = [each for each in self._outcomes if each.problem]
        yield from self._progress.report(
            findings.request_dropped(each, stop.signal.name, stop.grace_s) for each in failed
        )

    def _stop_running(self, monitored: MonitoredStart) -> Generator[Event, None, supervision.Ending]:
        """Stop it, and report how that went; returns how it ended."""
        stop, running = self._deployment.stop, len(monitored.process.tree())
        yield self._progress.event(stop.signal.name, findings.describe_recipients(stop, running))
        stopped_at = supervision.clock.now()
        ending = monitored.stop_service()
        took_s = ending.stopped_in_s or supervision.clock.now() - stopped_at
        yield self._progress.event("stopped", findings.describe_ending(ending), stop.grace_s, took_s)
        if ending.forced:
            yield from self._killed(monitored, ending)
        else:
            yield from self._progress.near_limit("stop_timeout", took_s, stop.grace_s)
            yield from self._progress.report(
                findings.unexpected_ending(self._name, ending, self._deployment.exit_codes)
            )
        return ending

    def _killed(self, monitored: MonitoredStart, ending: supervision.Ending) -> Iterator[Event]:
        finding = findings.stop_timeout_exceeded(self._name, self._deployment.stop, ending, monitored.main_program)
        return self._progress.killed(finding, monitored.stop_diagnosis)

    def _report_left(self, monitored: MonitoredStart, ending: supervision.Ending) -> Iterator[Event]:
        yield from self._progress.report(findings.unkillable_processes(self._name, ending))
        yield from self._progress.report(monitored.find_leaks(ending))

    def _fail(self, finding: Finding, *, cause: supervision.Cause = supervision.Cause.STOPPED) -> Iterator[Event]:
        """Report the failure, then end what was started: evidence first, clean-up after it."""
        self.ready_for_commands = False
        if self._monitored is not None and finding.code in _TIMEOUTS:
            yield from self._report_timeout(finding, self._monitored)
        yield from self._progress.report([finding])
        yield from self._progress.log_end()
        if self._monitored is not None:
            yield from self._stop_failed(self._monitored, cause)

    def _report_timeout(self, finding: Finding, monitored: MonitoredStart) -> Iterator[Event]:
        """Report where it hangs; the watchdog made its diagnosis before it stopped the deployment."""
        progress, exceeded = self._progress, monitored.watchdog.exceeded
        if exceeded is not None and exceeded.finding is finding:
            at_s = exceeded.at_s - progress.began_at
            yield from progress.timeout(finding.message, at_s, lambda: exceeded.diagnosis)
        else:
            yield from progress.timeout(finding.message, progress.elapsed_s, monitored.diagnose)

    def _stop_failed(self, monitored: MonitoredStart, cause: supervision.Cause) -> Iterator[Event]:
        """Stop what has failed, and report how that went."""
        ending = monitored.stop(cause=cause)
        sent = f" ({findings.describe_signals(ending)})" if ending.signals else ""
        yield self._progress.event("stopped" if sent else "ended", f"{findings.describe_ending(ending)}{sent}")
        if ending.forced:
            yield from self._killed(monitored, ending)
        yield from self._report_left(monitored, ending)

    def _evidence(self) -> str:
        if self._deployment.is_service:
            again = ", started once more" if self._deployment.restarts or self._deployment.crash else ""
            return f"started, was ready, was stopped{self._drained}, left nothing running{again}"
        seen = f", {len(self._deployment.expect_output)} expected lines seen" if self._deployment.expect_output else ""
        return f"ended with an allowed exit code{seen}, left nothing running"

    @property
    def _drained(self) -> str:
        """Return how many requests were in flight and answered, as text."""
        in_flight = sum(outcome.in_flight for outcome in self._outcomes)
        early = len(self._outcomes) - in_flight
        too_soon = f" ({early} answered before the stop)" if early else ""
        return f", {in_flight} of {len(self._outcomes)} requests in flight answered{too_soon}" if self._outcomes else ""

    def close(self) -> None:
        """End whatever is left of it; may be called at any time, and again."""
        if self._monitored is not None:
            self._monitored.close()


def _port_of(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
