"""Where one of several services runs: its own log, TMPDIR, records and variables, and what it knows of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment.environ import with_own_variables
from tox_prodsim.deployment.launch import LaunchContext
from tox_prodsim.deployment.start_watch import UNWATCHED
from tox_prodsim.model import files
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import fill
from tox_prodsim.model.scenario import Deployment


def context_of(
    deployment: Deployment,
    context: LaunchContext,
    *,
    stand_ins: Mapping[str, str],
    known: Callable[[], Mapping[str, str]],
    has_begun: Callable[[], bool],
    trees: Callable[[], Mapping[int, supervision.Tree]],
) -> LaunchContext:
    """Return the context of one of several services; ``known`` returns what is known of the others by now.

    Before the start of the first, ``stand_ins`` are in the place of what is not known.
    """
    temporary = files.folder(context.temporary / deployment.name)

    def environ(values: Mapping[str, str]) -> dict[str, str]:
        own = {name: fill(value, values) for name, value in deployment.set_env.items()}
        exported = {f"PRODSIM_{name.upper()}": value for name, value in known().items()}
        return with_own_variables(
            {**exported, **context.environ(values)}, own, temporary=temporary, shared=context.temporary
        )

    def resolve(argv: Sequence[str], key: str) -> list[str]:
        try:
            return context.resolve(argv, key)
        except ProdsimError as problem:
            raise problem.of_section(deployment.section) from problem

    return replace(
        context,
        temporary=temporary,
        log=log_of(context.log, deployment.name),
        environ=environ,
        resolve=resolve,
        hook=context.hook.with_folder(deployment.name),
        service=deployment.name,
        others=lambda: {**({} if has_begun() else stand_ins), **known()},
        other_ports=trees,
        starts=UNWATCHED,
    )


def log_of(log: Path, name: str) -> Path:
    """Return the log of a service, such as ``deploy-db.log``; the only deployment has that one itself."""
    return log if not name else log.with_name(f"{log.stem}-{name}{log.suffix}")
