"""The line of progress: what a step does now. A terminal redraws it, anywhere else it is one line of many."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from tox_prodsim.model.events import Step
from tox_prodsim.model.printable import Printable

USUAL = {
    Step.BUILD: "building the wheel",
    Step.ENV: "making the environment",
    Step.SDIST: "building once more to compare",
    Step.WHEEL: "reading its modules",
    Step.RELEASE: "checking the other files of the release",
    Step.AUDIT: "running the auditors",
    Step.INSTALL: "asking the installer what it would install",
    Step.IMPORT: "importing its modules",
    Step.SCRIPTS: "running its scripts",
    Step.CONTENTS: "comparing the contents with the baseline",
    Step.DEPLOY: "running the deployment",
    Step.COMMANDS: "running the commands",
    Step.SIMULATE: "running it under other conditions",
    Step.COMPARE: "recording the imports",
}
"""What a step does when nothing else is known."""
_CUT = " …"
_LEAST_TEXT = 8
"""Columns; where there is less room for the text, the line is cut instead."""


def progress_line(
    step: Step,
    text: str,
    elapsed_s: float,
    limit_s: float | None,
    *,
    clean: Printable,
    env_name: str = "",
    columns: int | None = None,
) -> str:
    """Return the line, without a line end, in at most so many columns; None: in full.

    ``env_name`` is given where the output of several environments is mixed.
    """
    head = f"  {step:<8} {f'{env_name}: ' if env_name else ''}"
    limit = "" if limit_s is None else f" of {limit_s:g} s"
    tail = f" ({max(elapsed_s, 0):.0f} s{limit})"
    what = clean(text or USUAL[step], limit=500)
    if columns is None:
        return f"{clean(head)}{what}{tail}"
    room = columns - width(clean(head)) - width(tail)
    if width(what) > room:
        cut = clean(_CUT)
        what = f"{shortest(what, room - width(cut)).rstrip()}{cut}" if room >= _LEAST_TEXT else what
    return shortest(f"{clean(head)}{what}{tail}", columns)


def width(text: str) -> int:
    """Return how many columns of a terminal a text needs."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def shortest(text: str, columns: int) -> str:
    """Return as much of the beginning of a text as there is room for."""
    if width(text) <= columns:
        return text
    used, kept = 0, 0
    for character in text:
        used += _columns(character)
        if used > columns:
            break
        kept += 1
    return text[:kept]


def _columns(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in {"W", "F"} else 1
