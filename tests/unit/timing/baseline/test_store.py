from __future__ import annotations

import json
import os
import resource
import signal
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.baselines import ACME, IMPORT_ACME, KEY, RESTORE, TEXT, metric, written

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import Measured
from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.timing import stats
from tox_prodsim.timing.baseline import store
from tox_prodsim.timing.baseline.store import StoredMetric
from tox_prodsim.timing.stats import StoredRatio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return store.path_for(tmp_path / "prodsim/baselines", "prodsim", KEY)


def listed(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# --- the file


def test_the_text_is_canonical() -> None:
    assert store.dumps(ACME) == TEXT
    shuffled = replace(ACME, metrics=dict(reversed(ACME.metrics.items())), dists=ACME.dists[::-1] * 2)
    assert store.dumps(shuffled) == TEXT


def test_an_empty_baseline_is_json_too() -> None:
    empty = replace(ACME, metrics={}, dists=(), machine={})
    assert '"dists": [],' in store.dumps(empty)
    assert json.loads(store.dumps(empty))["metrics"] == {}


def test_what_is_saved_is_loaded(path: Path) -> None:
    assert store.load(path) is None
    store.save(path, ACME)
    loaded = store.load(path)
    assert loaded == replace(ACME, dists=("click==8.4.2", "flask==3.1.2"))
    assert loaded is not None
    store.save(path, loaded)
    assert path.read_text() == TEXT
    assert listed(path.parent) == [path.name], "nothing else is left in the folder"


clean = st.characters(blacklist_categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Zs"])
names = st.text(clean, min_size=1, max_size=20)
dist_names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,9}==[0-9]{1,3}(\.[0-9]{1,3})?", fullmatch=True)
positive = st.floats(min_value=1e-6, max_value=1e6)


@given(
    st.dictionaries(
        st.builds(Metric.of_import, names),
        st.builds(metric, positive, rel_error=positive, history=st.tuples(positive, positive)),
    ),
    st.sets(dist_names),
    st.dictionaries(names, names),
)
def test_every_baseline_survives_the_round_trip(
    metrics: dict[Metric, StoredMetric], dists: set[str], machine: dict[str, str]
) -> None:
    made = replace(ACME, metrics=metrics, dists=tuple(sorted(dists)), machine=machine)
    text = store.dumps(made)
    assert store._parsed(Path(f"{KEY}.json"), json.loads(text)) == made
    assert text.endswith("}\n")


@pytest.mark.parametrize(
    ("today", "days"),
    [
        pytest.param("2027-05-21", None, id="180 days"),
        pytest.param("2027-05-22", 181, id="181 days"),
        pytest.param("soon", None, id="no date"),
    ],
)
def test_a_baseline_is_outdated_after_180_days(today: str, days: int | None) -> None:
    assert store.outdated_days(ACME, today) == days


def test_a_candidate_is_loaded_whatever_its_name_and_has_its_environment(tmp_path: Path) -> None:
    path = tmp_path / "candidate.json"
    store.save(path, replace(ACME, env="prodsim"))
    loaded = store.load(path, any_name=True)
    assert loaded is not None
    assert loaded.env == "prodsim"
    with pytest.raises(ProdsimError, match="is named for another key"):
        store.load(path)


def test_the_path_names_environment_and_key() -> None:
    path = store.path_for(Path("prodsim/baselines"), "prodsim-3.13", KEY)
    assert path == Path("prodsim/baselines/prodsim-3.13/cpython-3.13-linux-x86_64.json")


@pytest.mark.parametrize(
    ("version", "platform", "free_threaded", "key"),
    [
        pytest.param("3.13.0", "linux-x86_64", False, "cpython-3.13-linux-x86_64", id="linux"),
        pytest.param("3.14.0rc1", "linux-aarch64", True, "cpython-3.14t-linux-aarch64", id="free-threaded"),
        pytest.param("3.12.4", "macosx-11.0-arm64", False, "cpython-3.12-macosx-11.0-arm64", id="macOS"),
    ],
)
def test_the_key_holds_coarse_facts_only(version: str, platform: str, free_threaded: bool, key: str) -> None:
    found = store.key_for(implementation="CPython", version=version, platform=platform, free_threaded=free_threaded)
    assert found == key


# --- files that cannot be used: one line, which names the file and the way out


def without(text: str, part: str) -> str:
    assert part in text
    return text.replace(part, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            TEXT.replace('  "control"', '<<<<<<< HEAD\n  "control"', 1),
            "has a merge conflict in line 3" + RESTORE,
            id="conflict markers",
        ),
        pytest.param(
            TEXT.replace('"schema": 3', '"schema": 4'),
            "has schema 4, this tox-prodsim knows 3: upgrade tox-prodsim",
            id="a newer schema",
        ),
        pytest.param(TEXT[:260], "is not JSON (line 8)" + RESTORE, id="cut short"),
        pytest.param("", "is not JSON (line 1)" + RESTORE, id="empty"),
        pytest.param("[" * 100_000, "is not JSON" + RESTORE, id="nested without end"),
        pytest.param("[]", "its content is not a JSON object" + RESTORE, id="another shape"),
        pytest.param("{}", "schema is missing, not a whole number" + RESTORE, id="nothing in it"),
        pytest.param(
            TEXT.replace('"control": "stdlib-1"', '"control": 7'),
            "control is 7, not text" + RESTORE,
            id="a wrong type",
        ),
        pytest.param(
            without(TEXT, ', "ratio": 1.964'),
            "metrics.import acme.ratio is missing, not a number from 0.000001 to 1,000,000,000" + RESTORE,
            id="a missing number",
        ),
        pytest.param(
            TEXT.replace('"ratio": 1.964', '"ratio": NaN'),
            "metrics.import acme.ratio is nan, not a number from 0.000001 to 1,000,000,000" + RESTORE,
            id="not a number",
        ),
        pytest.param(
            TEXT.replace('"ratio": 1.964', '"ratio": -1'),
            "metrics.import acme.ratio is -1, not a number from 0.000001 to 1,000,000,000" + RESTORE,
            id="a negative ratio",
        ),
        pytest.param(
            TEXT.replace('"rounds": 16', '"rounds": true', 1),
            "metrics.import acme.rounds is True, not a whole number" + RESTORE,
            id="a bool is not a number",
        ),
        pytest.param(
            TEXT.replace("[1.964]", '["fast"]'),
            "metrics.import acme.history is 'fast', not a number from 0.000001 to 1,000,000,000" + RESTORE,
            id="a wrong item",
        ),
        pytest.param(
            TEXT.replace('"start-up"', '"naps"'),
            "metrics: 'naps' is not a valid metric" + RESTORE,
            id="an unknown metric",
        ),
        pytest.param(
            TEXT.replace('"click==8.4.2"', "8"), "dists has items that are not text" + RESTORE, id="a wrong dist"
        ),
        pytest.param(
            TEXT.replace("cpython-3.13", "cpython-3.12"),
            "is named for another key than the cpython-3.12-linux-x86_64 it holds" + RESTORE,
            id="copied from another key",
        ),
    ],
)
def test_an_unusable_file_is_named_and_left_alone(path: Path, text: str, problem: str) -> None:
    written(path, text)
    with pytest.raises(ProdsimError) as caught:
        store.load(path)
    assert str(caught.value) == f"baseline: {path}: {problem}"
    assert path.read_text() == text


