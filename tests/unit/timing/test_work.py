"""The exact work of an import, and its place in the baseline file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.baselines import ACME, IMPORT_ACME, KEY, TEXT, metric, written

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.timing.baseline import store
from tox_prodsim.timing.work import ModuleWork, Work, merge_work

WORK = Work(
    unit="bytecodes",
    modules=(
        ModuleWork(name="acme", importer="", own=3_000),
        ModuleWork(name="flask", importer="acme", own=812_300),
        ModuleWork(name="flask.json", importer="flask", own=91_200),
    ),
    pyc_bytes=52_737,
)
KNOWN = replace(ACME, work=WORK)
BLOCK = """\
  "modules": [
    ["acme", "", 3000],
    ["flask", "acme", 812300],
    ["flask.json", "flask", 91200]
  ],
"""
TOTALS = '  "work": {"bytecodes": 906500, "modules": 3, "pyc_bytes": 52737}\n'
KNOWN_TEXT = TEXT.replace('  "python"', BLOCK + '  "python"').replace('"schema": 3\n', f'"schema": 3,\n{TOTALS}')


def with_own(*own: int, pyc_bytes: int = WORK.pyc_bytes) -> Work:
    modules = (replace(module, own=each) for module, each in zip(WORK.modules, own, strict=True))
    return replace(WORK, modules=tuple(modules), pyc_bytes=pyc_bytes)


# --- the file


def test_modules_are_one_a_line_in_the_order_of_their_import() -> None:
    assert store.dumps(KNOWN) == KNOWN_TEXT
    assert json.loads(KNOWN_TEXT)["modules"][1] == ["flask", "acme", 812300]


def test_work_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    path = store.path_for(tmp_path, "prodsim", KEY)
    store.save(path, KNOWN)
    loaded = store.load(path)
    assert loaded is not None
    assert loaded.work == WORK


def test_a_file_of_schema_1_has_no_work(tmp_path: Path) -> None:
    path = written(store.path_for(tmp_path, "prodsim", KEY), TEXT.replace('"schema": 3', '"schema": 1'))
    loaded = store.load(path)
    assert loaded is not None
    assert (loaded.work, loaded.schema) == (None, 1)
    again = store.merged(loaded, replace(ACME, dists=loaded.dists))
    assert again is loaded, "a file of schema 1 stays as it is until something changes"
    assert store.dumps(store.merged(loaded, replace(KNOWN, dists=loaded.dists))) == KNOWN_TEXT


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            KNOWN_TEXT.replace('["acme", "", 3000]', '["acme", 3000]'),
            "modules has ['acme', 3000], not a name, an importer and a whole number",
            id="a column less",
        ),
        pytest.param(
            KNOWN_TEXT.replace("812300]", "true]"),
            "modules has ['flask', 'acme', True], not a name, an importer and a w",
            id="a bool is not a number",
        ),
        pytest.param(KNOWN_TEXT.replace("bytecodes", "atoms"), "work has none of bytecodes, calls", id="another unit"),
        pytest.param(KNOWN_TEXT.replace(BLOCK, ""), "modules is missing, not a list", id="totals without modules"),
        pytest.param(KNOWN_TEXT.replace("52737", '"big"'), "work.pyc_bytes is 'big', not a whole number", id="text"),
    ],
)
def test_work_that_is_not_usable_is_named_and_left_alone(tmp_path: Path, text: str, problem: str) -> None:
    path = written(store.path_for(tmp_path, "prodsim", KEY), text)
    with pytest.raises(ProdsimError) as caught:
        store.load(path)
    assert problem in str(caught.value)
    assert path.read_text() == text


names = st.text(st.characters(blacklist_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), max_size=50)
module_works = st.builds(ModuleWork, name=names, importer=names, own=st.integers(0, 10**9))
works = st.builds(
    Work,
    unit=st.sampled_from(["bytecodes", "calls"]),
    modules=st.lists(module_works, max_size=8).map(tuple),
    pyc_bytes=st.integers(0, 10**9),
)


@given(works)
def test_all_work_survives_the_round_trip(work: Work) -> None:
    made = replace(ACME, work=work, dists=())
    assert store._parsed(Path(f"{KEY}.json"), json.loads(store.dumps(made))) == made


# --- no churn


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(with_own(3_001, 815_000, 91_100), id="work that moved by 0.3 %"),
        pytest.param(with_own(3_000, 812_300, 91_200, pyc_bytes=52_900), id="bytecode files of another path"),
        pytest.param(None, id="work that was not recorded"),
    ],
)
def test_the_same_work_keeps_its_block(new: Work | None) -> None:
    assert merge_work(WORK, new) is WORK
    assert store.merged(KNOWN, replace(KNOWN, work=new)) is KNOWN


def test_another_patch_of_python_keeps_the_block_of_the_same_work() -> None:
    merged = store.merged(KNOWN, replace(KNOWN, python="3.13.1", work=with_own(3_001, 812_400, 91_200)))
    assert (merged.python, merged.work) == ("3.13.1", WORK)


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(with_own(3_000, 818_000, 91_200), id="work that grew by 0.6 %"),
        pytest.param(with_own(3_000, 809_000, 94_500), id="work that moved from one module to another"),
        pytest.param(with_own(3_000, 812_300, 91_200, pyc_bytes=53_100), id="more bytecode"),
        pytest.param(replace(WORK, unit="calls"), id="another unit"),
        pytest.param(replace(WORK, modules=WORK.modules[:2]), id="a module less"),
        pytest.param(replace(WORK, modules=(WORK.modules[0], *WORK.modules[:0:-1])), id="another order"),
        pytest.param(
            replace(WORK, modules=(*WORK.modules[:2], replace(WORK.modules[2], importer="acme"))), id="another importer"
        ),
    ],
)
def test_other_work_is_stored(new: Work) -> None:
    assert merge_work(WORK, new) is new
    assert store.merged(KNOWN, replace(KNOWN, work=new)).work == new


def test_work_outlives_another_control() -> None:
    merged = store.merged(KNOWN, replace(ACME, control="stdlib-2", metrics={IMPORT_ACME: metric()}))
    assert merged.work == WORK


@given(works, works)
def test_what_is_kept_agrees_with_what_was_recorded(old: Work, new: Work) -> None:
    result = merge_work(old, new)
    assert result in {old, new}
    assert merge_work(result, new) is result, "once accepted, the same recording changes nothing"


def test_an_increase_is_a_fraction_of_what_was() -> None:
    assert with_own(3_000, 902_950, 91_200).increase_since(WORK) == pytest.approx(0.1)
    assert replace(WORK, unit="calls").increase_since(WORK) is None
