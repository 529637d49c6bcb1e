"""The reading of a configuration: a walk over the table of keys, whose values make a Scenario."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tox.config.sets import EnvConfigSet
from tox.tox_env.runner import RunToxEnv

from tox_prodsim import supervision
from tox_prodsim.model import scenario
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import Policy
from tox_prodsim.plugin.config import reports
from tox_prodsim.plugin.config.deployments import deployments
from tox_prodsim.plugin.config.keys import KEYS
from tox_prodsim.plugin.config.loading import load, refuse_second_command
from tox_prodsim.plugin.paths import baseline_dir

_MISSPELT = 0.8
"""How similar to one of ours an unknown key is when it is refused."""


def read(tox_env: RunToxEnv, *, update_baseline: scenario.Update | None = None) -> scenario.Scenario:
    """Return what the user asked for; raises ProdsimError that names the first key that is wrong."""
    conf, root = tox_env.conf, tox_env.core["tox_root"]
    _refuse_misspelt(conf)
    refuse_second_command(conf)
    values = {key.name: key.parse(key.name, load(conf, key)) for key in KEYS}
    _refuse_incomplete(values)
    supervision.containment(values["containment"])  # one that is named must be available here
    stop = scenario.Stop(signal=values["stop_signal"], grace_s=values["stop_timeout"], to=values["stop_to"])
    return scenario.Scenario(
        env_name=tox_env.name,
        deployments=deployments(conf, values),
        run_timeout_s=values["run_timeout"],
        stop=stop,
        deploy_files=_deploy_files(root, tox_env.core["work_dir"], values["deploy_files"]),
        timing=_timing(values, root, update=update_baseline),
        reports=reports.resolve("reports", root, values["reports"]),
        policy=Policy(select=values["select"], ignore=values["ignore"], warn=values["warn"]),
        has_commands=any(conf[key] for key in ("commands", "commands_post")),
        **{
            key: values[key]
            for key in ("extensions", "containment", "allow_leaks", "audit", "simulate", "resolution", "report_mode")
        },
    )


def _refuse_misspelt(conf: EnvConfigSet) -> None:
    """Refuse a key that is nearly one of ours: tox passes over what it does not know, and nothing would be checked.

    ``unused()`` of tox leaves out the base section, which is where many write what holds for all environments.
    """
    found = {name for loader in conf.loaders for name in loader.found_keys()}
    for name in sorted(name for name in found if name not in conf):
        near = difflib.get_close_matches(name, [key.name for key in KEYS], n=1, cutoff=_MISSPELT)
        if near:
            msg = f"there is no such key, did you mean {near[0]}?"
            raise ProdsimError(name, msg)


def _refuse_incomplete(values: Mapping[str, Any]) -> None:
    """Refuse a value that means nothing without another."""
    for key in KEYS:
        is_inherited = values["services"] and key.of_service  # their sections may have the others
        if key.needs and values[key.name] and not is_inherited and not all(values[other] for other in key.needs.keys):
            msg = f"needs {' and '.join(map(repr, key.needs.keys))}, {key.needs.reason}"
            raise ProdsimError(key.name, msg)


def _timing(values: Mapping[str, Any], root: Path, *, update: scenario.Update | None) -> scenario.Timing:
    return scenario.Timing(
        imports=values["measure_imports"],
        startup=values["measure_startup"],
        tolerance=values["time_tolerance_percent"],
        baseline_dir=baseline_dir(root, values["prodsim_baseline_dir"]),
        reference_release=values["reference_release"],
        update=update,
        budgets=scenario.Budgets(
            import_s=values["max_import_time"],
            startup_s=values["max_startup_time"],
            modules=values["max_modules"],
            forbidden=values["forbid_modules"],
            work_increase=values["max_work_increase"],
        ),
    )


def _deploy_files(root: Path, work: Path, globs: list[str]) -> tuple[Path, ...]:
    """Return what the globs match, never tox's own work folder; each must match, and no two may be copied to a name."""
    by_name: dict[str, Path] = {}
    for path in (path for glob in globs for path in _matching(root, work, glob)):
        if by_name.setdefault(path.name, path) != path:
            both = f"{by_name[path.name].relative_to(root)} and {path.relative_to(root)}"
            msg = f"{both} would both be copied to {path.name}, leave one out or name their folders"
            raise ProdsimError("deploy_files", msg)
    return tuple(by_name.values())


def _matching(root: Path, work: Path, glob: str) -> list[Path]:
    _refuse_outside(root, glob)
    try:
        matches = sorted(path for path in root.glob(glob) if work not in (path, *path.parents))
    except (ValueError, NotImplementedError) as problem:
        msg = f"{glob!r} is no glob: {problem}"
        raise ProdsimError("deploy_files", msg.lower()) from None
    if not matches:
        msg = f"nothing below {root} matches {glob!r}, correct the name or remove it"
        raise ProdsimError("deploy_files", msg)
    holding = [path for path in matches if path in work.parents]
    if holding:
        msg = f"{glob!r} matches {holding[0]}, which holds tox's own {work.name}; name what is to be copied"
        raise ProdsimError("deploy_files", msg)
    return matches


def _refuse_outside(root: Path, glob: str) -> None:
    if Path(glob).is_absolute() or ".." in Path(glob).parts:
        msg = f"{glob!r} is not below the tox root {root}, give a relative path or glob"
        raise ProdsimError("deploy_files", msg)
    if not Path(glob).parts:
        msg = f"{glob!r} is the tox root itself, name what is to be copied"
        raise ProdsimError("deploy_files", msg)
