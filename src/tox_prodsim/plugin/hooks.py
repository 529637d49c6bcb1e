"""The hooks, one or two lines each. The rest of the plugin is imported when a prodsim environment needs it.

An unrelated ``tox -e lint`` runs every hook here, so this file imports nothing but tox's hook marker. A hook takes
those arguments of tox that it uses; pluggy passes the arguments by name.
"""

from __future__ import annotations

import functools
import gc
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tox.plugin import impl

if TYPE_CHECKING:
    from tox.config.cli.parser import ToxParser
    from tox.config.sets import EnvConfigSet
    from tox.session.state import State
    from tox.tox_env.api import ToxEnv

    from tox_prodsim.plugin.session import Session

_LISTS_ENVS = {"list", "l", "config", "c", "schema", "prodsim"}
_RUNS_ENVS = {"run", "r", "run-parallel", "p", "legacy", "le", "prodsim"}
_SETS_ENVS_UP = {*_RUNS_ENVS, "exec", "e", "devenv", "d"}
_states: list[State] = []


def _is_prodsim(env_name: str | None) -> bool:
    return "prodsim" in (env_name or "").split("-")


@impl
def tox_add_option(parser: ToxParser) -> None:
    """Add ``--prodsim-…`` options and the command ``tox prodsim``."""
    parser.add_argument(
        "--prodsim-update-baseline",
        nargs="?",
        const="all",
        default="",
        of_type=str,
        metavar="PART",
        help="accept this run as the new baseline: all of it, or =contents or =times alone (prodsim environments)",
    )
    parser.add_argument(
        "--prodsim-allow-ci-update",
        action="store_true",
        help="let --prodsim-update-baseline work also where CI is set",
    )
    parser.add_argument(
        "--prodsim-lock-timeout",
        type=_lock_timeout,
        of_type=float,
        default=7 * 24 * 3600.0,
        metavar="SECONDS",
        help="longest wait for another run of the same prodsim environment; 0: refuse at once (default: a week)",
    )
    if "prodsim" not in parser.handlers:
        from tox_prodsim.plugin.cli.parser import add_command

        add_command(parser)
    from tox_prodsim.plugin.cli import install_option

    install_option.accept_folders(parser)
    if "schema" in parser.handlers:
        options, generate = parser.handlers["schema"]
        parser.handlers["schema"] = (options, functools.partial(_print_schema, generate))


def _lock_timeout(text: str) -> float:
    from tox_prodsim.plugin import one_run

    return one_run.seconds(text)


def _print_schema(generate: Callable[[State], int], state: State) -> int:
    from tox_prodsim.plugin.config import schema

    return schema.print_schema(generate, state)


@impl
def tox_add_core_config(state: State) -> None:
    """Remember the state: ``tox_extend_envs`` is called without it. Prepare for a folder of files to install."""
    _states[:] = [state]
    if getattr(state.conf.options, "install_pkg", None) is not None:
        with _importing():
            from tox_prodsim.plugin.packages import given

        given.prepare(state, only_others=_runs_only_others(state.conf.options))


@impl
def tox_extend_envs() -> Iterable[str]:
    """Declare ``prodsim`` and its variants where they are requested: tox builds every environment that exists."""
    return _requested_envs()


def _requested_envs() -> Iterator[str]:
    options = _states[0].conf.options if _states else None
    factors = (name for group in getattr(options, "factors", None) or [] for name in group)
    requested = [name for name in [*_env_names(options), *factors] if _is_prodsim(name)]
    listed = getattr(options, "command", "") in _LISTS_ENVS and ".pkg" not in _states[0].conf.core["env_list"]
    if requested or listed or (options is not None and not _runs_only_others(options) and _configured_envs()):
        from tox_prodsim.plugin.config import defaults

        names = {"prodsim", *requested, *_configured_envs()}
        defaults.own_runner(_states[0], names, requested if getattr(options, "command", "") in _RUNS_ENVS else ())
    if requested or listed:
        from tox_prodsim.plugin.config import variants

        yield variants.ENV_NAME
        yield from variants.variants(requested, listed=listed)


