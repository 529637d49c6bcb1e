"""Findings as the catalogue prints them."""

from __future__ import annotations

from tox_prodsim.model.events import Found
from tox_prodsim.model.findings import Finding
from tox_prodsim.report.terminal import Terminal


def printed(finding: Finding) -> str:
    """Return the first line of a finding, unwrapped."""
    written: list[str] = []
    terminal = Terminal(written.append, color=False, encoding="utf-8", verbosity=2, width=1000)
    terminal.handle(Found(finding=finding))
    terminal.close()
    return written[0].rstrip()
