"""The comparison of one environment: imports and start-up beside those of another version of the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tox.tox_env.python.runner import PythonRun

from tox_prodsim import deployment
from tox_prodsim.building import reference_wheel
from tox_prodsim.checks import installed
from tox_prodsim.model.activity import Announce
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import Change, Compared, Step
from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.model.scenario import Deployment, Scenario
from tox_prodsim.plugin import session
from tox_prodsim.plugin.cli.output import write
from tox_prodsim.plugin.context import build, runners
from tox_prodsim.plugin.context.environment import ProductionEnv
from tox_prodsim.plugin.packages import wheel_under_test
from tox_prodsim.plugin.paths import ledger_of
from tox_prodsim.plugin.progress import ProgressDisplay
from tox_prodsim.run.confirmation import BaseInstall, Confirmation, install_base, launch_context_of, side_by_side
from tox_prodsim.run.context import ReferenceInputs, RunContext
from tox_prodsim.supervision import Cancel, Workers
from tox_prodsim.timing import comparability, paired, stats

_MOST_IMPORTS = 4
"""Number of modules that are compared if none is named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """The other version: one of a commit, a version of the index, and a wheel."""

    display: str
    """How the user named it."""
    commit: str = ""
    version: str = ""
    wheel: Path | None = None


def compare(tox_env: PythonRun, reference: Reference, cancel: Cancel, imports: Sequence[str]) -> list[Compared]:
    """Compare the imports, the configured ones and the start-up if none is named; write each line as it is known.

    Everything that is made for it is removed.
    """
    progress = _renew_session(tox_env)
    scenario = build.scenario_of(tox_env)
    if not scenario.timing.reference_release:
        msg = "false means that no other version is fetched, built or run, so there is nothing to compare with"
        raise ProdsimError("reference_release", msg)
    workers = Workers(cancel=cancel, ledger=lambda: ledger_of(tox_env))
    production_env = ProductionEnv(tox_env, workers, scenario.deployments)
    context = _context(tox_env, scenario, production_env)
    inputs = _reference_inputs(tox_env, reference, context, production_env)
    confirmation = Confirmation(inputs)
    try:
        progress.begin(Step.COMPARE, f"installing {reference.display} beside it")
        base = install_base(inputs, _artefact(reference, inputs))
        samplers = _import_samplers(imports or _default_imports(scenario, context), inputs, base)
        if scenario.deployment is not None and scenario.timing.startup and not imports:
            samplers[START_UP] = _start_sampler(scenario.deployment, context.launch_context, inputs, base)
        wheel = f"{context.wheel.name} {context.wheel.version}"
        own = f", with its own {', '.join(base.own)}" if base.own else ""
        write(f"prodsim: {wheel} beside {base.artefact.origin} ({reference.display}){own}, in {tox_env.name}\n")
        return _compared(samplers, scenario.timing.tolerance, progress.announce)
    finally:
        progress.close()
        confirmation.close()
        workers.close()


def _renew_session(tox_env: PythonRun) -> ProgressDisplay:
    """Give the environment a new session: the one that installed is over, and its cancel is closed.

    tox-uv still asks the Python of the environment where its packages are. Returns what shows the progress.
    """
    for name in ("execute_async", "interrupt"):
        vars(tox_env).pop(name, None)  # the old session has replaced these methods
    progress = session.Session(tox_env).progress
    progress.end(Step.ENV)
    return progress


def _context(tox_env: PythonRun, scenario: Scenario, production_env: ProductionEnv) -> RunContext:
    folder = Path(tox_env.env_dir) / "prodsim"
    return build.build_context(tox_env, scenario, wheel_under_test.remembered(folder), folder, production_env)


def _reference_inputs(
    tox_env: PythonRun, reference: Reference, context: RunContext, production_env: ProductionEnv
) -> ReferenceInputs:
    wheel = context.wheel
    spec = reference_wheel.ReferenceSpec(
        name=wheel.name, version=reference.version, commit=reference.commit, public=not wheel.is_private
    )
    return runners.reference_inputs(tox_env, spec, production_env)


def _artefact(reference: Reference, inputs: ReferenceInputs) -> reference_wheel.ReferenceWheel:
    if reference.wheel is not None:
        return reference_wheel.ReferenceWheel(wheel=reference.wheel, origin=f"the wheel {reference.wheel.name}")
    if reference.commit:
        return reference_wheel.from_commit(inputs.spec, inputs.sources)
    return reference_wheel.from_index(inputs.spec, inputs.sources)


def _default_imports(scenario: Scenario, context: RunContext) -> Sequence[str]:
    """Return the configured modules, else the first of those of the package and of its scripts."""
    modules = dict.fromkeys([*installed.main_names(context.subject), *context.wheel.console_modules])
    return scenario.timing.imports or [*modules][:_MOST_IMPORTS]


def _import_samplers(
    modules: Sequence[str], inputs: ReferenceInputs, base: BaseInstall
) -> dict[Metric, paired.PairedSampler]:
    """Return what times each import in both environments, by metric."""
    python, base_python = inputs.site.python, base.site.python
    return {
        Metric.of_import(name): paired.import_sampler(
            name, python=python, base_python=base_python, runner=inputs.runner
        )
        for name in modules
    }


def _start_sampler(
    deployed: Deployment, launch_context: deployment.LaunchContext, inputs: ReferenceInputs, base: BaseInstall
) -> paired.PairedSampler:
    """Return what times the start-up in both environments."""
    deployment.copy_scratch(launch_context)
    base_context = launch_context_of(launch_context, inputs.site, base.site)
    starts = (partial(deployment.measure_start, deployed, each) for each in (launch_context, base_context))
    return paired.start_sampler(*starts, python=inputs.site.python, runner=inputs.runner)


def _compared(samplers: Mapping[Metric, paired.PairedSampler], tolerance: float, announce: Announce) -> list[Compared]:
    compared = []
    for metric, sampler in samplers.items():
        result = side_by_side(metric, sampler, tolerance=tolerance, announce=announce)
        compared.append(comparability.with_limits(result))
        write(f"  {metric}: {_result(compared[-1])}\n")
    return compared


def _result(compared: Compared) -> str:
    """Return the result of one metric, such as ``slower, 148.0 ms beside 92.0 ms, +61 % (limit +10 %); …``."""
    if compared.expected_s is None or compared.ratio is None:
        return compared.detail
    times = f"{1000 * compared.value_s:.1f} ms beside {1000 * compared.expected_s:.1f} ms"
    change = {Change.UNKNOWN: "open", Change.SAME: "the same"}.get(compared.change, compared.change.value)
    limit = f"limit {stats.percent(compared.tolerance)}"
    return f"{change}, {times}, {stats.percent(compared.ratio - 1)} ({limit}); {compared.detail}"
