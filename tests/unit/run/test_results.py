from __future__ import annotations

from tox_prodsim.model.events import Event, Found, Outcome, Step, StepFinished
from tox_prodsim.model.findings import CheckResult, Finding, Policy, Verdict, error, note, warning
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
    (step,) = results.commands()
    assert step == StepFinished(step=Step.COMMANDS, outcome=Outcome.OK, detail="1 command ran", duration_s=2.0)


def test_without_commands_between_steps_there_is_no_step_of_them() -> None:
    results = RunResults(Policy())
    results.count_commands(2, 5.0, Step.DEPLOY)
    assert list(results.commands()) == []


def test_what_was_made_before_the_run_counts_for_its_duration() -> None:
    assert RunResults(Policy(), earlier_s=40.0).finished().duration_s >= 40.0
