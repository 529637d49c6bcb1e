"""The order of several services, and what happens when one of them fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from tox_prodsim.deployment.in_order import InOrder
from tox_prodsim.model.events import Event, Step, StepStarted

LIMIT_S = 20.0


def event(text: str) -> Event:
    return StepStarted(step=Step.DEPLOY, detail=text)


@dataclass
class Fake:
    """A service that does what its fields say."""

    name: str
    fails: bool = False
    dies: Callable[[], bool] = lambda: False
    waits_for: threading.Event | None = None
    """Its start goes on until then, or until it is abandoned."""
    begun: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    failed: bool = False
    is_up: bool = False
    died_at: float = 0.0
    reason: str = ""

    def start(self) -> Iterator[Event]:
        self.begun.set()
        yield event(f"{self.name} begins")
        give_up_at = time.monotonic() + LIMIT_S
        while self.waits_for is not None and not self.waits_for.wait(0.01) and not self.reason:
            assert time.monotonic() < give_up_at, f"{self.name} waits in vain"
        if self.reason:
            yield event(f"{self.name} abandoned {self.reason}")
        elif self.fails:
            self.failed = True
            yield event(f"{self.name} fails")
        else:
            self.is_up = True
            yield event(f"{self.name} is up")

    def abandon(self, reason: str) -> None:
        self.reason = reason

    def has_ended(self) -> bool:
        return self.is_up and self.dies()

    def ended_at(self) -> float:
        return self.died_at

    def find_death(self) -> Iterator[Event]:
        self.is_up, self.failed = False, True
        yield event(f"{self.name} died")

    def stop_unjudged(self, reason: str) -> Iterator[Event]:
        if self.is_up:
            self.is_up = False
            yield event(f"{self.name} stopped {reason}")

    def close(self) -> None:
        self.reason = self.reason or "closed"
        self.ended.set()


def order(fakes: Collection[Fake], **waits_for: Collection[str]) -> InOrder:
    members: Mapping[str, Fake] = {fake.name: fake for fake in fakes}
    return InOrder(members, {name: waits_for.get(name, ()) for name in members})


def texts(events: Iterator[Event]) -> list[str]:
    return [each.detail for each in events if isinstance(each, StepStarted)]


def test_each_is_started_when_what_it_waits_for_is_up() -> None:
    made = order([Fake("web"), Fake("job"), Fake("db")], web=["job"], job=["db"])
    assert texts(made.start()) == [f"{name} {what}" for name in ("db", "job", "web") for what in ("begins", "is up")]
    assert texts(made.stop_all()) == ["web stopped ", "job stopped ", "db stopped "]


def test_those_that_do_not_wait_for_each_other_are_started_side_by_side() -> None:
    one, two = Fake("one"), Fake("two")
    one.waits_for, two.waits_for = two.begun, one.begun
    assert sorted(texts(order([one, two]).start())) == ["one begins", "one is up", "two begins", "two is up"]


def test_those_that_do_not_wait_for_each_other_are_stopped_side_by_side() -> None:
    stops = {"one": threading.Event(), "two": threading.Event()}

    def stop(name: str, other: str) -> Iterator[Event]:
        stops[name].set()
        assert stops[other].wait(LIMIT_S)
        yield event(f"{name} stops")

    made = order([Fake("one"), Fake("two")])
    both = {"one": stop("one", "two"), "two": stop("two", "one")}
    assert sorted(texts(made.stop(both.__getitem__))) == ["one stops", "two stops"]


def test_the_first_that_fails_ends_the_starts_and_stops_the_rest_in_the_reverse_order() -> None:
    never = threading.Event()
    slow = Fake("slow", waits_for=never)
    bad = Fake("bad", fails=True, waits_for=slow.begun)
    fakes = [Fake("db"), Fake("web"), slow, bad, Fake("last")]
    made = order(fakes, web=["db"], slow=["web"], bad=["web"], last=["bad"])
    said = texts(made.start())
    assert said[:4] == ["db begins", "db is up", "web begins", "web is up"]
    assert set(said[4:7]) == {"slow begins", "bad begins", "bad fails"}
    assert said[7:] == [
        "slow abandoned because bad has failed",
        "web stopped because bad has failed",
        "db stopped because bad has failed",
    ]
    assert made.first_failed == "bad"
    assert not fakes[-1].begun.is_set()
    made.close()


def test_one_that_dies_while_another_starts_is_the_first_that_failed() -> None:
    web = Fake("web", waits_for=threading.Event())
    db = Fake("db", dies=web.begun.is_set)
    made = order([web, db], web=["db"])
    said = texts(made.start())
    assert said[2:] in (["web begins", "db died", said[-1]], ["db died", "web begins", said[-1]])
    assert said[-1] == "web abandoned because db has failed"
    assert made.first_failed == "db"


def test_the_death_of_one_is_told_before_the_failure_that_follows_from_it() -> None:
    was_seen = threading.Event()
    web = Fake("web", fails=True, waits_for=was_seen)
    db = Fake("db", dies=lambda: web.failed)
    said: list[str] = []
    for each in order([web, db], web=["db"]).start():
        said += texts(iter([each]))
        if said[-1] == "web begins":
            was_seen.set()
    assert said[2:] == ["web begins", "db died", "web fails"]


def test_those_that_died_while_commands_ran_are_told_in_the_order_in_which_they_died() -> None:
    over = threading.Event()
    fakes = [Fake("web", dies=over.is_set, died_at=2.0), Fake("db", dies=over.is_set, died_at=1.0), Fake("mail")]
    made = order(fakes, web=["db"])
    texts(made.start())
    over.set()
    assert texts(made.find_deaths()) == ["db died", "web died", "mail stopped because db has failed"]
    assert texts(made.find_deaths()) == []


def test_what_a_start_raises_is_raised_and_close_ends_the_others() -> None:
    never = threading.Event()
    slow = Fake("slow", waits_for=never)

    class Broken(Fake):
        def start(self) -> Iterator[Event]:
            assert slow.begun.wait(LIMIT_S)
            raise OSError("no more processes")
            yield

    made = order([slow, Broken("broken")])
    with pytest.raises(OSError, match="no more processes"):
        texts(made.start())
    made.close()
    assert slow.ended.is_set()
