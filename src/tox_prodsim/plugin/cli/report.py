"""``tox prodsim report``: the last run of the selected environments, in any format, on stdout or in a file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path

from tox.report import HandledError
from tox.session.state import State

from tox_prodsim.model.errors import LogVersionError, ProdsimError
from tox_prodsim.model.events import Event
from tox_prodsim.plugin import report_files
from tox_prodsim.plugin.cli.environments import selected
from tox_prodsim.plugin.cli.output import write_rendered
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.plugin.reporting import EVENT_LOG, REPORT
from tox_prodsim.report import FORMATS, Format, RenderOptions, event_log


def add_arguments(parser: ArgumentParser) -> None:
    """Add the format and the file."""
    formats = "; ".join(f"{each.name}: {each.description}" for each in FORMATS.values())
    default = next(iter(FORMATS))
    parser.add_argument("--format", dest="prodsim_format", choices=[*FORMATS], default=default, help=formats)
    parser.add_argument("--output", dest="prodsim_output", metavar="FILE", default="", help="write the report to FILE")


def run(state: State) -> int:
    """Write the last run of each environment that has one."""
    file = state.conf.options.prodsim_output
    if file:
        _refuse_unwritable(Path(file))
    folders = [Path(env.conf["env_dir"]) / "prodsim" for env in selected(state)]
    folders = [folder for folder in folders if (folder / EVENT_LOG).is_file()]
    if not folders:
        msg = "there is no run to report, start one with: tox run -e prodsim"
        raise HandledError(msg)
    texts = _rendered(state, FORMATS[state.conf.options.prodsim_format], folders)
    if file:
        _write_file(Path(file), "".join(texts))
    else:
        for text in texts:
            write_rendered(text)
    return 0


def _rendered(state: State, chosen: Format, folders: Sequence[Path]) -> Iterator[str]:
    """Yield the report of each run, or one of all where the format joins them."""
    if chosen.joins:
        events = [event for folder in folders for event in _events(folder / EVENT_LOG)]
        yield chosen.render(events, _options(state, None))
        return
    for folder in folders:
        yield chosen.render(_events(folder / EVENT_LOG), _options(state, folder / REPORT))


def _refuse_unwritable(path: Path) -> None:
    """Raise ProdsimError when the report cannot be written there, before anything is read."""
    if reason := report_files.reason_not_writable(path):
        msg = f"{path} cannot be written: {reason}"
        raise ProdsimError("--output", msg)


def _write_file(path: Path, text: str) -> None:
    """Write the report for others to read."""
    try:
        report_files.write(path, text)
    except OSError as problem:
        msg = f"{path} cannot be written: {problem.strerror or problem}"
        raise ProdsimError("--output", msg) from problem


def _events(log: Path) -> list[Event]:
    try:
        return list(event_log.read(log))
    except LogVersionError as problem:
        msg = f"the last run was {problem}, run it again"
        raise HandledError(msg) from problem
    except (OSError, ValueError) as problem:
        msg = f"the last run cannot be read, run it again: {problem}"
        raise HandledError(msg) from problem


def _options(state: State, saved: Path | None) -> RenderOptions:
    """Return the options of tox that apply; ``saved`` is the JSON report of a run that is shown by itself."""
    to_file = bool(state.conf.options.prodsim_output)
    encoding = "utf-8" if to_file else sys.stdout.encoding
    if saved is None:
        return report_files.options(Path(state.conf.core["tox_root"]), encoding=encoding)
    return RenderOptions(
        color=state.conf.options.is_colored and not to_file,
        encoding=encoding,
        verbosity=state.conf.options.verbosity,
        report_path=display_path(saved) if saved.is_file() else "",
    )
