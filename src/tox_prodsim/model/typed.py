"""Whether the fields of a dataclass have the types that they are declared with: for values that a file holds."""

from __future__ import annotations

import types
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

_LARGEST = 10**18
"""Of a whole number: no size and no count is larger, and a float can hold it."""
_known: dict[type[Any], dict[str, Any]] = {}
"""The types of the fields by class."""


def wrong_field(value: Any) -> str | None:
    """Return the name of a field of the dataclass that has another type than is declared, None when all are right."""
    hints = _hints(type(value))
    return next((each.name for each in fields(value) if not _fits(getattr(value, each.name), hints[each.name])), None)


def _hints(kind: type[Any]) -> dict[str, Any]:
    if kind not in _known:
        _known[kind] = get_type_hints(kind)
    return _known[kind]


def _fits(value: object, hint: Any) -> bool:
    """Return whether a value is of a type, a union, or a tuple of any length; whole numbers are bounded."""
    if isinstance(hint, types.UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(each, get_args(hint)[0]) for each in value)
    if hint in {int, float}:
        is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST
        return is_whole or (hint is float and isinstance(value, float))
    return isinstance(value, hint) and (not hasattr(value, "__dataclass_fields__") or wrong_field(value) is None)