OLDER = Path(__file__).with_name("older")


def test_what_could_not_be_read_again_is_not_written(path: Path) -> None:
    with pytest.raises(ProdsimError) as caught:
        store.save(path, replace(ACME, dists=("click",)))
    assert caught.value.message == (
        f"{path}: not written, because it could not be read again: dists is 'click', not a distribution such as "
        "click==8.4.2"
    )
    assert not path.exists()


def test_bytes_that_are_no_text_are_named(path: Path) -> None:
    written(path, "").write_bytes(b"\xff\xfe{")
    with pytest.raises(ProdsimError, match="cannot be read: it is not UTF-8 text; restore it"):
        store.load(path)


def test_a_folder_instead_of_the_file_is_named(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ProdsimError, match=r"cannot be read: a folder is in the place of '.*', remove it; res"):
        store.load(path)
    with pytest.raises(ProdsimError, match=r"a folder is in the place of .*; the stored baseline is unchanged$"):
        store.save(path, ACME)
    assert listed(path.parent) == [path.name]


def test_a_file_instead_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "baselines").write_text("")
    path = tmp_path / "baselines" / f"{KEY}.json"
    with pytest.raises(ProdsimError, match="cannot be read: Not a directory"):
        store.load(path)
    with pytest.raises(ProdsimError, match="cannot be written: "):
        store.save(path, ACME)


