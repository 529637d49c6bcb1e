"""The main job again under each harsher condition that is configured, one at a time, so that a failure names its own.

It comes after the deployment: what fails without any condition says nothing about one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tox_prodsim import deployment
from tox_prodsim.checks import installed
from tox_prodsim.model import files
from tox_prodsim.model.conditions import Condition, ConditionRun
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import RestartError
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.runner import Runner
from tox_prodsim.model.scenario import Deployment

_HOME_IS_SET = "set_env sets HOME, which the condition would replace"


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationContext:
    """What a simulation works with."""

    subject: installed.Distribution
    runner: Runner
    python: Path
    scripts_dir: Path
    launch_context: deployment.LaunchContext
    deployed: Sequence[Deployment]
    """Empty: there is no deployment."""


def check_simulations(conditions: Sequence[Condition], context: SimulationContext) -> CheckResult:
    """Return what each condition breaks, and why one could not be simulated."""
    parts = {condition.name: _simulate(condition, context) for condition in conditions}
    whole = CheckResult.of(*parts.values())
    good = ", ".join(name for name, part in parts.items() if part.codes and not part.findings)
    missing = "; ".join(f"{name}: {reason}" for name, reason in whole.not_checked)
    facts = (good, f"not checked: {missing}" if whole.codes and missing else missing)
    return CheckResult(
        detail=joined(facts, "; "),
        codes=tuple(dict.fromkeys(whole.codes)),
        findings=whole.findings,
        not_checked=whole.not_checked,
    )


def _simulate(condition: Condition, context: SimulationContext) -> CheckResult:
    """Simulate one condition in folders of its own, which are removed."""
    if condition.own_folders and not _has_private_home(context.launch_context):
        return _not_checked(condition, _HOME_IS_SET)
    with _folder(context.launch_context.scratch_copy.with_name("simulated")) as folder:
        condition_run = ConditionRun(condition=condition, python=context.python, folder=folder)
        if condition.as_pid1:
            return _simulate_pid1(condition_run, context)
        if reason := installed.unavailable_reason(condition_run, context.runner):
            return _not_checked(condition, reason)
        checked = installed.check_condition(condition_run, context.subject, context.runner, context.scripts_dir)
        return CheckResult.of(checked, _deploy(condition_run, context))


def _simulate_pid1(condition_run: ConditionRun, context: SimulationContext) -> CheckResult:
    """Simulate what only a deployment can be: the main process of a container."""
    if not context.deployed:
        return _not_checked(condition_run.condition, "there is no deployment")
    if reason := deployment.no_pid1(context.launch_context):
        return _not_checked(condition_run.condition, reason)
    return _deploy(condition_run, context)


def _deploy(condition_run: ConditionRun, context: SimulationContext) -> CheckResult:
    if not context.deployed:
        return CheckResult(detail="", codes=())
    try:
        findings = tuple(deployment.run_under_condition(condition_run, context.deployed, context.launch_context))
    except RestartError as problem:
        return _not_checked(condition_run.condition, f"the deployment: {problem}")
    return CheckResult(detail="", codes=("SIM803",), findings=findings)


def _not_checked(condition: Condition, reason: str) -> CheckResult:
    return CheckResult(detail="", codes=(), not_checked=((condition.name, reason),))


def _has_private_home(launch_context: deployment.LaunchContext) -> bool:
    """Return whether HOME is the folder that every run gets, beside that of the snapshot."""
    return Path(launch_context.environ({}).get("HOME", "")).parent == launch_context.scratch_copy.parent


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Give an empty folder with ``home``, ``tmp`` and ``work`` in it, and remove it."""
    files.empty_folder(path)
    for name in ("home", "tmp", "work"):
        (path / name).mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
