"""Breaks workflow commands of GitHub in the output of a command, in whatever pieces it comes.

The log has the output of a command on two streams, which GitHub reads one beside the other. So each line is harmless by
itself, whatever ``guard`` has stopped: a backslash stands where a command would begin.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from tox_prodsim.model.regex import lazy_regex

_COMMAND = lazy_regex(r"(?:(?<=[\r\n])|^)([^\S\r\n]*:)(?=:)")
"""GitHub passes over blanks at the begin of a line; for it a carriage return ends a line, too."""
_LEGACY = lazy_regex(r"##(?=\[)")
_LONGEST_BLANK = 1 << 12
"""So much of the end of a text is looked at; if it is blank, so may be all of the line."""
_BLANK = lazy_regex(r"\s*(:?)")


def broken_commands(show: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Return what shows the same output without workflow commands."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    line = _Line()

    def write(data: bytes) -> object:
        return show(line(decoder.decode(data)).encode("utf-8", "surrogateescape"))

    return write


class _Line:
    """Returns pieces of text with their commands broken; it keeps what of the current line can begin a command."""

    def __init__(self) -> None:
        self._before = ""

    def __call__(self, text: str) -> str:
        """Return the piece; a backslash comes before the character that would complete a command."""
        whole = _LEGACY.sub(r"##\\", _COMMAND.sub(r"\1\\", self._before + text))
        shown = whole[len(self._before) :]
        self._before = _context(whole)
        return shown


def _context(text: str) -> str:
    """Return a short text that ends in the same place of a line: at its begin, behind its colon, or inside."""
    line = re.split(r"[\r\n]", text[-_LONGEST_BLANK:])[-1]
    if blank := _BLANK.fullmatch(line):
        return blank[1]
    return "x" + "#" * min(len(line) - len(line.rstrip("#")), 2)
