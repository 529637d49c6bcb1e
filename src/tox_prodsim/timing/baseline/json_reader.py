"""Takes checked values out of the JSON of a baseline: every error names the file and the field.

A baseline comes with a pull request, so it is data: every field that is used has its form and its bounds. Fields that
are not known are passed over, as a later version may have added them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.printable import has_controls
from tox_prodsim.model.regex import lazy_regex

KEY = "baseline"
MOST_BYTES = 4_000_000
"""A larger file is not read: a baseline of 10,000 modules has a quarter of it."""
RESTORE = "; restore it, or delete it and record it again"
MOST_ITEMS = 100_000
MOST_CHARACTERS = 4000
MOST_LEVELS = 8
"""Lists and objects within one another: a baseline has four."""
LEAST_NUMBER, MOST_NUMBER = 1e-6, 1e9
"""Bounds of times in milliseconds, of ratios and of their errors: from a nanosecond to eleven days."""
MOST_COUNT = 10**15
"""More bytecodes are not executed within a day."""
_MOST_DIGITS = 18
_MOST_NAME, _MOST_VERSION = 200, 100
_T = TypeVar("_T")
_SHA256 = lazy_regex(r"[0-9a-fA-F]{64}")
_COMMIT = lazy_regex(r"(?:[0-9a-fA-F]{4,64})?")
_BASELINE_KEY = lazy_regex(r"[a-z0-9][a-z0-9._-]*")
_NAME = lazy_regex(r"[^\s/\\]+")
_DATE = lazy_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Reader:
    """Takes checked values out of a decoded JSON object; every error names the file and the field."""

    def __init__(self, path: Path, where: str, content: object) -> None:
        self.path = path
        self._where = where
        if not isinstance(content, dict):
            raise unusable(path, f"{where.rstrip('.') or 'its content'} is not a JSON object")
        self.content: dict[str, Any] = content
        if len(content) > MOST_ITEMS:
            raise unusable(path, f"{where.rstrip('.') or 'its content'} has more than {MOST_ITEMS:,} fields")
        for name in content:
            self._check_text(name, "a name")

    def nested(self, name: str) -> Reader:
        """Return a reader of the object under this name."""
        return Reader(self.path, f"{self._where}{name}.", self.take(name, dict))

    def take(self, name: str, kind: type[_T]) -> _T:
        """Return the value under this name when it is of the kind."""
        value = self.content.get(name)
        # bool is an int for isinstance, and 1 is a fine float.
        if not isinstance(value, kind) or isinstance(value, bool):
            self._refuse(name, value, _KINDS[kind])
        if isinstance(value, str):
            self._check_text(value, name)
        return value

    def text(self, name: str, form: Callable[[str], bool], what: str) -> str:
        """Return the text under this name when it has the form, which is described by ``what``."""
        value = self.take(name, str)
        if not form(value):
            self._refuse(name, value, what)
        return value

    def sha256(self, name: str) -> str:
        """Return a sha256."""
        return self.text(name, _matches(_SHA256), "64 hexadecimal digits").lower()

    def commit(self, name: str) -> str:
        """Return the hash of a commit; empty: there was none."""
        return self.text(name, _matches(_COMMIT), "the hexadecimal digits of a commit, or empty").lower()

    def version(self, name: str) -> str:
        """Return a version."""
        return self.text(name, _is_version, "a version")

    def date(self, name: str) -> str:
        """Return a date."""
        return self.text(name, _is_date, "a date such as 2026-11-30")

    def key(self, name: str) -> str:
        """Return the key of a baseline, which names its file."""
        return self.text(name, _matches(_BASELINE_KEY, _MOST_NAME), "a key such as cpython-3.13-linux-x86_64")

    def env_name(self, name: str) -> str:
        """Return the name of an environment, which names its folder."""
        return self.text(name, _is_folder_name, "the name of an environment")

    def whole(self, name: str, most: int = MOST_COUNT, *, least: int = 0) -> int:
        """Return the whole number under this name when it is within the bounds."""
        number = self.take(name, int)
        if not least <= number <= most:
            self._refuse(name, number, f"a whole number from {least} to {most:,}")
        return number

    def number(self, name: str) -> float:
        """Return the number under this name when it can be a time, a ratio or an error."""
        return self._number(self.content.get(name), name)

    def numbers(self, name: str) -> tuple[float, ...]:
        """Return the list of numbers under this name."""
        return tuple(self._number(item, name) for item in self._list(name))

    def counts(self, name: str) -> tuple[int, ...]:
        """Return the list of whole numbers under this name."""
        items = self._list(name)
        for item in items:
            if type(item) is not int or not 0 <= item <= MOST_COUNT:
                self._refuse(name, item, f"a whole number from 0 to {MOST_COUNT:,}")
        return tuple(items)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the list of texts under this name."""
        items = self._list(name)
        for item in items:
            if not isinstance(item, str):
                raise unusable(self.path, f"{self._where}{name} has items that are not text")
            self._check_text(item, name)
        return tuple(items)

    def rows(self, name: str, kinds: list[type], what: str) -> list[list[Any]]:
        """Return the list of rows under this name, each with values of these kinds, as ``what`` says."""
        rows = self._list(name)
        for row in rows:
            if not isinstance(row, list) or [type(item) for item in row] != kinds:
                raise unusable(self.path, f"{self._where}{name} has {display(row)}, not {what}")
            for item in row:
                self._check_item(item, name)
        return rows

    def distributions(self, name: str) -> tuple[str, ...]:
        """Return the list of distributions under this name."""
        found = self.texts(name)
        for each in found:
            if not is_distribution(each):
                self._refuse(name, each, "a distribution such as click==8.4.2")
        return found

    def _list(self, name: str) -> list[Any]:
        items: list[Any] = self.take(name, list)
        if len(items) > MOST_ITEMS:
            raise unusable(self.path, f"{self._where}{name} has more than {MOST_ITEMS:,} items")
        return items

    def _number(self, value: Any, name: str) -> float:
        # bool is an int for isinstance.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not LEAST_NUMBER <= value <= MOST_NUMBER:
            self._refuse(name, value, f"a number from {LEAST_NUMBER:f} to {MOST_NUMBER:,.0f}")
        return float(value)

    def _check_item(self, item: object, name: str) -> None:
        if isinstance(item, str):
            self._check_text(item, name)
        elif isinstance(item, int) and not 0 <= item <= MOST_COUNT:
            self._refuse(name, item, f"a whole number from 0 to {MOST_COUNT:,}")

    def _check_text(self, text: str, name: str) -> None:
        if len(text) > MOST_CHARACTERS:
            raise unusable(self.path, f"{self._where}{name} has more than {MOST_CHARACTERS:,} characters")
        if has_controls(text):
            raise unusable(self.path, f"{self._where}{name} has a control character: {display(text)}")

    def _refuse(self, name: str, value: object, what: str) -> NoReturn:
        raise unusable(self.path, f"{self._where}{name} is {display(value)}, not {what}")


