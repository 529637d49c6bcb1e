"""What a report format is: a name, a description, and a module with a function from events to text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Protocol, cast

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.events import Event
from tox_prodsim.model.findings import Level

QUIET, NORMAL, VERBOSE = 1, 2, 3
"""Verbosity as tox counts it: ``-q``, the default, ``-v``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeText:
    """What the catalogue says of a code."""

    title: str
    why: str
    """Why it matters."""
    page: str
    """The whole page, as text."""
    level: Level
    """The usual level."""


def _as_it_is(file: str) -> str:
    return file


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
    codes: Mapping[str, CodeText] = field(default_factory=dict)
    """The codes of the catalogue; a code that is missing has no title."""
    source_of: Callable[[str], str] = _as_it_is
    """Returns the path of the file of a finding below the repository; empty: it is not there."""
    project_file: str = "pyproject.toml"
    """The file that stands for a finding without a file, below the repository."""

    most_bytes: int = 900 * 1024
    """Room for the step summary of GitHub, which refuses all of one that is larger than 1 MiB."""


class FormatModule(Protocol):
    """What the module of a format has."""

    def render(self, events: Iterable[Event], options: RenderOptions) -> str:
        """Return the events of a run, or of several, as text that ends with a line end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """A row of the table of formats; the module of its name in this package is imported when it is used."""

    name: str
    """The value of ``--format``."""
    description: str
    """One line for the help and the documentation."""
    suffix: str
    """The end of the name of its file."""

    def render(self, events: Iterable[Event], options: RenderOptions) -> str:
        """Return the events of a run, or of several, as text that ends with a line end."""
        module = cast("FormatModule", import_module(f"{__package__}.{self.name}"))
        return module.render(events, options)
