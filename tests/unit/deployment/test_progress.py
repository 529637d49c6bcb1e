"""The events of a deployment: what is a failure, what is shown once, and what is close to a limit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tox_prodsim.deployment import findings
from tox_prodsim.deployment.progress import DeploymentProgress
from tox_prodsim.model.events import Event, Evidence, Found, Progress
from tox_prodsim.model.findings import error

KILLED = error("RUN607", "app", "did not stop", "handle the signal")
HANG = ("pid 7 (1 % of a CPU)", "  app.py:3 in wait")


@pytest.fixture
def progress(tmp_path: Path) -> DeploymentProgress:
    return DeploymentProgress("app", tmp_path / "deploy.log")


def codes(events: Iterable[Event]) -> list[str]:
    return [event.finding.code for event in events if isinstance(event, Found)]


def evidence(events: Iterable[Event]) -> list[tuple[str, tuple[str, ...]]]:
    return [(event.title, event.lines) for event in events if isinstance(event, Evidence)]


def test_an_error_is_a_failure_and_a_warning_is_not(progress: DeploymentProgress) -> None:
    assert codes(progress.report([findings.no_evidence("app")])) == ["RUN631"]
    assert not progress.failed
    assert codes(progress.report([findings.idle_timeout_exceeded("app", 1.0)])) == ["RUN615"]
    assert progress.failed


@pytest.mark.parametrize(("took_s", "expected"), [(7.9, []), (8.0, ["RUN630"]), (9.9, ["RUN630"])])
def test_most_of_a_limit_is_a_warning(progress: DeploymentProgress, took_s: float, expected: list[str]) -> None:
    assert codes(progress.near_limit("stop_timeout", took_s, 10.0)) == expected


def test_the_end_of_the_log_is_shown_once(progress: DeploymentProgress, tmp_path: Path) -> None:
    assert list(progress.log_end()) == []
    (tmp_path / "deploy.log").write_text("".join(f"line {number}\n" for number in range(20)))
    ((title, lines),) = evidence(progress.log_end())
    assert (title, lines) == ("end of deploy.log", tuple(f"line {number}" for number in range(8, 20)))
    assert list(progress.log_end()) == []


def test_a_timeout_is_reported_before_the_diagnosis_is_made(progress: DeploymentProgress) -> None:
    made: list[str] = []

    def diagnose() -> tuple[str, ...]:
        made.append("diagnosis")
        return HANG

    events = progress.timeout("not ready", 3.0, diagnose)
    first = next(events)
    assert isinstance(first, Progress)
    assert (first.name, first.at_s, made) == ("TIMEOUT", 3.0, [])
    assert evidence(events) == [("what it was doing", HANG)]


def test_the_same_hang_is_not_shown_twice(progress: DeploymentProgress) -> None:
    list(progress.timeout("not ready", 3.0, lambda: HANG))
    again = ("pid 7 (99 % of a CPU)", "  app.py:3 in wait")
    events = list(progress.killed(KILLED, again))
    assert evidence(events) == [("why it did not stop", ("the same as above",))]
    assert codes(events) == ["RUN607"]


def test_another_hang_is_shown_in_full(progress: DeploymentProgress) -> None:
    list(progress.timeout("not ready", 3.0, lambda: HANG))
    other = ("pid 7", "  app.py:9 in join")
    assert evidence(progress.killed(KILLED, other)) == [("why it did not stop", other)]
