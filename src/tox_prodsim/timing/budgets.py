"""Limits on an import that need no clock: how many modules, which ones never, how much more work than accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tox_prodsim.timing.causes import chain, explain
from tox_prodsim.timing.recording import Module, Recording, Spot
from tox_prodsim.timing.wording import chained, counted, places


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
