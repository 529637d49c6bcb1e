"""The sections about time that passed: the steps of the run, and what the deployment did, service by service."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tox_prodsim.model.events import Outcome, Progress
from tox_prodsim.model.findings import Level
from tox_prodsim.model.formatting import joined
from tox_prodsim.report import units
from tox_prodsim.report.html.charts import Chart, Item
from tox_prodsim.report.html.markup import Content, Markup, columns, folded, isolated, label, table, tag
from tox_prodsim.report.runs import Run, StepRun
from tox_prodsim.report.wording import code_and_reason

MOST_ROWS = 200
_STARTS = {"spawn", "restart", "listening", "answers"}
_STANDS = {"ready", "again", "steady", "commands", "requests"}
_ENDS = {"stopped", "ended", "died", "TIMEOUT"}


def steps(run: Run, prefix: str) -> Iterator[Markup]:
    """Yield the steps of a run as a picture, laid end to end, and as a table."""
    shown = [each for each in run.steps if each.step is not None]
    whole = max([0.0, *(end for _, end in _laid_out(shown))])
    if whole > 0:
        yield Chart(
            title="Timeline of the run, step by step",
            items=list(_bars(shown, whole, prefix)),
            role="listbox",
            rows=len(shown),
            span=whole,
        ).draw()
    heads = columns("step", "result", "detail", "time", numbers=(3,), short=(0, 1))
    names = [f"{prefix}-{each.name}" for each in shown]
    yield table("Steps of the run", heads, map(_step, shown), ids=names, hidden=True)
    unchecked = [code_and_reason(each) for step in shown if step.finished for each in step.finished.not_checked]
    if unchecked:
        made = table("Checks that were not made", columns("check", "reason"), unchecked, hidden=True)
        yield folded(f"Not checked ({len(unchecked)})", made)
    if known := [(each,) for step in shown if step.finished for each in step.finished.known]:
        yield folded(
            f"Known from the baseline ({len(known)})", table("Known findings", columns("finding"), known, hidden=True)
        )


def result(step: StepRun) -> tuple[str, str]:
    """Return what a step came to, and the kind of its color."""
    if step.finished is None:
        return "cut short", "failed"
    levels = {each.level for each in step.findings}
    if step.finished.outcome is Outcome.FAILED or Level.ERROR in levels:
        return "FAIL", "failed"
    if step.finished.outcome is Outcome.NOT_CHECKED:
        return "not checked", "skipped"
    return ("warning", "busy") if Level.WARNING in levels else ("ok", "up")


def _bars(shown: Sequence[StepRun], whole: float, prefix: str) -> Iterator[Item]:
    for at, (each, (begin, end)) in enumerate(zip(shown, _laid_out(shown), strict=True)):
        words, kind = result(each)
        took = words if kind == "skipped" else units.duration(end - begin)
        yield Item(
            label=f"{each.name} {took}",
            name=f"{each.name}: {words}, {units.duration(end - begin)}, from {begin:.2f} s on",
            begin=begin / whole,
            end=end / whole,
            row=at,
            kind=kind,
            target=f"{prefix}-{each.name}",
            beside=True,
        )


def _laid_out(shown: Sequence[StepRun]) -> list[tuple[float, float]]:
    """Return when each step began and ended; one of which that is not known follows the step before."""
    found: list[tuple[float, float]] = []
    for each in shown:
        begin = found[-1][1] if found and each.began_s is None else _plain(each.began_s or 0.0)
        found.append((begin, begin + _plain(each.duration_s)))
    return found


def _step(step: StepRun) -> list[Content]:
    words, kind = result(step)
    finished = step.finished
    detail = step.subject if finished is None else finished.detail
    codes = ", ".join(dict.fromkeys(each.code for each in step.findings))
    reasons = "" if finished is None or finished.outcome is Outcome.NOT_CHECKED else _impossible(finished.impossible)
    facts = joined((detail, reasons), "; ")
    named = [isolated(facts), tag("span", f" [{codes}]" if codes else "", class_="codes")]
    duration = "" if kind == "skipped" else units.duration(step.duration_s)
    return [step.name, label(words, kind), named, duration]


def _impossible(reasons: Sequence[str]) -> str:
    return f"not checked: {'; '.join(reasons[:3])}" if reasons else ""


def deployment(step: StepRun, prefix: str) -> Iterator[Markup]:
    """Yield the timeline of a step as a picture with a row for each service, and as a table."""
    if step.subject:
        yield tag("p", tag("code", step.subject))
    events = step.timeline[:MOST_ROWS]
    timed = [each for each in events if math.isfinite(each.at_s)]
    whole = max([_plain(step.duration_s), *(_plain(each.at_s) for each in timed)])
    ids = {id(each): f"{prefix}-{step.name}-{at}" for at, each in enumerate(events)}
    if timed and whole > 0:
        services = list(dict.fromkeys(each.service for each in timed))
        named = any(services)
        yield Chart(
            title=f"Timeline of {step.name}",
            items=list(_phases(timed, services, whole, ids)),
            role="listbox",
            rows=len(services) * (2 if named else 1),
            span=whole,
            headings=[(2 * at, service or step.name) for at, service in enumerate(services)] if named else (),
        ).draw()
    several = any(each.service for each in events)
    heads = columns(
        "seconds", "event", "detail", "limit", *(["service"] if several else []), numbers=(0,), short=(1, 4)
    )
    rows = (_event(each, several=several) for each in events)
    yield table(f"Timeline of {step.name}", heads, rows, ids=[ids[id(each)] for each in events], hidden=True)
    if left := len(step.timeline) - len(events):
        yield tag("p", f"{left} more events are in the raw events.")


def _phases(events: Sequence[Progress], services: Sequence[str], whole: float, ids: dict[int, str]) -> Iterator[Item]:
    """Yield each event with the time until the next one of its service; what has ended lasts no longer."""
    for at, service in enumerate(services):
        own = sorted((each for each in events if each.service == service), key=lambda each: each.at_s)
        for event, following in zip(own, [*own[1:], None], strict=True):
            lasts = event.name not in _ENDS and following is not None
            begin, end = _plain(event.at_s), _plain(following.at_s) if following is not None and lasts else 0.0
            lasted = f", until {following.name} {end - begin:.3f} s" if following is not None and lasts else ""
            name = joined((f"{begin:.3f} s", service, event.name, event.detail), " ")
            yield Item(
                label=event.name,
                name=f"{name}{lasted}",
                begin=begin / whole,
                end=max(end, begin) / whole,
                row=2 * at + 1 if any(services) else at,
                kind=_kind(event.name),
                target=ids[id(event)],
                ticked=True,
            )


def _kind(name: str) -> str:
    if name in _ENDS:
        return "failed" if name in {"died", "TIMEOUT"} else "skipped"
    return "plain" if name in _STARTS else "up" if name in _STANDS else "busy"


def _event(event: Progress, *, several: bool) -> list[Content]:
    used_s = event.at_s if event.used_s is None else event.used_s
    limit = "" if event.limit_s is None else units.limit(event.limit_s, used_s)
    at = f"{event.at_s:.3f}" if math.isfinite(event.at_s) else "?"
    cells: list[Content] = [at, event.name, isolated(event.detail), limit]
    return [*cells, event.service] if several else cells


def _plain(value: float) -> float:
    """Return the seconds, 0 for what is negative or not a number."""
    return value if math.isfinite(value) and 0 < value < 1e9 else 0.0
