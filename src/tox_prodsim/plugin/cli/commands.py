"""The table of the commands of ``tox prodsim``, and their parser. A command is one module, imported when it is given.

The module of ``baseline show`` is ``baseline_show``: ``add_arguments`` adds its arguments, ``run`` runs it.
"""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn, Protocol, cast

from tox.config.cli.ini import IniConfig
from tox.config.cli.parser import ToxParser
from tox.session.state import State

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.plugin.boundary import as_handled


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A row of the table."""

    name: str
    """The words that select it."""
    arguments: str = ""
    """Its arguments in the list of commands."""
    help: str
    """One line for the list of commands."""


COMMANDS = (
    Command(name="checks", help="list every code with its level"),
    Command(name="explain", arguments="CODE", help="what a code means, its causes, and what to do"),
    Command(name="baseline show", help="the stored baselines of the selected environments"),
    Command(name="baseline update", help="run the selected environments and accept them (--only contents or times)"),
    Command(
        name="baseline accept",
        arguments="DIR",
        help="accept the candidates in a folder, such as those of a CI matrix",
    ),
    Command(
        name="compare",
        arguments="REF",
        help="time it beside another version: a branch or commit, a version of the index, a wheel",
    ),
    Command(name="history", help="the times over the git history of the baselines (--svg FILE: a picture)"),
    Command(
        name="report",
        arguments="[REPORT ...]",
        help="show the last run again (--format NAME: as junit, markdown, sarif, …; --output FILE)",
    ),
)
_EXAMPLES = """\
examples:
  tox prodsim explain RUN607
  tox prodsim baseline update -e prodsim
  tox prodsim compare origin/main --import acme
  tox prodsim history -e prodsim --svg times.svg
"""
_OPTIONS = "The options of tox are accepted as well, such as -e ENV, -c FILE and -v; see: tox run --help"


class CommandModule(Protocol):
    """What the module of a command has."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments of the command."""

    def run(self, state: State) -> int:
        """Run the command and return the exit code; raises ProdsimError."""


def parse(arguments: Sequence[str], namespace: Namespace, file_config: IniConfig) -> Namespace:
    """Parse a command and its own arguments, and return the namespace with them.

    Exits with a line on stderr if they are wrong, or with the help if it is among them.
    """
    ordered = _command_first(arguments)
    parser = _parser(ordered, file_config)
    parser.fix_defaults()
    namespace, unknown = parser.parse_known_args(ordered, namespace)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return namespace


def run(state: State) -> int:
    """Run the command that was parsed; raises HandledError, which tox prints as one line."""
    with as_handled(Path(state.conf.core["work_dir"])):
        return _module(state.conf.options.prodsim_command).run(state)


class _CommandParser(ToxParser):
    """A parser whose options have defaults in the environment and in the user's configuration, like those of tox."""

    def error(self, message: str) -> NoReturn:
        """Exit with one line, without the usage."""
        self.exit(2, f"{self.prog}: error: {message}; see: {self.prog} --help\n")


def _parser(arguments: list[str], file_config: IniConfig) -> _CommandParser:
    """Return the parser of all commands; only the command among the arguments has its own arguments in it."""
    parser = _CommandParser(prog="tox prodsim", file_config=file_config)
    groups = {"": _add_commands(parser, COMMANDS, _EXAMPLES)}
    for command in COMMANDS:
        words = command.name.split()
        group = " ".join(words[:-1])
        if group not in groups:
            members = [each for each in COMMANDS if each.name.startswith(f"{group} ")]
            groups[group] = _add_commands(groups[""].add_parser(group, file_config=file_config), members)
        subparser = groups[group].add_parser(words[-1], description=command.help, file_config=file_config)
        subparser.epilog = _OPTIONS
        subparser.set_defaults(prodsim_command=command.name)
        if arguments[: len(words)] == words:
            _module(command.name).add_arguments(subparser)
    return parser


def _add_commands(
    parser: _CommandParser, commands: Sequence[Command], examples: str = ""
) -> _SubParsersAction[_CommandParser]:
    """Make the parser one of commands, which its help lists, and return the action that has their parsers."""
    parser.usage = f"{parser.prog} COMMAND [options]"
    parser.formatter_class = RawDescriptionHelpFormatter
    parser.description = "\n".join(["commands:", *_lines(commands)])
    parser.epilog = "\n".join(filter(None, [examples, _OPTIONS]))
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, help=SUPPRESS, prog=parser.prog)
    subparsers.default = SUPPRESS  # tox asks every other default for its type
    return subparsers


def _lines(commands: Sequence[Command]) -> Iterator[str]:
    for command in commands:
        yield f"  {f'{command.name} {command.arguments}':<22}  {command.help}"


def _command_first(arguments: Sequence[str]) -> list[str]:
    """Move the options before the command behind it, as tox does; each of them takes a value."""
    first_words = {command.name.split()[0] for command in COMMANDS}
    for at, argument in enumerate(arguments):
        is_value = at > 0 and arguments[at - 1].startswith("--") and "=" not in arguments[at - 1]
        if argument in first_words and not is_value:
            return [*arguments[at:], *arguments[:at]]
    return list(arguments)


def _module(name: str) -> CommandModule:
    return cast("CommandModule", import_module(f"{__package__}.{name.replace(' ', '_')}"))
