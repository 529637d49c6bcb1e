"""The format ``text``: a run as the terminal shows it."""

from __future__ import annotations

from collections.abc import Iterable

from tox_prodsim.model.events import Event
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.terminal import TerminalReporter


def render(events: Iterable[Event], options: RenderOptions) -> str:
    """Return what the terminal showed while the run was going on."""
    written: list[str] = []
    reporter = TerminalReporter(written.append, options)
    for event in events:
        reporter.handle(event)
    reporter.close()
    return "".join(written)
