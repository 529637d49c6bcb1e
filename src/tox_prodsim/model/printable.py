"""Text that is safe to print: foreign output must not drive a terminal or a CI system, nor break an encoding."""

from __future__ import annotations

import re
import textwrap

from tox_prodsim.model.regex import lazy_regex

_PLAIN = {"·": "-", "±": "+-", "✓": "ok", "└": "`-", "…": "...", "→": "->"}
"""Replacements for our own signs in an encoding that lacks any of them."""

_DANGEROUS = lazy_regex("[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
"""Control characters, line separators, direction marks, characters without width; tabs are expanded."""

_CONTROLS = lazy_regex("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What no name and no message of one line has; the joiners without width belong to names in some scripts."""

LEGACY_COMMAND = lazy_regex(r"##(?=\w*\[)")
"""GitHub (``##[…]``), Azure (``##vso[…]``) and TeamCity obey these anywhere in a line; ``::…::`` only at its start."""

_QUANTITY = lazy_regex(r"(?<=\d) (?=(?:%|s|ms|kB|MB)(?!\w))")
"""The blank between a number and its unit, where lines are not wrapped."""


class Printable:
    """Makes text printable in one encoding; None: unknown, ASCII is used."""

    def __init__(self, encoding: str | None) -> None:
        self._encoding = _known_encoding(encoding)
        self._signs = {} if _can_encode("".join(_PLAIN), self._encoding) else str.maketrans(_PLAIN)

    def __call__(self, text: str, *, limit: int = 2000) -> str:
        """Return at most ``limit`` characters of the text on one line, dangerous characters escaped."""
        cut = len(text) - limit
        kept = text[:limit] + f" … ({cut} more characters)" if cut > 0 else text
        escaped = _DANGEROUS.sub(_escape, kept.expandtabs(4))
        harmless = LEGACY_COMMAND.sub(r"#\\#", escaped).translate(self._signs)
        return harmless.encode(self._encoding, "backslashreplace").decode(self._encoding)


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text, at least one; paths and commands are not broken, so that they can be copied."""
    kept = _QUANTITY.sub("\xa0", text)
    lines = textwrap.wrap(kept, max(width, 20), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines] or [""]


def has_controls(text: str) -> bool:
    """Return whether a text has control characters, line separators, direction marks or halves of characters."""
    return _CONTROLS.search(text) is not None


def without_controls(text: str) -> str:
    """Return the text, its control characters and the like escaped."""
    return _CONTROLS.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def _known_encoding(encoding: str | None) -> str:
    try:
        "".encode(encoding or "ascii")
    except LookupError:
        return "ascii"
    return encoding or "ascii"


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
