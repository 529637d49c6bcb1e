"""From tox's environment to what a run works with: the wheel, the facts about it, and what is to be kept of them."""

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
from collections.abc import Callable, Iterable
from pathlib import Path

from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import reference_wheel
from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.checks import artifact, installed, resolution
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import RunStarted
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.probes import ExecProbe
from tox_prodsim.model.scenario import Scenario
from tox_prodsim.plugin.config import read
from tox_prodsim.plugin.context import installer, runners
from tox_prodsim.plugin.context.environment import ProductionEnv
from tox_prodsim.plugin.paths import wheels_of
from tox_prodsim.run import contents
from tox_prodsim.run.context import BaselineFiles, ReferenceInputs, RunContext, WheelUnderTest
from tox_prodsim.timing import baseline, sampling

_PYTHON_FACTOR = re.compile(r"(?:(?:py|cp|python|cpython|pypy|graalpy)(\d)\.?|(\d)\.)(\d+)t?")


def scenario_of(tox_env: PythonRun) -> Scenario:
    """Return the scenario of the environment; raises ProdsimError for everything that can be known before a start."""
    options = tox_env.options
    update = bool(options.prodsim_update_baseline)
    if update and (refused := baseline.update_refused(os.environ, allowed=options.prodsim_allow_ci_update)):
        raise ProdsimError("--prodsim-update-baseline", refused)
    scenario = read.read(tox_env, update_baseline=update)
    baseline.load(_baseline_path(tox_env, scenario))
    return scenario


def make(
    tox_env: PythonRun,
    scenario: Scenario,
    under_test: WheelUnderTest,
    folder: Path,
    production_env: ProductionEnv,
    *,
    lowered: installer.Lowered | None = None,
) -> RunContext:
    """Return the bench of one run; the deploy files are in the scratch folder then."""
    for source in scenario.deploy_files:
        _copy(source, production_env.folders.scratch)
    wheel = artifact.open_wheel(under_test.path)
    place = production_env.place(folder, scenario, wheel.top_levels)
    place.log.unlink(missing_ok=True)
    if scenario.deployment is not None:
        launch = scenario.deployment.launch(port=1, scratch=place.scratch)
        place.cwd.mkdir(parents=True, exist_ok=True)
        place.resolve(launch.argv, "deploy")
        for at, probe in enumerate(launch.probes):
            if isinstance(probe, ExecProbe):
                place.resolve(probe.argv, f"ready[{at}]")
    baselines = _baselines(tox_env, scenario, wheel, _packages(tox_env), folder)
    return RunContext(
        started=_started(tox_env, scenario, wheel, under_test.origin),
        wheel=wheel,
        subject=_subject(tox_env, wheel),
        python=Path(tox_env.env_python()),
        scripts_dir=Path(tox_env.env_bin_dir()),
        place=place,
        baselines=baselines,
        execute=production_env.helper,
        reference=_reference(tox_env, wheel.name, baselines, production_env),
        tools=runners.tools_of(tox_env, scenario.audit, production_env.cancel),
        private=(production_env.folders.home, production_env.folders.temporary, production_env.folders.probe),
        fresh_install=_fresh_install(tox_env, wheel, production_env),
        lowered=lowered,
        tested=_tested(tox_env.core["env_list"]),
    )


def _tested(env_list: Iterable[str]) -> frozenset[str] | None:
    """Return the Pythons that the factors of these names stand for, as tox understands them; None when none does."""
    factors = {factor for name in env_list for factor in name.split("-")}
    found = (_PYTHON_FACTOR.fullmatch(factor) for factor in factors)
    return frozenset(f"{match[1] or match[2]}.{match[3]}" for match in found if match) or None


def _copy(source: Path, scratch: Path) -> None:
    """Copy a file by its name, or a folder with its content."""
    if source.is_dir():
        shutil.copytree(source, scratch / source.name, dirs_exist_ok=True)
    else:
        shutil.copy2(source, scratch / source.name)