# --- files that an older version, or this one with other code, has written


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_a_file_that_was_written_before_is_read(schema: int) -> None:
    loaded = store.load(OLDER / f"schema-{schema}.json", any_name=True)
    assert loaded is not None
    assert [str(metric) for metric in loaded.metrics] == ["import base64", "start-up"]
    assert loaded.metrics[START_UP].rounds == 8
    assert (loaded.schema, loaded.env) == (schema, "prodsim" if schema > 1 else "")
    assert (loaded.work is None, loaded.contents is None) == (schema < 2, schema < 3)


def test_a_file_of_this_schema_that_was_written_before_is_written_as_it_was(path: Path) -> None:
    text = (OLDER / "schema-3.json").read_text()
    assert store.dumps(store.loads(path, text)) == text


# --- accepting


def test_accepting_what_agrees_changes_nothing() -> None:
    again = replace(
        ACME,
        built=replace(ACME.built, version="1.4.1", created="2026-11-29"),
        machine={"cpu": "EPYC"},
        metrics={IMPORT_ACME: metric(1.99), START_UP: metric(2.9)},
    )
    assert store.merged(ACME, again) is ACME


def test_a_difference_that_never_counts_is_no_change() -> None:
    tiny = replace(ACME, metrics={IMPORT_ACME: replace(metric(0.002), rel_error=0.001)})
    again = replace(ACME, metrics={IMPORT_ACME: replace(metric(0.003), rel_error=0.001)})
    assert store.merged(tiny, again) is tiny


def test_accepting_a_change_renews_that_metric_and_continues_its_history() -> None:
    new = replace(ACME, built=replace(ACME.built, version="1.5.0"), metrics={IMPORT_ACME: metric(2.4)})
    stored = store.merged(ACME, new)
    assert stored.metrics[IMPORT_ACME] == metric(2.4, history=(1.964, 2.4))
    assert stored.metrics[START_UP] == ACME.metrics[START_UP], "not measured this time, so kept"
    assert stored.built.version == "1.5.0"


def test_other_distributions_are_recorded_although_the_times_agree() -> None:
    stored = store.merged(ACME, replace(ACME, dists=("click==8.5.1", "flask==3.1.2")))
    assert stored.dists == ("click==8.5.1", "flask==3.1.2")
    assert stored.metrics == ACME.metrics


def test_the_history_is_short() -> None:
    stored = ACME
    for step in range(12):
        stored = store.merged(stored, replace(ACME, metrics={IMPORT_ACME: metric(3.0 + step)}))
    assert stored.metrics[IMPORT_ACME].history == (7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0)


@given(st.floats(min_value=0.1, max_value=10))
def test_accepting_twice_is_accepting_once(ratio: float) -> None:
    new = replace(ACME, metrics={IMPORT_ACME: metric(ratio)})
    once = store.merged(ACME, new)
    assert store.merged(once, new) == once


def test_ratios_to_another_control_or_clock_are_not_mixed() -> None:
    new = replace(ACME, control="stdlib-2", metrics={IMPORT_ACME: metric(1.7)})
    assert store.merged(ACME, new) == new
    other = replace(ACME, metrics={IMPORT_ACME: metric(1.9, clock="cpu + least waiting")})
    assert store.merged(ACME, other).metrics[IMPORT_ACME].history == (1.9,)
    assert store.merged(None, new) == new


def measured(rounds: int) -> Measured:
    return Measured(
        metric=IMPORT_ACME,
        value_s=0.1462345,
        control_s=0.0751234,
        ratio=1.946590,
        rounds=rounds,
        samples_s=tuple(0.146 + at / 1e4 for at in range(rounds)),
        control_samples_s=tuple(0.075 + at / 1e4 for at in range(rounds)),
        clock="effective wall",
        control="stdlib-1",
    )


