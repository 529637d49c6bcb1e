"""The hooks: each one a line or two; what they need is imported when a prodsim environment needs it.

An unrelated ``tox -e lint`` runs every hook here, so this file imports nothing but tox's hook marker.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from tox.plugin import impl

if TYPE_CHECKING:
    from tox.config.cli.parser import ToxParser
    from tox.config.sets import ConfigSet, EnvConfigSet
    from tox.execute import Outcome
    from tox.session.state import State
    from tox.tox_env.api import ToxEnv

_LISTS_ENVS = {"list", "l", "config", "c", "schema", "prodsim"}
_RUNS_ENVS = {"run", "r", "run-parallel", "p", "legacy", "le", "prodsim"}
_states: list[State] = []


def _is_prodsim(env_name: str | None) -> bool:
    return "prodsim" in (env_name or "").split("-")


@impl
def tox_add_option(parser: ToxParser) -> None:
    """Add ``--prodsim-…`` options and the command ``tox prodsim``."""
    parser.add_argument(
        "--prodsim-update-baseline",
        action="store_true",
        help="accept the times of this run as the new baseline (prodsim environments)",
    )
    parser.add_argument(
        "--prodsim-allow-ci-update",
        action="store_true",
        help="let --prodsim-update-baseline work also where CI is set",
    )
    if "prodsim" not in parser.handlers:
        from tox_prodsim.plugin.cli.parser import add_command  # noqa: PLC0415 - see the module

        add_command(parser)
    if "schema" in parser.handlers:
        options, generate = parser.handlers["schema"]
        parser.handlers["schema"] = (options, functools.partial(_print_schema, generate))


def _print_schema(generate: Callable[[State], int], state: State) -> int:
    from tox_prodsim.plugin.config import schema  # noqa: PLC0415 - see the module

    return schema.print_schema(generate, state)


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:  # noqa: ARG001 - the hook's signature
    """Remember the state: ``tox_extend_envs`` is called without it."""
    _states[:] = [state]


@impl
def tox_extend_envs() -> Iterable[str]:
    """Make ``prodsim`` and its variants exist, but only where asked for: tox builds every environment that exists."""
    return _asked_for()


def _asked_for() -> Iterator[str]:
    options = _states[0].conf.options if _states else None
    factors = (name for group in getattr(options, "factors", None) or [] for name in group)
    asked = [name for name in [*_named(options), *factors] if _is_prodsim(name)]
    listed = getattr(options, "command", "") in _LISTS_ENVS and ".pkg" not in _states[0].conf.core["env_list"]
    if asked or listed:
        from tox_prodsim.plugin.config import variants  # noqa: PLC0415 - see the module

        yield variants.ENV_NAME
        yield from variants.variants(asked, listed=listed)


def _named(options: Any) -> list[str]:
    """Return the names that ``-e`` or ``TOXENV`` give; there are none for ALL and for the default list."""
    return [*(getattr(options, "env", None) or [])]


@impl
def tox_add_env_config(env_conf: EnvConfigSet, state: State) -> None:
    """Give a prodsim environment its keys and defaults, unless this run is of other environments only."""
    if _is_prodsim(env_conf.env_name) and not _runs_others_only(state.conf.options):
        from tox_prodsim.plugin import signals  # noqa: PLC0415 - see the module
        from tox_prodsim.plugin.config import defaults, keys  # noqa: PLC0415 - see the module

        if state.conf.options.command != "schema":  # it knows few types, see ``_print_schema``
            keys.register(env_conf)
        defaults.layer(env_conf, state)
        defaults.environment_overrides(env_conf, {"VIRTUALENV_SETUPTOOLS": "none"})
        if state.conf.options.command in _RUNS_ENVS and signals.is_selected(env_conf.env_name or "", state):
            signals.install(state)


def _runs_others_only(options: Any) -> bool:
    """Return whether it is known that no prodsim environment will run: tox configures every one that exists."""
    more = getattr(options, "labels", None) or getattr(options, "factors", None)
    names = _named(options)
    return options.command in _RUNS_ENVS and bool(names) and not more and not any(map(_is_prodsim, names))


@impl
def tox_on_install(tox_env: ToxEnv, arguments: Any, section: str, of_type: str) -> None:  # noqa: ARG001 - the hook's signature
    """See the built wheel before it is installed."""
    if session := _session(tox_env):
        session.on_install(arguments, of_type)


@impl
def tox_before_run_commands(tox_env: ToxEnv) -> None:
    """Check the wheel and what is installed."""
    if session := _session(tox_env):
        session.before_commands()


@impl
def tox_after_run_commands(tox_env: ToxEnv, exit_code: int, outcomes: Sequence[Outcome]) -> None:  # noqa: ARG001 - the hook's signature
    """Come to the end, and fail the environment when the verdict says so."""
    if session := _session(tox_env):
        session.after_commands(exit_code)


@impl
def tox_env_teardown(tox_env: ToxEnv) -> None:
    """End whatever is left: the one hook that tox always calls."""
    if session := _session(tox_env):
        session.teardown()


def _session(tox_env: ToxEnv) -> Any:
    if not _is_prodsim(tox_env.conf.env_name) or tox_env.options.command not in _RUNS_ENVS:
        return None
    from tox_prodsim.plugin import session  # noqa: PLC0415 - see the module

    return session.session_of(tox_env)
