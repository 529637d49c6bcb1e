"""From tox's environment to the RunContext: the wheel, the environment, the stored baseline and the new one."""

from __future__ import annotations

import datetime as dt
import functools
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import reference_wheel
from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.checks import artifact, installed, resolution
from tox_prodsim.deployment import LaunchContext
from tox_prodsim.model import files, services
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import RunStarted
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.probes import ExecProbe
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.scenario import Deployment, Scenario
from tox_prodsim.plugin.config import read, values
from tox_prodsim.plugin.context import installer, runners
from tox_prodsim.plugin.context.environment import ProductionEnv
from tox_prodsim.plugin.paths import move_advice, wheels_of
from tox_prodsim.run import contents
from tox_prodsim.run.context import BaselineFiles, FileContext, ReferenceInputs, RunContext, WheelUnderTest
from tox_prodsim.run.sdist import Provenance
from tox_prodsim.timing import baseline, sampling

_UPDATE = "--prodsim-update-baseline"
_PYTHON_FACTOR = lazy_regex(r"(?:(?:py|cp|python|cpython|pypy|graalpy)(\d)\.?|(\d)\.)(\d+)t?")
_PYVENV_VERSION = lazy_regex(r"^version(?:_info)?\s*=\s*(?P<version>\d+\.\d+\.\d+)", re.MULTILINE)


def scenario_of(tox_env: PythonRun) -> Scenario:
    """Return the scenario of the environment; raises ProdsimError for what is wrong with it."""
    options = tox_env.options
    update = values.update(_UPDATE, options.prodsim_update_baseline)
    if update and (refused := baseline.update_refused(os.environ, allowed=options.prodsim_allow_ci_update)):
        raise ProdsimError(_UPDATE, refused)
    scenario = read.read(tox_env, update_baseline=update)
    baseline.load(_baseline_path(tox_env, scenario))
    return scenario


@dataclass(frozen=True, kw_only=True, slots=True)
class _Inputs:
    """What a context is made from."""

    tox_env: PythonRun
    scenario: Scenario
    wheel: artifact.Wheel
    folder: Path
    """The plugin's folder of the environment."""
    production_env: ProductionEnv


def build_context(
    tox_env: PythonRun,
    scenario: Scenario,
    under_test: WheelUnderTest,
    folder: Path,
    production_env: ProductionEnv,
    *,
    lowered: installer.Lowered | None = None,
) -> RunContext:
    """Return the context of one run, and copy the deploy files to the scratch folder."""
    for source in scenario.deploy_files:
        _copy(source, production_env.folders.scratch)
    inputs = _Inputs(
        tox_env=tox_env,
        scenario=scenario,
        wheel=artifact.read_bounded(production_env.workers, artifact.open_wheel, under_test.path),
        folder=folder,
        production_env=production_env,
    )
    return replace(_context(inputs, under_test.origin), lowest=lowered)


def file_context(
    tox_env: PythonRun,
    scenario: Scenario,
    under_test: WheelUnderTest,
    folder: Path,
    *,
    production_env: ProductionEnv,
    provenance: Provenance,
    failed: resolution.FailedInstallation,
) -> FileContext:
    """Return the context of a run whose wheel could not be installed."""
    wheel = artifact.read_bounded(production_env.workers, artifact.open_wheel, under_test.path)
    inputs = _Inputs(tox_env=tox_env, scenario=scenario, wheel=wheel, folder=folder, production_env=production_env)
    return FileContext(
        started=run_started(tox_env, scenario, wheel, under_test.origin),
        wheel=wheel,
        python=Path(tox_env.env_python()),
        baselines=_baselines(inputs),
        execute=production_env.helper,
        call=production_env.workers,
        tools=runners.audit_tools(tox_env, scenario.audit, production_env.cancel),
        provenance=provenance,
        tested_pythons=_tested_pythons(tox_env.core["env_list"]),
        uninstalled=functools.partial(resolution.check_installation, failed, _resolve(inputs)),
    )


def _context(inputs: _Inputs, origin: str) -> RunContext:
    tox_env, wheel, production_env = inputs.tox_env, inputs.wheel, inputs.production_env
    folders = production_env.folders
    launch_context, baselines = _launch_context(inputs), _baselines(inputs)
    return RunContext(
        started=run_started(tox_env, inputs.scenario, wheel, origin),
        wheel=wheel,
        subject=_distribution(tox_env, wheel),
        python=Path(tox_env.env_python()),
        scripts_dir=Path(tox_env.env_bin_dir()),
        launch_context=launch_context,
        baselines=baselines,
        execute=production_env.helper,
        call=production_env.workers,
        reference=_reference(inputs, baselines),
        tools=runners.audit_tools(tox_env, inputs.scenario.audit, production_env.cancel),
        site_packages=Path(tox_env.env_site_package_dir()),
        private=(folders.home, folders.temporary, folders.probe),
        fresh_install=_fresh_install(inputs),
        python_version=(tox_env.base_python.version_info.major, tox_env.base_python.version_info.minor),
        tested_pythons=_tested_pythons(tox_env.core["env_list"]),
    )


