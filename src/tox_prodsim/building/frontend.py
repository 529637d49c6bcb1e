"""Build a wheel from an sdist or a source tree, or have it from the index: each in an environment of its own.

The interpreter is that of the environment under test, so that what is built or chosen fits there.
"""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import build
import virtualenv

from tox_prodsim.model.errors import Cancelled, ProdsimError

Execute = Callable[[Sequence[str], Path, Mapping[str, str]], None]
"""Run a command in a folder with some more variables; raises when it fails."""


class _Environment:
    """What ``build`` asks of an isolated environment: an interpreter, and where its scripts are."""

    def __init__(self, folder: Path, python: Path, execute: Execute) -> None:
        arguments = [str(folder), "--python", str(python), "--no-periodic-update"]
        self._session = virtualenv.cli_run(arguments, setup_logging=False)  # it would take tox's log handlers away
        self._execute = execute

    @property
    def python_executable(self) -> str:
        return str(self._session.creator.exe)

    def make_extra_environ(self) -> dict[str, str]:
        return {"VIRTUAL_ENV": str(self._session.creator.dest)}

    def install(self, requirements: Sequence[str], cwd: Path) -> None:
        if requirements:
            self._execute([self.python_executable, "-m", "pip", "install", "-q", *sorted(requirements)], cwd, {})


def wheel_from_sdist(sdist: Path, *, python: Path, folder: Path, execute: Execute) -> Path:
    """Return the wheel built from the unpacked sdist, away from any source tree.

    Raises ProdsimError when it does not build.
    """
    source = unpacked(sdist, folder / "source")
    with _telling("--installpkg", f"building a wheel from {sdist.name}"):
        return _built(source, python=python, folder=folder, execute=execute)


def wheel_from_tree(source: Path, *, python: Path, folder: Path, execute: Execute) -> Path:
    """Return the wheel built from a source tree; raises ProdsimError when it does not build."""
    with _telling("pyproject.toml", "building a wheel"):
        return _built(source, python=python, folder=folder, execute=execute)


def wheel_within(source: Path, *, python: Path, into: Path, execute: Execute) -> Path:
    """Return the wheel built by an interpreter that has all that the build requires; raises ProdsimError."""
    with _telling("pyproject.toml", "building a wheel"):
        builder = build.ProjectBuilder(source, python_executable=str(python), runner=_runner(source, execute))
        return Path(builder.build("wheel", into))


def interpreter(folder: Path) -> Path:
    """Return the interpreter that ``wheel_from_sdist`` has built with in this folder."""
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    return folder / "env" / scripts / "python"


@contextmanager
def _telling(key: str, what: str) -> Iterator[None]:
    """Turn what ``build`` raises into a ProdsimError; what a runner of ours has raised comes out as it was."""
    try:
        yield
    except build.BuildBackendException as problem:
        if isinstance(problem.exception, ProdsimError | Cancelled):
            raise problem.exception from None
        raise ProdsimError(key, f"{what} failed: {problem}") from problem
    except build.BuildException as problem:
        raise ProdsimError(key, f"{what} failed: {problem}") from problem


def wheel_from_index(requirement: str, *, python: Path, folder: Path, execute: Execute) -> Path:
    """Return the wheel that pip gets for ``name==version``, as it is configured; raises ProdsimError."""
    environment = _Environment(folder / "env", python, execute)
    found = folder / "found"
    # Without retries: they make an answer of a minute out of "there is no network".
    quickly = ["-q", "--no-deps", "--retries", "0", "--timeout", "15", "--disable-pip-version-check"]
    execute([environment.python_executable, "-m", "pip", "wheel", *quickly, "-w", str(found), requirement], folder, {})
    wheels = sorted(found.glob("*.whl"))
    if len(wheels) != 1:
        raise ProdsimError(requirement, f"pip got {len(wheels)} wheels")
    return wheels[0]


def environment_with(requirement: str, *, python: Path, folder: Path, execute: Execute) -> None:
    """Make an environment in the folder and install something there; raises what ``execute`` does."""
    _Environment(folder, python, execute).install([requirement], folder)


def _built(source: Path, *, python: Path, folder: Path, execute: Execute) -> Path:
    environment = _Environment(folder / "env", python, execute)
    builder = build.ProjectBuilder.from_isolated_env(environment, source, runner=_runner(source, execute))
    environment.install(list(builder.build_system_requires), folder)
    environment.install(list(builder.get_requires_for_build("wheel")), folder)
    return Path(builder.build("wheel", folder / "dist"))


def _runner(source: Path, execute: Execute) -> Callable[..., None]:
    def run_hook(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        execute(cmd, Path(cwd or source), extra_environ or {})

    return run_hook


def top_folder(sdist: Path) -> str:
    """Return the name of the one folder that an sdist holds; raises ProdsimError when it is no sdist."""
    try:
        with tarfile.open(sdist, "r:gz") as archive:
            tops = {member.name.partition("/")[0] for member in archive}
    except (OSError, EOFError, tarfile.TarError) as problem:
        raise ProdsimError("--installpkg", f"{sdist} cannot be unpacked: {problem}") from problem
    if len(tops) != 1:
        msg = f"{sdist} is no sdist: it should hold one folder, and holds {len(tops)} files and folders"
        raise ProdsimError("--installpkg", msg)
    return tops.pop()


def unpacked(sdist: Path, folder: Path) -> Path:
    """Return the folder of an sdist, unpacked below ``folder``; raises ProdsimError when it is no sdist."""
    top = top_folder(sdist)
    try:
        with tarfile.open(sdist, "r:gz") as archive:
            archive.extractall(folder, filter="data")
    except (OSError, tarfile.TarError) as problem:
        raise ProdsimError("--installpkg", f"{sdist} cannot be unpacked: {problem}") from problem
    return folder / top
