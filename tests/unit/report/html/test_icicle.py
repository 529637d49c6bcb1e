"""The section about imports: two pictures on one scale, with what has changed marked and named."""

from __future__ import annotations

from support.html_pages import Element, parse

from tox_prodsim.model.events import ImportedModule, ImportTree
from tox_prodsim.report.html import icicle


def modules(*rows: tuple[str, str, int]) -> tuple[ImportedModule, ...]:
    return tuple(ImportedModule(name=name, importer=importer, own=own) for name, importer, own in rows)


IMPORTS = ImportTree(
    unit="bytecodes",
    now=modules(("acme", "", 4_000), ("json", "acme", 9_000), ("pandas", "acme", 20_000), ("numpy", "pandas", 50_000)),
    before=modules(("acme", "", 3_000), ("json", "acme", 9_000), ("decimal", "acme", 7_000)),
)
"""``pandas`` with ``numpy`` is new, ``decimal`` is gone, ``acme`` does more."""


def section(imports: ImportTree) -> Element:
    return parse("".join(icicle.section(imports)))


def items(page: Element, picture: int) -> dict[str, Element]:
    chart = page.all("div", class_="chart")[picture]
    found = [each for each in chart.all("svg") if each.attributes.get("class", "").startswith("item")]
    return {each.all("title")[0].text.partition(":")[0]: each for each in found}


def test_both_pictures_have_one_scale_and_the_width_is_the_work_of_all_below() -> None:
    before, now = items(section(IMPORTS), 0), items(section(IMPORTS), 1)
    assert [*before] == ["acme", "json", "decimal"]
    assert [*now] == ["acme", "json", "pandas", "numpy"]
    assert (before["acme"].attributes["width"], now["acme"].attributes["width"]) == ("22.892%", "100%")
    assert now["pandas"].attributes["width"] == "84.337%"
    assert now["numpy"].attributes["x"] == now["pandas"].attributes["x"]
    assert [each.attributes["data-level"] for each in now.values()] == ["1", "2", "2", "3"]


def test_what_has_changed_is_marked_in_color_in_words_and_by_a_sign() -> None:
    page = section(IMPORTS)
    now = items(page, 1)
    kinds = {name: each.attributes["class"] for name, each in now.items()}
    assert kinds == {"acme": "item more", "json": "item plain", "pandas": "item new", "numpy": "item new"}
    assert now["pandas"].all("text")[0].text == "+ pandas"
    assert now["pandas"].all("title")[0].text == (
        "pandas: 70,000 bytecodes (84.3 %), 20,000 of its own, new, imported by acme"
    )
    gone = items(page, 0)["decimal"]
    assert (gone.attributes["class"], len(gone.all("line"))) == ("item gone", 1)


def test_the_table_names_what_is_new_once_with_all_that_it_brings() -> None:
    rows = [[each.text for each in row.all("th", "td")] for row in section(IMPORTS).all("tbody")[0].all("tr")]
    assert rows == [
        ["pandas (2 modules)", "new", "", "70,000", "+70,000", "acme"],
        ["decimal", "no longer imported", "7,000", "", "\N{HYPHEN-MINUS}7,000", "acme"],
        ["acme", "more work", "3,000", "4,000", "+1,000", ""],
    ]


def test_without_a_baseline_there_is_one_picture_and_nothing_is_marked() -> None:
    page = section(ImportTree(unit="bytecodes", now=IMPORTS.now))
    assert len(page.all("div", class_="chart")) == 1
    assert {each.attributes["class"] for each in items(page, 0).values()} == {"item plain"}
    assert "no imports to compare with" in page.text


def test_a_difference_within_the_noise_is_not_marked() -> None:
    page = section(ImportTree(unit="bytecodes", now=modules(("a", "", 100_900)), before=modules(("a", "", 100_000))))
    assert "No module has changed." in page.text


def test_importers_in_a_circle_and_a_very_deep_import_are_drawn() -> None:
    circle = section(ImportTree(unit="bytecodes", now=modules(("a", "b", 5), ("b", "a", 5), ("c", "c", 5))))
    assert sorted(items(circle, 0)) == ["a", "b", "c"]
    deep = [(f"m{at}", f"m{at - 1}" if at else "", 100) for at in range(3_000)]
    page = section(ImportTree(unit="bytecodes", now=modules(*deep)))
    assert max(int(each.attributes["data-level"]) for each in items(page, 0).values()) == 40
    rows = page.all("tbody")[0].all("tr")
    assert len(rows) == 250
    assert "3000 modules" in page.text
    assert "The 250 that do most work are shown" in page.text


def test_a_name_that_does_not_fit_keeps_its_end() -> None:
    tree = modules(
        ("acme", "", 900), ("acme.core.generic", "acme", 100), ("x", "acme", 4), ("abcdefghijklmno", "acme", 100)
    )
    now = items(section(ImportTree(unit="bytecodes", now=tree)), 0)
    labels = [each.all("text")[0].text if each.all("text") else "" for each in now.values()]
    assert labels == ["acme", "\N{HORIZONTAL ELLIPSIS}generic", "", "abcdefghij\N{HORIZONTAL ELLIPSIS}"]
