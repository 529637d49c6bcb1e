"""Limited trees: the same modules in each, and no work is lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tox_prodsim.report.html.modules import ShownModule, limited

Row = tuple[str, str, int]


def modules(*rows: Row) -> list[ShownModule]:
    return [ShownModule(name=name, importer=importer, work=work) for name, importer, work in rows]


def rows(tree: Sequence[ShownModule]) -> list[tuple[str, str, int, int]]:
    return [(each.name, each.importer, each.work, each.modules) for each in tree]


NOW = modules(("app", "", 10), ("big", "app", 50), ("small", "app", 1), ("inner", "small", 2), ("far", "inner", 90))
THEN = modules(("app", "", 10), ("small", "app", 80))


def test_a_small_tree_is_as_it_was() -> None:
    assert limited([NOW, THEN]) == (tuple(NOW), tuple(THEN))


def test_what_is_too_small_counts_for_its_importer() -> None:
    tree = modules(("app", "", 10), ("big", "app", 50), ("small", "app", 1), ("inner", "small", 2))
    assert rows(limited([tree], most=2)[0]) == [("app", "", 13, 3), ("big", "app", 50, 1)]


def test_all_trees_keep_the_same_modules() -> None:
    now, then = limited([NOW, THEN], most=3)
    assert rows(now) == [("app", "", 60, 2), ("small", "app", 1, 1), ("inner", "small", 92, 2)]
    assert rows(then) == [("app", "", 10, 1), ("small", "app", 80, 1)]


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5])
def test_no_work_and_no_module_is_lost(most: int) -> None:
    [tree] = limited([NOW], most)
    assert sum(each.work for each in tree) == sum(each.work for each in NOW)
    assert sum(each.modules for each in tree) == len(NOW)


def test_importers_in_a_circle_end() -> None:
    circle = modules(("a", "b", 5), ("b", "a", 5), ("c", "c", 5), ("d", "missing", 5))
    assert [each.name for each in limited([circle])[0]] == ["a", "b", "c", "d"]
