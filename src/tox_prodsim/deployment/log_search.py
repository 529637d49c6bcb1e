"""Search a log for expressions, many lines at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tox_prodsim.model.regex import lazy_regex

_TOKEN = lazy_regex(
    rb"""\(\?i\) | \(\?: | \((?!\?)
        | \\[dwsDWSb] | \\[^\w\s]
        | \[\^ (?:[^\x00-\x1f\\\]] | \\[dws] | \\[^\w\s])+ \]
        | \[ (?!\^) (?:[^\x00-\x1f\\\]] | \\[dw] | \\[^\w\s])+ \]
        | [^\x00-\x1f\\\[(]  # a character, . ^ $ | ) and what repeats
    """,
    re.VERBOSE,
)
"""What an expression may consist of to be searched for in many lines at once: no lookaround, for example."""
_IN_ONE_LINE = {rb"\s": rb"[^\S\n]", rb"\W": rb"[^\w\n]", rb"\D": rb"[^\d\n]"}


class Search:
    """The first line for each of some patterns: ``found``; ``missing`` are the patterns that no line has matched."""

    def __init__(self, patterns: Iterable[re.Pattern[bytes]]) -> None:
        self.missing = dict.fromkeys(patterns)
        self.found: dict[re.Pattern[bytes], str] = {}
        self._in_block = {pattern: for_block(pattern) for pattern in self.missing}

    def read(self, block: bytes) -> None:
        """Search for what is still missing."""
        for pattern in tuple(self.missing):
            line = first_matching_line(pattern, self._in_block[pattern], block)
            if line is not None:
                del self.missing[pattern]
                self.found[pattern] = line.decode(errors="replace").strip()


def for_block(pattern: re.Pattern[bytes]) -> re.Pattern[bytes] | None:
    """Return the pattern that finds in many lines what this one finds in each; None: there is no such pattern."""
    source = pattern.pattern
    tokens = _TOKEN.findall(source)
    if pattern.flags & (re.DOTALL | re.VERBOSE) or b"".join(tokens) != source:
        return None
    within = (rb"[^\n" + token[2:] if token.startswith(b"[^") else _IN_ONE_LINE.get(token, token) for token in tokens)
    return re.compile(b"".join(within), pattern.flags | re.MULTILINE)


def first_matching_line(pattern: re.Pattern[bytes], in_block: re.Pattern[bytes] | None, block: bytes) -> bytes | None:
    """Return the first line of a block in which the pattern matches; None: there is none."""
    if in_block is None:
        return next((line for line in block.split(b"\n") if pattern.search(line)), None)
    match = in_block.search(block)
    if match is None:
        return None
    end = block.find(b"\n", match.start())
    return block[block.rfind(b"\n", 0, match.start()) + 1 : end if end >= 0 else None]
