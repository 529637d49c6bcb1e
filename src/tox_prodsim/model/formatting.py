"""Numbers, lists of names and the output of programs, as findings and evidence show them: one function for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tox_prodsim.model.regex import lazy_regex

_LINE_LIMIT = 200
_CUT = " …"
_MOST_BYTES = 10**18
"""No disk holds more; a number of hundreds of digits has no floating-point value."""
_QUOTED = lazy_regex(r"(?<!\w)(?:(?P<mark>['\"`]).*?(?P=mark)(?!\w)|\u2018.*?\u2019|\u201c.*?\u201d)", re.DOTALL)
"""What stands in quotes; an apostrophe inside a word is none."""


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


def sized(size_bytes: int) -> str:
    """Return a size such as ``84 kB``, ``16 MB`` or ``3.2 GB``."""
    if size_bytes >= _MOST_BYTES:
        return "more than 1000000 TB"
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.3g} {name}"
    return f"{size_bytes} B"


def joined(facts: Iterable[str], separator: str = ", ") -> str:
    """Return the facts in a row, without the empty ones."""
    return separator.join(filter(None, facts))


def shortened(text: str, limit: int) -> str:
    """Return the text in one line of at most ``limit`` characters: cut at a word, and not inside of a quote.

    A quote that begins in the first half is too long to be left out: it is cut, and closed.
    """
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    room = limit - len(_CUT) - 1
    end = _end_of_word(line, room)
    quote = next((each for each in _QUOTED.finditer(line) if each.start() < end < each.end()), None)
    if quote is None:
        return line[:end].rstrip() + _CUT
    if quote.start() > limit / 2:
        return line[: quote.start()].rstrip() + _CUT
    return line[:end].rstrip() + _CUT + quote[0][-1]


def _end_of_word(line: str, most: int) -> int:
    """Return where the last word ends that fits; a first word that is longer than all of it is cut."""
    end = most if line[most : most + 1] == " " else line.rfind(" ", 0, most)
    return end if end > 0 else most


def last_line(text: str) -> str:
    """Return the last line with something on it, at most 200 characters; nothing when there is none."""
    lines = text.strip().splitlines()
    return shortened(lines[-1], _LINE_LIMIT) if lines else ""


def last_error(output: str) -> str:
    """Return the last line of an installer's output that begins with "error", else the last line.

    pip reports an index that it cannot reach as one that has nothing: the line then says that it cannot be reached.
    """
    lines = output.strip().splitlines()
    errors = [line for line in lines if line.lower().startswith("error")]
    error = "".join((errors or lines)[-1:])
    unreached = "No matching distribution" in error and any("Retrying (Retry(" in line for line in lines)
    return f"{error}: the index cannot be reached" if unreached else error
