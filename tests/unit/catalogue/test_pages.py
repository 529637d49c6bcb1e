"""docs/reference/codes: a page for each code, and their list, written from the catalogue and held by it."""

from __future__ import annotations

import re
import textwrap

import pytest
from support.documents import CODES, HOW, UPDATE, document

from tox_prodsim.catalogue import CATALOGUE, COMMONEST, FAMILIES, Check, page
from tox_prodsim.catalogue.pages import SECTIONS, heading

HEAD = """\
# Codes

A finding is an error, a warning or a note. An error fails the run. The keys `select`, `ignore` and `warn` take codes
and prefixes of codes (`RUN`, `RUN6`, `RUN607`). `tox prodsim explain CODE` shows the page of a code in a terminal,
and `tox prodsim checks` lists all codes. A code is never used again for something else.

The page of a code shows a project of some ten lines of which a run reports it. `# FILE` stands above the lines of
each file; `$` stands before a command.

## The ten commonest

"""
TAIL = """
\\* with an exception
"""


def index() -> str:
    families = "".join(
        f"\n## {letters}: {name}\n\n{table([code for code in CATALOGUE if code.startswith(letters)])}"
        for letters, name in FAMILIES.items()
        if any(code.startswith(letters) for code in CATALOGUE)
    )
    return HEAD + table(COMMONEST) + families + TAIL


def table(codes: list[str] | tuple[str, ...]) -> str:
    rows = (
        f"| [{code}](codes/{code}.md) | {CATALOGUE[code].level}{' *' if CATALOGUE[code].exception else ''} "
        f"| {safe(CATALOGUE[code].title)} |\n"
        for code in codes
    )
    return "".join(["| code | level | what it says |\n| --- | --- | --- |\n", *rows])


def markdown(check: Check) -> str:
    """Return the page of a code in Markdown: the sections of the page for a terminal, wrapped and marked otherwise."""
    parts = [f"# {check.code}: {safe(check.title)}\n", paragraph(safe(heading(check)))]
    for name, read in SECTIONS.items():
        match read(check):
            case "":
                continue
            case str(text) if name in {"EXAMPLE", "A PROJECT THAT SHOWS IT"}:
                parts += [f"## {name.capitalize()}\n", f"```text\n{text}\n```\n"]
            case str(text):
                parts += [f"## {name.capitalize()}\n", paragraph(safe(text))]
            case texts:
                parts += [f"## {name.capitalize()}\n", items(texts)]
    return "\n".join(parts)


def paragraph(text: str, *, first: str = "", further: str = "") -> str:
    return textwrap.fill(
        text, 120, initial_indent=first, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    ) + ("" if first else "\n")


def items(texts: tuple[str, ...]) -> str:
    return "".join(paragraph(safe(text), first="- ", further="  ") + "\n" for text in texts)


def safe(text: str) -> str:
    """Return the text with everything escaped that Markdown would take for a sign of its own."""
    escaped = re.sub(r"([\\`*<\[{])", r"\\\1", text)
    return re.sub(r"(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])", lambda found: found[0].replace("_", r"\_"), escaped)


def words(text: str) -> list[str]:
    """Return the words of a page, without what only lays it out."""
    return [word.lower() for word in text.replace("\\", "").split() if word not in {"#", "##", "-", "```text", "```"}]


def test_the_list_of_codes_is_that_of_the_catalogue() -> None:
    if UPDATE:
        document("codes.md").write_text(index(), "utf-8")
    assert document("codes.md").read_text("utf-8") == index(), HOW


def test_the_ten_commonest_codes_come_first() -> None:
    assert len(set(COMMONEST)) == 10
    assert re.findall(r"^\| \[(\w+)\]", index(), re.MULTILINE)[:10] == list(COMMONEST)


@pytest.mark.parametrize("code", CATALOGUE)
def test_the_page_of_a_code_is_what_explain_shows(code: str) -> None:
    path = CODES / f"{code}.md"
    if UPDATE:
        path.write_text(markdown(CATALOGUE[code]), "utf-8")
    assert path.read_text("utf-8") == markdown(CATALOGUE[code]), HOW
    assert words(path.read_text("utf-8")) == words(page(CATALOGUE[code]).replace("\\", ""))


def test_no_page_is_left_of_a_code_that_is_gone() -> None:
    assert {path.stem for path in CODES.glob("*.md")} == set(CATALOGUE)


def test_nothing_in_a_text_is_taken_for_markdown() -> None:
    assert safe("*.dist-info/<name>, __version__ of a_b, `x` [1] {port}") == (
        r"\*.dist-info/\<name>, \_\_version\_\_ of a_b, \`x\` \[1] \{port}"
    )
