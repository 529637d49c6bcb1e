from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tox_prodsim import timing
from tox_prodsim.timing import CauseKind, Link, Module, Recording, SourceLocation, Times, attribution
from tox_prodsim.timing.messages import headline

VERSIONS = {"acme": "1.0", "flask": "3.1.2", "pandas": "3.1.1", "numpy": "2.5.5", "stdlib": "3.13.0"}


def module(
    name: str, importer: str = "", own: int = 10_000, ms: float | None = 5.0, line: int = 1, **more: object
) -> Module:
    """Return a module that is imported at this line of its importer, by name in the distribution of its first part."""
    top = name.partition(".")[0]
    plain = Module(
        name=name,
        importer=importer,
        own=own,
        times=None if ms is None else Times(wall_s=ms / 1000, cpu_s=ms / 1000, mad_s=0.0001),
        at=SourceLocation(file=importer.replace(".", "/") + ".py", line=line) if importer else None,
        file=name.replace(".", "/") + ".py",
        origin=top if top in VERSIONS else "stdlib",
        pyc_bytes=100,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def recording(*modules: Module, **versions: str) -> Recording:
    return Recording(targets=("acme",), unit="bytecodes", modules=modules, versions=VERSIONS | versions)


ACME = (
    module("acme"),
    module("acme.core", "acme"),
    module("flask", "acme.core", line=2),
    module("flask.app", "flask"),
    module("json", "flask.app"),
    module("acme.store", "acme.core", line=7),
)
PANDAS = (
    module("acme.report", "acme.core", own=50, ms=0.1, line=6),
    module("pandas", "acme.report", line=3),
    module("pandas.core", "pandas", own=400_000, ms=150),
    module("numpy", "pandas.core", own=100_000, ms=55),
    module("calendar", "pandas.core", own=30_000, ms=12),
)


def without_times(each: Module) -> Module:
    return replace(each, times=None)


def with_changed(name: str, **changes: object) -> tuple[Module, ...]:
    return tuple(replace(each, **changes) if each.name == name else each for each in ACME)  # type: ignore[arg-type]


def longer(ms: float, cpu_ms: float, mad_ms: float = 0.1) -> Times:
    return Times(wall_s=ms / 1000, cpu_s=cpu_ms / 1000, mad_s=mad_ms / 1000)


def remembered(*modules: Module) -> Recording:
    """Return what a baseline remembers of these modules."""
    dists = [f"{name}=={version}" for name, version in VERSIONS.items() if name != "stdlib"]
    return Recording.from_work(recording(*modules).work, dists, VERSIONS["stdlib"])


# --- which module is named


def test_of_a_new_import_the_package_that_costs_is_named_with_the_line() -> None:
    explained = timing.attribute_causes(recording(*ACME), recording(*ACME, *PANDAS))
    assert list(timing.summary_lines(explained, "bytecodes")) == [
        "+222.1 ms  new  pandas  [pandas 3.1.1]  5 modules",
        "    acme > acme.core > acme.report > pandas",
        "    pandas imported at acme/report.py:3",
        "    acme.report imported at acme/core.py:6",
        "    acme.core imported at acme.py:1",
        "    155.0 ms  pandas 3.1.1  2 modules",
        "    55.0 ms  numpy 2.5.5  1 module",
        "    12.0 ms  stdlib 3.13.0  1 module",
        "    0.1 ms  acme 1.0  1 module",
        "explained 222.1 of 222.1 ms",
    ]
    assert explained.causes[0].location == SourceLocation(file="acme/report.py", line=3)


def test_against_a_stored_baseline_the_same_is_named_by_work() -> None:
    now = recording(*map(without_times, (*ACME, *PANDAS)))
    lines = list(timing.summary_lines(timing.attribute_causes(remembered(*ACME), now), "bytecodes"))
    assert lines[0] == "+540,050 bytecodes  new  pandas  [pandas 3.1.1]  5 modules"
    assert lines[-1] == "explained 540,050 of 540,050 bytecodes"


def test_without_a_child_that_has_most_of_the_cost_the_new_module_itself_is_named() -> None:
    heavy = (replace(PANDAS[0], own=300_000, times=longer(200, 200)), *PANDAS[1:])
    (cause,) = timing.attribute_causes(recording(*ACME), recording(*ACME, *heavy)).causes
    assert (cause.module, cause.modules) == ("acme.report", 5)


def test_a_package_and_its_module_by_one_line_are_one_cause() -> None:
    both = (module("xml", "acme.core", line=9), module("xml.dom", "acme.core", line=9))
    (cause,) = timing.attribute_causes(recording(*ACME), recording(*ACME, *both)).causes
    assert (cause.module, cause.modules, cause.origin) == ("xml.dom", 2, "stdlib")


def test_two_imports_of_one_line_are_two_causes() -> None:
    both = (module("csv", "acme.core", line=9), module("string", "acme.core", line=9, ms=7))
    causes = timing.attribute_causes(recording(*ACME), recording(*ACME, *both)).causes
    assert [cause.module for cause in causes] == ["string", "csv"]


def test_a_known_module_that_another_one_imports_now_is_no_cause() -> None:
    moved = with_changed("json", importer="acme.core", at=SourceLocation(file="acme/core.py", line=9))
    assert timing.attribute_causes(recording(*ACME), recording(*moved)).causes == ()


def test_a_dependency_that_grew_is_named_with_both_versions() -> None:
    now = recording(*with_changed("flask.app", own=300_000, times=longer(25, 25)), flask="3.1.3")
    (cause,) = timing.attribute_causes(recording(*ACME), now).causes
    assert headline(cause, "bytecodes") == "+20.0 ms  more work  flask.app  [flask 3.1.2 -> 3.1.3]"
    assert (cause.kind, cause.file, str(cause.location)) == (CauseKind.WORK, "flask/app.py", "flask.py:1")


def test_another_python_is_told_with_a_module_of_its_library() -> None:
    now = recording(*with_changed("json", own=300_000, times=longer(25, 25)), stdlib="3.13.5")
    (cause,) = timing.attribute_causes(recording(*ACME), now).causes
    assert headline(cause, "bytecodes") == "+20.0 ms  more work  json  [Python 3.13.0 -> 3.13.5]"


@pytest.mark.parametrize(
    ("times", "kind"),
    [
        pytest.param(longer(25, 25), CauseKind.NATIVE, id="native code"),
        pytest.param(longer(25, 5), CauseKind.WAITING, id="waiting"),
    ],
)
def test_more_time_for_the_same_work_is_no_python(times: Times, kind: CauseKind) -> None:
    explained = timing.attribute_causes(
        recording(*ACME), recording(*with_changed("acme.store", times=times, own=10_300)), slower_s=0.02
    )
    assert [(cause.module, cause.kind, cause.work) for cause in explained.causes] == [("acme.store", kind, 0)]
    assert explained.share == pytest.approx(1)


def test_more_work_that_does_not_explain_the_time_is_told_as_waiting() -> None:
    now = recording(*with_changed("acme.store", times=longer(105, 5), own=11_000))
    (cause,) = timing.attribute_causes(recording(*ACME), now, slower_s=0.1).causes
    assert (cause.kind, cause.work) == (CauseKind.WAITING, 1_000)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(longer(5.29, 5.29), id="less than 0.3 ms"),
        pytest.param(longer(8, 8, mad_ms=1.1), id="within three deviations"),
    ],
)
def test_a_little_more_time_is_noise(times: Times) -> None:
    now = recording(*with_changed("json", times=times))
    (cause,) = timing.attribute_causes(recording(*ACME), now, slower_s=0.001).causes
    assert (cause.kind, cause.module) == (CauseKind.UNSEEN, "")


