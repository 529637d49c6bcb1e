from __future__ import annotations

import pytest

from tox_prodsim.model.events import Event, Found, Outcome, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import CheckResult, Finding, NothingToCheck, Policy, Verdict, error, note, warning
from tox_prodsim.run.known import Known
from tox_prodsim.run.results import RunResults

LOST = error("ENT510", "acme", "there is no module acme.cli in the wheel", "have the build include it")


def play(results: RunResults, step: Step, *findings: Finding) -> list[Event]:
    return list(results.run_step(step, lambda: CheckResult(detail="", codes=("ENT510",), findings=findings)))


def reported(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.finding.level, event.finding.message) for event in events if isinstance(event, Found)]


def test_what_two_steps_find_is_told_once_and_fails_both() -> None:
    results = RunResults(Policy())
    play(results, Step.WHEEL, LOST)
    again = play(results, Step.SCRIPTS, error("ENT510", "acme", "does not load", ""))
    assert reported(again) == []
    assert [event.outcome for event in again if isinstance(event, StepFinished)] == [Outcome.FAILED]
    assert results.finished().errors == 1


def test_what_is_graver_in_a_later_step_is_told_again() -> None:
    results = RunResults(Policy())
    play(results, Step.WHEEL, note("ENT510", "acme", "needs an extra", ""))
    assert reported(play(results, Step.SCRIPTS, LOST)) == [("error", LOST.message)]
    assert results.finished().verdict is Verdict.FAILED


def test_the_policy_decides_before_what_is_graver() -> None:
    results = RunResults(Policy(warn=("ENT",)))
    play(results, Step.WHEEL, warning("ENT510", "acme", "does not answer", ""))
    assert reported(play(results, Step.SCRIPTS, LOST)) == []


def test_commands_between_two_steps_are_a_step_with_their_time() -> None:
    results = RunResults(Policy())
    results.count_commands(1, 2.0, None)
    results.count_commands(3, 5.0, Step.DEPLOY)  # their time is that of the deployment
    results.count_commands(3, 0.5, None)  # none ran
    started, step = results.commands()
    assert isinstance(started, StepStarted)
    assert started.began_s == pytest.approx(-2.0, abs=1.0)  # before these results, which have only begun
    assert step == StepFinished(
        step=Step.COMMANDS, outcome=Outcome.OK, detail="1 command ran", duration_s=2.0, checked=("RUN605",)
    )


def test_without_commands_between_steps_there_is_no_step_of_them() -> None:
    results = RunResults(Policy())
    results.count_commands(2, 5.0, Step.DEPLOY)
    assert list(results.commands()) == []


def test_what_was_made_before_the_run_counts_for_its_duration() -> None:
    assert RunResults(Policy(), earlier_s=40.0).finished().duration_s >= 40.0


def test_what_the_baseline_knows_is_counted_on_the_line_of_the_step_and_not_reported() -> None:
    old, new = note("WHL131", "plum.pth", "is a stray", ""), note("WHL131", "pit.pth", "is a stray", "")
    results = RunResults(Policy(), Known(version="2.3", notes=frozenset({"WHL131 plum.pth: is a stray"})), "2.4")
    events = play(results, Step.WHEEL, old, new)
    assert reported(events) == [("note", "is a stray")]
    (end,) = [event for event in events if isinstance(event, StepFinished)]
    assert (end.detail, end.known) == ("1 known since 2.3", ("WHL131 plum.pth: is a stray",))
    assert results.notes == {"WHL131 plum.pth: is a stray", "WHL131 pit.pth: is a stray"}
    assert results.finished().notes == 1


def test_what_depends_on_the_moment_is_never_known() -> None:
    results = RunResults(Policy(), Known(notes=frozenset({"RUN630 plum: is slow"})))
    assert reported(play(results, Step.DEPLOY, note("RUN630", "plum", "is slow", ""))) == [("note", "is slow")]
    assert results.notes == frozenset()


@pytest.mark.parametrize(
    ("codes", "meaningful"),
    [
        pytest.param([], True, id="nothing"),
        pytest.param(["WHL134", "ENT515", "EXT404", "SDI204"], True, id="losses and files"),
        pytest.param(["VER303", "IMP503"], False, id="the package does not import"),
        pytest.param(["RUN602"], False, id="the deployment does not start"),
        pytest.param(["ENT510"], False, id="a command does not load"),
    ],
)
def test_times_say_something_unless_an_import_or_the_start_is_wrong(codes: list[str], *, meaningful: bool) -> None:
    results = RunResults(Policy())
    play(results, Step.WHEEL, *(error(code, "plum", "is so", "") for code in codes))
    assert results.times_are_meaningful is meaningful


def test_findings_of_one_cause_are_counted_once() -> None:
    results = RunResults(Policy())
    play(results, Step.IMPORT, error("IMP503", "plum", "fails: No module named 'stone'", ""))
    play(results, Step.SCRIPTS, error("ENT510", "plum", "fails: No module named 'stone'", ""), LOST)
    assert results.finished().errors == 2


def test_a_check_without_anything_to_look_at_is_no_loss() -> None:
    pairs = (("ENT511", NothingToCheck("no plugins")), ("DEP205", "no index"))
    events = RunResults(Policy()).run_step(Step.SCRIPTS, lambda: CheckResult(detail="", codes=(), not_checked=pairs))
    (end,) = [event for event in events if isinstance(event, StepFinished)]
    assert end.not_checked == ("ENT511: no plugins", "DEP205: no index")
    assert end.impossible == ("DEP205: no index",)
