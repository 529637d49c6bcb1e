"""The history of baselines: read from git, drawn as text and as a picture."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.baselines import ACME, IMPORT_ACME, KEY, metric

from tox_prodsim import timing
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.timing.baseline import store
from tox_prodsim.timing.baseline.history import NOT_COMMITTED


def git(folder: Path, *arguments: str) -> str:
    own = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    ran = subprocess.run(["git", *own, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return ran.stdout


def stored(path: Path, version: str, ratio: float) -> None:
    built = replace(ACME.built, version=version)
    store.save(path, replace(ACME, built=built, metrics={IMPORT_ACME: metric(ratio)}))


def commit(folder: Path, date: str) -> None:
    git(folder, "add", "-A")
    git(folder, "-c", "core.hooksPath=/dev/null", "commit", "-q", "-m", "times", f"--date={date}T12:00:00")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-10-01T12:00:00")
    git(tmp_path, "init", "-q")
    return tmp_path


def test_the_values_of_all_commits_are_told_beside_the_newest_control(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = store.path_for(repository, "old name", KEY)
    stored(old, "1.0", 2.0)
    commit(repository, "2026-10-01")
    path = store.path_for(repository, "prodsim", KEY)
    path.parent.mkdir()
    git(repository, "mv", str(old), str(path))
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-11-02T12:00:00")
    stored(path, "1.1", 3.0)
    commit(repository, "2026-11-02")
    stored(path, "1.2", 2.5)
    [line] = timing.history_of(path, "acme")
    assert [(each.date, each.version, each.ratio) for each in line.points] == [
        ("2026-10-01", "1.0", 2.0),
        ("2026-11-02", "1.1", 3.0),
        ("2026-11-22", "1.2", 2.5),
    ]
    assert [each.value for each in line.points] == pytest.approx([150.2, 225.3, 187.75])
    assert line.points[1].commit == git(repository, "log", "-1", "--format=%h").strip()
    assert line.points[2].commit == NOT_COMMITTED


def test_a_commit_with_a_conflict_in_the_file_is_passed_over(repository: Path) -> None:
    path = store.path_for(repository, "prodsim", KEY)
    stored(path, "1.0", 2.0)
    commit(repository, "2026-10-01")
    path.write_text("<<<<<<< HEAD\n")
    commit(repository, "2026-10-02")
    stored(path, "1.0", 2.0)
    commit(repository, "2026-10-03")
    [line] = timing.history_of(path, "acme")
    assert [each.version for each in line.points] == ["1.0", "1.0"]


def test_without_git_it_is_one_line(tmp_path: Path) -> None:
    path = store.path_for(tmp_path, "prodsim", KEY)
    stored(path, "1.0", 2.0)
    with pytest.raises(ProdsimError) as caught:
        timing.history_of(path, "acme")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"history: git knows nothing of {path.parent}: fatal: not a git repository")