def test_time_alone_is_no_evidence_when_no_rounds_have_confirmed_it() -> None:
    now = recording(*with_changed("json", times=longer(25, 25)))
    assert timing.attribute_causes(recording(*ACME), now).causes == ()


def test_a_slower_machine_is_no_cause() -> None:
    slower = recording(*(replace(each, times=longer(7.5, 7.5)) for each in ACME))
    explained = timing.attribute_causes(recording(*ACME), slower)
    assert (explained.causes, explained.scale) == ((), 1.5)
    assert explained.seconds == pytest.approx(0)
    assert [each.kind for each in timing.attribute_causes(recording(*ACME), slower, slower_s=0.01).causes] == [
        CauseKind.UNSEEN
    ]


def test_modules_that_are_gone_are_told() -> None:
    assert timing.attribute_causes(recording(*ACME), recording(*ACME[:-1])).gone == ("acme.store",)


# --- against a baseline, which remembers no times


def test_time_that_no_work_explains_is_unseen_and_its_likely_module_is_named() -> None:
    now = recording(*with_changed("acme.store", times=longer(30, 30)))
    (cause,) = timing.attribute_causes(remembered(*ACME), now, slower_s=0.025).causes
    assert (cause.kind, cause.module, cause.seconds, cause.share) == (CauseKind.UNSEEN, "acme.store", 0.025, 1.0)


