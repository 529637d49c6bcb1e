"""Render the catalogue: the page of a code, and the list of all codes; ASCII, at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tox_prodsim.catalogue.check import Check
from tox_prodsim.model.findings import Level

WIDTH = 100
FAMILIES = {
    "BLD": "building",
    "SDI": "the sdist",
    "WHL": "the wheel file",
    "AUD": "other tools",
    "DEP": "dependencies",
    "EXT": "C extensions",
    "IMP": "imports",
    "ENT": "entry points and scripts",
    "VER": "versions",
    "RUN": "deployment",
    "SIM": "harsher conditions",
    "PRF": "performance",
}
"""The meaning of the letters of a code, in the order of the listing."""


def page(check: Check) -> str:
    """Return the page of a code, as text for a terminal."""
    shown = ((name, read(check)) for name, read in SECTIONS.items())
    sections = [f"{name}\n{_LAID_OUT.get(name, _body)(text)}" for name, text in shown if text]
    head = f"{check.code}: {check.title}\n{_wrapped(heading(check), indent='')}"
    return "\n\n".join([head, *sections]) + "\n"


def heading(check: Check) -> str:
    """Return the line below the title: the family, and the level with its effect."""
    return f"{FAMILIES[check.code[:3]]}, {_level(check)}."


def listing(checks: Iterable[Check]) -> str:
    """Return one line for each check, grouped by family."""
    checks = tuple(checks)
    groups = [_group(letters, [check for check in checks if check.code.startswith(letters)]) for letters in FAMILIES]
    legend = "E error, fails the run; W warning; N note; * with an exception\ntox prodsim explain CODE shows the rest"
    return "\n\n".join([*filter(None, groups), legend]) + "\n"


def _group(letters: str, checks: list[Check]) -> str:
    if not checks:
        return ""
    lines = [
        f"  {check.code}  {check.level[0].upper()}{'*' if check.exception else ' '} {check.title}" for check in checks
    ]
    return "\n".join([f"{letters}: {FAMILIES[letters]}", *lines])


def _level(check: Check) -> str:
    effect = {
        Level.ERROR: "error (fails the run)",
        Level.WARNING: "warning (does not fail the run)",
        Level.NOTE: "note (does not fail the run)",
    }
    exceptions = filter(None, check.exception.split("; "))
    return ". ".join([effect[check.level], *(each[0].upper() + each[1:] for each in exceptions)])


def _acceptance(check: Check) -> str:
    ignore = f"Put it on the list of the environment: ignore = {check.code}"
    return f"{ignore} (or warn = {check.code}, to keep it as a warning)" if _can_fail(check) else ignore


def _can_fail(check: Check) -> bool:
    return check.level is Level.ERROR or check.exception.startswith("an error")


def _body(text: str | tuple[str, ...]) -> str:
    return _wrapped(text) if isinstance(text, str) else _items(text)


def _items(texts: tuple[str, ...]) -> str:
    return "\n".join(_wrapped(f"- {text}", hanging="  ") for text in texts)


def _wrapped(text: str, *, indent: str = "  ", hanging: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


SECTIONS: Mapping[str, Callable[[Check], str | tuple[str, ...]]] = {
    "WHY IT MATTERS": lambda check: check.why,
    "EXAMPLE": lambda check: check.example,
    "COMMON CAUSES": lambda check: check.causes,
    "WHAT TO DO": lambda check: check.solution,
    "A PROJECT THAT SHOWS IT": lambda check: check.project,
    "WHY NO SHORT PROJECT SHOWS IT": lambda check: check.no_project,
    "IF IT IS MEANT TO BE SO": _acceptance,
}
"""The sections of a page in their order; an empty one is left out. The pages of the documentation have the same."""
_LAID_OUT: Mapping[str, Callable[[Any], str]] = {
    "EXAMPLE": lambda text: _wrapped(text, hanging=" " * 5),
    "A PROJECT THAT SHOWS IT": lambda text: textwrap.indent(text, "  "),
}
"""Sections that are not laid out as prose or as a list."""
