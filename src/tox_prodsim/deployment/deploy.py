"""Run one deployment: start it, wait until it is ready, stop it, and check how it ended and what it printed.

A service becomes ready in ``start`` and is stopped in ``stop``; a job runs to its end in ``start``. Whoever makes a
DeploymentRun closes it: ``close`` ends whatever is left, whenever it is called.
"""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterator, Mapping
from urllib.parse import urlsplit

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, in_flight, monitoring, output, user_expressions
from tox_prodsim.deployment.in_flight import RequestOutcome, RequestsInFlight
from tox_prodsim.deployment.launch import LaunchContext, launch_for, taken_addresses
from tox_prodsim.deployment.monitored import MonitoredStart
from tox_prodsim.deployment.program import program_of
from tox_prodsim.deployment.progress import DeploymentProgress
from tox_prodsim.deployment.readiness import ReadinessWait, wait_for_ending
from tox_prodsim.model.activity import announced
from tox_prodsim.model.events import Event
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.parsing import fill
from tox_prodsim.model.probes import ListenProbe
from tox_prodsim.model.scenario import Deployment

_CODES = frozenset(
    f"RUN{number}" for number in (*range(601, 605), *range(606, 619), *range(620, 628), 630, 631, 640, 641, 657, 658)
)
"""Codes that a run of the deployment checks; RUN605 is about tox's commands."""
_TIMEOUTS = {"RUN603", "RUN610", "RUN615", "RUN616", "RUN617"}
_SLOW_EVERY_S = 10.0
_MOST_ADDRESSES = 3
_REAP_LIMIT_S = 1.0
_OBSERVED_TO_ITS_END = "what it leaves is looked for at its end"


def checked_codes(deployment: Deployment) -> frozenset[str]:
    """Return the codes that a run of the deployment checks; the code of a limit that is not set is left out."""
    limits = {
        "RUN615": deployment.idle_timeout_s,
        "RUN616": deployment.watchdog_timeout_s,
        "RUN617": deployment.output_limit_bytes,
    }
    return _CODES - {code for code, limit in limits.items() if limit is None} | monitoring.checked_codes(deployment)