def test_where_two_modules_may_be_it_none_is_named() -> None:
    now = recording(*(replace(each, times=longer(30, 30)) if each.name[:5] == "acme." else each for each in ACME))
    (cause,) = timing.attribute_causes(remembered(*ACME), now, slower_s=0.025).causes
    assert (cause.kind, cause.module, cause.location) == (CauseKind.UNSEEN, "", None)
    assert headline(cause, "bytecodes") == "+25.0 ms  native code, I/O or waiting"


def test_time_that_the_work_explains_is_not_unseen() -> None:
    now = recording(*with_changed("acme.store", own=100_000, times=longer(30, 30)))
    (cause,) = timing.attribute_causes(remembered(*ACME), now, slower_s=0.025).causes
    assert (cause.kind, cause.module, cause.seconds) == (CauseKind.WORK, "acme.store", pytest.approx(0.027))


# --- chains and budgets


def test_a_chain_leads_from_what_was_asked_for() -> None:
    assert timing.chain(recording(*ACME), "flask.app") == (
        Link(module="acme", at=None),
        Link(module="acme.core", at=SourceLocation(file="acme.py", line=1)),
        Link(module="flask", at=SourceLocation(file="acme/core.py", line=2)),
        Link(module="flask.app", at=SourceLocation(file="flask.py", line=1)),
    )
    assert timing.chain(recording(*ACME), "pandas") == ()


def test_too_many_modules_are_counted_by_distribution() -> None:
    assert timing.too_many_modules(recording(*ACME), 6) is None
    violation = timing.too_many_modules(recording(*ACME), 5)
    assert violation is not None
    assert violation.message == "import acme imports 6 modules, the limit is 5"
    assert violation.evidence == ("acme 3, flask 2, stdlib 1",)


def test_a_forbidden_module_is_told_with_chain_and_line() -> None:
    called = replace(PANDAS[1], through=SourceLocation(file="acme/report.py", line=20))
    found = list(timing.forbidden_modules(recording(*ACME, PANDAS[0], called, *PANDAS[2:]), ["torch", "pandas"]))
    assert [each.message for each in found] == [
        "pandas is forbidden and imported at acme/report.py:3: acme > acme.core > acme.report > pandas"
    ]
    assert found[0].evidence[0] == "pandas imported at acme/report.py:3, called from acme/report.py:20"
    assert (found[0].location, found[0].budget) == (SourceLocation(file="acme/report.py", line=3), "forbid_modules")


