"""The answers of helper programs, which run in the process of the package under test: it can print anything there.

A helper marks each line of its answer with a nonce that its request names, and that no package can know beforehand.
A marked line that is cut, or that does not have the shape of a record, raises AnswerError.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import AnswerError
from tox_prodsim.model.formatting import shortened

_LONGEST_TEXT = 1 << 20
_MOST_ITEMS = 1_000_000
_LARGEST = 1e18
"""Of a number: nanoseconds of thirty years."""

Shape = Any
"""A type (``str``, ``int``, ``float``, ``bool``), None, ``[shape]`` for a list, a mapping of names to shapes (a name
that ends with ``?`` may be missing), an ``Each`` for any names, a ``Row``, or a tuple of alternatives."""


@dataclass(frozen=True, slots=True)
class Each:
    """The shape of a mapping with any names."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Row:
    """The shape of a list of so many values, each with a shape of its own."""

    shapes: tuple[Shape, ...]


def new_nonce() -> str:
    """Return a text that nobody can guess."""
    return secrets.token_hex(16)


def mark(nonce: str) -> bytes:
    """Return how each line of an answer begins."""
    return f"tox-prodsim {nonce}: ".encode()


def marked(output: bytes, nonce: str) -> Iterator[bytes]:
    """Yield the marked lines of an output, without the mark; raises AnswerError for a last line that is cut."""
    begin = mark(nonce)
    *lines, rest = output.split(b"\n")
    yield from (line.removeprefix(begin) for line in lines if line.startswith(begin))
    if rest.startswith(begin):
        raise AnswerError("its answer is cut")


def record(line: bytes) -> dict[str, Any]:
    """Return the record that a line holds; raises AnswerError when it holds none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise AnswerError(f"its answer is not a record: {shortened(line.decode('utf-8', 'replace'), 60)!r}")
    return value


def checked(value: dict[str, Any], shape: Mapping[str, Shape]) -> dict[str, Any]:
    """Return the record as it is; raises AnswerError that names the field that does not have its shape."""
    wrong = _wrong_field(value, shape)
    if wrong is not None:
        raise AnswerError(f"its answer is not valid: {shortened(wrong, 60)!r}")
    return value


def _wrong_field(value: Mapping[Any, Any], shape: Mapping[str, Shape]) -> str | None:
    shapes = {name.removesuffix("?"): each for name, each in shape.items()}
    needed = [name for name in shape if not name.endswith("?")]
    missing = (name for name in needed if name not in value)
    unknown = (str(name) for name in value if name not in shapes)
    wrong = (name for name, each in value.items() if name in shapes and not _conforms(each, shapes[name]))
    return next((name for names in (missing, unknown, wrong) for name in names), None)


def _conforms(value: object, shape: Shape) -> bool:  # noqa: PLR0911 - one line for each kind of shape
    match shape:
        case tuple():
            return any(_conforms(value, each) for each in shape)
        case list():
            return isinstance(value, list) and len(value) <= _MOST_ITEMS and all(_conforms(v, shape[0]) for v in value)
        case Row():
            return isinstance(value, list) and _is_row(value, shape.shapes)
        case Each():
            return isinstance(value, dict) and all(_conforms(each, shape.shape) for each in value.values())
        case Mapping():
            return isinstance(value, dict) and _wrong_field(value, shape) is None
        case None:
            return value is None
    if shape is bool or isinstance(value, bool):
        return shape is bool and isinstance(value, bool)
    if shape is str:
        return isinstance(value, str) and len(value) <= _LONGEST_TEXT
    kinds = int if shape is int else (int, float)
    return isinstance(value, kinds) and abs(value) <= _LARGEST


def _is_row(values: Sequence[object], shapes: Sequence[Shape]) -> bool:
    return len(values) == len(shapes) and all(map(_conforms, values, shapes))
