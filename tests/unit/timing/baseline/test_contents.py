"""What a release holds: stored without churn, folded when it is much, compared without missing a loss."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.baselines import ACME, IMPORT_ACME, KEY, RESTORE, TEXT, metric

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.timing.baseline import contents, store
from tox_prodsim.timing.baseline.contents import MOST, Contents, CountDecrease

HELD = Contents(
    version="1.4.0",
    created="2026-11-22",
    modules=frozenset({"acme", "acme.cli", "acme._speed", "acme.windows"}),
    imported=frozenset({"acme", "acme.cli", "acme._speed"}),
    extensions=frozenset({"acme._speed"}),
    entry_points=frozenset({"[console_scripts] acme", "[acme.plugins] csv"}),
    data=frozenset({"acme/py.typed", "acme/rules.json"}),
    descriptors=2,
)
BLOCK = """\
  "contents": {
    "created": "2026-11-22",
    "data": [
      "acme/py.typed",
      "acme/rules.json"
    ],
    "descriptors": 2,
    "entry_points": [
      "[acme.plugins] csv",
      "[console_scripts] acme"
    ],
    "extensions": [
      "acme._speed"
    ],
    "imported": [
      "acme",
      "acme._speed",
      "acme.cli"
    ],
    "not_imported": [
      "acme.windows"
    ],
    "version": "1.4.0"
  },
  "control": "stdlib-1",
