"""HTML in pieces: all text is escaped where it enters, so that nothing foreign is ever markup."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from itertools import chain, repeat

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.printable import Printable

_CLEAN = Printable("utf-8")
_MOST = 2000
_LONGEST_WORD = 16
_MANY = 5
"""So many columns are too many for a phone."""
_VOID = {"meta", "br", "rect", "line", "path"}
"""Elements without content."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Iterable["Content"] | None
"""Text, which is escaped; markup; several of them; or nothing."""
Attribute = str | float | None
"""None: the attribute is left out."""


def text(value: str, *, limit: int = _MOST) -> Markup:
    """Return foreign text as HTML; control characters, and what changes the direction, are visible as escapes."""
    return escaped(_CLEAN(value, limit=limit))


def escaped(value: str) -> Markup:
    """Return text as HTML; what a CI system takes for a command, in a log that shows this page, has no meaning."""
    return Markup(html.escape(value).replace("::", "&#58;&#58;").replace("##", "&#35;&#35;"))


def tag(name: str, /, *content: Content, **attributes: Attribute) -> Markup:
    """Return an element; ``class_`` is the attribute ``class``, ``aria_label`` is ``aria-label``."""
    named = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    written = "".join(f' {key}="{_attribute(value)}"' for key, value in named)
    if name in _VOID:
        return Markup(f"<{name}{written}{'/' if name in {'rect', 'line', 'path'} else ''}>")
    return Markup(f"<{name}{written}>{together(content)}</{name}>")


def together(content: Content) -> Markup:
    """Return the pieces one after the other."""
    if content is None:
        return Markup("")
    if isinstance(content, str):
        return content if isinstance(content, Markup) else text(content)
    return Markup("".join(map(together, content)))


def isolated(value: str, *, limit: int = _MOST) -> Markup:
    """Return foreign text inside of a sentence: if it is written from right to left, the sentence is not."""
    return tag("bdi", text(value, limit=limit))


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a table."""

    head: str
    kind: str = ""
    """``num`` for numbers, ``short`` for words that are not broken; empty: any text."""
    repeats: bool = False
    """Whether a phone, which has no room for the columns, shows the head at each cell."""


def columns(
    *heads: str, numbers: Sequence[int] = (), short: Sequence[int] = (), repeated: Sequence[int] = ()
) -> list[Column]:
    """Return columns with these heads; the others are the positions of those of a kind."""
    kinds = {**dict.fromkeys(short, "short"), **dict.fromkeys(numbers, "num")}
    return [
        Column(head=head, kind=kinds.get(at, ""), repeats=at in numbers or at in repeated)
        for at, head in enumerate(heads)
    ]


def table(
    caption: str,
    of: Sequence[Column],
    rows: Iterable[Sequence[Content]],
    *,
    ids: Iterable[str] = (),
    hidden: bool = False,
    blocks: bool = False,
) -> Markup:
    """Return a table whose rows begin with their header; a hidden caption repeats the heading above it.

    On a phone the rows of a table of many columns are blocks, and with ``blocks`` those of any: its words are long.
    """
    named = chain(ids, repeat(""))
    roles = _Roles.all() if blocks or len(of) >= _MANY else _Roles()
    head = tag(
        "tr",
        (tag("th", each.head, scope="col", role=roles.head, class_=_kind(each.head, each) or None) for each in of),
        role=roles.row,
    )
    body = [Markup(f"\n{_row(cells, of, name, roles)}") for cells, name in zip(rows, named, strict=False)]
    parts = tag("thead", head, role=roles.group), tag("tbody", *body, role=roles.group)
    above = tag("caption", caption, class_="hidden" if hidden else None)
    kind = "many" if roles.table else None
    return Markup(f"\n{tag('table', above, *parts, role=roles.table, class_=kind)}\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Roles:
    """The roles of a table and its parts: one that is no table on a phone stays one for a screen reader."""

    table: str | None = None
    group: str | None = None
    row: str | None = None
    head: str | None = None
    row_head: str | None = None
    cell: str | None = None

    @classmethod
    def all(cls) -> _Roles:
        """Return the roles of a table whose cells a phone shows one after the other."""
        return cls(table="table", group="rowgroup", row="row", head="columnheader", row_head="rowheader", cell="cell")


def _row(cells: Sequence[Content], of: Sequence[Column], name: str, roles: _Roles) -> Markup:
    written = [
        _cell(cell, column, roles, is_head=not at) for at, (cell, column) in enumerate(zip(cells, of, strict=True))
    ]
    return tag("tr", *written, id=name or None, role=roles.row)


def _cell(cell: Content, column: Column, roles: _Roles, *, is_head: bool) -> Markup:
    if column.kind == "num" and isinstance(cell, str):
        cell = cell.replace(" ", "\xa0")
    kind = _kind(cell, column) or None
    if is_head:
        return tag("th", cell, scope="row", role=roles.row_head, class_=kind)
    head = column.head if column.repeats and roles.table else None
    return tag("td", cell, role=roles.cell, class_=kind, data_head=head)


def _kind(cell: Content, column: Column) -> str:
    """Return how a cell is written: foreign words that are long must be broken, or the page is too wide."""
    words = cell.split() if isinstance(cell, str) and not isinstance(cell, Markup) else []
    return column.kind if max(map(len, words), default=0) <= _LONGEST_WORD else ""


def label(words: str, kind: str) -> Markup:
    """Return a result with the color of its kind; nothing without words."""
    return tag("span", words, class_=f"result {kind}") if words else Markup("")


def folded(summary: Content, content: Content, *, is_open: bool = False) -> Markup:
    """Return content that a click shows or hides."""
    return tag("details", tag("summary", summary), content, open="" if is_open else None)


def _attribute(value: Attribute) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return value if isinstance(value, Markup) else text(str(value))
