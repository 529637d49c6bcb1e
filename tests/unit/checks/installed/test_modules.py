"""Which modules of a distribution are imported, also of one that has very many of them."""

from __future__ import annotations

from tox_prodsim.checks.installed import Distribution
from tox_prodsim.checks.installed.imports import main_names
from tox_prodsim.checks.installed.modules import budget_for, modules_behind, modules_to_import

MANY = 30_000
"""If each were compared with each, it would take minutes."""


def distribution(tops: tuple[str, ...], modules: tuple[str, ...]) -> Distribution:
    return Distribution(
        name="acme",
        version="1.0",
        requires=(),
        requires_python="",
        extras=(),
        top_levels=tops,
        modules=modules,
        extensions=(),
        entry_points=(),
    )


def test_what_is_below_a_top_level_is_imported_except_tests() -> None:
    modules = ("acme", "acme.web", "acme.tests.a", "acme.import", "other.b")
    assert modules_to_import(distribution(("acme",), modules), frozenset()) == ["acme", "acme.web"]


def test_a_remembered_module_is_imported_wherever_it_is() -> None:
    modules = ("acme", "acme.tests.a")
    assert modules_to_import(distribution(("acme",), modules), frozenset({"acme.tests.a"})) == ["acme", "acme.tests.a"]


def test_each_of_very_many_top_levels_is_imported() -> None:
    tops = tuple(f"acme.p{at}.m" for at in range(MANY))
    of_many = distribution(tops, tops)
    assert modules_to_import(of_many, frozenset()) == sorted(tops)
    assert main_names(of_many) == tops


def test_a_large_wheel_has_more_time_and_its_modules_may_be_spread() -> None:
    assert [budget_for(count) for count in (1, 15_000, 100_000)] == [30.0, 30.0, 200.0]
    few = modules_behind(distribution(("acme",), ("acme", "acme.a")), frozenset())
    assert (few.names, few.budget_s) == (["acme", "acme.a"], 30.0)
    many = distribution(("acme",), ("acme", *(f"acme.m{at}" for at in range(2_000))))
    assert modules_behind(many, frozenset()).names == []
