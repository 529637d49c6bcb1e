"""Parse single values of the configuration: time limits, percentages, numbers, patterns, names and placeholders.

An invalid value raises ProdsimError with the key it belongs to.
"""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Mapping, Sequence

from tox_prodsim.model.errors import ProdsimError


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace the known placeholders, once; other braces stay, for regular expressions and JSON."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


def seconds(key: str, value: object) -> float:
    """Return a time limit; raises ProdsimError if it is not valid."""
    return _required(key, value, "is no time limit, give a number of seconds above 0")


def limit(key: str, value: object, *, unit: str) -> float | None:
    """Return a limit, None for 0: no limit; raises ProdsimError if it is not valid."""
    number = _positive(value)
    if number is None and str(value).strip() not in {"0", "0.0"}:
        msg = f"{_written(value)} is no limit, give a number of {unit} above 0, or 0 for no limit"
        raise ProdsimError(key, msg)
    return number


def count(key: str, value: object, *, unit: str) -> int | None:
    """Return a whole limit, None for 0: no limit; raises ProdsimError if it is not valid."""
    number = limit(key, value, unit=unit)
    if number is not None and number != int(number):
        msg = f"{_written(value)} is no limit, give a whole number of {unit}, or 0 for no limit"
        raise ProdsimError(key, msg)
    return None if number is None else int(number)


def modules(key: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return names of modules; raises ProdsimError if one is not valid."""
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            msg = f"{name!r} is no name of a module, write for example pandas or acme.testing"
            raise ProdsimError(key, msg)
    return tuple(names)


def percent(key: str, value: object) -> float:
    """Return a percentage; raises ProdsimError if it is not valid."""
    return _required(key, value, "is no percentage, give a number above 0 without the sign")


def _required(key: str, value: object, problem: str) -> float:
    """Return the finite number above 0; raises ProdsimError with the problem otherwise."""
    number = _positive(value)
    if number is None:
        msg = f"{_written(value)} {problem}"
        raise ProdsimError(key, msg)
    return number


def _positive(value: object) -> float | None:
    """Return the value as a finite number above 0; None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _written(value: object) -> str:
    """Return the value as the user wrote it; other types than text, and an empty text, as Python writes them."""
    return value if isinstance(value, str) and value else repr(value)


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
        msg = f"{text!r} is no text, put the regular expression in quotes"
        raise ProdsimError(key, msg)
    try:
        return re.compile(text.encode())
    except (re.error, OverflowError, RecursionError, UnicodeError) as problem:
        msg = f"{text!r} is no regular expression: {problem}"
        raise ProdsimError(key, msg) from None


def canonical(name: str) -> str:
    """Return the canonical name of a distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
