"""Limits on an import that need no clock: how many modules, which ones never, how much more work than accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.scenario import Budgets
from tox_prodsim.timing import baseline, measure
from tox_prodsim.timing.attribution import chain, explain
from tox_prodsim.timing.explanation import Recorded, then_of
from tox_prodsim.timing.measure import START_UP, shown_s
from tox_prodsim.timing.messages import chained, counted, places
from tox_prodsim.timing.recording import Module, Recording, Spot


@dataclass(frozen=True, kw_only=True, slots=True)
class Exceeded:
    """A budget that was not kept: its name, one sentence, evidence, and the line to look at (None: no single one)."""

    budget: str
    message: str
    evidence: tuple[str, ...] = ()
    spot: Spot | None = None


def too_many_modules(recording: Recording, limit: int) -> Exceeded | None:
    """Return that more modules are imported than ``limit``, or None."""
    count = len(recording.modules)
    if count <= limit:
        return None
    by_origin: dict[str, int] = {}
    for module in recording.modules:
        by_origin[module.origin] = by_origin.get(module.origin, 0) + 1
    largest = sorted(by_origin.items(), key=lambda item: -item[1])[:5]
    return Exceeded(
        budget="max_modules",
        message=f"import {' '.join(recording.targets)} imports {count} modules, the limit is {limit}",
        evidence=(", ".join(f"{origin} {number}" for origin, number in largest),),
    )


def forbidden_modules(recording: Recording, names: Sequence[str]) -> Iterator[Exceeded]:
    """Yield each forbidden module (a name covers what is inside of it) that is imported, once, where it comes in."""
    for name in names:
        inside = [each for each in recording.modules if f"{each.name}.".startswith(f"{name}.")]
        if inside:
            yield _forbidden(recording, name, inside[0])


def work_increased(then: Recording, now: Recording, limit: float) -> Exceeded | None:
    """Return that the exact work has grown by more than the fraction ``limit``, or None; other units do not compare."""
    increase = now.work.increase_since(then.work)
    if increase is None or increase <= limit:
        return None
    causes = explain(then, now).causes
    first = f", most of it in {causes[0].module}" if causes and causes[0].module else ""
    amounts = f"{then.work.amount:,} -> {now.work.amount:,} {now.unit}"
    return Exceeded(
        budget="max_work_increase",
        message=f"the work has grown by {_percent(increase)} ({amounts}), the limit is {100 * limit:g} %{first}",
        evidence=tuple(f"{counted(each.work, now.unit)}  {each.module}" for each in causes),
        spot=causes[0].spot if causes else None,
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %" if fraction < 1 else f"{100 * fraction:,.0f} %"


def _forbidden(recording: Recording, name: str, found: Module) -> Exceeded:
    links = chain(recording, found.name)
    what = found.name if found.name == name else f"{found.name} (of {name})"
    where = f" at {found.at}" if found.at is not None else ""
    return Exceeded(
        budget="forbid_modules",
        message=f"{what} is forbidden and imported{where}: {chained(links)}",
        evidence=tuple(places(links)),
        spot=found.at,
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


def over_time(metric: str, seconds: float, rounds: int, limit_s: float) -> Finding:
    """Return that a time is over its budget; ``seconds`` is that of the fastest quarter of the rounds."""
    start = metric == START_UP
    even = f"even the fastest quarter of {rounds} rounds is over it" if rounds > 1 else "in the one that was timed"
    return Finding(
        code="PRF708" if start else "PRF707",
        level=Level.ERROR,
        subject=metric,
        message=f"{metric} takes {shown_s(seconds)}, the limit is {shown_s(limit_s)}: {even}",
        hint=f"make it faster, or raise {'max_startup_time' if start else 'max_import_time'}",
    )


def over_budget(exceeded: Exceeded, *, subject: str, source: Callable[[str], str] = str) -> Finding:
    """Return that a budget without a clock was not kept."""
    code, hint = _BUDGETS[exceeded.budget]
    spot = exceeded.spot
    return Finding(
        code=code,
        level=Level.ERROR,
        subject=subject,
        message=exceeded.message,
        hint=hint,
        file=source(spot.file) if spot else "",
        line=spot.line if spot else None,
    )


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
        grown = work_increased(then, now, budgets.work_increase)
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
            yield over_time(metric, each.seconds, each.rounds, limit_s)


def _over_count(budgets: Budgets, recording: Recording) -> Iterator[Exceeded]:
    if budgets.modules is not None and (many := too_many_modules(recording, budgets.modules)):
        yield many
    yield from forbidden_modules(recording, budgets.forbidden)


def _broken(exceeded: Exceeded, subject: str, source: Callable[[str], str]) -> Broken:
    return Broken(finding=over_budget(exceeded, subject=subject, source=source), lines=exceeded.evidence)


def _same_targets(then: Recording, now: Recording) -> bool:
    """Return whether the imports of now are all that was recorded then."""
    return {each.name for each in then.modules if not each.importer} == {
        each.name for each in now.modules if not each.importer
    }
