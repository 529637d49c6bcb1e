"""What a job of GitHub is told when tox ends."""

from __future__ import annotations

import atexit
from dataclasses import replace
from pathlib import Path

import pytest
from support.run_events import FAILING, PASSING, STARTED, named
from support.workflow_log import obeyed, outputs

from tox_prodsim.model.events import Event
from tox_prodsim.plugin.ci import publish

LIMIT = 900 * 1024


@pytest.fixture(autouse=True)
def _job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atexit, "register", lambda _: None)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))


def published(root: Path, *each_run: list[Event]) -> dict[str, str]:
    for at, events in enumerate(each_run):
        publish.add(events, root / f"report-{at}.json", root)
    publish.publish()
    return outputs((root / "output").read_text("utf-8"))


def test_the_outputs_of_a_run_that_passes(tmp_path: Path) -> None:
    assert published(tmp_path, PASSING) == {
        "verdict": "passed",
        "wheel": "acme-2.1.0-py3-none-any.whl",
        "sdist": "acme-2.1.0.tar.gz",
        "sha256": "3f" * 32,
        "sums": f"{'3f' * 32}  acme-2.1.0-py3-none-any.whl\n{'a7' * 32}  acme-2.1.0.tar.gz",
        "report": str(tmp_path / "report-0.json"),
    }


def test_several_runs_are_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = [replace(STARTED, wheel_name="acme-2.1.0-cp39-cp39-any.whl", wheel_sha256="00" * 32), *FAILING[1:]]
    found = published(tmp_path, named(PASSING, "a"), named(other, "b"))
    assert (found["verdict"], found["sums"]) == ("failed", "")
    assert found["wheel"].splitlines() == ["acme-2.1.0-py3-none-any.whl", "acme-2.1.0-cp39-cp39-any.whl"]
    assert found["sha256"].splitlines() == ["3f" * 32, "00" * 32]
    assert found["report"].splitlines() == [str(tmp_path / f"report-{at}.json") for at in (0, 1)]
    assert [name for name, _ in obeyed(capsys.readouterr().out)] == ["error", "warning", "notice"]
    assert (tmp_path / "summary").read_text("utf-8").count("1 of 2 environments passed") == 1
    publish.publish()
    assert capsys.readouterr().out == ""


def test_a_name_of_several_lines_is_one_value(tmp_path: Path) -> None:
    evil = [replace(STARTED, wheel_name="a\nverdict<<x\npassed\nx.whl", files=()), *FAILING[1:]]
    assert published(tmp_path, evil)["wheel"] == "a\\nverdict<<x\\npassed\\nx.whl"


@pytest.mark.parametrize("before", [0, 1, LIMIT - 3000, LIMIT - 10, LIMIT + 5])
def test_the_summary_is_appended_as_far_as_there_is_room(tmp_path: Path, before: int) -> None:
    (tmp_path / "summary").write_text("x" * before)
    published(tmp_path, PASSING, FAILING)
    text = (tmp_path / "summary").read_text("utf-8")
    assert text[:before] == "x" * before
    assert len(text.encode()) <= max(LIMIT, before)
    assert ("FAILED" in text) is (before < LIMIT - 1024)


def test_what_cannot_be_written_is_said_and_the_rest_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    assert published(tmp_path, PASSING)["verdict"] == "passed"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"prodsim: GITHUB_STEP_SUMMARY: {tmp_path} cannot be written: ")


def test_without_the_files_of_a_step_there_are_the_annotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name)
    publish.add(FAILING, tmp_path / "report.json", tmp_path)
    publish.publish()
    shown = capsys.readouterr()
    assert [name for name, _ in obeyed(shown.out)] == ["error", "warning"]
    assert shown.err == ""
