from __future__ import annotations

import json
import os
import resource
import signal
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.baselines import ACME, KEY, RESTORE, TEXT, metric, written

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import Measured
from tox_prodsim.timing.baseline import store as baseline
from tox_prodsim.timing.baseline.store import StoredMetric
from tox_prodsim.timing.stats import StoredRatio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return baseline.path_for(tmp_path / "prodsim/baselines", "prodsim", KEY)


def listed(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# --- the file


def test_the_text_is_canonical() -> None:
    assert baseline.dumps(ACME) == TEXT
    shuffled = replace(ACME, metrics=dict(reversed(ACME.metrics.items())), dists=ACME.dists[::-1] * 2)
    assert baseline.dumps(shuffled) == TEXT


def test_an_empty_baseline_is_json_too() -> None:
    empty = replace(ACME, metrics={}, dists=(), machine={})
    assert '"dists": [],' in baseline.dumps(empty)
    assert json.loads(baseline.dumps(empty))["metrics"] == {}


def test_what_is_saved_is_loaded(path: Path) -> None:
    assert baseline.load(path) is None
    baseline.save(path, ACME)
    loaded = baseline.load(path)
    assert loaded == replace(ACME, dists=("click==8.4.2", "flask==3.1.2"))
    assert loaded is not None
    baseline.save(path, loaded)
    assert path.read_text() == TEXT
    assert listed(path.parent) == [path.name], "nothing else is left in the folder"


names = st.text(min_size=1, max_size=20)
positive = st.floats(min_value=1e-6, max_value=1e6)


@given(
    st.dictionaries(names, st.builds(metric, positive, rel_error=positive, history=st.tuples(positive, positive))),
    st.sets(names),
    st.dictionaries(names, names),
)
def test_every_baseline_survives_the_round_trip(
    metrics: dict[str, StoredMetric], dists: set[str], machine: dict[str, str]
) -> None:
    made = replace(ACME, metrics=metrics, dists=tuple(sorted(dists)), machine=machine)
    text = baseline.dumps(made)
    assert baseline._parsed(Path(f"{KEY}.json"), json.loads(text)) == made
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
    assert baseline.outdated_days(ACME, today) == days


def test_a_candidate_is_loaded_whatever_its_name_and_has_its_environment(tmp_path: Path) -> None:
    path = tmp_path / "candidate.json"
    baseline.save(path, replace(ACME, env="prodsim"))
    loaded = baseline.load(path, any_name=True)
    assert loaded is not None
    assert loaded.env == "prodsim"
    with pytest.raises(ProdsimError, match="is named for another key"):
        baseline.load(path)


def test_the_path_names_environment_and_key() -> None:
    path = baseline.path_for(Path("prodsim/baselines"), "prodsim-3.13", KEY)
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
    found = baseline.key_for(implementation="CPython", version=version, platform=platform, free_threaded=free_threaded)
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
        pytest.param(TEXT[:200], "is no JSON (line 8)" + RESTORE, id="cut short"),
        pytest.param("", "is no JSON (line 1)" + RESTORE, id="empty"),
        pytest.param("[" * 100_000, "is no JSON" + RESTORE, id="nested without end"),
        pytest.param("[]", "its content is no JSON object" + RESTORE, id="another shape"),
        pytest.param("{}", "schema is missing, not a whole number" + RESTORE, id="nothing in it"),
        pytest.param(
            TEXT.replace('"control": "stdlib-1"', '"control": 7'),
            "control is 7, not text" + RESTORE,
            id="a wrong type",
        ),
        pytest.param(
            without(TEXT, ', "ratio": 1.964'),
            "metrics.import acme.ratio is missing, not a number above 0" + RESTORE,
            id="a missing number",
        ),
        pytest.param(
            TEXT.replace('"ratio": 1.964', '"ratio": NaN'),
            "metrics.import acme.ratio is nan, not a number above 0" + RESTORE,
            id="not a number",
        ),
        pytest.param(
            TEXT.replace('"ratio": 1.964', '"ratio": -1'),
            "metrics.import acme.ratio is -1, not a number above 0" + RESTORE,
            id="a negative ratio",
        ),
        pytest.param(
            TEXT.replace('"rounds": 16', '"rounds": true', 1),
            "metrics.import acme.rounds is True, not a whole number" + RESTORE,
            id="a bool is no number",
        ),
        pytest.param(
            TEXT.replace("[1.964]", '["fast"]'),
            "metrics.import acme.history is 'fast', not a number above 0" + RESTORE,
            id="a wrong item",
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
        baseline.load(path)
    assert str(caught.value) == f"baseline: {path}: {problem}"
    assert path.read_text() == text


def test_bytes_that_are_no_text_are_named(path: Path) -> None:
    written(path, "").write_bytes(b"\xff\xfe{")
    with pytest.raises(ProdsimError, match="cannot be read: it is not UTF-8 text; restore it"):
        baseline.load(path)


def test_a_folder_instead_of_the_file_is_named(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ProdsimError, match=r"cannot be read: Is a directory; restore it"):
        baseline.load(path)
    with pytest.raises(ProdsimError, match=r"cannot be written: Is a directory; the stored baseline is unchanged$"):
        baseline.save(path, ACME)
    assert listed(path.parent) == [path.name]


def test_a_file_instead_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "baselines").write_text("")
    path = tmp_path / "baselines" / f"{KEY}.json"
    with pytest.raises(ProdsimError, match="cannot be read: Not a directory"):
        baseline.load(path)
    with pytest.raises(ProdsimError, match="cannot be written: "):
        baseline.save(path, ACME)


# --- accepting


def test_accepting_what_agrees_changes_nothing() -> None:
    again = replace(
        ACME,
        built=replace(ACME.built, version="1.4.1", created="2026-11-29"),
        machine={"cpu": "EPYC"},
        metrics={"import acme": metric(1.99), "start-up": metric(2.9)},
    )
    assert baseline.merged(ACME, again) is ACME


def test_a_difference_that_never_counts_is_no_change() -> None:
    tiny = replace(ACME, metrics={"import acme": replace(metric(0.002), rel_error=0.001)})
    again = replace(ACME, metrics={"import acme": replace(metric(0.003), rel_error=0.001)})
    assert baseline.merged(tiny, again) is tiny


def test_accepting_a_change_renews_that_metric_and_continues_its_history() -> None:
    new = replace(ACME, built=replace(ACME.built, version="1.5.0"), metrics={"import acme": metric(2.4)})
    stored = baseline.merged(ACME, new)
    assert stored.metrics["import acme"] == metric(2.4, history=(1.964, 2.4))
    assert stored.metrics["start-up"] == ACME.metrics["start-up"], "not measured this time, so kept"
    assert stored.built.version == "1.5.0"


def test_other_distributions_are_recorded_although_the_times_agree() -> None:
    stored = baseline.merged(ACME, replace(ACME, dists=("click==8.5.1", "flask==3.1.2")))
    assert stored.dists == ("click==8.5.1", "flask==3.1.2")
    assert stored.metrics == ACME.metrics


def test_the_history_is_short() -> None:
    stored = ACME
    for step in range(12):
        stored = baseline.merged(stored, replace(ACME, metrics={"import acme": metric(3.0 + step)}))
    assert stored.metrics["import acme"].history == (7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0)


@given(st.floats(min_value=0.1, max_value=10))
def test_accepting_twice_is_accepting_once(ratio: float) -> None:
    new = replace(ACME, metrics={"import acme": metric(ratio)})
    once = baseline.merged(ACME, new)
    assert baseline.merged(once, new) == once


def test_ratios_to_another_control_or_clock_are_not_mixed() -> None:
    new = replace(ACME, control="stdlib-2", metrics={"import acme": metric(1.7)})
    assert baseline.merged(ACME, new) == new
    other = replace(ACME, metrics={"import acme": metric(1.9, clock="cpu + least waiting")})
    assert baseline.merged(ACME, other).metrics["import acme"].history == (1.9,)
    assert baseline.merged(None, new) == new


def measured(rounds: int) -> Measured:
    return Measured(
        metric="import acme",
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
    stored = baseline.metric_from(measured(16))
    assert stored is not None
    assert (stored.ratio, stored.value_ms, stored.control_ms, stored.rounds) == (1.947, 146.2, 75.12, 16)
    assert stored.history == (1.947,)
    assert 0.0001 <= stored.rel_error < 0.01
    assert baseline.metric_from(measured(7)) is None, "too few rounds to compare with"


def test_what_to_compare_with() -> None:
    assert ACME.stored("import acme") == StoredRatio(
        ratio=1.964, rel_error=0.011, control="stdlib-1", clock="effective wall"
    )
    assert ACME.stored("import other") is None


def test_differences_are_told() -> None:
    now = replace(
        ACME,
        python="3.13.1",
        dists=("click==8.5.1", "rich==13.0"),
        machine={"cpu": "EPYC", "cpus": "2", "os": "Linux 6.18"},
    )
    assert baseline.differences(ACME, now) == (
        "Python 3.13.0 -> 3.13.1",
        "click 8.4.2 -> 8.5.1",
        "flask 3.1.2 is gone",
        "rich 13.0 is new",
        "cpu Xeon -> EPYC",
    )
    assert baseline.differences(ACME, ACME) == ()


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
    reason = baseline.update_refused({} if ci is None else {"CI": ci}, allowed=allowed)
    assert (reason is not None) == refused
    assert reason is None or "--prodsim-allow-ci-update" in reason


# --- written whole or not at all


def test_the_file_has_the_mode_of_any_other_file(path: Path) -> None:
    before = os.umask(0o027)
    try:
        baseline.save(path, ACME)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    written(tmp_path / "elsewhere/real.json", "{}")
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere/real.json")
    baseline.save(path, ACME)
    assert path.is_symlink()
    assert (tmp_path / "elsewhere/real.json").read_text() == TEXT


def test_what_a_killed_run_left_is_swept_when_it_is_old(path: Path) -> None:
    old = written(path.parent / f".{path.name}.99-old.tmp", "half")
    young = path.parent / f".{path.name}.99-young.tmp"
    young.write_text("half")
    os.utime(old, (time.time() - 7200,) * 2)
    baseline.save(path, ACME)
    assert listed(path.parent) == [young.name, path.name]


LARGE = replace(ACME, dists=tuple(f"distribution-{at}==1.0" for at in range(10_000)))


def test_a_write_that_is_cut_short_leaves_the_old_file(path: Path) -> None:
    baseline.save(path, ACME)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(ProdsimError, match="cannot be written: File too large"):
            baseline.save(path, LARGE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == TEXT
    assert listed(path.parent) == [path.name]