def test_a_measurement_is_stored_rounded_below_its_error() -> None:
    stored = store.metric_from(measured(16))
    assert stored is not None
    assert (stored.ratio, stored.value_ms, stored.control_ms, stored.rounds) == (1.947, 146.2, 75.12, 16)
    assert stored.history == (1.947,)
    assert 0.0001 <= stored.rel_error < 0.01
    assert store.metric_from(measured(3)) is None, "too few rounds to compare with"


def test_the_error_of_a_candidate_of_few_rounds_is_stored_larger_than_they_show() -> None:
    few = measured(4)
    stored = store.metric_from(few)
    assert stored is not None
    shown = stats.relative_error(few.samples_s, few.control_samples_s)
    assert stored.rel_error == pytest.approx(1.9 * shown, abs=1e-4)


def test_what_to_compare_with() -> None:
    assert ACME.stored(IMPORT_ACME) == StoredRatio(
        ratio=1.964, rel_error=0.011, control="stdlib-1", clock="effective wall", rounds=16
    )
    assert ACME.stored(Metric.of_import("other")) is None


def test_what_changed_in_the_environment_is_told_apart() -> None:
    now = replace(
        ACME,
        python="3.13.1",
        dists=("click==8.5.1", "rich==13.0"),
        machine={"cpu": "EPYC", "cpus": "2", "os": "Linux 6.18"},
    )
    changes = store.environment_changes(ACME, now)
    assert changes.dists == ("click 8.4.2 -> 8.5.1", "flask 3.1.2 is gone", "rich 13.0 is new")
    assert changes.machine == ("Python 3.13.0 -> 3.13.1", "cpu Xeon -> EPYC")
    assert store.environment_changes(ACME, ACME) == store.NO_CHANGES


def test_the_project_itself_is_not_among_the_changes() -> None:
    then = replace(ACME, dists=("Ac.me==1.0", "click==8.4.2"), machine={"cpu": "this"})
    now = replace(ACME, dists=("ac-me==1.1", "click==8.5.1", "idna==3"), machine={"cpu": "that"})
    changes = store.environment_changes(then, now, project="ac_me")
    assert changes.dists == ("click 8.4.2 -> 8.5.1", "idna 3 is new")
    assert changes.machine == ("cpu this -> that",)


@pytest.mark.parametrize(
    ("ci", "allowed", "refused"),
    [
        pytest.param(None, False, False, id="not in CI"),
        pytest.param("true", False, True, id="in CI"),
        pytest.param("1", False, True, id="in CI, said otherwise"),
        pytest.param("false", False, False, id="CI says no"),
        pytest.param("true", True, False, id="allowed"),
    ],
)
def test_ci_stores_no_baseline_unless_told(ci: str | None, allowed: bool, refused: bool) -> None:
    reason = store.update_refused({} if ci is None else {"CI": ci}, allowed=allowed)
    assert (reason is not None) == refused
    assert reason is None or "--prodsim-allow-ci-update" in reason


# --- written whole or not at all


def test_the_file_has_the_mode_of_any_other_file(path: Path) -> None:
    before = os.umask(0o027)
    try:
        store.save(path, ACME)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_in_a_pull_request_leads_nowhere(path: Path, tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "elsewhere/real.json"
    written(target, TEXT) if exists else target.parent.mkdir()
    path.parent.mkdir(parents=True)
    path.symlink_to(target)
    with pytest.raises(ProdsimError, match="cannot be read: a symbolic link is in the place of"):
        store.load(path)
    with pytest.raises(ProdsimError, match="cannot be written: a symbolic link is in the place of"):
        store.save(path, ACME)
    assert target.exists() == exists
    assert not exists or target.read_text() == TEXT


def test_what_a_killed_run_left_is_removed_by_the_next(path: Path) -> None:
    written(path.parent / f".{path.name}.99-0123abcd.tmp", "half")
    store.save(path, ACME)
    assert listed(path.parent) == [path.name]


LARGE = replace(ACME, dists=tuple(f"distribution-{at}==1.0" for at in range(10_000)))


def test_a_write_that_is_cut_short_leaves_the_old_file(path: Path) -> None:
    store.save(path, ACME)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(ProdsimError, match="cannot be written: File too large"):
            store.save(path, LARGE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == TEXT
    assert listed(path.parent) == [path.name]
