"""The words and options of ``tox prodsim …``: every tox run reads this, so what they do is imported when asked for."""

from __future__ import annotations

from argparse import SUPPRESS, RawDescriptionHelpFormatter

from tox.config.cli.parser import HelpFormatter, ToxParser
from tox.session.cmd.run.common import env_run_create_flags
from tox.session.env_select import CliEnv, register_env_select_flags
from tox.session.state import State

_USAGE = """\
  checks                  list every code with its level
  explain CODE            what a code means, its causes, and what to do
  baseline show           the stored baselines of the selected environments
  baseline update         run the selected environments and accept their times
  baseline accept DIR     accept the candidates in a folder, such as those of a CI matrix
  compare REF             time it beside another version: a branch or commit, a version of the index, a wheel
  history                 the times over the git history of the baselines (--svg FILE: a picture)
  report                  show the last run again (--format json: as JSON)
"""
_DESCRIPTION = f"""\
Codes, baselines, comparisons and reports of the prodsim environments.

commands:
{_USAGE}
examples:
  tox prodsim explain RUN607
  tox prodsim baseline update -e prodsim
  tox prodsim compare origin/main --import acme
  tox prodsim history -e prodsim --svg times.svg
"""


class _Help(HelpFormatter, RawDescriptionHelpFormatter):
    """tox's own form of help, with the lines of the description as they are."""


def add_command(parser: ToxParser) -> None:
    """Add the command ``prodsim`` with its own small language."""
    ours = parser.add_command("prodsim", [], "codes, baselines and reports of the prodsim environments", _handle)
    ours.formatter_class = _Help
    ours.usage = "tox prodsim COMMAND [options]"
    ours.description = _DESCRIPTION
    # Older releases of tox ask every option for its type, or a default that has one.
    ours.add_argument("prodsim_words", nargs="*", metavar="COMMAND", help=SUPPRESS, default=[], of_type=list[str])
    ours.add_argument(
        "--format", dest="prodsim_format", choices=["text", "json"], default="text", help="form of a report"
    )
    ours.add_argument(
        "--import",
        dest="prodsim_imports",
        action="append",
        metavar="NAME",
        help="module whose import is compared; may be given again",
        default=[],
        of_type=list[str],
    )
    ours.add_argument("--svg", dest="prodsim_svg", metavar="FILE", default="", help="write a history as a picture")
    register_env_select_flags(ours, default=CliEnv("prodsim"))
    env_run_create_flags(ours, mode="run")


def _handle(state: State) -> int:
    from tox_prodsim.plugin.cli import commands

    return commands.handle(state, usage=_USAGE)
