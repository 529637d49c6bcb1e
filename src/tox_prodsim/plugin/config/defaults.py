"""The plugin's defaults, as layers of tox's loaders."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from tox.config.loader.api import Loader
from tox.config.loader.memory import MemoryLoader
from tox.config.main import Config
from tox.config.sets import EnvConfigSet
from tox.report import HandledError
from tox.session.state import State
from tox.tox_env.python.pip.req_file import PythonDeps

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
        recreate=lambda: _checked_recreate(conf, recreate=recreate),
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


def builds_no_wheel(conf: EnvConfigSet) -> str:
    """Return why the runner of the environment cannot serve, or nothing: uv's runner for lock files builds no wheel."""
    runner = str(conf["runner"])
    if "lock" not in runner:
        return ""
    return f"{runner} installs the project without building a wheel, set runner = {runner.replace('-lock', '')}"


def _checked_recreate(conf: EnvConfigSet, *, recreate: bool) -> bool:
    """Return the default of ``recreate``, the first key that tox reads before an installation, or refuse the runner.

    A runner that builds no wheel calls no hook before it installs.
    """
    if reason := builds_no_wheel(conf):
        msg = f"failed with runner: {reason}"
        raise HandledError(msg)
    return recreate


def environment_overrides(conf: EnvConfigSet, values: Mapping[str, str]) -> None:
    """Merge variables into ``set_env`` below what the user set; a broken ``set_env`` is left for tox to report."""
    with contextlib.suppress(Exception):  # the same error comes again, in its place, when tox reads the key
        conf["set_env"].update(dict(values), override=False)
