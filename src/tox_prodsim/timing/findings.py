"""What times, causes and budgets mean for the run: findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tox_prodsim.model.events import Change, Compared
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.timing.attribution import CauseKind, RegressionCause
from tox_prodsim.timing.measure import START_UP, Why, shown_s
from tox_prodsim.timing.stats import percent


def finding_for(
    compared: Compared, *, cause: RegressionCause | None = None, other_cpu: str = "", source: Callable[[str], str] = str
) -> Finding | None:
    """Return what a comparison means for the run; None when it is the same.

    ``other_cpu`` names that of the baseline and this one when they differ: ratios move by some per cent then, and
    slower is a warning. ``source`` turns the path of an installed file into one that the user knows.
    """
    match compared.change:
        case Change.SAME:
            return None
        case Change.SLOWER:
            return _advisory(_slower(compared, cause, source), other_cpu)
        case Change.FASTER:
            return _note(
                "PRF704",
                compared,
                f"{compared.metric} is faster than its baseline: {_against(compared)}{_named(compared)}",
                "accept it with --prodsim-update-baseline, so that the gain is kept",
            )
        case Change.UNKNOWN:
            return _unknown_finding(compared)


def outdated(days: int, created: str) -> Finding:
    """Return the note that a baseline is older than it should be."""
    return Finding(
        code="PRF712",
        level=Level.NOTE,
        subject="baseline",
        message=f"it is {days} days old, of {created}",
        hint="accept this run with --prodsim-update-baseline, so that it describes the package as it is",
    )


def _slower(compared: Compared, cause: RegressionCause | None, source: Callable[[str], str]) -> Finding:
    start = compared.metric == START_UP
    name = compared.metric.removeprefix("import ")
    where = "" if start or cause else f"look at what it imports: python -X importtime -c 'import {name}'; "
    file, line = _place(cause)
    return Finding(
        code="PRF702" if start else "PRF701",
        level=Level.ERROR,
        subject=compared.metric,
        message=f"{compared.metric} is slower than its baseline: {_against(compared)}{_named(compared)}",
        hint=f"{where}if it is meant to be, accept it with --prodsim-update-baseline",
        file=source(file) if file else "",
        line=line,
    )


def _named(compared: Compared) -> str:
    return f"; {compared.cause}" if compared.cause else ""


def _place(cause: RegressionCause | None) -> tuple[str, int | None]:
    """Return where to look: at the line that imports what is new, in the file of what does more."""
    if cause is None:
        return "", None
    if cause.kind is CauseKind.NEW and cause.spot is not None:
        return cause.spot.file, cause.spot.line
    return cause.file, None


def _advisory(finding: Finding, other_cpu: str) -> Finding:
    if not other_cpu:
        return finding
    message = f"{finding.message}; the baseline is of another CPU ({other_cpu}), so this does not fail"
    return replace(finding, level=Level.WARNING, message=message)


def _unknown_finding(compared: Compared) -> Finding:
    """Return the note for a comparison that could not be made, by how its detail begins."""
    metric, detail = compared.metric, compared.detail
    if detail.startswith(Why.NO_BASELINE):
        return _note(
            "PRF705",
            compared,
            f"{metric}: {shown_s(compared.value_s)}, {detail}",
            "accept this run with --prodsim-update-baseline",
        )
    if detail.startswith(Why.INCONCLUSIVE):
        return _note("PRF703", compared, f"{metric}: {detail}", "run it again when the machine is quieter")
    if detail.startswith(Why.NOT_COMPARED):
        return _note("PRF706", compared, f"{metric}: {detail}", "time a part of it with measure_imports")
    return replace(_note("PRF706", compared, f"{metric}: {detail}", ""), level=Level.WARNING)


def _note(code: str, compared: Compared, message: str, hint: str) -> Finding:
    return Finding(code=code, level=Level.NOTE, subject=compared.metric, message=message, hint=hint)


def _against(compared: Compared) -> str:
    """Return for example ``148 ms, 92 ms expected here (+61 %, limit +10 %)``."""
    ratio, expected_s = compared.ratio or 1.0, compared.expected_s or 0.0
    within = f"{percent(ratio - 1)}, limit {percent(compared.tolerance)}"
    return f"{shown_s(compared.value_s)}, expected {shown_s(expected_s)} here ({within})"
