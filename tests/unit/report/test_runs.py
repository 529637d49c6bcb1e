"""The runs in a stream: which step each event belongs to, and where one run ends."""

from __future__ import annotations

from dataclasses import replace

from support.run_events import CRASH, FAILING, IMPORT, PASSING, STARTED, named

from tox_prodsim.model.events import Found, Outcome, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import Verdict
from tox_prodsim.report.runs import runs


def test_findings_belong_to_the_step_that_was_open() -> None:
    (run,) = runs(FAILING)
    assert {step.name: step.findings for step in run.steps if step.findings} == {"import": [IMPORT], "deploy": [CRASH]}
    assert run.findings == [IMPORT, CRASH]


def test_a_finding_between_two_steps_belongs_to_the_run() -> None:
    (run,) = runs(PASSING)
    assert [step.name for step in run.steps] == ["wheel", "deploy", "compare", "run"]
    assert not run.steps[-1].is_cut_short


def test_a_second_step_of_a_kind_has_a_name_of_its_own() -> None:
    ended = StepFinished(step=Step.DEPLOY, outcome=Outcome.OK, detail="", duration_s=1.0)
    (run,) = runs([StepStarted(step=Step.DEPLOY), ended, StepStarted(step=Step.DEPLOY), Found(finding=CRASH)])
    assert [(step.name, step.findings) for step in run.steps] == [("deploy", []), ("deploy-2", [CRASH])]
    assert run.steps[1].is_cut_short


def test_a_run_begins_with_its_first_event() -> None:
    two = [*runs([*named(PASSING, "a"), *named(FAILING, "b")])]
    assert [(run.env_name, run.finished.verdict) for run in two] == [("a", Verdict.PASSED), ("b", Verdict.FAILED)]


def test_a_stream_without_events_is_one_run_that_was_cut_short() -> None:
    (run,) = runs([])
    assert (run.env_name, run.is_cut_short, run.finished.verdict) == ("prodsim", True, Verdict.INCOMPLETE)


def test_runs_of_one_name_are_told_apart_by_machine_then_by_python_then_by_number() -> None:
    arm = replace(STARTED, platform="linux aarch64")
    of_312 = replace(STARTED, python="CPython 3.12.4")
    old = replace(STARTED, python="CPython 3.9.1")
    assert [run.label for run in runs([STARTED, arm])] == ["prodsim (linux x86_64)", "prodsim (linux aarch64)"]
    assert [run.label for run in runs([of_312, old])] == ["prodsim (CPython 3.12.4)", "prodsim (CPython 3.9.1)"]
    assert [run.label for run in runs([STARTED, STARTED, STARTED])] == ["prodsim", "prodsim #2", "prodsim #3"]
    assert [run.label for run in runs([*named(PASSING, "a"), *named(FAILING, "b")])] == ["a", "b"]


def test_labels_are_unique_whatever_an_environment_is_named() -> None:
    odd = replace(STARTED, env_name="prodsim #2")
    labels = [run.label for run in runs([odd, STARTED, STARTED])]
    assert labels == ["prodsim #2", "prodsim", "prodsim #3"]
