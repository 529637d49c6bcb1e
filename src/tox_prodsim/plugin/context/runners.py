"""From tox's environment to what runs programs for it: git, builds, auditors, and the inputs of a confirmation."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import base_requirements, clone_env, frontend, reference_wheel
from tox_prodsim.checks import audit
from tox_prodsim.model import files
from tox_prodsim.model.auditors import Auditor
from tox_prodsim.model.errors import BuildError
from tox_prodsim.model.formatting import last_error
from tox_prodsim.model.parsing import canonical
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner, output_of
from tox_prodsim.model.time_limit import TimeLimit
from tox_prodsim.plugin.context.environment import ProductionEnv
from tox_prodsim.plugin.paths import ledger_of, tool_envs_of, wheels_of
from tox_prodsim.run.context import ReferenceInputs
from tox_prodsim.timing.baseline import NO_CHANGES, EnvironmentChanges

BUILD_VARIABLES = frozenset({"SOURCE_DATE_EPOCH"})
"""Variables of the user for which a build asks: the time that reproducible builds give their files."""
_BUILD_LIMIT_S = 900.0
_PACKAGES = "{packages}"
"""Where the requirements stand in a command."""


def runner_in(
    folder: Path, environ: Mapping[str, str], cancel: supervision.Cancel, *, ledger: Path | None = None
) -> Runner:
    """Return what runs programs in a folder with these variables; runs are recorded in the ``ledger``, if any."""

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        env = {**environ, **variables}
        return supervision.outcome(
            supervision.run(argv, cwd=folder, env=env, timeout_s=timeout_s, cancel=cancel, ledger=ledger)
        )

    return run


def git_runner(tox_env: PythonRun, cancel: supervision.Cancel) -> Runner:
    """Return what runs git in the folder of the project, with the user's own settings."""
    return runner_in(Path(tox_env.core["package_root"]), reference_wheel.git_environ(os.environ), cancel)


def base_python(tox_env: PythonRun) -> Path:
    """Return the Python from which the environment was made."""
    return Path(os.path.realpath(tox_env.env_python()))


# builds and installations


def build_environ(variables: Mapping[str, str], *, ceiling: Path | None = None) -> dict[str, str]:
    """Return the variables of a build or an installation: ``variables``, and the settings of pip.

    Those tell pip where the index is; tox does not pass them on to an environment of another installer. Git looks for
    no repository above the folder ``ceiling``: the sources below it have none, or one of their own.
    """
    kept = {"HOME", *BUILD_VARIABLES}
    installer = {name: value for name, value in os.environ.items() if name in kept or name.startswith("PIP_")}
    limit = {"GIT_CEILING_DIRECTORIES": str(ceiling)} if ceiling is not None else {}
    return {**installer, **variables, **limit}


def build_execute(
    tox_env: PythonRun,
    environ: Mapping[str, str],
    cancel: supervision.Cancel,
    *,
    key: str,
    keep: Callable[[Sequence[str], Completed], None] = lambda *_: None,
    limit: TimeLimit | None = None,
) -> frontend.Execute:
    """Return what runs a hook of a build back end, or an installer, under a guard; it raises BuildError of the key.

    ``keep`` receives what was run, and what it wrote.
    """
    ledger, limit = ledger_of(tox_env), limit or TimeLimit()

    def execute(argv: Sequence[str], cwd: Path, extra: Mapping[str, str]) -> None:
        env = frontend.with_own_programs({**environ, **extra})
        completed = supervision.outcome(
            supervision.run(
                argv, cwd=cwd, env=env, timeout_s=limit.within(_BUILD_LIMIT_S), cancel=cancel, ledger=ledger
            )
        )
        keep(argv, completed)
        if completed.returncode != 0:
            said = (completed.stderr.strip() or completed.stdout).decode(errors="replace")
            raise BuildError(key, "it took too long" if completed.timed_out else last_error(said), output_of(completed))

    return execute


# the confirmation of a change beside another version


def reference_inputs(
    tox_env: PythonRun,
    spec: reference_wheel.ReferenceSpec,
    production_env: ProductionEnv,
    *,
    changes: EnvironmentChanges = NO_CHANGES,
    recorded: Iterable[str] = (),
    off: str = "",
) -> ReferenceInputs:
    """Return what a confirmation in this environment works with; what a killed run has left is removed.

    ``recorded`` is what was installed with the other version, as ``name==version``. ``off`` is why no other version
    may be fetched or run; empty: one may.
    """
    folder = Path(tox_env.env_dir) / "prodsim" / "base"
    shutil.rmtree(folder, ignore_errors=True)
    limit = TimeLimit()
    return ReferenceInputs(
        spec=spec,
        sources=_wheel_sources(tox_env, folder, production_env.cancel, limit),
        site=_site(tox_env),
        folder=folder,
        runner=production_env.helper,
        call=production_env.workers,
        changes=changes,
        off=off,
        requirements=_requirements(tox_env, recorded, production_env.cancel, limit),
        limit=limit,
        writes_bytecode=not tox_env.environment_variables.get("PYTHONDONTWRITEBYTECODE"),
    )


