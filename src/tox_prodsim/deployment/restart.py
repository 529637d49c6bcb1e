"""Start a service once more where it ran: on the same port, in the same folder, after a stop or after a crash."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, log_end
from tox_prodsim.deployment.launch import LaunchContext, Start, start_variables
from tox_prodsim.deployment.progress import DeploymentProgress
from tox_prodsim.deployment.readiness import ReadinessWait, wait_for_ending
from tox_prodsim.deployment.start_watch import UNWATCHED, changed_since
from tox_prodsim.model.activity import announced
from tox_prodsim.model.events import Event
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.scenario import Deployment, Launch

AFTER_STOP, AFTER_CRASH = "on the same port and in the same folder", "after SIGKILL to all its processes"


def rounds_of(deployment: Deployment) -> list[str]:
    """Return after what a service is started again, once for each of its starts; a job is not started again."""
    stops = max(deployment.restarts, int(deployment.crash))
    return [AFTER_STOP] * stops + [AFTER_CRASH] * deployment.crash if deployment.is_service else []


class SecondStart:
    """One start of a service that has stopped; ``after`` says after what, and ``kill`` whether it ends by SIGKILL."""

    def __init__(
        self,
        deployment: Deployment,
        launch: Launch,
        context: LaunchContext,
        progress: DeploymentProgress,
        *,
        after: str,
        kill: bool,
    ) -> None:
        self._deployment, self._launch, self._progress = deployment, launch, progress
        self._context = replace(context, log=context.named_log("restart"))
        self._after, self._kill = after, kill
        self._start: Start | None = None
        self._abandoned = ""
        self.is_up = False

    @property
    def failed(self) -> bool:
        """Return whether an error was found."""
        return self._progress.failed

    def start(self) -> Iterator[Event]:
        """Start it, until it is ready."""
        deployment, launch, context = self._deployment, self._launch, self._context
        self._progress.began_at = supervision.clock.now() if deployment.name else self._progress.began_at
        self._context.starts.before(self._why_not())
        self._start = start = Start(deployment, launch, context, start_variables(launch, context))
        if self._abandoned:  # meanwhile, by another thread, which has found nothing to stop
            start.process.stop(deployment.stop.signal, deployment.stop.grace_s)
        yield self._progress.event("restart", f"pid {start.process.pid}")
        limit_s, poll_s = deployment.ready_timeout_s, context.longest_poll_s
        wait = ReadinessWait(start.process, launch, context, limit_s, notify=start.notify, longest_poll_s=poll_s)
        for _ in wait.answers():
            pass
        if self._abandoned:
            yield self._progress.event("stopped", self._abandoned)
        elif wait.failure is not None:
            yield from self._fail(wait.failure)
        else:
            self.is_up = True
            context.starts.ready(wait.effective_s)
            context.weigh(start.process)
            if deployment.name:
                yield self._progress.event("again", "ready", deployment.ready_timeout_s)

    def _why_not(self) -> str:
        """Return why this start is no sample of the start-up: what a first start finds is not what it finds."""
        if self._context.starts is UNWATCHED:
            return ""
        changed = changed_since(self._context.scratch_copy, self._context.scratch)
        return f"{changed} is not as it was before the first start" if changed else ""

    def stop(self) -> Iterator[Event]:
        """Stop or kill it."""
        if self._start is None or not self.is_up:
            return
        self.is_up = False
        stop = self._deployment.stop
        number = supervision.KILL if self._kill else stop.signal
        with announced(self._context.announce, self._progress.name, f"got {number.name} and ends", stop.grace_s):
            ending = self._start.process.stop(number, stop.grace_s, to=stop.to)
        ready = "" if self._deployment.name else "ready, then "
        name = "stopped" if self._deployment.name else "again"
        yield self._progress.event(name, f"{ready}{findings.describe_ending(ending)}")
        if ending.forced:
            yield from self._progress.report([findings.stop_timeout_exceeded(self._progress.name, stop, ending, "")])
        yield from self._progress.report(findings.unkillable_processes(self._progress.name, ending))
        self.close()
        self._context.starts.stopped()

    def has_ended(self) -> bool:
        """Return whether it should be up and has ended."""
        return self.is_up and self._start is not None and self._start.process.main_exited()

    def ended_at(self) -> float:
        """Return when it ended; waits for the rest of its processes."""
        if self._start is None:
            return 0.0
        return self._start.process.spawned_at + wait_for_ending(self._start.process).duration_s

    def find_death(self) -> Iterator[Event]:
        """Report that it has ended although it should be up."""
        if self._start is not None and self.has_ended():
            self.is_up = False
            ending = wait_for_ending(self._start.process)
            yield from self._fail(findings.exited_while_serving(self._progress.name, ending))

    def abandon(self, reason: str) -> None:
        """End a start that goes on in another thread: it is not judged, because another service has failed."""
        self._abandoned = reason
        if self._start is not None:
            self._start.process.stop(self._deployment.stop.signal, self._deployment.stop.grace_s)

    def stop_unjudged(self, _reason: str) -> Iterator[Event]:
        """Stop it because another one has failed."""
        yield from self.stop()

    def close(self) -> None:
        """End whatever is left of it."""
        self._abandoned = self._abandoned or "closed"
        if self._start is not None:
            self._start.close()

    def _fail(self, failure: Finding) -> Iterator[Event]:
        log = self._context.log
        yield from self._progress.report([findings.second_start_failed(failure, log.name, after=self._after)])
        yield self._progress.evidence(f"end of {log.name}", log_end.excerpt(log, self._context.own_code))
        self.close()
