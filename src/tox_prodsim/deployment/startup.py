"""Start a deployment once more, in a copy of its folder as it was, to take the time of its start-up."""

from __future__ import annotations

import shutil
from dataclasses import replace

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, log_end
from tox_prodsim.deployment.launch import TIMED_POLL_S, LaunchContext, Start, launch_for, start_variables
from tox_prodsim.deployment.program import program_of
from tox_prodsim.deployment.readiness import ReadinessWait
from tox_prodsim.deployment.start_watch import UNWATCHED
from tox_prodsim.model.activity import unannounced
from tox_prodsim.model.errors import MeasurementError, RestartError
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.scenario import Deployment, Launch


def copy_scratch(context: LaunchContext) -> None:
    """Copy the scratch folder as it is before the first start, so that later starts find the same.

    What cannot be copied (a socket, a full disk) leaves no copy, and a later start raises RestartError for that.
    """
    try:
        shutil.copytree(context.scratch, context.scratch_copy, symlinks=True)
    except OSError:
        shutil.rmtree(context.scratch_copy, ignore_errors=True)


def measure_start(deployment: Deployment, context: LaunchContext) -> float:
    """Return what a StartTimer takes for one start; raises MeasurementError with one sentence, and Cancelled."""
    return StartTimer(deployment, context).start()


class StartTimer:
    """Starts a deployment once more, in a copy of the scratch folder as it was, to take the time.

    ``failure`` is RUN641 when a start fails: the deployment cannot be started as it was started the first time.
    ``evidence`` is the end of its log then, a title and lines.
    """

    def __init__(self, deployment: Deployment, context: LaunchContext) -> None:
        self._deployment, self._context = deployment, context
        self.failure: Finding | None = None
        self.evidence: tuple[str, tuple[str, ...]] = ("", ())

    def start(self) -> float:
        """Return the effective seconds of one start: of a service until it is ready, of a job until its end.

        It is then stopped. Raises MeasurementError with one sentence when it does not come that far, and Cancelled.
        """
        deployment = self._deployment
        try:
            context = replace(
                in_scratch_copy(self._context, "timed"),
                log=self._context.named_log("startup"),
                announce=unannounced,  # the rounds are
                starts=UNWATCHED,
            )
        except RestartError as problem:
            raise MeasurementError(str(problem)) from problem
        launch = without_for(launch_for(deployment, context))
        start = Start(deployment, launch, context, start_variables(launch, context))
        try:
            if deployment.is_service:
                return self._time_to_ready(start, launch, context)
            return self._time_to_end(start.process, launch, context)
        finally:
            start.process.stop(deployment.stop.signal, deployment.stop.grace_s, to=deployment.stop.to)
            start.close()

    def _time_to_ready(self, start: Start, launch: Launch, context: LaunchContext) -> float:
        process, limit_s = start.process, self._deployment.ready_timeout_s
        wait = ReadinessWait(process, launch, context, limit_s, notify=start.notify, longest_poll_s=TIMED_POLL_S)
        for _ in wait.answers():
            pass
        if wait.failure is not None:
            raise self._failed(wait.failure, context)
        return wait.effective_s

    def _time_to_end(self, process: supervision.Process, launch: Launch, context: LaunchContext) -> float:
        name, limit_s = self._deployment.name or program_of(launch.argv), self._deployment.run_timeout_s
        ending = process.wait_in_time(limit_s)
        if ending is None:
            raise self._failed(findings.run_timeout_exceeded(name, limit_s, 0.0), context)
        for failure in findings.unexpected_ending(name, ending, self._deployment.exit_codes):
            raise self._failed(failure, context)
        return ending.effective_s

    def _failed(self, failure: Finding, context: LaunchContext) -> MeasurementError:
        """Keep why the start failed, and return the exception to raise."""
        log = context.log
        self.failure = findings.second_start_failed(failure, log.name, after="while its start-up is timed")
        self.evidence = (f"end of {log.name}", log_end.excerpt(log, context.own_code))
        return MeasurementError(failure.message)


def in_scratch_copy(context: LaunchContext, name: str) -> LaunchContext:
    """Return the context with a fresh copy of the scratch folder as it was before the first start.

    The caller removes the copy, or the next call with the same name does. Raises RestartError when there is none.
    """
    if context.cwd != context.scratch:
        msg = "change_dir is not the scratch folder, so that a second start would meet what the first one left"
        raise RestartError(msg)
    if not context.scratch_copy.is_dir():
        msg = "the scratch folder could not be copied for a second start"
        raise RestartError(msg)
    folder = context.scratch_copy.with_name(f"scratch-{name}")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(context.scratch_copy, folder, symlinks=True)
    return replace(context, scratch=folder, cwd=folder)


def without_for(launch: Launch) -> Launch:
    """Return the launch with probes that need to be satisfied only once: the seconds of ``for`` are not start-up."""
    return replace(launch, probes=tuple(replace(probe, steady_s=0.0) for probe in launch.probes))
