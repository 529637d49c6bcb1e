"""``tox prodsim history``: the accepted times over the git history of the baselines."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from tox.session.state import State

from tox_prodsim import timing
from tox_prodsim.plugin import report_files
from tox_prodsim.plugin.cli.environments import baseline_paths
from tox_prodsim.plugin.cli.output import NO_BASELINE, write


def add_arguments(parser: ArgumentParser) -> None:
    """Add the file of the picture."""
    parser.add_argument("--svg", dest="prodsim_svg", metavar="FILE", default="", help="write a history as a picture")


def run(state: State) -> int:
    """Write the history as text, and as a picture if a file is named."""
    paths = baseline_paths(state)
    if not paths:
        write(NO_BASELINE)
        return 0
    root = Path(state.conf.core["tox_root"])
    lines = [line for path in paths for line in timing.history_of(path, _title(path, root))]
    if not lines:
        write("no times are stored, so there is no history of them\n")
    for row in timing.drawn_as_text(lines, encoding=sys.stdout.encoding or "ascii"):
        write(f"{row}\n")
    if timing.is_shallow(paths[0].parent):
        write("this clone is shallow, and so is the history; fetch the rest with: git fetch --unshallow\n")
    if file := state.conf.options.prodsim_svg:
        report_files.write_or_refuse(Path(file), timing.drawn_as_svg(lines), option="--svg")
        write(f"picture written to {file}\n")
    return 0


def _title(path: Path, root: Path) -> str:
    """Return the path as it is named in the history: below the project."""
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
