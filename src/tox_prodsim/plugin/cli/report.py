"""``tox prodsim report``: the last run of the selected environments, in any format, on stdout or in a file."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from tox.report import HandledError
from tox.session.state import State

from tox_prodsim.model import files
from tox_prodsim.model.errors import LogVersionError, ProdsimError
from tox_prodsim.model.events import Event
from tox_prodsim.model.printable import has_controls
from tox_prodsim.plugin.cli.environments import selected
from tox_prodsim.plugin.cli.output import write_rendered
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.plugin.reporting import EVENT_LOG, REPORT
from tox_prodsim.report import FORMATS, CodeText, Format, RenderOptions, event_log

_SOURCE_FOLDERS = ("", "src", "lib", "python")
"""Folders of a project that can hold what a wheel has at its root."""
_PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "tox.toml")
"""Files that stand for a finding without a place: the first that is there."""


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
    if reason := _reason_not_writable(path):
        msg = f"{path} cannot be written: {reason}"
        raise ProdsimError("--output", msg)


def _reason_not_writable(path: Path) -> str:
    try:
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        if path.is_dir():
            return "it is a folder"
        is_writable = os.access(path if path.exists() else path.parent, os.W_OK)
    except OSError as problem:
        return problem.strerror or str(problem)
    return "" if is_writable else "permission denied"


def _write_file(path: Path, text: str) -> None:
    """Write the report for others to read; a file that was there is replaced, a device or a FIFO is written to."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        with files.atomic_write(path.resolve(), mode=files.SHARED) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
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
    to_file = bool(state.conf.options.prodsim_output)
    root = Path(state.conf.core["tox_root"])
    return RenderOptions(
        color=state.conf.options.is_colored and not to_file,
        encoding="utf-8" if to_file else sys.stdout.encoding,
        verbosity=state.conf.options.verbosity,
        report_path=display_path(saved) if saved is not None and saved.is_file() else "",
        codes=_codes() if saved is None else {},
        source_of=partial(source_of, root),
        project_file=next(filter(None, (source_of(root, name) for name in _PROJECT_FILES)), _PROJECT_FILES[0]),
    )


def _codes() -> Mapping[str, CodeText]:
    from tox_prodsim.catalogue import CATALOGUE, page

    return {
        check.code: CodeText(title=check.title, why=check.why, page=page(check), level=check.level)
        for check in CATALOGUE.values()
    }


def source_of(root: Path, file: str) -> str:
    """Return the path of a file of the wheel or the sdist below the repository; empty: it is not there."""
    name = PurePosixPath(file.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or has_controls(file):
        return ""
    try:
        found = next((root / folder / name for folder in _SOURCE_FOLDERS if (root / folder / name).is_file()), None)
        top = next((each for each in (root, *root.parents) if (each / ".git").exists()), root)
    except OSError:  # a name that is too long, a folder that cannot be read
        return ""
    return "" if found is None else found.relative_to(top).as_posix()