def _launch_context(inputs: _Inputs) -> LaunchContext:
    """Return where the deployment runs; raises ProdsimError if one of its commands cannot be found."""
    launch_context = inputs.production_env.launch_context(inputs.folder, inputs.scenario, inputs.wheel.top_levels)
    for log in launch_context.log.parent.glob(f"{launch_context.log.stem}*{launch_context.log.suffix}"):
        files.remove(log)
    for deployment in inputs.scenario.deployments:
        others = services.stand_ins(each.name for each in inputs.scenario.deployments)
        launch = deployment.launch(port=1, scratch=launch_context.scratch, others=others)
        launch_context.cwd.mkdir(parents=True, exist_ok=True)
        _resolve_command(launch_context, launch.argv, deployment, "deploy")
        for at, probe in enumerate(launch.probes):
            if isinstance(probe, ExecProbe):
                _resolve_command(launch_context, probe.argv, deployment, f"ready[{at}]")
    return launch_context


def _resolve_command(launch_context: LaunchContext, argv: Sequence[str], deployment: Deployment, key: str) -> None:
    try:
        launch_context.resolve(argv, key)
    except ProdsimError as problem:
        raise problem.of_section(deployment.section) from problem


def _tested_pythons(env_list: Iterable[str]) -> frozenset[str] | None:
    """Return the Pythons that the factors of these names stand for in tox; None: no factor does."""
    factors = {factor for name in env_list for factor in name.split("-")}
    matches = (_PYTHON_FACTOR.fullmatch(factor) for factor in factors)
    return frozenset(f"{match[1] or match[2]}.{match[3]}" for match in matches if match) or None


def _copy(source: Path, scratch: Path) -> None:
    """Copy a file or a folder into the scratch folder; raises ProdsimError."""
    try:
        if source.is_dir():
            shutil.copytree(source, scratch / source.name, dirs_exist_ok=True)
        else:
            shutil.copy2(source, scratch / source.name)
    except shutil.Error as problem:  # a list of the files that failed
        first = problem.args[0][0]
        raise ProdsimError("deploy_files", f"{first[0]} cannot be copied: {first[2]}") from problem
    except OSError as problem:
        raise ProdsimError("deploy_files", f"{source} cannot be copied: {problem.strerror or problem}") from problem


def _distribution(tox_env: PythonRun, wheel: artifact.Wheel) -> installed.Distribution:
    return installed.Distribution(
        name=wheel.name,
        version=wheel.version,
        requires=wheel.requires,
        requires_python=wheel.requires_python,
        extras=tuple(sorted(tox_env.conf["extras"])),
        top_levels=wheel.top_levels,
        modules=wheel.modules,
        extensions=wheel.extensions,
        entry_points=wheel.entry_points,
        script_files=tuple(artifact.script_files(wheel)),
        start_files=tuple(artifact.start_files(wheel)),
        classifiers=wheel.classifiers,
    )


def run_started(
    tox_env: PythonRun, scenario: Scenario, wheel: artifact.Wheel | None = None, origin: str = ""
) -> RunStarted:
    """Return the first event of a run; ``wheel`` None: it could not be built."""
    contain = supervision.containment(scenario.containment)
    python = tox_env.base_python
    return RunStarted(
        version=importlib.metadata.version("tox-prodsim"),
        env_name=tox_env.name,
        python=f"{python.implementation} {_version(tox_env)}",
        platform=f"{sys.platform} {platform.machine()}",
        checks=len(CATALOGUE),
        wheel_name=wheel.file_name if wheel else "",
        wheel_size_bytes=wheel.size_bytes if wheel else 0,
        wheel_sha256=wheel.sha256 if wheel else "",
        wheel_sources_sha256=wheel.sources_sha256 if wheel else "",
        wheel_origin=origin,
        containment=contain.name,
        guarantee=contain.guarantee,
        started_at=dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
    )


def _version(tox_env: PythonRun) -> str:
    found = installed_version(Path(tox_env.env_dir))
    return found or ".".join(str(part) for part in tox_env.base_python.version_info[:3])


def installed_version(env_dir: Path) -> str:
    """Return the version of the Python in a virtual environment, as its ``pyvenv.cfg`` has it; empty: it has none.

    tox-uv only knows the Python that was asked for, which may be another patch release.
    """
    try:
        text = (env_dir / "pyvenv.cfg").read_text(encoding="utf-8")
    except OSError:
        return ""
    found = _PYVENV_VERSION.search(text)
    return found["version"] if found else ""


