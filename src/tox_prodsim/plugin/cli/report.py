"""``tox prodsim report``: the last run of the selected environments, in any format."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from tox.report import HandledError
from tox.session.state import State

from tox_prodsim.model.errors import LogVersionError
from tox_prodsim.model.events import Event
from tox_prodsim.plugin.cli.environments import selected
from tox_prodsim.plugin.cli.output import write_rendered
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.plugin.reporting import EVENT_LOG, REPORT
from tox_prodsim.report import FORMATS, RenderOptions, event_log


def add_arguments(parser: ArgumentParser) -> None:
    """Add the format."""
    formats = "; ".join(f"{each.name}: {each.description}" for each in FORMATS.values())
    default = next(iter(FORMATS))
    parser.add_argument("--format", dest="prodsim_format", choices=[*FORMATS], default=default, help=formats)


def run(state: State) -> int:
    """Write the last run of each environment that has one."""
    folders = [Path(env.conf["env_dir"]) / "prodsim" for env in selected(state)]
    folders = [folder for folder in folders if (folder / EVENT_LOG).is_file()]
    if not folders:
        msg = "there is no run to report, start one with: tox run -e prodsim"
        raise HandledError(msg)
    render = FORMATS[state.conf.options.prodsim_format].render
    for folder in folders:
        write_rendered(render(_events(folder / EVENT_LOG), _options(state, folder / REPORT)))
    return 0


def _events(log: Path) -> list[Event]:
    try:
        return list(event_log.read(log))
    except LogVersionError as problem:
        msg = f"the last run was {problem}, run it again"
        raise HandledError(msg) from problem
    except (OSError, ValueError) as problem:
        msg = f"the last run cannot be read, run it again: {problem}"
        raise HandledError(msg) from problem


def _options(state: State, saved: Path) -> RenderOptions:
    return RenderOptions(
        color=state.conf.options.is_colored,
        encoding=sys.stdout.encoding,
        verbosity=state.conf.options.verbosity,
        report_path=display_path(saved) if saved.is_file() else "",
    )
