"""The matrix of a report of several runs: environments by steps, and one verdict over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.events import Outcome, RunFinished, Step
from tox_prodsim.model.findings import Level, Verdict
from tox_prodsim.model.formatting import counted
from tox_prodsim.report.runs import Run, StepRun


class Result(StrEnum):
    """What a step of a run came to; the first of several is the worst."""

    FAILED = "failed"
    CUT_SHORT = "cut short"
    WARNING = "warning"
    OK = "ok"
    NOT_CHECKED = "not checked"
    ABSENT = ""
    """The run has no such step."""

    @property
    def word(self) -> str:
        """Return what people read in a cell."""
        return {Result.FAILED: "FAIL", Result.WARNING: "warn"}.get(self, self.value)


_VERDICTS = (Verdict.FAILED, Verdict.INCOMPLETE, Verdict.CANCELLED, Verdict.PASSED)
"""The worst first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """What a step came to in an environment."""

    result: Result
    codes: tuple[str, ...] = ()
    """The codes of its findings, each once."""
    duration_s: float = 0.0


def steps(runs: Sequence[Run]) -> list[Step]:
    """Return the steps that a run has, in their order: the columns of the matrix."""
    present = {each.step for run in runs for each in run.steps}
    return [step for step in Step if step in present]


def cell(run: Run, step: Step) -> Cell:
    """Return what a step came to; of several of this kind the worst, and the findings of all."""
    same = [each for each in run.steps if each.step is step]
    results = {_result(each) for each in same}
    codes = (finding.code for each in same for finding in each.findings)
    return Cell(
        result=next((each for each in Result if each in results), Result.ABSENT),
        codes=tuple(dict.fromkeys(codes)),
        duration_s=sum(each.duration_s for each in same),
    )


def _result(step: StepRun) -> Result:
    levels = {finding.level for finding in step.findings}
    outcome = step.finished.outcome if step.finished is not None else None
    if outcome is Outcome.FAILED or Level.ERROR in levels:
        return Result.FAILED
    if outcome is None:
        return Result.CUT_SHORT
    if Level.WARNING in levels:
        return Result.WARNING
    return Result.OK if outcome is Outcome.OK else Result.NOT_CHECKED


def verdict(runs: Sequence[Run]) -> Verdict:
    """Return the worst verdict: passed only if every run has passed."""
    found = {run.finished.verdict for run in runs}
    return next((each for each in _VERDICTS if each in found), Verdict.INCOMPLETE)


def passed(runs: Sequence[Run]) -> str:
    """Return how many of the environments have passed."""
    number = sum(run.finished.verdict is Verdict.PASSED for run in runs)
    return f"{number} of {counted(len(runs), 'environment')} passed"


def summary(runs: Sequence[Run]) -> RunFinished:
    """Return the verdict over all runs, and the sums of what was found and how long it took."""
    ends = [run.finished for run in runs]
    return RunFinished(
        verdict=verdict(runs),
        errors=sum(each.errors for each in ends),
        warnings=sum(each.warnings for each in ends),
        notes=sum(each.notes for each in ends),
        checks=sum(each.checks for each in ends),
        duration_s=sum(each.duration_s for each in ends),
    )