class DeploymentRun:
    """Run one deployment, once: the only one, or one of several services; ``progress`` makes its events.

    ``ready_for_commands`` says whether a service is up, or a job has ended well; ``url`` where the deployment answers,
    and ``start_s`` how long its start took, None when it did not come that far. ``start`` may run in a thread of its
    own, in which case ``abandon`` ends it. ``port`` is that of ``{port}``, None: any that is free. ``expected`` is how
    many of the expected lines it has printed, as text.
    """

    def __init__(self, deployment: Deployment, context: LaunchContext, port: int | None = None) -> None:
        self._deployment = deployment
        self.context = context
        self.launch = launch_for(deployment, context, port)
        self._name = deployment.name or program_of(self.launch.argv)
        self.progress = DeploymentProgress(self._name, context.log, deployment.name, context.own_code)
        self._monitored: MonitoredStart | None = None
        self._abandoned = ""
        self._was_stopped = False
        self.was_started_again = False
        self.ready_for_commands = False
        self.start_s: float | None = None
        self._in_flight: RequestsInFlight | None = None
        self._outcomes: list[RequestOutcome] = []
        self.expected = ""
        self.url = self.launch.url

    @property
    def failed(self) -> bool:
        """Return whether an error was found."""
        return self.progress.failed

    @property
    def command(self) -> str:
        """Return the command line as it can be typed."""
        return shlex.join(self.launch.argv)

    @property
    def port(self) -> int | None:
        """Return the port on which it listens, as far as that is known."""
        return _port_of(self.url) if self.launch.port is None else self.launch.port

    @property
    def pid(self) -> int | None:
        """Return the pid of the main process; None: it was not started."""
        return self._monitored.process.pid if self._monitored is not None else None

    @property
    def tree(self) -> supervision.Tree:
        """Return what returns the processes that are alive then."""
        return self._monitored.process.tree if self._monitored is not None else tuple

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables for the smoke commands: PRODSIM_URL, _PORT, _PID and _SCRATCH."""
        variables = {f"PRODSIM_{name.upper()}": value for name, value in self.values.items()}
        return variables | ({"PRODSIM_PID": str(self.pid)} if self.pid is not None else {})

    @property
    def values(self) -> Mapping[str, str]:
        """Return what the placeholders in commands and ``set_env`` stand for."""
        address = {"url": self.url, "port": "" if self.port is None else str(self.port)}
        return {**self.launch.values, **{name: value for name, value in address.items() if value}}

    def start(self) -> Iterator[Event]:
        """Start it, and wait: for a service until it is ready, for a job until it has ended."""
        self.progress.began_at = supervision.clock.now()
        self.launch = launch_for(self._deployment, self.context, self.launch.port)
        self.url = self.launch.url
        taken = next(taken_addresses(self.launch.probes, self.context), None)
        if taken is not None:
            yield from self._fail(taken)
            return
        self.context.expressions.prepare(self.launch.probes)
        yield from self._spawn()
        if self._monitored is not None:
            wait = self._wait_until_ready if self._deployment.is_service else self._wait_until_ended
            yield from wait(self._monitored)

    def _spawn(self) -> Iterator[Event]:
        self.context.starts.before("" if self._deployment.is_service else _OBSERVED_TO_ITS_END)
        monitored = MonitoredStart(self._deployment, self.launch, self.context)
        ending = monitored.process.poll()
        if ending is not None and ending.cause is supervision.Cause.NOT_STARTED:
            monitored.close()
            yield from self._fail(findings.start_failed(self._name, ending.error))
            return
        self._monitored = monitored
        self.progress.began_at = monitored.process.spawned_at
        yield self.progress.event("spawn", f"pid {monitored.process.pid}")
        if self._abandoned:  # meanwhile, by another thread, which has found nothing to stop
            monitored.stop()

    def _wait_until_ready(self, monitored: MonitoredStart) -> Iterator[Event]:
        limit_s = self._deployment.ready_timeout_s
        wait = ReadinessWait(
            monitored.process,
            self.launch,
            self.context,
            limit_s,
            notify=monitored.notify,
            longest_poll_s=self.context.longest_poll_s,
            watches_listening=True,
        )
        for probe, ready in wait.answers():
            if isinstance(probe, ListenProbe) and not self.url:
                self.url = ready.url
            yield from self._report_listening(wait)
            yield self.progress.event("ready" if not wait.pending else "answers", ready.detail, limit_s)
        yield from self._report_listening(wait)
        if self._abandoned:
            yield self.progress.event("stopped", self._abandoned)
        elif wait.failure is not None:
            monitored.may_serve = not wait.hangs
            if wait.got:
                yield self.progress.evidence("what the probe got", wait.got)
            yield from self._fail(monitored.end_watch() or wait.failure)
        else:
            self.context.starts.ready(wait.effective_s)
            yield from self._is_ready(monitored, wait.satisfied_at)

    def _report_listening(self, wait: ReadinessWait) -> Iterator[Event]:
        if listening := wait.take_listening():
            where = listed(listening.addresses, _MOST_ADDRESSES)
            yield self.progress.event("listening", where, at=listening.at)

    def _is_ready(self, monitored: MonitoredStart, satisfied_at: float) -> Iterator[Event]:
        limit_s = self._deployment.ready_timeout_s
        self.ready_for_commands = True
        monitored.watchdog.ready_at = supervision.clock.now()
        monitored.watch_readiness()
        self.start_s = satisfied_at - self.progress.began_at
        yield from self.progress.near_limit("ready_timeout", self.progress.elapsed_s, limit_s)
        self.context.weigh(monitored.process)
        if supervision.is_unhandled(monitored.process.pid, self._deployment.stop.signal):
            stop_signal, runs_others = self._deployment.stop.signal, len(monitored.process.tree()) > 1
            found = findings.no_signal_handler(self._name, stop_signal, runs_others=runs_others)
            yield from self.progress.report(found)

    def _wait_until_ended(self, monitored: MonitoredStart) -> Iterator[Event]:
        limit_s = self._deployment.run_timeout_s
        with announced(self.context.announce, self._name, "runs", limit_s):
            ending = yield from self._wait_for_job(monitored, limit_s)
        is_over = ending is not None or monitored.watchdog.exceeded is not None
        exceeded = monitored.end_watch() if is_over else None
        if self._abandoned:
            yield self.progress.event("stopped", self._abandoned)
        elif exceeded is not None:
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
        """Report from time to time that the job still runs; returns how it ended, None when its time is over.

        A job whose main process has ended in time has ended in time, also if what it left takes longer to end.
        """
        ending, progress = None, self.progress
        while ending is None and progress.elapsed_s < limit_s:
            ending = monitored.process.wait_in_time(min(_SLOW_EVERY_S, limit_s - progress.elapsed_s))
            if ending is None and progress.elapsed_s < limit_s:
                detail = f"still running ({progress.elapsed_s:.0f} s of {limit_s:g} s)"
                yield progress.event("SLOW", detail, limit_s)
        return ending

    def _job_ended(self, monitored: MonitoredStart, ending: supervision.Ending, limit_s: float) -> Iterator[Event]:
        yield self.progress.event("ended", findings.describe_ending(ending), limit_s)
        self.start_s = ending.duration_s
        yield from self.progress.near_limit("run_timeout", ending.duration_s, limit_s)
        yield from self.progress.report(findings.unexpected_ending(self._name, ending, self._deployment.exit_codes))
        yield from self._report_left(monitored, ending)
        self.ready_for_commands = not self.progress.failed

    @property
    def is_up(self) -> bool:
        """Return whether it is a service that has become ready and was not stopped."""
        return self._deployment.is_service and self.ready_for_commands and not self._was_stopped

    def has_ended(self) -> bool:
        """Return whether a service that should be up has ended."""
        return self.is_up and self._monitored is not None and self._monitored.process.main_exited()

    def ended_at(self) -> float:
        """Return when a service ended that should be up; waits for the rest of its processes."""
        if self._monitored is None:
            return 0.0
        return self._monitored.process.spawned_at + wait_for_ending(self._monitored.process).duration_s

    def abandon(self, reason: str) -> None:
        """End a start that goes on in another thread: it is not judged, because another service has failed."""
        self._abandoned = reason
        if self._monitored is not None:
            self._monitored.stop()

    def find_death(self) -> Iterator[Event]:
        """Report that a service has ended that should be up, and how."""
        if self._monitored is not None and self.has_ended():
            yield from self._stop_service(self._monitored)

    def ask_once_more(self) -> None:
        """Ask the probes of a service that is up for the last time, before any service is stopped."""
        if self._monitored is not None and self.is_up:
            self._monitored.end_readiness()

    def stop_unjudged(self, reason: str) -> Iterator[Event]:
        """Stop a service that is up because another one has failed: how it stops is not judged."""
        if self._monitored is not None and self.is_up:
            self._was_stopped = True
            ending = self._monitored.stop_service()
            yield self.progress.event("stopped", f"{findings.describe_ending(ending)}, {reason}")
            yield from self.progress.report(findings.unkillable_processes(self._name, ending))

    def stop(self, *, commands_ran: bool) -> Iterator[Event]:
        """Stop a service that is running, check how it ended and what it printed."""
        progress = self.progress
        if self._monitored is not None:
            if self.is_up:
                yield from self._stop_service(self._monitored)
            yield from self._check_output()
        if progress.failed:
            yield from progress.log_end()
        elif not (self._deployment.proves_something or commands_ran):
            yield from progress.report([findings.no_evidence(self._name)])
        self.close()
        self.context.starts.stopped()

    def _check_output(self) -> Iterator[Event]:
        context, deployment, ended_well = self.context, self._deployment, not self.progress.failed
        found = [
            *user_expressions.check_log(context.log, deployment, context.expressions),
            *output.check_output(context.log, deployment, ended_well=ended_well, own_code=context.own_code),
        ]
        self.expected = findings.describe_expected(self._deployment, found)
        yield from self.progress.report(found)

    @property
    def not_observable(self) -> tuple[str, ...]:
        """Return what could not be seen: some of its leaks, and requests that were not in flight."""
        leaks = self._monitored.not_observable if self._monitored is not None else ()
        return (*leaks, *in_flight.not_in_flight(self._outcomes))

    def _stop_service(self, monitored: MonitoredStart) -> Iterator[Event]:
        self._was_stopped = True
        monitored.end_well()
        exceeded = monitored.end_watch()
        if exceeded is not None:
            yield from self._fail(exceeded)
            return
        if not monitored.process.main_exited():
            yield from self._report_unwell(monitored)
            urls = [fill(url, self.values) for url in self.launch.drain]
            self._in_flight = RequestsInFlight(urls, self._deployment.stop.grace_s, self.launch.probes)
            if urls:
                yield self.progress.event("requests", in_flight.describe_requests(urls))
        if monitored.process.main_exited():
            ending = wait_for_ending(monitored.process)
            yield self.progress.event("died", findings.describe_ending(ending))
            yield from self.progress.report([findings.exited_while_serving(self._name, ending)])
            yield from self._report_unwell(monitored, died=True)
        else:
            ending = yield from self._stop_running(monitored)
        yield from self._report_in_flight()
        yield from self._report_left(monitored, ending)

    def _report_unwell(self, monitored: MonitoredStart, *, died: bool = False) -> Iterator[Event]:
        """Report readiness that was lost, children that crashed, and zombies."""
        lost = list(monitored.well.lost_readiness(died=died))
        if monitored.well.asked and not lost and not died:
            yield self.progress.event("steady", f"still ready (asked again: {monitored.well.asked})")
        yield from self.progress.report(lost)
        yield from self.progress.report(monitored.well.unwell_children())

    def _report_in_flight(self) -> Iterator[Event]:
        """Report the requests that were in flight and were not answered in full."""
        self._outcomes = self._in_flight.outcomes() if self._in_flight is not None else []
        stop = self._deployment.stop
        failed = [each for each in self._outcomes if each.problem]
        yield from self.progress.report(
            findings.request_dropped(each, stop.signal.name, stop.grace_s) for each in failed
        )

    def _stop_running(self, monitored: MonitoredStart) -> Generator[Event, None, supervision.Ending]:
        """Stop it, and report how that went; returns how it ended."""
        if self.context.as_pid1:
            left = supervision.unreaped(monitored.process.pid, _REAP_LIMIT_S)
            yield from self.progress.report(findings.unreaped_by_pid1(self._name, left))
        stop, running = self._deployment.stop, len(monitored.process.tree())
        yield self.progress.event(stop.signal.name, findings.describe_recipients(stop, running))
        stopped_at = supervision.clock.now()
        ending = monitored.stop_service()
        took_s = ending.stopped_in_s or supervision.clock.now() - stopped_at
        yield self.progress.event("stopped", findings.describe_ending(ending), stop.grace_s, took_s)
        if ending.forced:
            yield from self._killed(monitored, ending)
        else:
            yield from self.progress.near_limit("stop_timeout", took_s, stop.grace_s)
            yield from self.progress.report(findings.unexpected_ending(self._name, ending, self._deployment.exit_codes))
        return ending

    def _killed(self, monitored: MonitoredStart, ending: supervision.Ending) -> Iterator[Event]:
        finding = findings.stop_timeout_exceeded(
            self._name, self._deployment.stop, ending, monitored.main_program, monitored.process.pid
        )
        return self.progress.killed(finding, monitored.stop_diagnosis)

    def _report_left(self, monitored: MonitoredStart, ending: supervision.Ending) -> Iterator[Event]:
        yield from self.progress.report(findings.unkillable_processes(self._name, ending))
        held = self._in_flight.client_ports if self._in_flight is not None else ()
        yield from self.progress.report(monitored.find_leaks(ending, held))

    def _fail(self, finding: Finding, *, cause: supervision.Cause = supervision.Cause.STOPPED) -> Iterator[Event]:
        """Report the failure, then end what was started: evidence first, clean-up after it."""
        self.ready_for_commands = False
        if self._monitored is not None and finding.code in _TIMEOUTS:
            yield from self._report_timeout(finding, self._monitored)
        yield from self.progress.report([finding])
        if self._monitored is not None:
            self._monitored.well.end_children()
            yield from self.progress.report(self._monitored.well.unwell_children())
        yield from self.progress.log_end()
        if self._monitored is not None:
            yield from self._stop_failed(self._monitored, cause)

    def _report_timeout(self, finding: Finding, monitored: MonitoredStart) -> Iterator[Event]:
        """Report where it hangs; the watchdog made its diagnosis before it stopped the deployment."""
        progress, exceeded = self.progress, monitored.watchdog.exceeded
        if exceeded is not None and exceeded.finding is finding:
            at_s = exceeded.at_s - progress.began_at
            yield from progress.timeout(finding.message, at_s, lambda: exceeded.diagnosis)
        else:
            yield from progress.timeout(finding.message, progress.elapsed_s, monitored.diagnose)

    def _stop_failed(self, monitored: MonitoredStart, cause: supervision.Cause) -> Iterator[Event]:
        """Stop what has failed, and report how that went."""
        ending = monitored.stop(cause=cause)
        sent = f" ({findings.describe_signals(ending)})" if ending.signals else ""
        yield self.progress.event("stopped" if sent else "ended", f"{findings.describe_ending(ending)}{sent}")
        if ending.forced:
            yield from self._killed(monitored, ending)
        yield from self._report_left(monitored, ending)

    @property
    def evidence(self) -> str:
        """Return what its success consists of, as text."""
        seen = f", {self.expected}" if self.expected else ""
        if self._deployment.is_service:
            answered = in_flight.count_answered(self._outcomes)
            again = ", started once more" if self.was_started_again else ""
            stayed = ", stayed so" if self._monitored is not None and self._monitored.well.asked else ""
            return f"started, was ready{stayed}{seen}, was stopped{answered}, left nothing running{again}"
        return f"ended with an allowed exit code{seen}, left nothing running"

    def close(self) -> None:
        """End whatever is left of it; may be called at any time, by any thread, and again."""
        self._abandoned = self._abandoned or "closed"
        if self._monitored is not None:
            self._monitored.close()


def _port_of(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)
