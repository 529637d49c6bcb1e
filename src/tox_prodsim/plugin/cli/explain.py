"""``tox prodsim explain CODE…``: the pages of codes."""

from __future__ import annotations

import difflib
from argparse import ArgumentParser

from tox.report import HandledError
from tox.session.state import State

from tox_prodsim.catalogue import CATALOGUE, RETIRED, page
from tox_prodsim.plugin.cli.output import write
from tox_prodsim.plugin.redaction import one_line


def add_arguments(parser: ArgumentParser) -> None:
    """Add the codes."""
    parser.add_argument(
        "prodsim_codes", nargs="+", metavar="CODE", help="a code such as RUN607, in upper or lower case"
    )


def run(state: State) -> int:
    """Write the page of each code."""
    for code in state.conf.options.prodsim_codes:
        check = CATALOGUE.get(code.upper())
        if check is None:
            raise HandledError(one_line(_unknown(code)))
        write(page(check))
    return 0


def _unknown(code: str) -> str:
    if reason := RETIRED.get(code.upper()):
        return f"{code}: this code is not reported any more: {reason}"
    near = difflib.get_close_matches(code.upper(), CATALOGUE, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{code}: there is no such code; {hint}'tox prodsim checks' lists all"
