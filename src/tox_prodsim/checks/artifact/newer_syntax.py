"""Whether a source may have syntax that ``ast`` knows to be newer than a Python.

A source that this Python has compiled, and that may have none, needs not be parsed once more as that of an older one.
"""

from __future__ import annotations

import re

from tox_prodsim.checks.artifact.versions import Python
from tox_prodsim.model.regex import lazy_regex

_KNOWN_UP_TO = (3, 14)
"""What is new in later Pythons is not listed here."""
_KNOWN_FROM = (3, 8)
_BLANK = rb"[ \t\f\\\r\n]"
_NAME = rb"[\w\x80-\xff]"
_NEW: tuple[tuple[Python, tuple[bytes, ...], re.Pattern[bytes]], ...] = (
    ((3, 9), (b"with",), lazy_regex(rb"\bwith%s*\(" % _BLANK)),
    ((3, 10), (b"match",), lazy_regex(rb"(?:^|[\r\n;:])[ \t\f]*match\b")),
    ((3, 11), (b"except",), lazy_regex(rb"\bexcept%s*\*" % _BLANK)),
    ((3, 12), (b"type",), lazy_regex(rb"(?:^|[\r\n;:])[ \t\f]*type%s+%s" % (_BLANK, _NAME))),
    ((3, 12), (b"def", b"class"), lazy_regex(rb"\b(?:def|class)%s+%s+%s*\[" % (_BLANK, _NAME, _BLANK))),
    ((3, 14), (b"except",), lazy_regex(rb"\bexcept\b[^:\r\n]*,")),
    ((3, 14), (b"t'", b't"', b"T'", b'T"', b"r'", b'r"', b"R'", b'R"'), lazy_regex(rb"\b(?:[tT][rR]?|[rR][tT])['\"]")),
)
"""The first Python that has it, words of which one is in the source then, and what it looks like or more than that."""


def may_be_newer(source: bytes, than: Python, here: Python) -> bool:
    """Return whether a source that is valid ``here`` may have something that is newer ``than`` an older Python."""
    if than < _KNOWN_FROM or here > _KNOWN_UP_TO:
        return here != than
    return any(
        than < since <= here and any(word in source for word in words) and pattern.search(source) is not None
        for since, words, pattern in _NEW
    )
