"""What a report format is: a name, a description, and a function from events to text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tox_prodsim.model.events import Event

QUIET, NORMAL, VERBOSE = 1, 2, 3
"""Verbosity as tox counts it: ``-q``, the default, ``-v``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderOptions:
    """How a report is written; a format ignores what does not apply to it."""

    color: bool = False
    """Whether terminal colors are used."""
    encoding: str | None = "utf-8"
    """Encoding of the output; None: unknown, only ASCII is written."""
    verbosity: int = NORMAL
    """0: nothing, 1: errors, warnings and the summary, 2: steps as well, 3: details as well."""
    width: int = 100
    """Columns of a line."""
    report_path: str = ""
    """File of the JSON report, named in the summary; empty: there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A row of the table of formats."""

    name: str
    """The value of ``--format``."""
    description: str
    """One line for the help and the documentation."""
    render: Callable[[Iterable[Event], RenderOptions], str]
    """Return the events of a run as text that ends with a line end."""
