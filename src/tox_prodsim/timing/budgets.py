"""Budgets of imports and of the start-up: time, number of modules, forbidden modules, increase of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.metrics import Metric
from tox_prodsim.model.scenario import Budgets
from tox_prodsim.timing import baseline
from tox_prodsim.timing.attribution import attribute_causes, chain
from tox_prodsim.timing.explanation import ImportRecordings, stored_recording
from tox_prodsim.timing.messages import format_chain, format_work, import_locations
from tox_prodsim.timing.recording import Module, Recording, SourceLocation
from tox_prodsim.timing.series import format_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetViolation:
    """A budget without a clock that was not kept."""

    budget: str
    """The key of the budget."""
    message: str
    evidence: tuple[str, ...] = ()
    location: SourceLocation | None = None
    """The line to look at; None: there is no single one."""


def too_many_modules(recording: Recording, limit: int) -> BudgetViolation | None:
    """Return that more modules are imported than ``limit``, or None."""
    count = len(recording.modules)
    if count <= limit:
        return None
    largest = Counter(module.origin for module in recording.modules).most_common(5)
    return BudgetViolation(
        budget="max_modules",
        message=f"import {' '.join(recording.targets)} imports {count} modules, the limit is {limit}",
        evidence=(", ".join(f"{origin} {number}" for origin, number in largest),),
    )


def forbidden_modules(recording: Recording, names: Sequence[str]) -> Iterator[BudgetViolation]:
    """Yield each forbidden module (a name covers what is inside of it) that is imported, once, where it comes in."""
    for name in names:
        inside = [each for each in recording.modules if f"{each.name}.".startswith(f"{name}.")]
        if inside:
            yield _forbidden(recording, name, inside[0])


def work_increased(then: Recording, now: Recording, limit: float) -> BudgetViolation | None:
    """Return that the exact work has grown by more than the fraction ``limit``, or None; other units do not compare."""
    increase = now.work.increase_since(then.work)
    if increase is None or increase <= limit:
        return None
    causes = attribute_causes(then, now).causes
    first = f", most of it in {causes[0].module}" if causes and causes[0].module else ""
    amounts = f"{then.work.amount:,} -> {now.work.amount:,} {now.unit}"
    return BudgetViolation(
        budget="max_work_increase",
        message=f"the work has grown by {_percent(increase)} ({amounts}), the limit is {100 * limit:g} %{first}",
        evidence=tuple(f"{format_work(each.work, now.unit)}  {each.module}" for each in causes),
        location=causes[0].location if causes else None,
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %" if fraction < 1 else f"{100 * fraction:,.0f} %"


def _forbidden(recording: Recording, name: str, found: Module) -> BudgetViolation:
    links = chain(recording, found.name)
    what = found.name if found.name == name else f"{found.name} (of {name})"
    where = f" at {found.at}" if found.at is not None else ""
    return BudgetViolation(
        budget="forbid_modules",
        message=f"{what} is forbidden and imported{where}: {format_chain(links)}",
        evidence=tuple(import_locations(links)),
        location=found.at,
    )


_BUDGETS = {
    "max_modules": (
        "PRF709",
        "import what is rarely needed inside of the function that needs it, or raise max_modules",
    ),
    "forbid_modules": ("PRF710", "import it inside of the function that needs it, or take it out of forbid_modules"),
    "max_work_increase": ("PRF711", "if it is meant to be, accept it with --prodsim-update-baseline"),
}
"""Code and hint of each budget that needs no clock."""


def over_time(metric: Metric, duration: MetricDuration, limit_s: float) -> Finding:
    """Return that a time is over its budget."""
    rounds, name = duration.rounds, "max_startup_time" if metric.is_start_up else "max_import_time"
    even = f"even the fastest quarter of {rounds} rounds is over it" if rounds > 1 else "in the one that was timed"
    limit = f"the limit is {format_seconds(limit_s)}"
    return Finding(
        code="PRF708" if metric.is_start_up else "PRF707",
        level=Level.ERROR,
        subject=str(metric),
        message=f"{metric} takes {format_seconds(duration.seconds)}, {limit}: {even}",
        hint=f"make it faster, or raise {name}",
    )


def over_budget(violation: BudgetViolation, *, subject: str, source: Callable[[str], str] = str) -> Finding:
    """Return that a budget without a clock was not kept."""
    code, hint = _BUDGETS[violation.budget]
    location = violation.location
    return Finding(
        code=code,
        level=Level.ERROR,
        subject=subject,
        message=violation.message,
        hint=hint,
        file=source(location.file) if location else "",
        line=location.line if location else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class MetricDuration:
    """What one metric took, by the fastest quarter of so many rounds."""

    seconds: float
    rounds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenBudget:
    """A budget that was not kept, with lines of evidence."""

    finding: Finding
    lines: tuple[str, ...] = ()


def broken_budgets(
    budgets: Budgets,
    durations: Mapping[Metric, MetricDuration],
    recordings: ImportRecordings,
    stored: baseline.Baseline | None,
    source: Callable[[str], str],
) -> Iterator[BrokenBudget]:
    """Yield what is over its budget; ``stored`` None means that nothing was accepted that work could grow from."""
    yield from (BrokenBudget(finding=finding) for finding in _over_time(budgets, durations))
    reported: set[str] = set()
    for name, recording in recordings.imports.items():
        for violation in _over_count(budgets, recording):
            if violation.message not in reported:
                yield _broken(violation, f"import {name}", source)
            reported.add(violation.message)
    then, now = stored_recording(stored), recordings.combined
    if budgets.work_increase is not None and then is not None and now is not None and _same_targets(then, now):
        increased = work_increased(then, now, budgets.work_increase)
        if increased is not None:
            yield _broken(increased, "imports", source)


def unchecked_budgets(
    budgets: Budgets, recordings: ImportRecordings, stored: baseline.Baseline | None
) -> Iterator[str]:
    """Yield which budgets could not be checked, as ``CODE: reason``."""
    for budget, code in ((budgets.modules, "PRF709"), (budgets.forbidden, "PRF710")):
        if budget:
            yield from (f"{code}: {reason}" for reason in recordings.missing.values())
    if budgets.work_increase is None:
        return
    then, now = stored_recording(stored), recordings.combined
    if then is None:
        yield "PRF711: no work is stored yet, accept a run with --prodsim-update-baseline"
    elif now is None or not _same_targets(then, now):
        yield "PRF711: the stored work is of other imports, accept a run with --prodsim-update-baseline"
    elif then.unit != now.unit:
        yield f"PRF711: the stored work was counted in {then.unit}, here it is {now.unit}"


def _over_time(budgets: Budgets, durations: Mapping[Metric, MetricDuration]) -> Iterator[Finding]:
    for metric, duration in durations.items():
        limit_s = budgets.startup_s if metric.is_start_up else budgets.import_s
        if limit_s is not None and duration.seconds > limit_s:
            yield over_time(metric, duration, limit_s)


def _over_count(budgets: Budgets, recording: Recording) -> Iterator[BudgetViolation]:
    if budgets.modules is not None and (many := too_many_modules(recording, budgets.modules)):
        yield many
    yield from forbidden_modules(recording, budgets.forbidden)


def _broken(violation: BudgetViolation, subject: str, source: Callable[[str], str]) -> BrokenBudget:
    return BrokenBudget(finding=over_budget(violation, subject=subject, source=source), lines=violation.evidence)


def _same_targets(then: Recording, now: Recording) -> bool:
    """Return whether the imports of now are all that was recorded then."""
    return {each.name for each in then.modules if not each.importer} == {
        each.name for each in now.modules if not each.importer
    }
