"""What the site adds to its pages when they are read: links from a key or a code to its description, and classes.

The pages themselves stay Markdown that any viewer shows. Code blocks, headings, comments and links stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

KEYS = "reference/keys"
CODES = "reference/codes"
_LEFT = re.compile(
    r"^(?P<fence>```+|~~~+).*?^(?P=fence)`*$|^\| orchestrator \|.*?^$"
    r"|<!--.*?-->|^#+ .*?$|!?\[[^\]]*\]\([^)]*\)|`[^`\n]*`",
    re.DOTALL | re.MULTILINE,
)
"""What stays as it is; the table of orchestrators names keys of theirs."""
_CODE = re.compile(r"\b(?:AUD|BLD|DEP|ENT|EXT|IMP|PRF|RUN|SDI|SIM|VER|WHL)\d{3}\b")
_ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
_TABLE = re.compile(r"<!-- table: keys -->\n(.*?)<!-- end -->", re.DOTALL)


_TABLES = re.compile(r"^\|.*\n\|[ :|-]+\n(?:\|.*\n?)*", re.MULTILINE)
_FIGURES = re.compile(r"[\d.,+±%<> ]+(?: ?(?:s|ms|MB|kB|times))?(?: of [\d,]+)?")


def with_classes(text: str) -> str:
    """Return the text with a class on each table of text, of which a phone shows the rows as blocks."""
    return _TABLES.sub(lambda table: f"{_classes(table[0])}{table[0]}", text)


def _classes(table: str) -> str:
    header, _, *rows = table.splitlines()
    cells = [cell.strip() for row in rows for cell in row.strip("|").split("|")[1:]]
    figures = sum(_FIGURES.fullmatch(cell) is not None for cell in cells)
    if header.startswith("| key | default | range |"):
        return "{.rows .keys}\n"
    return "" if 3 * figures > len(cells) else "{.rows}\n"


def keys_of(page: str) -> list[str]:
    """Return the names of the keys in the table of the page about keys."""
    found = _TABLE.search(page)
    return _ROW.findall(found[1]) if found else []


def linked(name: str, text: str, keys: Iterable[str], codes: Iterable[str]) -> str:
    """Return the text of a page with the links added; ``name`` is that of the page, without its suffix."""
    targets = {f"`{key}`": f"#key-{key}" for key in keys} | dict(_pages(name, codes))
    if name == KEYS:
        return _with_places(text, keys, targets)
    if name.startswith(CODES):
        return text
    return _replaced(text, targets)


def _pages(name: str, codes: Iterable[str]) -> Iterable[tuple[str, str]]:
    folder = os.path.relpath(CODES, Path(name).parent)
    for code in codes:
        yield code, f"{folder}/{code}.md"


def _with_places(text: str, keys: Iterable[str], targets: Mapping[str, str]) -> str:
    """Return the page about keys with a place for each key, and a link to each of them above the table."""
    jumps = " · ".join(f"[`{key}`](#key-{key})" for key in sorted(keys))
    before, table, after = re.split(r"(<!-- table: keys -->\n.*?<!-- end -->\n)", text, maxsplit=1, flags=re.DOTALL)
    with_links = _replaced(_ROW.sub(r"| <<\1>> |", table), targets)
    placed = re.sub(r"<<(\w+)>>", r"[`\1`]{#key-\1}", with_links)
    return f"{_replaced(before, targets)}{jumps}\n\n{placed}{_replaced(after, targets)}"


def _replaced(text: str, targets: Mapping[str, str]) -> str:
    parts, at = [], 0
    for left in _LEFT.finditer(text):
        parts += [_with_codes(text[at : left.start()], targets), _link(left[0], targets)]
        at = left.end()
    return "".join([*parts, _with_codes(text[at:], targets)])


def _link(mark: str, targets: Mapping[str, str]) -> str:
    return f"[{mark}]({targets[mark]})" if mark in targets else mark


def _with_codes(text: str, targets: Mapping[str, str]) -> str:
    return _CODE.sub(lambda found: _link(found[0], targets), text)