def test_a_forbidden_name_covers_what_is_inside_and_no_other_name() -> None:
    inside = recording(*ACME, module("pandas_stubs", "acme"), module("google.cloud", "acme.core", line=4))
    assert list(timing.forbidden_modules(inside, ["pandas"])) == []
    (found,) = timing.forbidden_modules(inside, ["google"])
    assert found.message.startswith("google.cloud (of google) is forbidden and imported at acme/core.py:4: ")


def test_work_that_grew_beyond_its_limit_is_told_with_where() -> None:
    now = recording(*with_changed("acme.store", own=12_000))
    assert timing.work_increased(remembered(*ACME), now, 0.034) is None
    violation = timing.work_increased(remembered(*ACME), now, 0.03)
    assert violation is not None
    assert violation.message == (
        "the work has grown by 3.3 % (60,000 -> 62,000 bytecodes), the limit is 3 %, most of it in acme.store"
    )
    assert (violation.evidence, str(violation.location)) == (("+2,000 bytecodes  acme.store",), "acme/core.py:7")


def test_work_in_other_units_does_not_compare() -> None:
    calls = replace(recording(*map(without_times, ACME)), unit="calls")
    now = recording(*(replace(each, own=each.own * 10, times=None) for each in ACME))
    assert timing.work_increased(calls, now, 0.02) is None
    assert timing.attribute_causes(calls, now).causes == ()


# --- whatever the tree looks like


@st.composite
def trees(draw: st.DrawFn) -> Recording:
    """Return a recording of which every module but the first is imported by an earlier one."""
    count = draw(st.integers(min_value=2, max_value=25))
    modules = [module("acme")]
    for number in range(1, count):
        importer = draw(st.sampled_from(modules)).name
        top = draw(st.sampled_from(["acme", "flask", "pandas", "other"]))
        own, ms = draw(st.integers(500, 100_000)), draw(st.floats(0.2, 20))
        modules.append(module(f"{top}.m{number}", importer, own, ms, line=number))
    return recording(*modules)


@given(trees())
def test_nothing_is_said_of_the_same_again(tree: Recording) -> None:
    assert timing.attribute_causes(tree, tree).causes == ()
    assert timing.attribute_causes(remembered(*tree.modules), tree).causes == ()


@given(trees(), st.data())
def test_every_new_module_is_in_one_cause_and_its_cost_is_explained(tree: Recording, data: st.DataObject) -> None:
    known = data.draw(st.integers(min_value=1, max_value=len(tree.modules) - 1))
    then, new = recording(*tree.modules[:known]), tree.modules[known:]
    groups = list(groups_of(then, tree))
    assert sum(cause.modules for cause in groups) == len(new)
    assert sum(cause.work for cause in groups) == sum(each.own for each in new)
    assert {cause.module for cause in groups} <= {each.name for each in new}
    assert timing.attribute_causes(then, tree).share <= 1 + 1e-9


def groups_of(then: Recording, now: Recording) -> Iterator[timing.RegressionCause]:
    """Yield all causes, those that explain next to nothing as well."""
    comparison = attribution._Comparison(then, now, None)
    yield from map(comparison._new, comparison.groups.tops)


@given(trees(), st.data())
def test_a_module_with_more_work_is_the_only_one_named(tree: Recording, data: st.DataObject) -> None:
    at = data.draw(st.integers(min_value=0, max_value=len(tree.modules) - 1))
    old = tree.modules[at]
    grown = replace(old, own=old.own * 2 + 1_000)
    now = replace(tree, modules=(*tree.modules[:at], grown, *tree.modules[at + 1 :]))
    for then in (tree, remembered(*tree.modules)):
        assert [cause.module for cause in timing.attribute_causes(then, now).causes] == [old.name]


@given(trees())
def test_a_chain_begins_at_the_target_and_every_link_is_the_importer_of_the_next(tree: Recording) -> None:
    importers = {each.name: each.importer for each in tree.modules}
    for name in importers:
        links = timing.chain(tree, name)
        assert links[0].module == "acme"
        assert links[-1].module == name
        for above, below in itertools.pairwise(links):
            assert importers[below.module] == above.module
