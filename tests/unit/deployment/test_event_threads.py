"""Several iterators of events at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tox_prodsim.deployment.event_threads import EventThreads
from tox_prodsim.model.events import Event, Step, StepStarted

LIMIT_S = 60.0


def event(name: str) -> Event:
    return StepStarted(step=Step.DEPLOY, detail=name)


def names(events: Iterator[Event]) -> list[str]:
    return [each.detail for each in events if isinstance(each, StepStarted)]


def all_of(threads: EventThreads) -> list[str]:
    found: list[str] = []
    while threads.running:
        found += names(threads.events(LIMIT_S))
    threads.join()
    return found


def test_two_that_wait_for_each_other_both_end() -> None:
    came = {"a": threading.Event(), "b": threading.Event()}

    def play(name: str, other: str) -> Iterator[Event]:
        came[name].set()
        assert came[other].wait(LIMIT_S)
        yield event(name)

    threads = EventThreads()
    threads.begin("a", play("a", "b"))
    threads.begin("b", play("b", "a"))
    assert sorted(all_of(threads)) == ["a", "b"]


def test_the_events_of_one_stay_in_their_order() -> None:
    threads = EventThreads()
    threads.begin("a", iter([event("1"), event("2"), event("3")]))
    assert all_of(threads) == ["1", "2", "3"]


def test_what_is_raised_comes_out_behind_the_events_before_it() -> None:
    def play() -> Iterator[Event]:
        yield event("1")
        raise KeyError("no")

    threads = EventThreads()
    threads.begin("a", play())
    events = threads.events(LIMIT_S)
    assert names(iter([next(events)])) == ["1"]
    with pytest.raises(KeyError, match="no"):
        next(events)
    threads.join()


def test_there_is_no_wait_without_events() -> None:
    goes_on = threading.Event()

    def play() -> Iterator[Event]:
        assert goes_on.wait(LIMIT_S)
        yield event("1")

    threads = EventThreads()
    threads.begin("a", play())
    assert names(threads.events(0.0)) == []
    assert threads.running == ["a"]
    goes_on.set()
    assert all_of(threads) == ["1"]
