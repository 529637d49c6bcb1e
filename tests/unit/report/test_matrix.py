"""The matrix of several runs: its columns, its cells, and the verdict over all of them."""

from __future__ import annotations

import pytest
from support.run_events import CRASH, FAILING, PASSING, STARTED, named

from tox_prodsim.model.events import Found, Outcome, RunFinished, Step, StepFinished, StepStarted
from tox_prodsim.model.findings import Verdict
from tox_prodsim.report.matrix import Cell, Result, cell, steps, summary, verdict
from tox_prodsim.report.runs import runs

BOTH = runs([*named(PASSING, "a"), *named(FAILING, "b")])


def test_the_columns_are_the_steps_of_any_run_in_their_order() -> None:
    assert steps(BOTH) == [Step.WHEEL, Step.IMPORT, Step.DEPLOY, Step.COMPARE]


def test_a_cell_is_the_result_of_a_step_with_the_codes_that_were_found() -> None:
    table = [[cell(run, step) for step in steps(BOTH)] for run in BOTH]
    assert [[each.result.word for each in row] for row in table] == [
        ["ok", "", "ok", "ok"],
        ["ok", "warn", "FAIL", "not checked"],
    ]
    assert table[1][2] == Cell(result=Result.FAILED, codes=("RUN602",), duration_s=0.14)


def test_of_several_steps_of_a_kind_the_worst_counts() -> None:
    ended = StepFinished(step=Step.DEPLOY, outcome=Outcome.OK, detail="", duration_s=1.0)
    begun = StepStarted(step=Step.DEPLOY)
    (run,) = runs([STARTED, begun, Found(finding=CRASH), Found(finding=CRASH), ended, begun])
    assert cell(run, Step.DEPLOY) == Cell(result=Result.FAILED, codes=("RUN602",), duration_s=1.0)
    (run,) = runs([STARTED, begun, ended, begun])
    assert cell(run, Step.DEPLOY).result is Result.CUT_SHORT


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["passed", "passed"], "passed"),
        (["passed", "cancelled"], "cancelled"),
        (["cancelled", "incomplete"], "incomplete"),
        (["incomplete", "failed", "passed"], "failed"),
    ],
)
def test_the_verdict_is_the_worst_one(verdicts: list[str], expected: str) -> None:
    def ended(text: str) -> RunFinished:
        return RunFinished(verdict=Verdict(text), errors=1, warnings=2, notes=3, checks=4, duration_s=0.5)

    all_runs = runs(each for text in verdicts for each in (STARTED, ended(text)))
    assert verdict(all_runs) == expected
    assert summary(all_runs).checks == 4 * len(verdicts)


def test_a_run_that_was_killed_does_not_pass() -> None:
    assert verdict(runs([*PASSING, STARTED])) is Verdict.INCOMPLETE
