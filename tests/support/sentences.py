"""The sentences of a text, and how long they are: what a reader has to hold in mind until the full stop.

A cell of a table and an item of a list stand alone, and a semicolon ends a cell's clause. What is marked as code is one
word; blocks of code, outputs and HTML are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_LEFT_OUT = re.compile(r"^---\n.*?^---\n|^( *)```.*?^\1```$|<!--.*?-->|^<[^>]*>$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_LINK = re.compile(r"!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_ITEM = re.compile(r"^\s*(?:[*+-]|\d+\.)\s+|^#+ ", re.MULTILINE)
_END = re.compile(r"(?<=[.!?])[\"')*]*\s+")
_ABBREVIATED = re.compile(r"\b(e\.g|i\.e|etc|vs)\.")


class Sentence(NamedTuple):
    """A sentence and its number of words."""

    words: int
    text: str


def prose(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a page in Markdown."""
    text = _LINK.sub(r"\1", _CODE.sub("Code", _LEFT_OUT.sub("\n\n", text)))
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.lstrip().startswith("|"):
            cells = re.split(r"(?<!\\)\|", paragraph)
            yield from (each for cell in cells for each in clauses(cell))
        else:
            yield from (each for item in _ITEM.split(paragraph) for each in sentences(item))


def clauses(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text that is printed: a line and a semicolon end one as well."""
    for clause in re.split(r"\n|;", text):
        yield from sentences(clause)


def sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text without marks."""
    for sentence in _END.split(_ABBREVIATED.sub(r"\1", " ".join(text.split()))):
        words = [word for word in (sentence or "").split() if re.search(r"\w", word)]
        if words:
            yield Sentence(len(words), sentence)
