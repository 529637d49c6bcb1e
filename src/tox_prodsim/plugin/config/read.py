"""The reading of a configuration: a walk over the table of keys, whose values make a Scenario."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tox.tox_env.runner import RunToxEnv

from tox_prodsim import supervision
from tox_prodsim.model import scenario
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import Policy
from tox_prodsim.plugin.config import misspelt, reports
from tox_prodsim.plugin.config.deploy_files import matching_files
from tox_prodsim.plugin.config.deployments import deployments
from tox_prodsim.plugin.config.keys import KEYS
from tox_prodsim.plugin.config.loading import load, refuse_second_command, understood
from tox_prodsim.plugin.paths import baseline_dir


def read(tox_env: RunToxEnv, *, update_baseline: scenario.Update | None = None) -> scenario.Scenario:
    """Return what the user asked for; raises ProdsimError that names the first key that is wrong."""
    conf, root = tox_env.conf, tox_env.core["tox_root"]
    misspelt.refuse(conf)
    refuse_second_command(conf)
    values = {key.name: understood(key, load(conf, key)) for key in KEYS}
    misspelt.refuse_unknown_services(conf, values["services"])
    _refuse_incomplete(values)
    supervision.containment(values["containment"])  # one that is named must be available here
    stop = scenario.Stop(signal=values["stop_signal"], grace_s=values["stop_timeout"], to=values["stop_to"])
    return scenario.Scenario(
        env_name=tox_env.name,
        deployments=deployments(conf, values),
        run_timeout_s=values["run_timeout"],
        stop=stop,
        deploy_files=matching_files(root, tox_env.core["work_dir"], values["deploy_files"]),
        timing=_timing(values, root, update=update_baseline),
        reports=reports.resolve("reports", root, values["reports"]),
        policy=Policy(select=values["select"], ignore=values["ignore"], warn=values["warn"]),
        has_commands=any(conf[key] for key in ("commands", "commands_post")),
        **{
            key: values[key]
            for key in ("extensions", "containment", "allow_leaks", "audit", "simulate", "resolution", "report_mode")
        },
    )


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
        timeout_s=values["compare_timeout"],
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
        sizes=scenario.SizeBudgets(limits={key: values[key] for key in scenario.SIZE_KEYS}),
        size_tolerance=values["size_tolerance_percent"],
        memory_tolerance=values["memory_tolerance_percent"],
    )
