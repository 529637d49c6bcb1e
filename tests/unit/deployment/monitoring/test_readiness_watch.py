"""The probes of a service that is up are asked again, gently, and once more before the stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Self

import pytest

from tox_prodsim.deployment.monitoring import readiness_watch
from tox_prodsim.deployment.monitoring.readiness_watch import ReadinessWatch
from tox_prodsim.model.errors import Cancelled
from tox_prodsim.model.probes import ExecProbe, HttpProbe, LogProbe, Probe
from tox_prodsim.supervision import Answer, Cancel, NotReady, Ready

UP, DOWN = Ready(detail="http / 200"), NotReady(reason="http 503")
HTTP = HttpProbe(url="http://127.0.0.1:1/")


class Service:
    """Answers as it is told to, the last answer for ever; it has ended when ``ended``."""

    def __init__(self, *answers: Answer) -> None:
        self.answers: Iterator[Answer] = iter(answers)
        self.asked: list[Probe] = []
        self.ended = False
        self._last: Answer = UP

    def main_exited(self) -> bool:
        return self.ended

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, probe: Probe) -> Answer:
        self.asked.append(probe)
        self._last = next(self.answers, self._last)
        return self._last


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness_watch, "FIRST_PAUSE_S", 0.01)


@pytest.fixture
def cancel() -> Iterator[Cancel]:
    with closing(Cancel()) as made:
        yield made


def watched(service: Service, *probes: Probe, only_at_end: bool = False) -> ReadinessWatch:
    double: Any = service
    watch = ReadinessWatch(double, double, probes or (HTTP,), only_at_end=only_at_end)
    watch.start()
    return watch


def test_it_is_asked_once_more_before_the_stop(cancel: Cancel) -> None:
    service = Service()
    watch = watched(service, only_at_end=True)
    time.sleep(0.1)
    assert service.asked == []
    watch.end(cancel)
    assert watch.asked == 1
    assert watch.losses(died=False) == []


def test_what_is_wrong_before_the_stop_is_asked_until_it_is_a_loss(cancel: Cancel) -> None:
    watch = watched(Service(DOWN), only_at_end=True)
    watch.end(cancel)
    assert watch.asked == 3
    assert len(watch.losses(died=False)) == 1
    assert watch.losses(died=True) == [], "it does not answer because it died"


def test_what_is_right_again_before_the_stop_is_no_loss(cancel: Cancel) -> None:
    watch = watched(Service(DOWN, DOWN, UP), only_at_end=True)
    watch.end(cancel)
    assert watch.losses(died=False) == []


def test_a_service_that_has_ended_is_asked_nothing(cancel: Cancel) -> None:
    service = Service(DOWN)
    service.ended = True
    watch = watched(service)
    watch.end(cancel)
    assert service.asked == []


def test_probes_that_cannot_answer_otherwise_are_not_asked(cancel: Cancel) -> None:
    watch = watched(Service(), LogProbe(pattern="up"))
    assert not watch.asks
    watch.end(cancel)
    assert watch.asked == 0


def test_an_answer_over_http_has_time_and_a_command_no_pace_of_its_own(cancel: Cancel) -> None:
    service = Service()
    watched(service, HTTP, ExecProbe(argv=("check",), every_s=9.0), only_at_end=True).end(cancel)
    assert service.asked == [HttpProbe(url=HTTP.url, timeout_s=10.0), ExecProbe(argv=("check",), every_s=0.0)]


def test_a_cancel_ends_the_questions(cancel: Cancel) -> None:
    cancel.set()
    with pytest.raises(Cancelled):
        watched(Service(DOWN)).end(cancel)
