"""One entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from tox_prodsim.model.findings import Level


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """What one code means: ``title`` completes "the finding says that …", ``example`` is a line as it is printed.

    ``level`` is the usual level; ``exception`` says when it is another one, empty when it never is.
    """

    code: str
    level: Level
    title: str
    why: str
    example: str
    causes: tuple[str, ...]
    solution: tuple[str, ...]
    exception: str = ""
