"""Adds ``tox prodsim`` to tox. Every tox run imports this module; the commands are imported when one is given."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tox.config.cli.parser import ToxParser
from tox.session.cmd.run.common import env_run_create_flags
from tox.session.env_select import CliEnv, register_env_select_flags
from tox.session.state import State

_HELP = {"-h", "--help"}
_Parse = Callable[..., tuple[Namespace, list[str]]]


def add_command(parser: ToxParser) -> None:
    """Add the command with the options of ``tox run``; what they leave of the command line goes to ``commands``."""
    options = parser.add_command("prodsim", [], "codes, baselines and reports of the prodsim environments", _run)
    register_env_select_flags(options, default=CliEnv("prodsim"))
    env_run_create_flags(options, mode="run")
    parse: Any = partial(_parse, parser, options.parse_known_args)
    options.parse_known_args = parse  # type: ignore[method-assign] # a parser of tox cannot have subcommands of its own


def _parse(
    parser: ToxParser, parse_options: _Parse, args: Sequence[str], namespace: Namespace | None = None
) -> tuple[Namespace, list[str]]:
    """Parse the options of tox, wherever they are; the other arguments, in their order, are the command and its own."""
    from tox_prodsim.plugin.cli import commands

    namespace, others = parse_options([arg for arg in args if arg not in _HELP], namespace)
    wants_help = [arg for arg in args if arg in _HELP]
    return commands.parse([*others, *wants_help], namespace, parser.file_config), []


def _run(state: State) -> int:
    from tox_prodsim.plugin.cli import commands

    return commands.run(state)
