"""The catalogue: every code this version can report, what it means, and what to do about it.

A code is here when it is implemented; it is never renumbered, and never used again for something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tox_prodsim.catalogue import (
    audit,
    building,
    contents,
    deployment,
    effects,
    file_names,
    imports,
    installation,
    leaks,
    metadata,
    native,
    performance,
    resolution,
    scripts,
    sdist,
    simulation,
    supervision,
    wheel,
)
from tox_prodsim.catalogue.check import Check
from tox_prodsim.catalogue.pages import FAMILIES, listing, page

__all__ = ["CATALOGUE", "FAMILIES", "Check", "listing", "page"]

_MODULES = (
    building,
    sdist,
    wheel,
    file_names,
    metadata,
    contents,
    audit,
    installation,
    resolution,
    native,
    imports,
    effects,
    scripts,
    simulation,
    deployment,
    supervision,
    leaks,
    performance,
)


CATALOGUE: Mapping[str, Check] = MappingProxyType(
    {
        check.code: check
        for letters in FAMILIES
        for check in sorted((check for module in _MODULES for check in module.CHECKS), key=lambda check: check.code)
        if check.code.startswith(letters)
    }
)
"""All checks by code: the families in the order in which a run makes them, the codes of each in theirs."""
