"""Documents that hold what the program says: a test compares them with it, or writes them when it is asked to.

``PRODSIM_UPDATE_DOCS=1 pytest tests/unit/catalogue/test_pages.py tests/unit/plugin/config/test_keys.py
tests/functional/test_readme.py`` writes (without ``-n``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
CODES = DOCS / "reference" / "codes"
DOCUMENTS = [
    README,
    *(path for path in sorted(DOCS.rglob("*.md")) if not {CODES, DOCS / "reference" / "reports"} & {*path.parents}),
]
"""README and every page, without those that are written from the catalogue and the examples of reports."""
UPDATE = os.environ.get("PRODSIM_UPDATE_DOCS") == "1"
HOW = "write it anew with PRODSIM_UPDATE_DOCS=1, and read the difference"


def document(name: str) -> Path:
    """Return the page of this name, in whatever folder it is."""
    [found] = [path for path in DOCUMENTS if path.name == name]
    return found


def linked(text: str, page: Path) -> str:
    """Return the text with its links to pages, which are written as names, made relative to this page."""
    return re.sub(
        r"\]\(([\w-]+\.md)(?=[#)])", lambda found: f"]({os.path.relpath(document(found[1]), page.parent)}", text
    )


def block(name: str) -> re.Pattern[str]:
    """Return what finds an output in a document: the text is group 2."""
    return re.compile(rf"(<!-- output: {name} -->\n```text\n)(.*?)(```\n<!-- end -->)", re.DOTALL)


def holder(name: str) -> Path:
    """Return the document that shows the output of this name."""
    found = [path for path in DOCUMENTS if block(name).search(path.read_text("utf-8"))]
    assert len(found) == 1, f"{len(found)} documents have an output {name!r}"
    return found[0]


def shown(name: str) -> str:
    """Return the output of this name, as a document shows it."""
    found = block(name).search(holder(name).read_text("utf-8"))
    assert found is not None
    return found[2]


def show(name: str, text: str) -> None:
    """Write an output into the document that shows it."""
    path = holder(name)
    path.write_text(block(name).sub(lambda found: found[1] + text + found[3], path.read_text("utf-8")), "utf-8")


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table in Markdown."""
    header = list(header)
    return "".join(f"| {' | '.join(row)} |\n" for row in [header, ["---"] * len(header), *rows]).replace("|  |", "| |")


def shows_table(path: Path, name: str, text: str) -> bool:
    """Return whether a document has this table under this name, after writing it when it is asked to."""
    text = linked(text, path)
    found = re.compile(rf"(<!-- table: {name} -->\n)(.*?)(<!-- end -->)", re.DOTALL)
    if UPDATE:
        path.write_text(found.sub(lambda parts: parts[1] + text + parts[3], path.read_text("utf-8")), "utf-8")
    return [parts[2] for parts in found.finditer(path.read_text("utf-8"))] == [text]


def console_commands(path: Path) -> Iterator[str]:
    """Yield every command of the console blocks of a document."""
    for console in re.findall(r"```console\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
        yield from (line.removeprefix("$ ") for line in console.splitlines() if line.startswith("$ "))


def named_commands() -> Iterator[str]:
    """Yield every ``tox prodsim …`` that the text of a document names."""
    for path in DOCUMENTS:
        yield from re.findall(r"`(tox prodsim [^`…]+)`", path.read_text("utf-8"))
