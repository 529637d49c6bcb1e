"""Text that is safe to print: foreign output must not drive a terminal or a CI system, nor break an encoding."""

from __future__ import annotations

import re
import textwrap

_PLAIN = {"·": "-", "±": "+-", "✓": "ok", "└": "`-", "…": "...", "→": "->"}
"""What stands for the signs that we use where the encoding has none of them."""

_DANGEROUS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control characters, line separators, direction marks and what has no width; a tab is a blank."""

_LEGACY_COMMAND = re.compile(r"##(?=\w*\[)")
"""GitHub (``##[…]``), Azure (``##vso[…]``) and TeamCity obey these anywhere in a line; ``::…::`` only at its start."""


_QUANTITY = re.compile(r"(?<=\d) (?=(?:%|s|ms|kB|MB)(?!\w))")
"""The blank between a number and its unit, where no line may end."""


class Printable:
    """Makes text printable in one encoding; None is an encoding that is not known, taken for ASCII."""

    def __init__(self, encoding: str | None) -> None:
        self._encoding = _known(encoding)
        self._signs = {} if _encodes("".join(_PLAIN), self._encoding) else str.maketrans(_PLAIN)

    def __call__(self, text: str, *, limit: int = 2000) -> str:
        """Return the text on one line, with everything escaped that is not harmless, at most ``limit`` characters."""
        cut = len(text) - limit
        kept = text[:limit] + f" … ({cut} more characters)" if cut > 0 else text
        escaped = _DANGEROUS.sub(_escaped, kept.expandtabs(4))
        harmless = _LEGACY_COMMAND.sub(r"#\\#", escaped).translate(self._signs)
        return harmless.encode(self._encoding, "backslashreplace").decode(self._encoding)


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text, at least one; paths and commands stay whole, so that they can be copied."""
    kept = _QUANTITY.sub("\xa0", text)
    lines = textwrap.wrap(kept, max(width, 20), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines] or [""]


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _known(encoding: str | None) -> str:
    try:
        "".encode(encoding or "ascii")
    except LookupError:
        return "ascii"
    return encoding or "ascii"


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
