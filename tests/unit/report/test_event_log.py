"""The saved run: what is written comes back, and a crash costs at most the last line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.model.errors import LogVersionError
from tox_prodsim.model.events import Event, Evidence, Found, Outcome, Progress, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.report.event_log import EventLog, read

EVENTS: list[Event] = [
    StepStarted(step=Step.DEPLOY, detail="uvicorn"),
    Progress(step=Step.DEPLOY, at_s=0.25, name="ready", limit_s=30.0),
    Evidence(step=Step.DEPLOY, title="log", lines=("\x1b[2J", "a\nb\u2028c\x00", "\udcff and é")),
    Found(finding=Finding(code="RUN603", level=Level.ERROR, subject="s", message="m", line=None)),
    StepFinished(step=Step.DEPLOY, outcome=Outcome.FAILED, detail="", duration_s=1.5),
]


def saved(path: Path) -> Path:
    log = EventLog(path)
    for event in EVENTS:
        log.handle(event)
    log.close()
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert list(read(saved(tmp_path / "new" / "folder" / "events.jsonl"))) == EVENTS


def test_an_event_is_one_line_of_ascii_whatever_it_holds(tmp_path: Path) -> None:
    content = saved(tmp_path / "events.jsonl").read_bytes()
    assert content.isascii()
    assert content.count(b"\n") == len(content.splitlines()) == len(EVENTS)


def test_an_event_is_in_the_file_before_the_next_one_comes(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    log.handle(EVENTS[0])
    assert list(read(tmp_path / "events.jsonl")) == EVENTS[:1]
    log.close()
    log.close()


def test_a_new_run_replaces_the_old_one(tmp_path: Path) -> None:
    saved(tmp_path / "events.jsonl")
    EventLog(tmp_path / "events.jsonl").close()
    assert list(read(tmp_path / "events.jsonl")) == []


def test_wherever_the_file_is_torn_the_events_before_are_read(tmp_path: Path) -> None:
    content = saved(tmp_path / "events.jsonl").read_bytes()
    for size in range(len(content)):
        (tmp_path / "torn").write_bytes(content[:size])
        assert list(read(tmp_path / "torn")) == EVENTS[: content[:size].count(b"\n")]


def test_a_tail_of_zeros_that_a_crash_of_the_machine_left_is_a_torn_line(tmp_path: Path) -> None:
    path = saved(tmp_path / "events.jsonl")
    path.write_bytes(path.read_bytes() + b"\0" * 512)
    assert list(read(path)) == EVENTS


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"no json", id="no JSON"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b"{}", id="no event"),
        pytest.param(b'{"event": "Rumour"}', id="an event of another version"),
        pytest.param(b'{"event": "StepStarted", "step": "dance"}', id="a step of another version"),
        pytest.param(b'{"event": "StepStarted"}', id="a field is missing"),
        pytest.param(b'{"event": "StepStarted", "step": "wheel", "mood": 1}', id="a field is unknown"),
        pytest.param(b'{"event": "Found", "finding": []}', id="a finding that is none"),
    ],
)
def test_a_whole_line_that_is_no_event_is_named_with_file_and_line(tmp_path: Path, line: bytes) -> None:
    path = saved(tmp_path / "events.jsonl")
    path.write_bytes(path.read_bytes() + line + b"\n" + b'{"event": "torn')
    events = read(path)
    assert [next(events) for _ in EVENTS] == EVENTS
    with pytest.raises(ValueError, match=r"events\.jsonl:6: this is not an event of a prodsim run"):
        next(events)


@pytest.mark.parametrize(
    ("version", "age"),
    [
        pytest.param("", "an older", id="version 1 did not name itself"),
        pytest.param('"schema_version": 1, ', "an older", id="an older one"),
        pytest.param('"schema_version": 99, ', "a newer", id="a newer one"),
    ],
)
def test_the_log_of_another_version_is_refused_as_such_at_its_first_event(
    tmp_path: Path, version: str, age: str
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(f'{{"event": "RunStarted", {version}"version": "0.1.0", "field": "of another version"}}\n')
    with pytest.raises(LogVersionError, match=f"^recorded by {age} tox-prodsim$"):
        list(read(path))
