"""A run is advanced to where tox is, and no further."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tox_prodsim.model.errors import Cancelled, ProdsimError
from tox_prodsim.model.events import Event, Evidence
from tox_prodsim.plugin.run_driver import RunDriver
from tox_prodsim.run.context import CommandsOutcome, Paused, ToxPhase
from tox_prodsim.run.run import Run


def event(title: str) -> Event:
    return Evidence(step=None, title=title, lines=())


def example(closed: list[str]) -> Run:
    """A run with one event for each resumption, which has the number of commands that ended before."""
    try:
        for until in (ToxPhase.COMMANDS, ToxPhase.COMMANDS_POST, ToxPhase.END):
            outcome = yield Paused(until=until)
            yield event(f"after {outcome.commands_ran}")
    finally:
        closed.append("closed")


def outcomes() -> Iterator[CommandsOutcome]:
    yield from (CommandsOutcome(commands_ran=number) for number in range(1, 4))


def driver(run: Run) -> tuple[RunDriver, list[Event]]:
    reported: list[Event] = []
    source = outcomes()
    return RunDriver(run, reported.append, lambda: next(source), describe=str), reported


def test_a_run_is_resumed_once_for_each_pause_up_to_the_phase() -> None:
    made, reported = driver(example([]))
    made.start()
    assert reported == []
    made.advance_to(ToxPhase.COMMANDS)
    made.advance_to(ToxPhase.COMMANDS)
    assert (reported, made.paused.until) == ([event("after 1")], ToxPhase.COMMANDS_POST)
    made.advance_to(ToxPhase.END)
    assert reported == [event("after 1"), event("after 2"), event("after 3")]
    made.advance_to(ToxPhase.END)
    assert (len(reported), made.problem) == (3, "")


def test_what_the_machine_refuses_ends_the_run_and_no_command_may_go_ahead() -> None:
    def refused() -> Run:
        yield Paused(until=ToxPhase.COMMANDS, values={"port": "1"})
        raise ProdsimError("deploy", "no room")

    made, _ = driver(refused())
    made.start()
    made.advance_to(ToxPhase.COMMANDS)
    assert made.problem == "deploy: no room"
    assert made.paused == Paused(until=ToxPhase.END, go_ahead=False, values={"port": "1"})


def test_a_run_that_is_given_up_or_closed_ends_what_it_started() -> None:
    closed: list[str] = []
    for end in (lambda made: made.give_up("why"), RunDriver.close):
        made, _ = driver(example(closed))
        made.start()
        end(made)
    assert closed == ["closed", "closed"]


def test_a_cancel_comes_out_of_the_run_but_not_of_its_end() -> None:
    def cancelled() -> Run:
        try:
            yield Paused(until=ToxPhase.COMMANDS)
        finally:
            raise Cancelled

    made, _ = driver(cancelled())
    made.start()
    made.close()
    made, _ = driver(cancelled())
    made.start()
    with pytest.raises(Cancelled):
        made.advance_to(ToxPhase.COMMANDS)
