"""From tox's environment to what a second version needs: the folder of wheels, git, a build, an installer."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import distributions
from pathlib import Path

from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import clone_env, frontend, reference_wheel
from tox_prodsim.checks import audit
from tox_prodsim.model.auditors import Auditor
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.formatting import last_error
from tox_prodsim.model.parsing import canonical
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner
from tox_prodsim.plugin.paths import ledger_of, toolbox_of, wheels_of
from tox_prodsim.run.context import ReferenceInputs

_BUILD_LIMIT_S = 900.0
_PRIVATE = "Private ::"
"""The index refuses what has a classifier that begins so."""


def reference_inputs(
    tox_env: PythonRun,
    wanted: reference_wheel.Wanted,
    *,
    runner: Runner,
    cancel: supervision.Cancel,
    dists: tuple[str, ...] = (),
    machine: tuple[str, ...] = (),
) -> ReferenceInputs:
    """Return what a confirmation in this environment works with; what a killed run has left is removed.

    ``runner`` runs a program as production would.
    """
    folder = Path(tox_env.env_dir) / "prodsim" / "base"
    shutil.rmtree(folder, ignore_errors=True)
    return ReferenceInputs(
        wanted=wanted,
        sources=sources_of(tox_env, folder, cancel),
        site=site_of(tox_env),
        folder=folder,
        runner=runner,
        dists=dists,
        machine=machine,
        writes_bytecode=not tox_env.environment_variables.get("PYTHONDONTWRITEBYTECODE"),
    )


def is_public(tox_env: PythonRun, name: str) -> bool:
    """Return whether the installed project could have been uploaded to an index."""
    found = distributions(path=[str(tox_env.env_site_package_dir())])
    own = [each for each in found if canonical(each.metadata["Name"] or "") == canonical(name)]
    classifiers = (word for each in own for word in each.metadata.get_all("Classifier") or ())
    return not any(word.startswith(_PRIVATE) for word in classifiers)


def site_of(tox_env: PythonRun) -> clone_env.Site:
    """Return the environment under test as a place of files."""
    return clone_env.Site(
        prefix=Path(tox_env.env_dir),
        python=Path(tox_env.env_python()),
        site_packages=Path(tox_env.env_site_package_dir()),
        scripts=Path(tox_env.env_bin_dir()),
        base_python=_base_python(tox_env),
    )


def git_of(tox_env: PythonRun, cancel: supervision.Cancel) -> Runner:
    """Return what runs git in the folder of the project, with the user's own settings."""
    return runner_in(Path(tox_env.core["package_root"]), reference_wheel.git_environ(os.environ), cancel)


def runner_in(
    folder: Path, environ: Mapping[str, str], cancel: supervision.Cancel, *, ledger: Path | None = None
) -> Runner:
    """Return what runs programs in a folder with these variables; in a ``ledger`` the next run finds what is left."""

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        env = {**environ, **variables}
        return supervision.outcome(
            supervision.run(argv, cwd=folder, env=env, timeout_s=timeout_s, cancel=cancel, ledger=ledger)
        )

    return run


def sources_of(tox_env: PythonRun, folder: Path, cancel: supervision.Cancel) -> reference_wheel.WheelSources:
    """Return where wheels of the project come from."""
    python, execute = _base_python(tox_env), _execute(tox_env, cancel, "base")
    return reference_wheel.WheelSources(
        cache=wheels_of(tox_env),
        folder=folder,
        git=git_of(tox_env, cancel),
        build=lambda source, into: frontend.wheel_from_tree(source, python=python, folder=into, execute=execute),
        fetch=lambda wanted, into: frontend.wheel_from_index(wanted, python=python, folder=into, execute=execute),
    )


def tools_of(tox_env: PythonRun, asked: tuple[Auditor, ...], cancel: supervision.Cancel) -> audit.Tools | None:
    """Return the tools that audit the files of this environment; None: nobody asked for any.

    They run in the folder of the project, where they find their configuration, with tox's own Python.
    """
    if not asked:
        return None
    execute = _execute(tox_env, cancel, "audit")
    ours = {**installer_variables(os.environ), **tox_env.environment_variables}
    environ = {name: value for name, value in ours.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    run_in_root = runner_in(Path(tox_env.core["tox_root"]), environ, cancel, ledger=ledger_of(tox_env))

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        path = os.pathsep.join([str(Path(argv[0]).parent), environ.get("PATH", "")])
        return run_in_root(argv, timeout_s=timeout_s, variables={**variables, "PATH": path})

    return audit.Tools(
        auditors=asked,
        folder=toolbox_of(tox_env),
        install=lambda requirement, folder: frontend.environment_with(
            requirement, python=Path(sys.executable), folder=folder, execute=execute
        ),
        run=run,
        interrupted=lambda: cancel.is_set,
        anew=bool(tox_env.options.recreate),
    )


def _execute(tox_env: PythonRun, cancel: supervision.Cancel, key: str) -> frontend.Execute:
    """Return what builds and installs, with what tells pip where the index is; it raises ProdsimError of the key."""
    environ = {
        **installer_variables(os.environ),
        **tox_env.environment_variables,
    }  # here: tox reads them in one thread only
    ledger = ledger_of(tox_env)

    def execute(argv: Sequence[str], cwd: Path, extra: Mapping[str, str]) -> None:
        env = {**environ, **extra}
        done = supervision.outcome(
            supervision.run(argv, cwd=cwd, env=env, timeout_s=_BUILD_LIMIT_S, cancel=cancel, ledger=ledger)
        )
        if done.returncode != 0:
            told = (done.stderr or done.stdout).decode(errors="replace")
            raise ProdsimError(key, "it took too long" if done.timed_out else last_error(told))

    return execute


def _base_python(tox_env: PythonRun) -> Path:
    return Path(os.path.realpath(tox_env.env_python()))


def installer_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what tells pip where the index is, which an environment of another installer does not pass on."""
    return {name: value for name, value in environ.items() if name == "HOME" or name.startswith("PIP_")}


BUILD_LIMIT_S = 900.0
