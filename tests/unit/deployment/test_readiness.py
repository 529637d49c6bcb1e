"""Waiting for a service that must stay satisfied for a while: ``for`` counts anew after each failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tox_prodsim.deployment.readiness import Questions, ReadinessWait
from tox_prodsim.model.activity import unannounced
from tox_prodsim.model.probes import HttpProbe, LogProbe, Probe
from tox_prodsim.model.scenario import Launch
from tox_prodsim.supervision import NotReady, Ready, clock

UP, DOWN = Ready(detail="http / 200"), NotReady(reason="http 503")
URL = "http://127.0.0.1:1/"


class FakeTime:
    """A process that waits by moving the clock on, and counts the questions."""

    pid, spawned_at, queued_before_s = 0, 0.0, 0.0

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Callable[[float], Any]) -> None:
        self.now = 0.0
        self.asked: list[float] = []
        self.details: list[str] = []
        self._answer = answer
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(Questions, "ask", self._ask)

    def _ask(self, *_: object) -> Any:
        self.asked.append(self.now)
        return self._answer(self.now)

    def tree(self) -> tuple[()]:
        return ()

    def main_exited(self) -> bool:
        return False

    def wait(self, limit_s: float) -> None:
        self.now += max(limit_s, 0.001)


def waited(time: FakeTime, *probes: Probe, limit_s: float = 30.0) -> ReadinessWait:
    launch = Launch(argv=("serve",), probes=probes, port=None, url="", values={})
    context: Any = SimpleNamespace(
        announce=unannounced,
        expressions=None,
        service="",
        other_ports=dict,
        own_network=False,
        log=Path("/nonexistent"),
        scratch=Path("/"),
        runner=lambda _: None,
    )
    process: Any = time
    wait = ReadinessWait(process, launch, context, limit_s, notify=None)
    time.details = [ready.detail for _, ready in wait.answers()]
    return wait


def test_it_is_ready_when_it_was_satisfied_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime(monkeypatch, lambda now: UP if now >= 2 else DOWN)
    wait = waited(time, HttpProbe(url=URL, steady_s=3.0))
    assert wait.failure is None
    assert 5.0 <= time.now < 6.2
    assert wait.satisfied_at == pytest.approx(time.now - 3, abs=0.5)
    assert time.details == ["http / 200, for 3 s"]


def test_a_failure_sets_the_seconds_back(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime(monkeypatch, lambda now: DOWN if int(now) in {0, 3, 6} else UP)
    wait = waited(time, HttpProbe(url=URL, steady_s=3.0))
    assert wait.failure is None
    assert time.now > 9.9, "satisfied from 7 on: 1 to 3 and 4 to 6 were too short"
    assert wait.satisfied_at >= 7


def test_a_service_that_never_stays_up_is_not_ready_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime(monkeypatch, lambda now: UP if now % 2 < 1 else DOWN)
    wait = waited(time, HttpProbe(url=URL, steady_s=3.0), limit_s=10.0)
    assert wait.failure is not None
    assert wait.failure.code == "RUN603"


def test_it_is_asked_often_enough_meanwhile_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime(monkeypatch, lambda _: UP)
    waited(time, HttpProbe(url=URL, steady_s=20.0))
    pauses = [after - before for before, after in zip(time.asked, time.asked[1:], strict=False)]
    assert max(pauses) <= 1.0
    assert len(pauses) < 60


def test_once_is_enough_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime(monkeypatch, lambda _: UP)
    assert waited(time, HttpProbe(url=URL)).satisfied_at == 0.0
    assert time.asked == [0.0]


def test_a_line_that_was_printed_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime(monkeypatch, lambda now: UP if now == 0 else DOWN)
    assert waited(time, LogProbe(pattern="up", steady_s=2.0)).failure is None
    assert time.asked == [0.0]
    assert time.now >= 2.0