def _subject(tox_env: PythonRun, wheel: artifact.Wheel) -> installed.Distribution:
    return installed.Distribution(
        name=wheel.name,
        version=wheel.version,
        requires=wheel.requires,
        extras=tuple(sorted(tox_env.conf["extras"])),
        top_levels=wheel.top_levels,
        modules=wheel.modules,
        extensions=wheel.extensions,
        entry_points=wheel.entry_points,
    )


def started(tox_env: PythonRun, scenario: Scenario) -> RunStarted:
    """Return the first event of a run whose wheel could not be built."""
    return _started(tox_env, scenario, None, "")


def _started(tox_env: PythonRun, scenario: Scenario, wheel: artifact.Wheel | None, origin: str) -> RunStarted:
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
        wheel_origin=origin,
        containment=contain.name,
        guarantee=contain.guarantee,
        started_at=dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds"),
    )


def _version(tox_env: PythonRun) -> str:
    return ".".join(str(part) for part in tox_env.base_python.version_info[:3])


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


def _baselines(
    tox_env: PythonRun, scenario: Scenario, wheel: artifact.Wheel, packages: tuple[str, ...], folder: Path
) -> BaselineFiles:
    path, root = _baseline_path(tox_env, scenario), Path(tox_env.core["tox_root"])
    today = dt.datetime.now(tz=dt.UTC).date().isoformat()
    now = baseline.Baseline(
        key=_key(tox_env),
        env=scenario.env_name,
        python=_version(tox_env),
        built=baseline.Built(
            version=wheel.version,
            wheel_sha256=wheel.sha256,
            commit=_commit(root),
            created=today,
        ),
        control=sampling.CONTROL,
        metrics={},
        dists=packages,
        machine={"cpu": _cpu(), "cpus": str(os.cpu_count()), "os": platform.platform(terse=True)},
        contents=contents.contents_of(wheel, today),
    )
    return BaselineFiles(
        stored=baseline.load(path),
        path=path,
        candidate=folder / "candidate.json",
        now=now,
        root=root,
        wheels=wheels_of(tox_env),
    )


def _reference(
    tox_env: PythonRun, name: str, baselines: BaselineFiles, production_env: ProductionEnv
) -> ReferenceInputs | None:
    """Return how a suspicion can be confirmed beside the baseline's own wheel; None: there is no baseline."""
    if baselines.stored is None:
        return None
    built = baselines.stored.built
    wanted = reference_wheel.Wanted(
        name=name,
        version=built.version,
        sha256=built.wheel_sha256,
        commit=built.commit,
        public=runners.is_public(tox_env, name),
    )
    dists, machine = baseline.changes_since(baselines.stored, baselines.now, name)
    return runners.reference_inputs(
        tox_env, wanted, runner=production_env.helper, cancel=production_env.cancel, dists=dists, machine=machine
    )


def _fresh_install(
    tox_env: PythonRun, wheel: artifact.Wheel, production_env: ProductionEnv
) -> Callable[[], CheckResult]:
    """Return what asks the installer of the environment about the wheel; its variables are read now, by this thread."""
    request = resolution.ResolutionRequest(
        wheel=wheel.path,
        name=wheel.name,
        requires=wheel.requires,
        provided=wheel.provides_extras,
        requested=tuple(sorted(tox_env.conf["extras"])),
    )
    runner, folder = installer.runner_of(tox_env, production_env.cancel), production_env.folders.probe
    return functools.partial(resolution.check_resolution, request, installer.installer_of(tox_env), runner, folder)


def _packages(tox_env: PythonRun) -> tuple[str, ...]:
    """Return what is installed as ``name==version``, read from the metadata on disk."""
    found = importlib.metadata.distributions(path=[str(tox_env.env_site_package_dir())])
    return tuple(sorted(f"{each.name}=={each.version}" for each in found if each.name))


@functools.cache
def _commit(root: Path) -> str:
    """Return the commit of the tree, or an empty text where there is no git or no commit."""
    git = shutil.which("git")
    if git is None:
        return ""
    answer = subprocess.run(
        [git, "-C", str(root), "rev-parse", "--short=12", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return answer.stdout.strip() if answer.returncode == 0 else ""


@functools.cache
def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