def _requirements(
    tox_env: PythonRun, recorded: Iterable[str], cancel: supervision.Cancel, limit: TimeLimit
) -> base_requirements.RequirementSource | None:
    """Return how the requirements of another wheel are installed: with the command by which tox installs.

    None: the installer of the environment is neither pip nor uv.
    """
    build_command = getattr(tox_env.installer, "build_install_cmd", None)
    if build_command is None:
        return None
    command: list[str] = build_command([_PACKAGES])
    options = ["--python"] if getattr(tox_env.installer, "uv", "") else []
    environ = build_environ(tox_env.environment_variables)
    execute, root = build_execute(tox_env, environ, cancel, key="base", limit=limit), Path(tox_env.core["tox_root"])

    def install(python: Path, requirements: Sequence[str], constraints: Sequence[str]) -> None:
        file = python.parent / "prodsim-constraints.txt"
        files.write(file, "".join(f"{line}\n" for line in constraints))
        arguments = ["--constraint", str(file), *(word for each in options for word in (each, str(python)))]
        program, at = command[0], command.index(_PACKAGES)
        argv = [str(python) if _is_python(program) else program, *command[1:at], *arguments, *requirements]
        execute([*argv, *command[at + 1 :]], root, {"VIRTUAL_ENV": str(python.parent.parent)})

    names = (each.partition("==") for each in recorded)
    return base_requirements.RequirementSource(
        install=install,
        extras=tuple(sorted(tox_env.conf["extras"])),
        recorded={canonical(name): version for name, _, version in names},
    )


def _is_python(program: str) -> bool:
    return Path(program).name.startswith(("python", "pypy"))


def _site(tox_env: PythonRun) -> clone_env.Site:
    return clone_env.Site(
        prefix=Path(tox_env.env_dir),
        python=Path(tox_env.env_python()),
        site_packages=Path(tox_env.env_site_package_dir()),
        scripts=Path(tox_env.env_bin_dir()),
        base_python=base_python(tox_env),
    )


def _wheel_sources(
    tox_env: PythonRun, folder: Path, cancel: supervision.Cancel, limit: TimeLimit
) -> reference_wheel.WheelSources:
    environ = build_environ(tox_env.environment_variables)  # now: tox computes them in one thread only
    python, execute = base_python(tox_env), build_execute(tox_env, environ, cancel, key="base", limit=limit)
    return reference_wheel.WheelSources(
        cache=wheels_of(tox_env),
        folder=folder,
        git=git_runner(tox_env, cancel),
        build=lambda source, into: frontend.wheel_from_tree(source, python=python, folder=into, execute=execute),
        fetch=lambda wheel, into: frontend.wheel_from_index(wheel, python=python, folder=into, execute=execute),
        fetch_or_build=lambda wheel, into: frontend.wheel_from_index(
            wheel, python=python, folder=into, execute=execute, builds_sdists=True
        ),
    )


# auditors


def audit_tools(
    tox_env: PythonRun, auditors: tuple[Auditor, ...], cancel: supervision.Cancel
) -> audit.AuditTools | None:
    """Return the tools that audit the files of this environment; None: no auditor is configured.

    They run in the folder of the project, where their configuration is, with tox's own Python.
    """
    if not auditors:
        return None
    environ = build_environ(tox_env.environment_variables)
    execute = build_execute(tox_env, environ, cancel, key="audit")
    install = partial(frontend.environment_with, python=Path(sys.executable), execute=execute)
    return audit.AuditTools(
        auditors=auditors,
        folder=tool_envs_of(tox_env),
        install=lambda requirement, folder: install(requirement, folder=folder),
        run=_tool_runner(tox_env, environ, cancel),
        interrupted=lambda: cancel.is_set,
        recreate=bool(tox_env.options.recreate),
    )


def _tool_runner(tox_env: PythonRun, environ: Mapping[str, str], cancel: supervision.Cancel) -> Runner:
    """Return what runs a tool of another environment: its own scripts come first, and the tested Python is unknown."""
    own = {name: value for name, value in environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    run_in_root = runner_in(Path(tox_env.core["tox_root"]), own, cancel, ledger=ledger_of(tox_env))

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        path = os.pathsep.join([str(Path(argv[0]).parent), own.get("PATH", "")])
        return run_in_root(argv, timeout_s=timeout_s, variables={**variables, "PATH": path})

    return run
