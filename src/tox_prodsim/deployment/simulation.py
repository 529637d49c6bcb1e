"""Run a deployment once more, in a copy of its folder as it was, under a condition that may be too harsh for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from tox_prodsim import supervision
from tox_prodsim.deployment import findings, log_end
from tox_prodsim.deployment.launch import LaunchContext
from tox_prodsim.deployment.service_context import log_of
from tox_prodsim.deployment.services import ServicesRun
from tox_prodsim.deployment.startup import in_scratch_copy
from tox_prodsim.model import files
from tox_prodsim.model.conditions import Condition, ConditionRun
from tox_prodsim.model.errors import NamespaceError, RestartError
from tox_prodsim.model.events import Found
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.scenario import Deployment

_ZOMBIES = "RUN647"
"""The code for zombies, also of those that a PID 1 inherits."""


def no_pid1(context: LaunchContext) -> str:
    """Return why a deployment cannot be PID 1 of a namespace here; nothing when it can."""
    return supervision.no_pid1(context.containment)


def run_under_condition(
    condition_run: ConditionRun, deployments: Sequence[Deployment], context: LaunchContext
) -> Iterator[Finding]:
    """Yield SIM803 when a deployment fails under the condition; it has been stopped then, and only its log is left.

    Raises RestartError with one sentence when it cannot be started again, and Cancelled.
    """
    if condition_run.condition.own_network and len(deployments) > 1:
        msg = "each service would have a network of its own, and could reach no other"
        raise RestartError(msg)
    deployments = [replace(deployment, restarts=0, crash=False, drain=()) for deployment in deployments]
    context = _with_condition(condition_run, in_scratch_copy(context, "simulated"))
    try:
        with closing(ServicesRun(deployments, context)) as services_run:
            found = tuple(_findings(services_run))
        failure = next((each for each in found if each.level is Level.ERROR), None)
        if failure is None or failure.code != _ZOMBIES:
            yield from (each for each in found if each.code == "SIM803")
        logs = {each.name: log_of(context.log, each.name) for each in deployments}
        if failure is not None:
            logs.pop(failure.service, None)
            finding = _to_finding(failure, found, condition_run.condition, deployments, context)
            yield replace(finding, service=failure.service)
        for log in logs.values():
            files.remove(log)
    except NamespaceError:
        msg = "its probes would have to ask in a network of its own, which only root may enter"
        raise RestartError(msg) from None
    finally:
        shutil.rmtree(context.scratch, ignore_errors=True)


def _with_condition(condition_run: ConditionRun, context: LaunchContext) -> LaunchContext:
    """Return the context as the condition changes it: variables, what starts the command, and a log of its own."""
    condition = condition_run.condition

    def resolve(argv: Sequence[str], key: str) -> list[str]:
        command = context.resolve(argv, key)
        return condition_run.command(command, scratch=context.scratch) if key == "deploy" else command

    return replace(
        context,
        temporary=condition_run.temporary if condition.own_folders else context.temporary,
        log=context.log.with_name(f"simulate-{condition.name}.log"),
        environ=lambda values: {**context.environ(values), **condition_run.variables},
        resolve=resolve,
        own_network=condition.own_network,
        as_pid1=condition.as_pid1,
    )


def _findings(services_run: ServicesRun) -> Iterator[Finding]:
    """Start and stop it, and yield all that is found."""
    for event in (*services_run.start(), *services_run.stop(commands_ran=True)):
        if isinstance(event, Found):
            yield event.finding


def _to_finding(
    failure: Finding,
    found: Sequence[Finding],
    condition: Condition,
    deployments: Sequence[Deployment],
    context: LaunchContext,
) -> Finding:
    """Return a failure as one under the condition, with its cause or its last line."""
    log = log_of(context.log, failure.service)
    if condition.as_pid1 and failure.code == "RUN607":
        (stop,) = (each.stop for each in deployments if each.name == failure.service)
        is_unhandled = any((each.code, each.service) == ("RUN608", failure.service) for each in found)
        return findings.ignored_as_pid1(condition, failure, stop, is_unhandled=is_unhandled)
    last_words = log_end.last_words(log, context.own_code)
    return findings.failed_under_condition(condition, failure, log.name, last_words)
