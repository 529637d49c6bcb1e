"""What ``--installpkg`` gives: one file, or a folder from which each environment takes the one that fits it."""

from __future__ import annotations

import functools
import os
import platform
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tox.config.sets import EnvConfigSet
from tox.report import HandledError
from tox.session.state import State
from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Fail
from tox.tox_env.package import Package
from tox.tox_env.python.runner import PythonRun
from tox.tox_env.python.virtual_env.package.cmd_builder import VenvCmdBuilder

from tox_prodsim.building import interpreter_tags
from tox_prodsim.checks import artifact
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.config.variants import ENV_NAME
from tox_prodsim.plugin.paths import display_path

_SDIST = "sdist"
"""The factor of environments that test the sdist."""
_chosen: weakref.WeakKeyDictionary[ToxEnv, Path] = weakref.WeakKeyDictionary()
_folders: dict[Path, artifact.ReleaseFolder] = {}


def option(tox_env: ToxEnv) -> Path | None:
    """Return the path of ``--installpkg``; None: it is not given."""
    path = getattr(tox_env.options, "install_pkg", None)
    return Path(path) if path is not None else None


def folder(tox_env: ToxEnv) -> artifact.ReleaseFolder | None:
    """Return the folder that is given, as it was first read; None: none is. Raises ProdsimError."""
    path = option(tox_env)
    if path is None or (path not in _folders and not path.is_dir()):
        return None
    if path not in _folders:
        _folders[path] = artifact.read_folder(path, display_path(path))
    return _folders[path]


def file(tox_env: PythonRun) -> Path | None:
    """Return the file for this environment, chosen at the first call; None: none is given. Raises ProdsimError."""
    given = folder(tox_env)
    if given is None:
        return option(tox_env)
    if tox_env not in _chosen:
        _chosen[tox_env] = _choose(tox_env, given)
    return _chosen[tox_env]


def _choose(tox_env: PythonRun, given: artifact.ReleaseFolder) -> Path:
    factors = (tox_env.conf.env_name or "").split("-")
    if ENV_NAME in factors and _SDIST in factors:
        if given.sdist is None:
            raise artifact.no_sdist(given)
        return given.sdist.path
    best = artifact.best_wheel(given, interpreter_tags.tags_of(Path(tox_env.env_python())))
    if best is None:
        python = tox_env.base_python
        name = f"{python.implementation} {python.version_dot} on {sys.platform} {platform.machine()}"
        raise artifact.no_fitting_wheel(given, name, ENV_NAME)
    return best.path


def prepare(state: State, *, only_others: bool) -> None:
    """Refuse what a shell has made of a pattern, and let tox take from a folder what fits each environment.

    ``only_others`` is whether no prodsim environment can run: for those, tox takes no folder.
    """
    given = Path(str(state.conf.options.install_pkg))
    if only_others and given.is_dir():
        raise HandledError(f"argument --installpkg: {given} is not a file")
    if not only_others:
        _refuse_several(given, getattr(state.conf.options, "remainder", None) or [])
    if given.is_dir():
        _install(state)


def _refuse_several(first: Path, more: Sequence[str]) -> None:
    if more and all(os.path.lexists(each) for each in more):
        msg = (
            f"--installpkg: {len(more) + 1} values, of which tox takes one: the shell has expanded a pattern; "
            f"give the folder: --installpkg {display_path(first.parent)}/"
        )
        raise HandledError(msg)


@functools.cache
def _install(state: State) -> None:
    """Let tox take from a folder what fits an environment; with a file it does what it always did."""
    perform_packaging = VenvCmdBuilder.perform_packaging

    @functools.wraps(perform_packaging)
    def from_folder(package_env: VenvCmdBuilder, for_env: EnvConfigSet) -> list[Package]:
        tox_env = state.envs[for_env.env_name or ""]
        try:
            given = file(tox_env) if isinstance(tox_env, PythonRun) and folder(tox_env) is not None else None
        except ProdsimError as problem:
            raise Fail(str(problem)) from None
        if given is None:
            return perform_packaging(package_env, for_env)
        package_env.setup()
        return package_env.extract_install_info(for_env, given)

    vars_of_class: Any = VenvCmdBuilder  # tox keeps one path for all environments of a run
    vars_of_class.perform_packaging = from_folder
