"""Run a deployment once more, in a copy of its folder as it was, under a condition that may be too harsh for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from tox_prodsim.deployment import findings, output
from tox_prodsim.deployment.deploy import DeploymentRun
from tox_prodsim.deployment.launch import LaunchContext
from tox_prodsim.deployment.startup import in_scratch_copy
from tox_prodsim.model.conditions import ConditionRun
from tox_prodsim.model.errors import NamespaceError, RestartError
from tox_prodsim.model.events import Found
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.scenario import Deployment


def run_under_condition(
    condition_run: ConditionRun, deployment: Deployment, context: LaunchContext
) -> Iterator[Finding]:
    """Yield SIM803 when the deployment fails under the condition; it has been stopped then, and only a log is left.

    Raises RestartError with one sentence when it cannot be started again, and Cancelled.
    """
    deployment = replace(deployment, restarts=0, crash=False, drain=())
    context = _with_condition(condition_run, in_scratch_copy(context, "simulated"))
    try:
        with closing(DeploymentRun(deployment, context)) as deployment_run:
            failure = next(_errors(deployment_run), None)
        if failure is not None:
            last_line = next(reversed(list(output.tail(context.log, 1))), "")
            yield findings.failed_under_condition(condition_run.condition, failure, context.log.name, last_line)
        else:
            context.log.unlink(missing_ok=True)
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
    )


def _errors(deployment_run: DeploymentRun) -> Iterator[Finding]:
    for event in (*deployment_run.start(), *deployment_run.stop(commands_ran=True)):
        if isinstance(event, Found) and event.finding.level is Level.ERROR:
            yield event.finding
