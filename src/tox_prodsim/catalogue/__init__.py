"""The catalogue: every code that this version can report, its meaning, and what to do about it.

Each file holds the entries of one step of a run, or of one package of checks, in a table ``CHECKS``; ``check.py`` has
the type of an entry, and ``pages.py`` renders them. To add a code, add an entry to the table that fits. A code is never
renumbered, and never used again for another check.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tox_prodsim.catalogue import (
    audit,
    building,
    contents,
    deployment,
    footprint,
    imports,
    installed,
    layout,
    leaks,
    limits,
    metadata,
    native,
    performance,
    release,
    resolution,
    scripts,
    sdist,
    side_effects,
    simulation,
    start,
    staying,
    stopping,
    supervision,
    wheel,
)
from tox_prodsim.catalogue.check import Check
from tox_prodsim.catalogue.pages import FAMILIES, listing, page

__all__ = ["CATALOGUE", "COMMONEST", "FAMILIES", "RETIRED", "Check", "listing", "page"]

_MODULES = (
    building,
    sdist,
    wheel,
    limits,
    release,
    layout,
    metadata,
    contents,
    audit,
    installed,
    resolution,
    native,
    imports,
    start,
    side_effects,
    scripts,
    simulation,
    deployment,
    supervision,
    leaks,
    staying,
    stopping,
    performance,
    footprint,
)


CATALOGUE: Mapping[str, Check] = MappingProxyType(
    {
        check.code: check
        for letters in FAMILIES
        for check in sorted((check for module in _MODULES for check in module.CHECKS), key=lambda check: check.code)
        if check.code.startswith(letters)
    }
)
"""All checks by code: families in the order of a run, and the codes of each in ascending order."""
COMMONEST = (*("WHL112", "WHL111", "DEP204", "IMP503", "IMP504", "ENT510", "RUN602", "RUN603", "RUN607", "PRF701"),)
"""The codes that most projects meet first."""
RETIRED: Mapping[str, str] = MappingProxyType(
    {"RUN627": "whether a thread is alive at the exit of its interpreter differs from run to run"}
)
"""Codes that are not reported any more, each with the reason; select, ignore and warn still take them."""
