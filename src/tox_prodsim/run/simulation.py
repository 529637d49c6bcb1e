"""The main job again under each harsher condition that is asked for, one at a time, so that a failure names its own.

It comes behind the deployment: what fails without any condition says nothing about one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim import deployment
from tox_prodsim.checks import installed
from tox_prodsim.model.conditions import Condition, ConditionRun
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.runner import Runner
from tox_prodsim.model.scenario import Deployment

_HOME_IS_SET = "set_env names a HOME, which would not be the one"


@dataclass(frozen=True, kw_only=True, slots=True)
class SimulationContext:
    """Who plays: what is installed, in which environment, where a deployment runs, and which (None: there is none)."""

    subject: installed.Distribution
    runner: Runner
    python: Path
    scripts_dir: Path
    place: deployment.LaunchContext
    deployed: Deployment | None


def check_simulations(conditions: Sequence[Condition], cast: SimulationContext) -> CheckResult:
    """Return what each condition breaks, and why one could not be had."""
    parts = {condition.name: _played(condition, cast) for condition in conditions}
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


def _played(condition: Condition, cast: SimulationContext) -> CheckResult:
    """Play one condition in folders of its own, of which nothing is left."""
    if condition.own_folders and not _has_private_home(cast.place):
        return _not_checked(condition, _HOME_IS_SET)
    with _folder(cast.place.snapshot.with_name("simulated")) as folder:
        scene = ConditionRun(condition=condition, python=cast.python, folder=folder)
        if reason := installed.unavailable_reason(scene, cast.runner):
            return _not_checked(condition, reason)
        checked = installed.check_condition(scene, cast.subject, cast.runner, cast.scripts_dir)
        return CheckResult.of(checked, _deployed(scene, cast))


def _deployed(scene: ConditionRun, cast: SimulationContext) -> CheckResult:
    if cast.deployed is None:
        return CheckResult(detail="", codes=())
    try:
        findings = tuple(deployment.under(scene, cast.deployed, cast.place))
    except RuntimeError as problem:
        return _not_checked(scene.condition, f"the deployment: {problem}")
    return CheckResult(detail="", codes=("SIM803",), findings=findings)


def _not_checked(condition: Condition, reason: str) -> CheckResult:
    return CheckResult(detail="", codes=(), not_checked=((condition.name, reason),))


def _has_private_home(place: deployment.LaunchContext) -> bool:
    """Return whether HOME is the folder that every run gets, beside that of the snapshot."""
    return Path(place.environ({}).get("HOME", "")).parent == place.snapshot.parent


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Give an empty folder with ``home``, ``tmp`` and ``work`` in it, and remove it."""
    shutil.rmtree(path, ignore_errors=True)
    for name in ("home", "tmp", "work"):
        (path / name).mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
