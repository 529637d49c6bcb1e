"""The budgets of the user: which ones were not kept, and which ones could not be checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from tox_prodsim import timing
from tox_prodsim.explaining import Recorded, then_of
from tox_prodsim.findings import Finding
from tox_prodsim.scenario import Budgets
from tox_prodsim.timing import Exceeded, Recording, baseline, measure


@dataclass(frozen=True, kw_only=True, slots=True)
class Took:
    """What one metric took, by the fastest quarter of so many rounds."""

    seconds: float
    rounds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A budget that was not kept, with lines of evidence."""

    finding: Finding
    lines: tuple[str, ...] = ()


def broken(
    budgets: Budgets,
    took: Mapping[str, Took],
    recorded: Recorded,
    stored: baseline.Baseline | None,
    source: Callable[[str], str],
) -> Iterator[Broken]:
    """Yield what is over its budget; ``stored`` None means that nothing was accepted that work could grow from."""
    yield from (Broken(finding=finding) for finding in _over_time(budgets, took))
    told: set[str] = set()
    for name, recording in recorded.imports.items():
        for exceeded in _over_count(budgets, recording):
            if exceeded.message not in told:
                yield _broken(exceeded, f"import {name}", source)
            told.add(exceeded.message)
    then, now = then_of(stored), recorded.whole
    if budgets.work_increase is not None and then is not None and now is not None and _same_targets(then, now):
        grown = timing.work_increased(then, now, budgets.work_increase)
        if grown is not None:
            yield _broken(grown, "imports", source)


def unchecked(budgets: Budgets, recorded: Recorded, stored: baseline.Baseline | None) -> Iterator[str]:
    """Yield which budgets could not be checked, as ``CODE: reason``."""
    for wanted, code in ((budgets.modules, "PRF709"), (budgets.forbidden, "PRF710")):
        if wanted:
            yield from (f"{code}: {reason}" for reason in recorded.missing.values())
    if budgets.work_increase is None:
        return
    then, now = then_of(stored), recorded.whole
    if then is None:
        yield "PRF711: no work is stored yet, accept a run with --prodsim-update-baseline"
    elif now is None or not _same_targets(then, now):
        yield "PRF711: the stored work is of other imports, accept a run with --prodsim-update-baseline"
    elif then.unit != now.unit:
        yield f"PRF711: the stored work was counted in {then.unit}, here it is {now.unit}"


def _over_time(budgets: Budgets, took: Mapping[str, Took]) -> Iterator[Finding]:
    for metric, each in took.items():
        limit_s = budgets.startup_s if metric == measure.START_UP else budgets.import_s
        if limit_s is not None and each.seconds > limit_s:
            yield timing.over_time(metric, each.seconds, each.rounds, limit_s)


def _over_count(budgets: Budgets, recording: Recording) -> Iterator[Exceeded]:
    if budgets.modules is not None and (many := timing.too_many_modules(recording, budgets.modules)):
        yield many
    yield from timing.forbidden_modules(recording, budgets.forbidden)


def _broken(exceeded: Exceeded, subject: str, source: Callable[[str], str]) -> Broken:
    return Broken(finding=timing.over_budget(exceeded, subject=subject, source=source), lines=exceeded.evidence)


def _same_targets(then: Recording, now: Recording) -> bool:
    """Return whether the imports of now are all that was recorded then."""
    return {each.name for each in then.modules if not each.importer} == {
        each.name for each in now.modules if not each.importer
    }
