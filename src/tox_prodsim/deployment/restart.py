"""Start a service once more where it ran: on the same port, in the same folder, after a stop or after a crash."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, output
from tox_prodsim.deployment.launch import LaunchContext, Start, start_variables
from tox_prodsim.deployment.progress import TAIL_LINES, DeploymentProgress
from tox_prodsim.deployment.readiness import ReadinessWait
from tox_prodsim.model.events import Event, Evidence, Step
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.scenario import Deployment, Launch

_AFTER_STOP, _AFTER_CRASH = "on the same port and in the same folder", "after SIGKILL to all its processes"


def start_again(
    deployment: Deployment, launch: Launch, context: LaunchContext, progress: DeploymentProgress
) -> Iterator[Event]:
    """Start and stop it as often as the deployment wants; yield what happens, ending with the first that fails."""
    context = replace(context, log=context.log.with_name("restart.log"))
    stops = max(deployment.restarts, int(deployment.crash))
    rounds = [_AFTER_STOP] * stops + [_AFTER_CRASH] * deployment.crash
    for number, after in enumerate(rounds):
        is_killed = rounds[number + 1 :] == [_AFTER_CRASH]
        with closing(Start(deployment, launch, context, start_variables(launch, context))) as start:
            failure = yield from _run_once(start, deployment, launch, context, progress, kill=is_killed)
        if failure is not None:
            yield from progress.report([findings.second_start_failed(failure, context.log.name, after=after)])
            lines = tuple(output.tail(context.log, TAIL_LINES))
            yield Evidence(step=Step.DEPLOY, title=f"end of {context.log.name}", lines=lines)
            return


def _run_once(
    start: Start,
    deployment: Deployment,
    launch: Launch,
    context: LaunchContext,
    progress: DeploymentProgress,
    *,
    kill: bool,
) -> Generator[Event, None, Finding | None]:
    """Wait until it is ready, then stop or kill it; return why it did not become ready, or None."""
    yield progress.event("restart", f"pid {start.process.pid}")
    wait = ReadinessWait(start.process, launch, context, deployment.ready_timeout_s, notify=start.notify)
    for _ in wait.answers():
        pass
    if wait.failure is not None:
        return wait.failure
    stop = deployment.stop
    ending = start.process.stop(supervision.KILL if kill else stop.signal, stop.grace_s, to=stop.to)
    yield progress.event("again", f"ready, then {findings.describe_ending(ending)}")
    if ending.forced:
        yield from progress.report([findings.stop_timeout_exceeded(progress.name, stop, ending, "")])
    return None
