"""From tox's environment to its installer: how it resolves versions, and the installation of the lowest ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tox.execute.request import StdinSource
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.checks import resolution
from tox_prodsim.checks.resolution import Impossible, IndexUnreachable, LowestVersions, Undetermined, VersionUnavailable
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.formatting import last_error
from tox_prodsim.model.runner import Runner
from tox_prodsim.plugin.context import runners
from tox_prodsim.plugin.paths import ledger_of

Lowered = LowestVersions | Impossible | VersionUnavailable
_LOCAL_SETTINGS = frozenset({"CONSTRAINT", "USER", "TARGET", "PREFIX", "ROOT", "LOG", "REPORT", "REQUIRE_VIRTUALENV"})
"""Settings of pip and uv that concern this machine, and not what an index has."""


def installer_of(tox_env: PythonRun) -> resolution.Installer:
    """Return the uv that installs into the environment, or its pip; if it has neither, the pip of virtualenv."""
    python = Path(tox_env.env_python())
    if uv := getattr(tox_env.installer, "uv", ""):
        return resolution.Uv(python=python, program=Path(uv))
    major, minor = tox_env.base_python.version_info[:2]
    own = resolution.Pip(python=python, program=Path(tox_env.env_site_package_dir()) / "pip")
    return own if own.program.is_dir() else resolution.pip_of_virtualenv(python, f"{major}.{minor}")


def runner_of(tox_env: PythonRun, cancel: supervision.Cancel) -> Runner:
    """Return what runs an installer under a guard, with the settings of tox's own installation."""
    given = runners.build_environ(tox_env.environment_variables)
    environ = {name: value for name, value in given.items() if not _is_local_setting(name)}
    return runners.runner_in(Path(tox_env.core["tox_root"]), environ, cancel, ledger=ledger_of(tox_env))


def _is_local_setting(name: str) -> bool:
    installer, _, setting = name.partition("_")
    return installer in {"PIP", "UV"} and setting in _LOCAL_SETTINGS


def install_lowest(tox_env: PythonRun, packages: Any, folder: Path, cancel: supervision.Cancel) -> Lowered:
    """Install the lowest versions before tox installs the newest, and make them the requirements of ``packages``.

    If they cannot be installed, tox installs as usual. Raises ProdsimError when they cannot be resolved.
    """
    requirements = [str(dep) for package in packages for dep in package.deps]
    runner = runner_of(tox_env, cancel)
    folder.mkdir(parents=True, exist_ok=True)
    found = resolution.resolve_lowest(
        installer_of(tox_env),
        requirements,
        runner,
        folder,
        environment=getattr(tox_env.base_python, "marker_environment", None),
        beside=_requirements_of_deps(tox_env),
    )
    match found:
        case Undetermined() | IndexUnreachable():
            raise ProdsimError("resolution", f"the lowest versions are not known: {found.reason}")
        case LowestVersions() if found.requirements:
            return _install(tox_env, packages, found)
    return found


def _requirements_of_deps(tox_env: PythonRun) -> list[str]:
    """Return the lines of ``deps``: they are installed as well, and the lowest versions have to fit to them."""
    try:
        return list(tox_env.conf["deps"].unroll()[1])
    except ValueError:  # there are none
        return []


def _install(tox_env: PythonRun, packages: Any, found: LowestVersions) -> Lowered:
    """Install the requirements with tox's own command line."""
    own: Any = tox_env.installer  # the installers of pip and uv have this method, their base class has not
    command = own.build_install_cmd([*map(str, found.requirements)])
    outcome = tox_env.execute(command, stdin=StdinSource.OFF, show=False, run_id="install_lowest")
    if outcome.exit_code != 0:
        return Impossible(reason=last_error(outcome.err or outcome.out))
    for package in packages:
        package.deps = list(found.requirements)
    return found