"""
STORED = replace(ACME, contents=HELD, dists=("click==8.4.2", "flask==3.1.2"))
STORED_TEXT = TEXT.replace('  "control": "stdlib-1",\n', BLOCK)


def loaded(text: str) -> store.Baseline:
    return store.loads(Path(f"{KEY}.json"), text)


# --- the file


def test_a_name_is_a_line_so_that_a_diff_is_a_review() -> None:
    assert store.dumps(STORED) == STORED_TEXT
    assert loaded(STORED_TEXT) == STORED


def test_what_is_much_is_stored_as_patterns_with_numbers() -> None:
    much = replace(HELD, folders={"acme/l/**/*.mo": 1200}, packages={"acme.x.**.*": 1001}, descriptors=None)
    text = store.dumps(replace(ACME, contents=much))
    assert '    "folders": {\n      "acme/l/**/*.mo": 1200\n    },\n' in text
    assert '    "packages": {\n      "acme.x.**.*": 1001\n    },\n' in text
    assert not [name for name in ("descriptors", "failed", "notes") if name in text]
    assert loaded(text).contents == much


def test_what_failed_and_what_was_noted_is_a_line_each() -> None:
    held = replace(HELD, failed={"acme.windows": "lacks winreg"}, notes=frozenset({"WHL131 b: x", "WHL131 a: x"}))
    text = store.dumps(replace(ACME, contents=held))
    assert '    "failed": {\n      "acme.windows": "lacks winreg"\n    },\n' in text
    assert '    "notes": [\n      "WHL131 a: x",\n      "WHL131 b: x"\n    ],\n' in text
    assert loaded(text).contents == held


@pytest.mark.parametrize("schema", [1, 2])
def test_files_of_older_versions_are_read_as_having_no_contents(schema: int) -> None:
    old = loaded(TEXT.replace('"schema": 3', f'"schema": {schema}'))
    assert (old.schema, old.contents) == (schema, None)
    renewed = store.merged(old, STORED)
    assert (renewed.schema, renewed.contents) == (3, HELD)
    assert store.merged(old, replace(STORED, metrics={})).schema == 3


def changed(name: str, value: Any) -> str:
    content = json.loads(STORED_TEXT)
    content["contents"][name] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(changed("data", "acme/py.typed"), "contents.data is 'acme/py.typed', not a list", id="no list"),
        pytest.param(changed("data", ["a", 7]), "contents.data has items that are not text", id="no name"),
        pytest.param(changed("imported", None), "contents.imported is missing, not a list", id="a list is missing"),
        pytest.param(changed("version", 14), "contents.version is 14, not text", id="no version"),
        pytest.param(changed("folders", ["a"]), "contents.folders is ['a'], not a JSON object", id="no object"),
        pytest.param(
            changed("folders", {"acme/*": 1.5}), "contents.folders.acme/* is 1.5, not a whole number", id="half a file"
        ),
        pytest.param(
            changed("packages", {"acme.*": True}), "contents.packages.acme.* is True, not a whole number", id="a bool"
        ),
        pytest.param(
            changed("descriptors", -1),
            "contents.descriptors is -1, not a whole number from 0 to 1,000,000",
            id="less than none",
        ),
        pytest.param(TEXT.replace('"control"', '"contents": 7, "control"'), "contents is 7, not a JSON object", id="7"),
        pytest.param(
            STORED_TEXT.replace('      "acme/py', '<<<<<<< HEAD\n      "acme/py'),
            "has a merge conflict in line 6",
            id="a conflict between two names",
        ),
    ],
)
def test_a_wrong_block_is_named_with_the_field(text: str, problem: str) -> None:
    with pytest.raises(ProdsimError) as caught:
        loaded(text)
    assert str(caught.value) == f"baseline: {KEY}.json: {problem}{RESTORE}"


# --- accepting


def test_the_same_contents_of_a_later_release_change_nothing() -> None:
    later = replace(STORED, contents=replace(HELD, version="1.5.0", created="2026-12-24", descriptors=None))
    assert store.merged(STORED, later) is STORED


def test_other_contents_are_stored_and_what_was_not_counted_is_kept() -> None:
    new = replace(HELD, version="1.5.0", data=frozenset({"acme/py.typed"}), descriptors=None)
    accepted = store.merged(STORED, replace(STORED, contents=new))
    assert accepted.contents == replace(new, descriptors=2)
    assert accepted.metrics == STORED.metrics
    assert store.merged(STORED, ACME).contents == HELD, "an older tox-prodsim has written that candidate"


def test_what_was_timed_stays_as_it_is_when_nothing_is_timed() -> None:
    new = replace(HELD, version="1.5.0", data=frozenset())
    untimed = replace(STORED, metrics={}, work=None, control="stdlib-2", python="3.13.9", dists=(), contents=new)
    untimed = replace(untimed, built=replace(ACME.built, version="1.5.0"))
    assert store.merged(STORED, untimed) == replace(STORED, contents=new)
    assert store.merged(STORED, replace(untimed, contents=HELD)) is STORED


def test_a_baseline_without_any_times_follows_the_release() -> None:
    bare = replace(STORED, metrics={})
    later = replace(bare, built=replace(ACME.built, version="1.5.0"), dists=("click==8.5.1",))
    assert store.merged(bare, later) == later
    timed = replace(bare, metrics={IMPORT_ACME: metric()})
    assert store.merged(bare, timed) == timed


# --- many names


def many(folder: str, number: int, suffix: str) -> frozenset[str]:
    return frozenset(f"{folder}/{at}/{at % 2}{suffix}" for at in range(number))


def with_data(*parts: Iterable[str]) -> Contents:
    return replace(HELD, data=frozenset(name for part in parts for name in part))


def test_as_many_names_as_can_be_reviewed_are_stored() -> None:
    assert with_data(many("acme/l", MOST, ".mo")).folded().folders == {}


def test_too_many_data_files_are_stored_as_numbers_as_deep_as_that_allows() -> None:
    held = with_data(many("acme/locale", MOST, ".mo"), many("acme/locale", 500, ".po"), {"acme/py.typed", "acme.pth"})
    folded = held.folded()
    assert folded.data == frozenset()
    assert folded.folders == {
        "*.pth": 1,
        "acme/*.typed": 1,
        "acme/locale/**/*.mo": 1000,
        "acme/locale/**/*.po": 500,
    }
    assert folded.data_count == held.data_count == 1502


def test_a_loss_among_too_many_is_still_seen() -> None:
    held = with_data(many("acme/locale", MOST, ".mo"), {"acme/py.typed"})
    then = held.folded()
    assert contents.lost(then, held).folders == ()
    assert contents.gained(then, held) == ()
    fewer = replace(held, data=held.data - {"acme/py.typed", "acme/locale/7/1.mo"})
    assert contents.lost(then, fewer).folders == (
        CountDecrease(pattern="acme/*.typed", then=1, now=0),
        CountDecrease(pattern="acme/locale/**/*.mo", then=1000, now=999),
    )
    more = replace(held, data=held.data | {"acme/locale/7/7.mo", "acme/new.json"})
    assert contents.gained(then, more) == ("acme/new.json", "1 more acme/locale/**/*.mo")
    assert contents.lost(then, more).folders == ()


def test_of_too_many_modules_those_that_were_imported_keep_their_names() -> None:
    modules = frozenset(f"acme.sub{at}.part{part}" for at in range(200) for part in range(6))
    imported = frozenset({"acme", "acme.sub7.part0"})
    held = replace(HELD, modules=modules | imported, imported=imported)
    then = held.folded()
    assert (then.modules, then.imported) == (imported, imported)
    assert then.packages["acme.sub7.**.*"] == 5
    assert len(then.packages) == 200
    assert then.module_count == held.module_count == 1201
    gone = contents.lost(then, replace(held, modules=held.modules - {"acme.sub7.part0", "acme.sub8.part1"}))
    assert gone.modules == ("acme.sub7.part0",)
    assert gone.packages == (CountDecrease(pattern="acme.sub8.**.*", then=6, now=5),)


def test_a_release_that_grows_beyond_the_limit_has_lost_nothing() -> None:
    then = with_data(many("acme/l", MOST, ".mo"))
    now = with_data(then.data, many("acme/m", 5, ".mo"))
    assert contents.lost(then.folded(), now).data == ()
    assert contents.gained(then.folded(), now) == tuple(sorted(many("acme/m", 5, ".mo")))


# --- what holds for all of them

parts = st.sampled_from(["a", "b", "acme", "x1", "\u00e9", "with blank", '"', "[", "**"])
dotted = st.lists(st.sampled_from(["acme", "sub", "x", "y1"]), min_size=1, max_size=4).map(".".join)
files = st.builds(
    lambda folders, kind: "/".join(folders) + kind,
    st.lists(parts, min_size=1, max_size=5),
    st.sampled_from(["", ".json", ".json.gz", ".mo"]),
)
points = st.builds(
    "[{}] {}".format, st.sampled_from(["console_scripts", "gui_scripts", "acme.plugins", "scripts"]), parts
)


@st.composite
def held_things(draw: st.DrawFn) -> Contents:
    modules = draw(st.frozensets(dotted, max_size=30))
    imported = frozenset(name for name in modules if draw(st.booleans()))
    return Contents(
        version="1.0",
        created="2026-11-22",
        modules=modules,
        imported=imported,
        extensions=frozenset(sorted(modules)[:2]),
        entry_points=draw(st.frozensets(points)),
        data=draw(st.frozensets(files, max_size=40)),
        descriptors=draw(st.none() | st.integers(0, 99)),
        failed=dict.fromkeys(sorted(modules - imported)[:3], "lacks winreg"),
        notes=draw(st.frozensets(points)),
    )


limits = st.sampled_from([1, 3, MOST])


@given(held_things(), limits)
def test_contents_survive_the_round_trip_and_accepting_them_again_changes_nothing(held: Contents, most: int) -> None:
    accepted = loaded(store.dumps(replace(ACME, contents=held.folded(most))))
    assert accepted.contents == held.folded(most)
    again = replace(ACME, contents=replace(held, version="1.1", created="2026-12-24").folded(most))
    assert store.merged(accepted, replace(again, dists=accepted.dists)) is accepted


@given(held_things(), limits)
def test_a_release_has_lost_nothing_beside_itself(held: Contents, most: int) -> None:
    gone = contents.lost(held.folded(most), held)
    assert not any((gone.modules, gone.extensions, gone.entry_points, gone.data, gone.packages, gone.folders))
    assert contents.gained(held.folded(most), held) == ()


@given(held_things(), limits, st.data())
def test_one_that_is_gone_is_always_seen(held: Contents, most: int, data: st.DataObject) -> None:
    then = held.folded(most)
    if held.data:
        file = data.draw(st.sampled_from(sorted(held.data)))
        gone = contents.lost(then, replace(held, data=held.data - {file}))
        assert gone.data == (file,) or [each.then - each.now for each in gone.folders] == [1]
    if held.modules:
        module = data.draw(st.sampled_from(sorted(held.modules)))
        gone = contents.lost(then, replace(held, modules=held.modules - {module}))
        named = module in held.extensions or gone.modules == (module,)
        assert named or [each.then - each.now for each in gone.packages] == [1]
