"""Numbers, lists of names and the output of programs, as findings and evidence show them: one function for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LINE_LIMIT = 200


def plural(noun: str, number: int) -> str:
    """Return ``module`` for 1 and ``modules`` for any other number; ``process`` becomes ``processes``."""
    if number == 1:
        return noun
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Return ``no modules``, ``1 module``, ``2 modules``."""
    return f"{number or 'no'} {plural(noun, number)}"


def listed(names: Sequence[str], most: int = 1, *, noun: str = "", separator: str = ", ") -> str:
    """Return the first names and how many more there are: ``a, b and 3 more``.

    At most ``most`` names are shown. A noun makes it ``a and 3 more modules``, another separator ``a; and 3 more``.
    """
    shown, left = separator.join(names[:most]), len(names) - most
    if left <= 0:
        return shown
    before = " " if separator == ", " else separator
    return f"{shown}{before}and {left} more" + (f" {plural(noun, left)}" if noun else "")


def joined(facts: Iterable[str], separator: str = ", ") -> str:
    """Return the facts in a row, without the empty ones."""
    return separator.join(filter(None, facts))


def last_line(text: str) -> str:
    """Return the last line with something on it, at most 200 characters; nothing when there is none."""
    lines = text.strip().splitlines()
    return lines[-1].strip()[:_LINE_LIMIT] if lines else ""


def last_error(output: str) -> str:
    """Return the last line of an installer's output that begins with "error", else the last line.

    pip reports an index that it cannot reach as one that has nothing: the line then says that it cannot be reached.
    """
    lines = output.strip().splitlines()
    errors = [line for line in lines if line.lower().startswith("error")]
    error = "".join((errors or lines)[-1:])
    unreached = "No matching distribution" in error and any("Retrying (Retry(" in line for line in lines)
    return f"{error}: the index cannot be reached" if unreached else error
