"""Numbers of the sources, and those that a document or the page of a code shows."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from support.documents import ROOT, document
from tox_prodsim.catalogue import CATALOGUE, page

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_OTHERS = {"half a": 0.5, "a quarter of a": 0.25, "every": 1.0, "a": 1.0, "twice": 2.0, "a fifth": 0.2, "off": 0.0}
NUMBER = rf"(\d[\d,]*(?:\.\d+)?|{'|'.join(_WORDS)}|half a|a quarter of a|twice|a fifth|off)"
"""A number in figures or as a word, as group 1 of a pattern."""
_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Mult: operator.mul,
    ast.LShift: operator.lshift,
    ast.Pow: operator.pow,
}


def number(text: str) -> float:
    """Return the number that a figure or a word stands for."""
    known = {**{word: float(value) for value, word in enumerate(_WORDS)}, **_OTHERS}
    lower = text.lower()
    return known[lower] if lower in known else float(text.replace(",", ""))


def constant(module: str, name: str) -> float:
    """Return a number of a module, of the package or of the repository: a constant, or the default of a field."""
    folder = ROOT if module.startswith(("tests/", "benchmarks/")) else ROOT / "src" / "tox_prodsim"
    for node in ast.walk(ast.parse((folder / module).read_text("utf-8"))):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return _value(value)
            case ast.AnnAssign(target=ast.Name(id=found), value=value) if found == name and value is not None:
                return _value(value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for target, value in zip(names, values, strict=True):
                    if isinstance(target, ast.Name) and target.id == name:
                        return _value(value)
    raise LookupError(f"{module} has no {name}")


def _value(node: ast.AST) -> float:
    match node:
        case ast.Constant(value=int() | float() as found):
            return found
        case ast.BinOp(left=left, op=kind, right=right):
            return _OPERATORS[type(kind)](_value(left), _value(right))
    raise LookupError(ast.dump(node))


def text_of(place: str) -> str:
    """Return the text of a page, or of the page of a code, in one line."""
    if place in CATALOGUE:
        return " ".join(page(CATALOGUE[place]).split())
    return " ".join(document(place).read_text("utf-8").split())


def shown(place: str, pattern: str) -> list[float]:
    """Return the numbers that a page shows where a pattern matches; ``#`` stands for a number."""
    return [number(found[1]) for found in re.finditer(pattern.replace("#", NUMBER), text_of(place), re.IGNORECASE)]
