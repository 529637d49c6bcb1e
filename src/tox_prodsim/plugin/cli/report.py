"""``tox prodsim report``: the last runs of the selected environments, or named report files, as one report."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tox.report import HandledError
from tox.session.state import State

from tox_prodsim.model import files
from tox_prodsim.model.errors import LogVersionError, ProdsimError
from tox_prodsim.model.events import Event
from tox_prodsim.plugin import report_files
from tox_prodsim.plugin.cli.environments import selected
from tox_prodsim.plugin.cli.output import write_rendered
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.plugin.reporting import EVENT_LOG, REPORT
from tox_prodsim.report import FORMATS, RenderOptions, event_log, release, saved


def add_arguments(parser: ArgumentParser) -> None:
    """Add the format, the file to write, and the files to read."""
    formats = "; ".join(f"{each.name}: {each.description}" for each in FORMATS.values())
    default = next(iter(FORMATS))
    parser.add_argument("--format", dest="prodsim_format", choices=[*FORMATS], default=default, help=formats)
    parser.add_argument("--output", dest="prodsim_output", metavar="FILE", default="", help="write the report to FILE")
    about = "report.json of other machines, in place of the last runs here"
    parser.add_argument("prodsim_files", metavar="REPORT", nargs="*", default=[], help=about)


def run(state: State) -> int:
    """Write one report of all runs that are selected or named."""
    file = state.conf.options.prodsim_output
    if file:
        report_files.refuse_unwritable(Path(file), option="--output")
    named = [Path(each) for each in state.conf.options.prodsim_files]
    folders = {} if named else _folders(state)
    each_run = [*_named(named)] if named else [(name, _events(each / EVENT_LOG)) for name, each in folders.items()]
    if reason := release.refusal(each_run, built_here=not named):
        msg = f"these runs are not of one release: {reason}"
        raise ProdsimError("report", msg)
    report = next(iter(folders.values())) / REPORT if len(folders) == 1 else None
    chosen = FORMATS[state.conf.options.prodsim_format]
    text = chosen.render([event for _, events in each_run for event in events], _options(state, report))
    if file:
        report_files.write_or_refuse(Path(file), text, option="--output")
    else:
        write_rendered(text)
    return 0


def _folders(state: State) -> Mapping[str, Path]:
    """Return the folders of the selected environments that have a run; name those that have none."""
    folders = {env.name: Path(env.conf["env_dir"]) / "prodsim" for env in selected(state)}
    missing = [name for name, folder in folders.items() if not (folder / EVENT_LOG).is_file()]
    if len(missing) == len(folders):
        msg = "there is no run to report, start one with: tox run -e prodsim"
        raise HandledError(msg)
    if missing:
        sys.stderr.write(f"prodsim: not in the report, because they have no run yet: {', '.join(missing)}\n")
    return {name: folder for name, folder in folders.items() if name not in missing}


def _named(paths: Iterable[Path]) -> Iterator[tuple[str, list[Event]]]:
    """Yield each run in the named files with its file; raises ProdsimError for one that is not a report."""
    for path in paths:
        try:
            found = saved.runs_of(files.read(path.resolve(), limit_bytes=saved.MOST_BYTES))
        except OSError as problem:
            raise ProdsimError(str(path), f"it cannot be read: {problem.strerror or problem}") from problem
        except ValueError as problem:
            raise ProdsimError(str(path), f"it cannot be read: {problem}") from problem
        yield from ((str(path), events) for events in found)


def _events(log: Path) -> list[Event]:
    try:
        return list(event_log.read(log))
    except LogVersionError as problem:
        msg = f"the last run was {problem}, run it again"
        raise HandledError(msg) from problem
    except (OSError, ValueError) as problem:
        msg = f"the last run cannot be read, run it again: {problem}"
        raise HandledError(msg) from problem


def _options(state: State, report: Path | None) -> RenderOptions:
    """Return the options of tox that apply; ``report`` is the JSON report of a run that is shown by itself."""
    to_file = bool(state.conf.options.prodsim_output)
    return report_files.options(
        Path(state.conf.core["tox_root"]),
        color=state.conf.options.is_colored and not to_file,
        encoding="utf-8" if to_file else sys.stdout.encoding,
        verbosity=state.conf.options.verbosity,
        report_path=display_path(report) if report is not None and report.is_file() else "",
    )