def _configured_envs() -> list[str]:
    """Return the prodsim environments that the project lists, or has a section of."""
    conf = _states[0].conf
    return [*filter(_is_prodsim, [*conf.core["env_list"], *(section.name for section in conf.sections())])]


def _env_names(options: Any) -> list[str]:
    """Return the names that ``-e`` or ``TOXENV`` give; ALL and the default list give none."""
    return [*(getattr(options, "env", None) or [])]


@impl
def tox_add_env_config(env_conf: EnvConfigSet, state: State) -> None:
    """Give a prodsim environment its keys and defaults, unless this run is of other environments only."""
    if _is_prodsim(env_conf.env_name) and not _runs_only_others(state.conf.options):
        from tox_prodsim.plugin import signals
        from tox_prodsim.plugin.config import defaults, keys, sections

        if state.conf.options.command != "schema":  # it knows few types, see ``_print_schema``
            keys.register(env_conf)
        defaults.layer(env_conf, state)
        keys.keep_words(env_conf)
        sections.remember(env_conf, state.conf)
        defaults.environment_overrides(env_conf, {"VIRTUALENV_SETUPTOOLS": "none"})
        if state.conf.options.command in _SETS_ENVS_UP:
            from tox_prodsim.plugin import one_run

            one_run.install()
        if state.conf.options.command in _RUNS_ENVS and signals.is_selected(env_conf.env_name or "", state):
            if state.conf.options.command != "prodsim":  # most of its commands only read
                one_run.refuse_unusable(state.conf.core["work_dir"])
                _import_ahead()
            signals.install(state)


def _runs_only_others(options: Any) -> bool:
    """Return whether no prodsim environment can run; tox configures every environment that exists."""
    more = getattr(options, "labels", None) or getattr(options, "factors", None)
    names = _env_names(options)
    return options.command in _RUNS_ENVS and bool(names) and not more and not any(map(_is_prodsim, names))


@impl
def tox_on_install(tox_env: ToxEnv, arguments: Any, of_type: str) -> None:
    """Keep the built wheel before it is installed."""
    if session := _session(tox_env):
        session.on_install(arguments, of_type)


@impl
def tox_before_run_commands(tox_env: ToxEnv) -> None:
    """Check the wheel and what is installed."""
    if session := _session(tox_env):
        session.before_commands()


@impl
def tox_after_run_commands(tox_env: ToxEnv, exit_code: int) -> None:
    """End the run, and fail the environment when the verdict says so."""
    if session := _session(tox_env):
        session.after_commands(exit_code)


@impl
def tox_env_teardown(tox_env: ToxEnv) -> None:
    """End whatever is left, then let the next run begin; tox always calls this hook."""
    if not _is_prodsim(tox_env.conf.env_name):
        return
    from tox_prodsim.plugin import one_run
    from tox_prodsim.plugin.ci import job

    try:
        if not one_run.gave_up(tox_env) and (session := _session(tox_env)):
            session.teardown()
    finally:
        job.end(tox_env)
        one_run.release(tox_env)


def _session(tox_env: ToxEnv) -> Session | None:
    if not _is_prodsim(tox_env.conf.env_name) or tox_env.options.command not in _RUNS_ENVS:
        return None
    with _importing():
        from tox_prodsim.plugin import session

    return session.session_of(tox_env)


def _import_ahead() -> None:
    """Import what a run needs in a thread: tox waits for other programs while it makes the environment."""
    if "tox_prodsim.plugin.session" not in sys.modules:
        threading.Thread(target=_import_session, name="imports of tox-prodsim", daemon=True).start()


def _import_session() -> None:
    with suppress(Exception), _importing():  # the hook that needs it raises what is wrong
        from tox_prodsim.plugin import session  # noqa: F401 - the hooks use it later


@contextmanager
def _importing() -> Iterator[None]:
    """Look for no garbage while much is imported, of which nothing is garbage, nor among that later on."""
    if "tox_prodsim.plugin.session" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