def decode(path: Path, text: str) -> object:
    """Return the JSON that a text is; raises ProdsimError when it is none, or one that no baseline can be."""
    try:
        content = json.loads(text, object_pairs_hook=_fields, parse_int=_whole)
    except _DoubleNameError as problem:
        raise unusable(path, f"has the name {display(str(problem))} twice in one object") from None
    except (ValueError, RecursionError) as problem:
        where = f" (line {problem.lineno})" if isinstance(problem, json.JSONDecodeError) else ""
        raise unusable(path, f"is not JSON{where}") from None
    _refuse_deep(path, content)
    return content


def is_distribution(text: str) -> bool:
    """Return whether a text is ``name==version``, both of them valid."""
    name, sign, version = text.partition("==")
    if not sign or len(name) > _MOST_NAME:
        return False
    try:
        canonicalize_name(name, validate=True)
    except InvalidName:
        return False
    return _is_version(version)


class _DoubleNameError(Exception):
    """An object has two fields of one name: a reviewer may have seen the other one."""


class _LongNumber:
    """A whole number with more digits than any field has."""

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def __repr__(self) -> str:
        return self._digits


def _whole(digits: str) -> int | _LongNumber:
    return int(digits) if len(digits) <= _MOST_DIGITS else _LongNumber(digits)


def _fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise _DoubleNameError(next(name for name in names if names.count(name) > 1))
    return fields


def _refuse_deep(path: Path, content: object) -> None:
    level: list[object] = [content]
    for _ in range(MOST_LEVELS):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [item for items in inner for item in items]
    if level:
        raise unusable(path, f"has more than {MOST_LEVELS} lists and objects within one another")


def _matches(form: re.Pattern[str], most: int = MOST_CHARACTERS) -> Callable[[str], bool]:
    return lambda text: len(text) <= most and form.fullmatch(text) is not None


def _is_version(text: str) -> bool:
    if len(text) > _MOST_VERSION:
        return False
    try:
        Version(text)
    except (InvalidVersion, ValueError):
        return False
    return True


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_folder_name(text: str) -> bool:
    return len(text) <= _MOST_NAME and _NAME.fullmatch(text) is not None and text.strip(".") != ""


_KINDS: Mapping[type, str] = {str: "text", int: "a whole number", dict: "a JSON object", list: "a list"}


def unusable(path: Path, what: str) -> ProdsimError:
    """Return the error for a file that is left alone, with the two ways out."""
    return ProdsimError(KEY, f"{path}: {what}{RESTORE}")


def display(value: object) -> str:
    """Return what is there instead of a usable value, at most 40 characters of it."""
    return "missing" if value is None else shortened(repr(value)[:200], 40)
