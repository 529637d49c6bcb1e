"""The plugin's defaults, as layers of tox's loaders."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from tox.config.loader.api import Loader
from tox.config.loader.memory import MemoryLoader
from tox.config.main import Config
from tox.config.sets import EnvConfigSet
from tox.report import HandledError
from tox.session.state import State
from tox.tox_env.python.pip.req_file import PythonDeps
from tox.tox_env.register import REGISTER

from tox_prodsim.plugin.config.variants import ENV_NAME, VARIANTS

_BASE_SECTIONS = {"testenv", "env_run_base", "tool.tox.env_run_base"}
_OFF = ("skip_install", "use_develop", "ignore_errors", "ignore_outcome", "system_site_packages")
_EMPTY = ("commands", "commands_pre", "commands_post", "extra_setup_commands", "allowlist_externals")
"""Keys of a base section that would make another environment of this one."""


class _Defaults(MemoryLoader):
    """The plugin's defaults; a MemoryLoader substitutes nothing, so a value may be a function without arguments."""

    def load_raw(self, key: str, conf: Config | None, env_name: str | None) -> object:
        value = super().load_raw(key, conf, env_name)
        return value() if callable(value) else value

    def found_keys(self) -> set[str]:
        """Return no keys: tox lists the unused ones among them as the user's."""
        return set()


def layer(conf: EnvConfigSet, state: State) -> None:
    """Put the plugin's defaults between the user's own section and the base section, in this order of precedence.

    An environment such as ``py312-prodsim`` inherits what the user wrote for ``prodsim``: tox itself never does that.
    The values of a variant precede that, or it would not differ.
    """
    for factor in _factors(conf) & VARIANTS.keys():
        conf.loaders.insert(_first_base(conf), _Defaults(**VARIANTS[factor]))
    if conf.env_name != ENV_NAME:
        loaders = state.conf.get_env(ENV_NAME).loaders
        for loader in reversed([loader for loader in loaders if loader.section.name == ENV_NAME]):
            conf.loaders.insert(_first_base(conf), loader)
    conf.loaders.insert(_first_base(conf), _defaults(conf, state))


def _factors(conf: EnvConfigSet) -> set[str]:
    return set((conf.env_name or "").split("-"))


def _first_base(conf: EnvConfigSet) -> int:
    loaders: list[Loader[Any]] = conf.loaders
    base = (index for index, loader in enumerate(loaders) if loader.section.key in _BASE_SECTIONS)
    return next(base, len(loaders))


def _defaults(conf: EnvConfigSet, state: State) -> _Defaults:
    options = state.conf.options
    reuses = getattr(options, "skip_pkg_install", False) or getattr(options, "skip_env_install", False)
    recreate = options.command not in {"exec", "e", "devenv", "d"} and not reuses
    return _Defaults(
        description="prove that the wheel works as production will use it",
        package=lambda: "wheel" if builds_no_wheel(conf) else "sdist-wheel",  # the other runner knows no sdist-wheel
        recreate=lambda: _checked_recreate(conf, options, recreate=recreate),
        change_dir=lambda: conf["env_tmp_dir"] / "scratch",
        disallow_pass_env=["PYTHON*", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_*"],
        parallel_show_output=True,
        deps=lambda: PythonDeps("", state.conf.core["tox_root"]),
        set_env={},
        pass_env=[],
        pylock="",
        commands_retry=0,
        **dict.fromkeys(_OFF, False),
        **{key: [] for key in _EMPTY},
        dependency_groups=set(),
        extras=set(),
    )


def own_runner(state: State, names: Iterable[str], to_run: Collection[str]) -> None:
    """Give prodsim environments the default runner, unless their own section or that of ``prodsim`` names one.

    tox reads the runner before it calls any hook for the environment, so the loaders are changed before that. A runner
    of the base section is for the other environments, like ``deps``. A runner for lock files of an environment to run
    is refused here if tox does not know it: tox would only say that it is not available.
    """
    named = _runner_of(state.conf.get_env(ENV_NAME), state)
    for name in names:
        conf = state.conf.get_env(name)
        runner = _runner_of(conf, state) or named
        unknown = runner not in REGISTER.env_runners
        if unknown and name in to_run and (reason := _refuse_lock_runner(runner)):
            msg = f"failed with runner: {reason}"
            raise HandledError(msg)
        conf.loaders.insert(_first_base(conf), _Defaults(runner=runner or state.conf.options.default_runner))


def _runner_of(conf: EnvConfigSet, state: State) -> str:
    """Return the runner of the section of the environment itself; empty: it has none."""
    own = (loader for loader in conf.loaders[: _first_base(conf)] if "runner" in loader.found_keys())
    return next((str(loader.load_raw("runner", state.conf, conf.env_name)).strip() for loader in own), "")


def builds_no_wheel(conf: EnvConfigSet) -> str:
    """Return why the runner of the environment cannot be used, or nothing."""
    return _refuse_lock_runner(str(conf["runner"]))


def _refuse_lock_runner(runner: str) -> str:
    """Return why a runner cannot be used, or nothing: uv's runner for lock files builds no wheel."""
    if "lock" not in runner:
        return ""
    return f"{runner} installs the project without building a wheel, set runner = {runner.replace('-lock', '')}"


def _checked_recreate(conf: EnvConfigSet, options: Any, *, recreate: bool) -> bool:
    """Return the default of ``recreate``, the first key that tox reads before an installation, or refuse the runner.

    A runner that builds no wheel calls no hook before it installs.
    """
    if reason := builds_no_wheel(conf):
        msg = f"failed with runner: {reason}"
        raise HandledError(msg)
    if recreate:
        _keep_given_file(conf, options)
    return recreate


def _keep_given_file(conf: EnvConfigSet, options: Any) -> None:
    """Copy what ``--installpkg`` gives out of the environment, which is deleted before the installation."""
    given = getattr(options, "install_pkg", None)
    folder = Path(conf["env_dir"])
    if given is None or not Path(given).exists() or not Path(given).resolve().is_relative_to(folder.resolve()):
        return
    kept = folder.parent / ".prodsim-given" / Path(given).name
    shutil.rmtree(kept.parent, ignore_errors=True)
    kept.parent.mkdir(parents=True)
    copy = shutil.copytree if Path(given).is_dir() else shutil.copy2
    options.install_pkg = Path(copy(given, kept))


def environment_overrides(conf: EnvConfigSet, values: Mapping[str, str]) -> None:
    """Merge variables into ``set_env`` below what the user set; a broken ``set_env`` is left for tox to report."""
    with contextlib.suppress(Exception):  # the same error comes again, in its place, when tox reads the key
        conf["set_env"].update(dict(values), override=False)
