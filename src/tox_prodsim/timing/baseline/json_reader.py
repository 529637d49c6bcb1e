"""Takes checked values out of the JSON of a baseline: every error names the file and the field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.formatting import shortened

KEY = "baseline"
_T = TypeVar("_T")


class Reader:
    """Takes checked values out of a decoded JSON object; every error names the file and the field."""

    def __init__(self, path: Path, where: str, content: object) -> None:
        if not isinstance(content, dict):
            raise unusable(path, f"{where.rstrip('.') or 'its content'} is no JSON object")
        self.content: dict[str, Any] = content
        self.path = path
        self._where = where

    def nested(self, name: str) -> Reader:
        """Return a reader of the object under this name."""
        return Reader(self.path, f"{self._where}{name}.", self.take(name, dict))

    def take(self, name: str, kind: type[_T]) -> _T:
        """Return the value under this name when it is of the kind."""
        value = self.content.get(name)
        # bool is an int for isinstance, and 1 is a fine float.
        if isinstance(value, kind) and not isinstance(value, bool):
            return value
        raise unusable(self.path, f"{self._where}{name} is {display(value)}, not {_KINDS[kind]}")

    def whole(self, name: str) -> int:
        """Return the whole number under this name when it is not negative."""
        number = self.take(name, int)
        if number >= 0:
            return number
        raise unusable(self.path, f"{self._where}{name} is {number}, not a whole number from 0 on")

    def positive(self, name: str) -> float:
        """Return the number under this name when it is finite and above 0."""
        return self._number(self.content.get(name), name)

    def several(self, name: str, kind: type[_T]) -> tuple[_T, ...]:
        """Return the list under this name when all its items are of the kind."""
        items: list[Any] = self.take(name, list)
        if kind is float:
            items = [self._number(item, name) for item in items]
        if not all(isinstance(item, kind) for item in items):
            raise unusable(self.path, f"{self._where}{name} has items that are not {_KINDS[kind]}")
        return tuple(items)

    def _number(self, value: object, name: str) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
            return float(value)
        raise unusable(self.path, f"{self._where}{name} is {display(value)}, not a number above 0")


_KINDS: Mapping[type, str] = {str: "text", int: "a whole number", dict: "a JSON object", list: "a list"}


def unusable(path: Path, what: str) -> ProdsimError:
    """Return the error for a file that is left alone, with the two ways out."""
    return ProdsimError(KEY, f"{path}: {what}; restore it, or delete it and record it again")


def display(value: object) -> str:
    """Return what is there instead of a usable value, at most 40 characters of it."""
    return "missing" if value is None else shortened(repr(value), 40)
