"""What the site adds to its pages: links from a key or a code to its description, and classes of tables."""

from __future__ import annotations

import importlib.util
import sys

import pytest
from support.documents import CODES, DOCS, DOCUMENTS, document

from tox_prodsim.catalogue import CATALOGUE
from tox_prodsim.plugin.config.keys import KEYS

_SPEC = importlib.util.spec_from_file_location("linking", DOCS / "linking.py")
assert _SPEC is not None
assert _SPEC.loader is not None
linking = importlib.util.module_from_spec(_SPEC)
sys.modules["linking"] = linking
_SPEC.loader.exec_module(linking)


def test_the_keys_are_those_of_the_table_and_the_codes_have_pages() -> None:
    assert linking.keys_of(document("keys.md").read_text("utf-8")) == [key.name for key in KEYS]
    assert linking.keys_of("no table") == []
    assert {path.stem for path in CODES.glob("*.md")} == set(CATALOGUE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set `ready` first", "set [`ready`](#key-ready) first"),
        ("see RUN602.", "see [RUN602](../reference/codes/RUN602.md)."),
        ("| `ready` (30 s) | RUN602 |", "| [`ready`](#key-ready) (30 s) | [RUN602](../reference/codes/RUN602.md) |"),
        ("`ready = listen`, `ignore = RUN602`", "`ready = listen`, `ignore = RUN602`"),
        ("[the key `ready` and RUN602](keys.md)", "[the key `ready` and RUN602](keys.md)"),
        ("# About `ready` and RUN602\n", "# About `ready` and RUN602\n"),
        ("```text\n`ready` RUN602\n```\n", "```text\n`ready` RUN602\n```\n"),
        (
            "| orchestrator |\n| circus (`ready`) |\n\n`ready`",
            "| orchestrator |\n| circus (`ready`) |\n\n[`ready`](#key-ready)",
        ),
        ("<!-- RUN602 --> RUN699 and RUN602x", "<!-- RUN602 --> RUN699 and RUN602x"),
    ],
)
def test_names_in_prose_become_links_and_all_else_stays(text: str, expected: str) -> None:
    assert linking.linked("howto/hang", text, ["ready"], ["RUN602"]) == expected


def test_a_page_at_the_top_links_into_the_folder_of_codes() -> None:
    assert linking.linked("tutorial", "RUN602", [], ["RUN602"]) == "[RUN602](reference/codes/RUN602.md)"


def test_the_page_of_keys_has_a_place_for_each_key_and_a_link_to_each_of_them() -> None:
    keys = [key.name for key in KEYS]
    page = linking.linked("reference/keys", document("keys.md").read_text("utf-8"), keys, CATALOGUE)
    for key in keys:
        assert page.count(f"| [`{key}`]{{#key-{key}}} |") == 1
        assert f"[`{key}`](#key-{key})" in page.partition("| key |")[0]


def test_pages_of_codes_stay_and_no_page_loses_a_word() -> None:
    assert linking.linked("reference/codes/RUN602", "RUN603 `ready`", ["ready"], ["RUN603"]) == "RUN603 `ready`"
    for path in DOCUMENTS[1:]:
        text = path.read_text("utf-8")
        name = path.relative_to(DOCS).with_suffix("").as_posix()
        if name != "reference/keys":
            assert len(linking.linked(name, text, [key.name for key in KEYS], CATALOGUE)) >= len(text)


@pytest.mark.parametrize(
    ("header", "row", "classes"),
    [
        ("| you want to | read |", "| see it | the tutorial |", "{.rows}\n"),
        (
            "| key | default | range | meaning |",
            "| `ready_timeout` | 30 | 0.001 to 604800 | seconds |",
            "{.rows .keys}\n",
        ),
        ("| wheel | tox | prodsim |", "| 10 modules | 0.5 s | 2.1 s |", ""),
    ],
)
def test_tables_of_text_have_a_class_and_tables_of_figures_have_none(header: str, row: str, classes: str) -> None:
    table = f"{header}\n{'| --- ' * header.count('| ')}|\n{row}\n"
    assert linking.with_classes(f"Before.\n\n{table}\nAfter.\n") == f"Before.\n\n{classes}{table}\nAfter.\n"
