"""Play a deployment once more, in a copy of its folder as it was, under a condition that may be too harsh for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tox_prodsim.deployment import output
from tox_prodsim.deployment.deploy import DeploymentRun
from tox_prodsim.deployment.place import LaunchContext
from tox_prodsim.deployment.startup import copied
from tox_prodsim.model.conditions import ConditionRun
from tox_prodsim.model.errors import NamespaceError
from tox_prodsim.model.events import Found
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.scenario import Deployment


def under(scene: ConditionRun, deployment: Deployment, place: LaunchContext) -> Iterator[Finding]:
    """Yield SIM803 when the deployment fails under the condition; it has come and gone then, and left only a log.

    Raises RuntimeError with one sentence when it cannot be played, and Cancelled.
    """
    place = _under(scene, copied(place, "simulated"))
    try:
        with closing(DeploymentRun(deployment, place)) as stage:
            broken = next(_errors(stage), None)
        if broken is not None:
            yield _finding(scene, broken, place.log)
        else:
            place.log.unlink(missing_ok=True)
    except NamespaceError:
        msg = "its probes would have to ask in a network of its own, which only root may enter"
        raise RuntimeError(msg) from None
    finally:
        shutil.rmtree(place.scratch, ignore_errors=True)


def _under(scene: ConditionRun, place: LaunchContext) -> LaunchContext:
    """Return the place as the condition makes it: variables, what starts the command, and its own log."""

    def resolve(argv: Sequence[str], key: str) -> list[str]:
        found = place.resolve(argv, key)
        return scene.command(found, scratch=place.scratch) if key == "deploy" else found

    return replace(
        place,
        temporary=scene.temporary if scene.condition.own_folders else place.temporary,
        log=place.log.with_name(f"simulate-{scene.condition.name}.log"),
        environ=lambda values: {**place.environ(values), **scene.variables},
        resolve=resolve,
        own_network=scene.condition.own_network,
    )


def _errors(stage: DeploymentRun) -> Iterator[Finding]:
    for event in (*stage.up(), *stage.down(commands_ran=True)):
        if isinstance(event, Found) and event.finding.level is Level.ERROR:
            yield event.finding


def _finding(scene: ConditionRun, broken: Finding, log: Path) -> Finding:
    words = next(reversed(list(output.tail(log, 1))), "")
    return Finding(
        code="SIM803",
        level=Level.ERROR,
        subject=broken.subject if broken.subject != log.name else "deploy",
        message=f"fails with {scene.condition.name}: {broken.message}",
        hint=f"its last words in {log.name}: {words}" if words else scene.condition.hint,
    )
