"""docs/codes.md: the catalogue as a document, kept current by this test."""

from __future__ import annotations

import re
import textwrap

from support.documents import HOW, ROOT, UPDATE

from tox_prodsim.catalogue import CATALOGUE, FAMILIES, Check
from tox_prodsim.catalogue.pages import _acceptance, _level

CODES = ROOT / "docs" / "codes.md"
HEAD = """\
# Codes

What a run can find, in the order in which it looks. A finding is an error, which fails the run, a warning or a note;
`select`, `ignore` and `warn` take codes and prefixes of codes (`RUN`, `RUN6`, `RUN607`). `tox prodsim explain CODE`
shows the same in a terminal. This page is written from the catalogue in the source. A code is never used again for
something else.
"""


def document() -> str:
    parts = [HEAD, table()]
    for letters, name in FAMILIES.items():
        checks = [check for code, check in CATALOGUE.items() if code.startswith(letters)]
        parts += [f"## {letters}: {name}\n", *map(section, checks)] if checks else []
    return "\n".join(parts)


def table() -> str:
    rows = (
        f"| [{code}](#{code.lower()}) | {check.level}{' *' if check.exception else ''} | {safe(check.title)} |\n"
        for code, check in CATALOGUE.items()
    )
    return "".join(["| code | level | what it says |\n| --- | --- | --- |\n", *rows, "\n\\* with an exception\n"])


def section(check: Check) -> str:
    return "\n".join(
        [
            f"### {check.code}\n",
            paragraph(f"**{safe(check.title)}**: {safe(_level(check))}."),
            paragraph(safe(check.why)),
            f"```text\n{check.example}\n```\n",
            "Common causes:\n",
            items(check.causes),
            "What to do:\n",
            items(check.solution),
            paragraph(f"If it is meant to be so: p{safe(_acceptance(check)).removeprefix('P')}."),
        ]
    )


def paragraph(text: str, *, first: str = "", further: str = "") -> str:
    return textwrap.fill(
        text, 120, initial_indent=first, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    ) + ("" if first else "\n")


def items(texts: tuple[str, ...]) -> str:
    return "".join(paragraph(safe(text), first="- ", further="  ") + "\n" for text in texts)


def safe(text: str) -> str:
    """Return the text with everything escaped that Markdown would take for a sign of its own."""
    escaped = re.sub(r"([\\`*<\[])", r"\\\1", text)
    return re.sub(r"(?<![A-Za-z0-9])_+|_+(?![A-Za-z0-9])", lambda found: found[0].replace("_", r"\_"), escaped)


def test_the_page_of_codes_is_what_the_catalogue_says() -> None:
    if UPDATE:
        CODES.write_text(document(), "utf-8")
    assert CODES.read_text("utf-8") == document(), HOW


def test_every_code_has_its_section_and_its_line_in_the_table() -> None:
    text = CODES.read_text("utf-8")
    for code in CATALOGUE:
        assert f"\n### {code}\n" in text
        assert f"\n| [{code}](#{code.lower()}) |" in text


def test_nothing_in_a_text_is_taken_for_markdown() -> None:
    assert safe("*.dist-info/<name>, __version__ of a_b, `x` [1]") == (
        r"\*.dist-info/\<name>, \_\_version\_\_ of a_b, \`x\` \[1]"
    )
