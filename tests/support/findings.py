"""Findings as the catalogue prints them."""

from __future__ import annotations

from tox_prodsim.model.events import Found
from tox_prodsim.model.findings import Finding
from tox_prodsim.report import FORMATS, RenderOptions


def printed(finding: Finding) -> str:
    """Return the first line of a finding, unwrapped."""
    return FORMATS["text"].render([Found(finding=finding)], RenderOptions(width=1000)).splitlines()[0]
