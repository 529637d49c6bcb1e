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
from tox_prodsim.plugin.cli import browser
from tox_prodsim.plugin.cli.environments import selected
from tox_prodsim.plugin.cli.output import write, write_rendered
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.plugin.reporting import EVENT_LOG, REPORT
from tox_prodsim.report import FORMATS, Format, RenderOptions, event_log, release, saved

_PAGE = "html"
"""The format that a browser shows."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the format, the file to write, and the files to read."""
    formats = "; ".join(f"{each.name}: {each.description}" for each in FORMATS.values())
    default = f"the default is {next(iter(FORMATS))}, with --open {_PAGE}"
    about = f"{default}; {formats}"
    parser.add_argument("--format", dest="prodsim_format", choices=[*FORMATS], default="", help=about)
    about = "write the report as a page, and open it in a browser"
    parser.add_argument("--open", dest="prodsim_open", action="store_true", help=about)
    parser.add_argument("--output", dest="prodsim_output", metavar="FILE", default="", help="write the report to FILE")
    about = "report.json of other machines, in place of the last runs here"
    parser.add_argument("prodsim_files", metavar="REPORT", nargs="*", default=[], help=about)


def run(state: State) -> int:
    """Write one report of all runs that are selected or named."""
    options = state.conf.options
    chosen = _format(options.prodsim_format, is_page=options.prodsim_open)
    file = options.prodsim_output
    if file:
        report_files.refuse_unwritable(Path(file), option="--output")
    named = [Path(each) for each in options.prodsim_files]
    folders = {} if named else _folders(state)
    each_run = [*_named(named)] if named else [(name, _events(each / EVENT_LOG)) for name, each in folders.items()]
    if reason := release.refusal(each_run, built_here=not named):
        msg = f"these runs are not of one release: {reason}"
        raise ProdsimError("report", msg)
    report = next(iter(folders.values())) / REPORT if len(folders) == 1 else None
    if options.prodsim_open and not file:
        file = _page_file(state, report)
    text = chosen.render([event for _, events in each_run for event in events], _options(state, report))
    if file:
        option, mode = ("--output", files.SHARED) if options.prodsim_output else ("--open", files.PRIVATE)
        report_files.write_or_refuse(Path(file), text, option=option, mode=mode)
    else:
        write_rendered(text)
    if options.prodsim_open:
        browser.show(Path(file))
        write(f"opened {display_path(Path(file))}\n")
    return 0


def _format(name: str, *, is_page: bool) -> Format:
    """Return the format that is asked for; raises ProdsimError for one that is not a page if there must be one."""
    if is_page and name not in {"", _PAGE}:
        msg = f"a browser shows the format {_PAGE}, write --format {_PAGE} or leave it out"
        raise ProdsimError("--open", msg)
    return FORMATS[name or (_PAGE if is_page else next(iter(FORMATS)))]


def _page_file(state: State, report: Path | None) -> str:
    """Return where the page is written that no option names: beside the report, of several in the folder of tox."""
    if report is not None:
        return str(report.with_suffix(f".{FORMATS[_PAGE].suffix}"))
    folder = Path(state.conf.core["work_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / f"prodsim-report.{FORMATS[_PAGE].suffix}")


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
    to_file = bool(state.conf.options.prodsim_output or state.conf.options.prodsim_open)
    return report_files.options(
        Path(state.conf.core["tox_root"]),
        color=state.conf.options.is_colored and not to_file,
        encoding="utf-8" if to_file else sys.stdout.encoding,
        verbosity=state.conf.options.verbosity,
        report_path=display_path(report) if report is not None and report.is_file() else "",
    )
