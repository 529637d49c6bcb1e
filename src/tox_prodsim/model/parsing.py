"""Parse single values of the configuration: whole numbers, patterns, names and placeholders; numbers are in ``ranges``.

An invalid value raises ProdsimError with the key it belongs to.
"""

from __future__ import annotations

import re
import signal
import warnings
from collections.abc import Mapping, Sequence
from keyword import iskeyword

from tox_prodsim.model.errors import ProdsimError

_MOST_SHOWN = 80
"""So many characters of a value are shown."""
_LONGEST_MODULE = 1000
"""No file system holds a longer one, and no command line a much longer one."""


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace the known placeholders, once; other braces stay, for regular expressions and JSON."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


def modules(key: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return names of modules; raises ProdsimError if one is not valid."""
    for name in names:
        parts = name.split(".")
        if len(name) > _LONGEST_MODULE or not all(part.isidentifier() and not iskeyword(part) for part in parts):
            msg = f"{written(repr(name))} is not the name of a module, write for example pandas or acme.testing"
            raise ProdsimError(key, msg)
    return tuple(names)


def written(value: object) -> str:
    """Return a value as the user wrote it, in one line of a bearable length; other types as Python writes them."""
    try:
        text = value if isinstance(value, str) and value and value.isprintable() else repr(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python writes; lists in lists
        return f"{type(value).__name__} that is too long to be shown"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}… ({len(text)} characters)"


def whole(text: str) -> int | None:
    """Return the number of plain digits; ``isdigit`` also accepts what ``int`` refuses, such as a superscript 2."""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def parse_signal(text: str) -> signal.Signals | None:
    """Return the signal for ``SIGTERM``, ``TERM`` or ``15``; None when the system has no such signal."""
    name = text.strip().upper()
    try:
        if name.isdecimal():
            return signal.Signals(int(name))
        return signal.Signals[name if name in signal.Signals.__members__ else f"SIG{name.removeprefix('SIG')}"]
    except (KeyError, ValueError):
        return None


def regex(key: str, text: object) -> re.Pattern[bytes]:
    """Return a regular expression for bytes; raises ProdsimError if it is not valid."""
    if not isinstance(text, str):
        msg = f"{text!r} is not text, put the regular expression in quotes"
        raise ProdsimError(key, msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # that a later Python may read it in another way
            return re.compile(text.encode())
    except (re.error, OverflowError, RecursionError, UnicodeError) as problem:
        msg = f"{text!r} is not a regular expression: {problem}"
        raise ProdsimError(key, msg) from None


def canonical(name: str) -> str:
    """Return the canonical name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
