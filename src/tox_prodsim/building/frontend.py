"""Build a wheel from an sdist or a source tree, or get it from the index, each in an environment of its own.

The interpreter is that of the environment under test, so that the wheel fits there.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import build
import pyproject_hooks
import virtualenv

from tox_prodsim.building.unpacking import unpack
from tox_prodsim.model.errors import BuildError, Cancelled, ProdsimError
from tox_prodsim.model.runner import BoundedCall, unbounded

_SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"
_BACKEND_WARNING = getattr(pyproject_hooks, "BuildBackendWarning", None)
"""What newer versions make of the warnings of a build back end: those of the hook are kept with its output."""

Execute = Callable[[Sequence[str], Path, Mapping[str, str]], None]
"""Runs a command in a folder, with further variables; raises ProdsimError when it fails."""


class _IsolatedEnv:
    """An isolated environment, with the attributes that ``build`` requires of it."""

    def __init__(self, folder: Path, python: Path, execute: Execute) -> None:
        arguments = [str(folder), "--python", str(python), "--no-periodic-update"]
        # The set-up of its log would remove tox's log handlers.
        self._session = virtualenv.cli_run(arguments, setup_logging=False)
        self._execute = execute

    @property
    def python_executable(self) -> str:
        return str(self._session.creator.exe)

    def make_extra_environ(self) -> dict[str, str]:
        return {"VIRTUAL_ENV": str(self._session.creator.dest)}

    def install(self, requirements: Sequence[str], cwd: Path) -> None:
        if requirements:
            self._execute([self.python_executable, "-m", "pip", "install", "-q", *sorted(requirements)], cwd, {})


def wheel_from_sdist(
    sdist: Path, *, python: Path, folder: Path, execute: Execute, call: BoundedCall = unbounded
) -> Path:
    """Return the wheel built from the unpacked sdist, away from any source tree.

    Raises BuildError when it does not build.
    """
    source = call(unpack, sdist, folder / "source")
    with _as_prodsim_error("--installpkg", f"building a wheel from {sdist.name}"):
        return _build_isolated(source, python=python, folder=folder, execute=execute)


def wheel_from_tree(source: Path, *, python: Path, folder: Path, execute: Execute) -> Path:
    """Return the wheel built from a source tree; raises ProdsimError when it does not build."""
    with _as_prodsim_error("pyproject.toml", "building a wheel"):
        return _build_isolated(source, python=python, folder=folder, execute=execute)


def wheel_without_isolation(source: Path, *, python: Path, folder: Path, execute: Execute) -> Path:
    """Return the wheel built by an interpreter that has all requirements of the build; raises ProdsimError."""
    with _as_prodsim_error("pyproject.toml", "building a wheel"):
        builder = build.ProjectBuilder(source, python_executable=str(python), runner=_runner(source, execute))
        return Path(builder.build("wheel", folder))


def build_python(folder: Path) -> Path:
    """Return the interpreter of the environment in which ``wheel_from_sdist`` has built in this folder."""
    return folder / "env" / _SCRIPTS / "python"


def with_own_programs(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with the programs of VIRTUAL_ENV first on PATH: meson-python and uv_build start theirs."""
    folder = variables.get("VIRTUAL_ENV")
    if not folder:
        return dict(variables)
    return {**variables, "PATH": os.pathsep.join((str(Path(folder) / _SCRIPTS), variables.get("PATH", os.defpath)))}


@contextmanager
def _as_prodsim_error(key: str, what: str) -> Iterator[None]:
    """Turn what ``build`` raises into ProdsimError; what ``execute`` has raised stays as it is."""
    if _BACKEND_WARNING is not None:
        warnings.filterwarnings("ignore", category=_BACKEND_WARNING)  # for good: builds run in threads
    try:
        yield
    except build.BuildBackendException as problem:
        if isinstance(problem.exception, ProdsimError | Cancelled):
            raise problem.exception from None
        output = getattr(problem.exception, "traceback", "") or str(problem)
        raise BuildError(key, f"{what} failed: {problem}", output) from problem
    except build.BuildException as problem:
        raise BuildError(key, f"{what} failed: {problem}", str(problem)) from problem


def wheel_from_index(
    requirement: str, *, python: Path, folder: Path, execute: Execute, builds_sdists: bool = False
) -> Path:
    """Return the wheel that pip, with the user's settings, gets for ``name==version``; raises ProdsimError.

    Nothing of the release is run, unless it ``builds_sdists``.
    """
    environment = _IsolatedEnv(folder / "env", python, execute)
    found = folder / "found"
    # Without retries: with them, "there is no network" takes a minute.
    options = ["-q", "--no-deps", "--retries", "0", "--timeout", "15", "--disable-pip-version-check"]
    options += [] if builds_sdists else ["--only-binary", ":all:"]
    execute([environment.python_executable, "-m", "pip", "wheel", *options, "-w", str(found), requirement], folder, {})
    wheels = sorted(found.glob("*.whl"))
    if len(wheels) != 1:
        raise ProdsimError(requirement, f"pip got {len(wheels)} wheels")
    return wheels[0]


def environment_with(requirement: str, *, python: Path, folder: Path, execute: Execute) -> None:
    """Make an environment in the folder and install a requirement there; raises what ``execute`` raises."""
    _IsolatedEnv(folder, python, execute).install([requirement], folder)


def _build_isolated(source: Path, *, python: Path, folder: Path, execute: Execute) -> Path:
    environment = _IsolatedEnv(folder / "env", python, execute)
    builder = build.ProjectBuilder.from_isolated_env(environment, source, runner=_runner(source, execute))
    environment.install(list(builder.build_system_requires), folder)
    environment.install(list(builder.get_requires_for_build("wheel")), folder)
    return Path(builder.build("wheel", folder / "dist"))


def _runner(source: Path, execute: Execute) -> Callable[..., None]:
    def run_hook(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        execute(cmd, Path(cwd or source), extra_environ or {})

    return run_hook
