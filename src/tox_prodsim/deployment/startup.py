"""Start a deployment once more, in a copy of its folder as it was, to take the time of its start-up."""

from __future__ import annotations

import shutil
from dataclasses import replace

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.deployment.launch import LaunchContext, Start, launch_for, start_variables
from tox_prodsim.deployment.readiness import ReadinessWait
from tox_prodsim.model.errors import MeasurementError, RestartError
from tox_prodsim.model.scenario import Deployment, Launch

_TIMED_POLL_S = 0.01


def copy_scratch(context: LaunchContext) -> None:
    """Copy the scratch folder as it is before the first start, so that later starts find the same.

    What cannot be copied (a socket, a full disk) leaves no copy, and a later start raises RestartError for that.
    """
    try:
        shutil.copytree(context.scratch, context.scratch_copy, symlinks=True)
    except OSError:
        shutil.rmtree(context.scratch_copy, ignore_errors=True)


def measure_start(deployment: Deployment, context: LaunchContext) -> float:
    """Start a deployment once more, in a copy of the scratch folder as it was, and return its effective seconds.

    A service is timed from the spawn until it is ready, a job until its end; both are then stopped. Raises
    MeasurementError with one sentence when it does not come that far, and Cancelled.
    """
    try:
        context = replace(in_scratch_copy(context, "timed"), log=context.named_log("startup"))
    except RestartError as problem:
        raise MeasurementError(str(problem)) from problem
    launch = without_for(launch_for(deployment, context))
    start = Start(deployment, launch, context, start_variables(launch, context))
    try:
        if deployment.is_service:
            return _time_to_ready(start, deployment, launch, context)
        return _time_to_end(start.process, deployment)
    finally:
        start.process.stop(deployment.stop.signal, deployment.stop.grace_s, to=deployment.stop.to)
        start.close()


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
    """Return the launch with probes that need to be satisfied only once: the seconds of ``for`` are no start-up."""
    return replace(launch, probes=tuple(replace(probe, steady_s=0.0) for probe in launch.probes))


def _time_to_ready(start: Start, deployment: Deployment, launch: Launch, context: LaunchContext) -> float:
    process, now, limit_s = start.process, supervision.clock.now, deployment.ready_timeout_s
    wait = ReadinessWait(process, launch, context, limit_s, notify=start.notify, longest_poll_s=_TIMED_POLL_S)
    for _ in wait.answers():
        if not wait.pending:
            effective_s = supervision.effective_since(process.pid, process.spawned_at, now=now)
            return effective_s or now() - process.spawned_at
    raise MeasurementError(wait.failure.message if wait.failure is not None else "it has no probe")


def _time_to_end(process: supervision.Process, deployment: Deployment) -> float:
    ending = process.wait(deployment.run_timeout_s)
    if ending is None:
        msg = "it did not end in time"
        raise MeasurementError(msg)
    if ending.returncode not in deployment.exit_codes:
        msg = f"it ended with {findings.describe_ending(ending)}"
        raise MeasurementError(msg)
    return ending.effective_s