def _baseline_path(tox_env: PythonRun, scenario: Scenario) -> Path:
    return baseline.path_for(scenario.timing.baseline_dir, scenario.env_name, _key(tox_env))


def _key(tox_env: PythonRun) -> str:
    python = tox_env.base_python
    return baseline.key_for(
        implementation=python.implementation,
        version=_version(tox_env),
        platform=sysconfig.get_platform(),
        free_threaded=bool(getattr(python, "free_threaded", False)),
    )


def _baselines(inputs: _Inputs) -> BaselineFiles:
    """Return the stored baseline, and what is known so far of the one of this run."""
    path, root = _baseline_path(inputs.tox_env, inputs.scenario), Path(inputs.tox_env.core["tox_root"])
    return BaselineFiles(
        stored=baseline.load(path),
        path=path,
        candidate=inputs.folder / "candidate.json",
        now=_new_baseline(inputs),
        root=root,
        wheels=wheels_of(inputs.tox_env),
        advice=move_advice(root, path),
        is_ignored=lambda: _git(root, "check-ignore", "--quiet", str(path)) is not None,
    )


def _new_baseline(inputs: _Inputs) -> baseline.Baseline:
    """Return the baseline of this run, still without times."""
    tox_env, wheel = inputs.tox_env, inputs.wheel
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    commit = _commit(Path(tox_env.core["tox_root"]))
    dists = inputs.production_env.workers(installed.versions_in, str(tox_env.env_site_package_dir()))
    return baseline.Baseline(
        key=_key(tox_env),
        env=inputs.scenario.env_name,
        python=_version(tox_env),
        built=baseline.Built(version=wheel.version, wheel_sha256=wheel.sha256, commit=commit, created=today),
        control=sampling.CONTROL,
        metrics={},
        dists=tuple(filter(baseline.is_distribution, dists)),  # without those that no installer could ask for
        machine={"cpu": _cpu(), "cpus": str(os.cpu_count()), "os": platform.platform(terse=True)},
        contents=contents.contents_of(wheel, today),
    )


def _reference(inputs: _Inputs, baselines: BaselineFiles) -> ReferenceInputs | None:
    """Return what a confirmation beside the baseline's own wheel works with; None: there is no baseline."""
    if baselines.stored is None:
        return None
    name, built = inputs.wheel.name, baselines.stored.built
    spec = reference_wheel.ReferenceSpec(
        name=name,
        version=built.version,
        sha256=built.wheel_sha256,
        commit=built.commit,
        public=not inputs.wheel.is_private,
    )
    changes = baseline.environment_changes(baselines.stored, baselines.now, project=name)
    return runners.reference_inputs(
        inputs.tox_env,
        spec,
        inputs.production_env,
        changes=changes,
        recorded=baselines.stored.dists,
        off="" if inputs.scenario.timing.reference_release else "reference_release is off",
    )


def _fresh_install(inputs: _Inputs) -> Callable[[], CheckResult]:
    """Return what asks the environment's installer about the wheel; the variables are read now, in this thread."""
    tox_env, production_env = inputs.tox_env, inputs.production_env
    runner, folder = installer.runner_of(tox_env, production_env.cancel), production_env.folders.probe
    own = installer.installer_of(tox_env)
    return functools.partial(resolution.check_resolution, _resolution_request(inputs), own, runner, folder)


def _resolve(inputs: _Inputs) -> Callable[[], resolution.Resolution]:
    """Return what asks the environment's installer whether the requirements of the wheel can be met."""
    tox_env, production_env, request = inputs.tox_env, inputs.production_env, _resolution_request(inputs)
    runner, folder = installer.runner_of(tox_env, production_env.cancel), production_env.folders.probe
    requirements = [request.requirement(request.requested)]
    resolve = installer.installer_of(tox_env).resolve
    return functools.partial(resolve, requirements, runner, folder, limit_s=resolution.LIMIT_S)


def _resolution_request(inputs: _Inputs) -> resolution.ResolutionRequest:
    wheel = inputs.wheel
    return resolution.ResolutionRequest(
        wheel=wheel.path,
        name=wheel.name,
        requires=wheel.requires,
        provided=wheel.provides_extras,
        requested=tuple(sorted(inputs.tox_env.conf["extras"])),
    )


@functools.cache
def _commit(root: Path) -> str:
    """Return the commit of the tree; empty: there is no git or no commit."""
    return (_git(root, "rev-parse", "--short=12", "HEAD") or "").strip()


def _git(root: Path, *arguments: str) -> str | None:
    """Return the output of git in the tree; None: it failed, or there is no git."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(root), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    return answer.stdout if answer.returncode == 0 else None


@functools.cache
def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
