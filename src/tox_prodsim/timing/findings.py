"""What times, causes and budgets mean for the run: findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tox_prodsim.model.events import Change, Compared, UnknownReason
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.timing.attribution import CauseKind, RegressionCause
from tox_prodsim.timing.series import format_seconds
from tox_prodsim.timing.stats import percent

_ACCEPT = "accept it with --prodsim-update-baseline"
_ACCEPT_RUN = "accept this run with --prodsim-update-baseline"


def finding_for(
    compared: Compared, *, cause: RegressionCause | None = None, other_cpu: str = "", source: Callable[[str], str] = str
) -> Finding | None:
    """Return what a comparison means for the run; None when it is the same, or too short to tell.

    ``other_cpu`` names that of the baseline and this one when they differ: ratios move by some per cent then, and
    slower is a warning. ``source`` turns the path of an installed file into one that the user knows.
    """
    match compared.change:
        case Change.SAME:
            return None
        case Change.SLOWER:
            return _for_cpu(_slower(compared, cause, source), other_cpu)
        case Change.FASTER:
            return _note(
                "PRF704",
                compared,
                f"{compared.metric} is faster than its baseline: {_figures(compared)}{_cause(compared)}",
                f"{_ACCEPT}, so that the gain is kept",
            )
        case Change.UNKNOWN:
            return None if compared.reason is UnknownReason.TOO_SHORT else _unknown(compared)


def release_refused(reason: str) -> Finding:
    """Return the warning that the release of the index is not the file that the baseline recorded."""
    return Finding(
        code="PRF730",
        level=Level.WARNING,
        subject="baseline",
        message=reason,
        hint="find out which of the two files you released; record the baseline of the file that was uploaded, or "
        "set reference_release = false",
    )


def outdated(days: int, created: str) -> Finding:
    """Return the note that a baseline is older than it should be."""
    return Finding(
        code="PRF712",
        level=Level.NOTE,
        subject="baseline",
        message=f"it is {days} days old, of {created}",
        hint=f"{_ACCEPT_RUN}, so that it describes the package as it is",
    )


def _slower(compared: Compared, cause: RegressionCause | None, source: Callable[[str], str]) -> Finding:
    metric = compared.metric
    importtime = f"look at what it imports: python -X importtime -c '{metric}'; "
    file, line = _place(cause)
    return Finding(
        code="PRF702" if metric.is_start_up else "PRF701",
        level=Level.ERROR,
        subject=str(metric),
        message=f"{metric} is slower than its baseline: {_figures(compared)}{_cause(compared)}",
        hint=f"{'' if metric.is_start_up or cause else importtime}if it is meant to be, {_ACCEPT}",
        file=source(file) if file else "",
        line=line,
    )


def _cause(compared: Compared) -> str:
    return f"; {compared.cause}" if compared.cause else ""


def _place(cause: RegressionCause | None) -> tuple[str, int | None]:
    """Return where to look: at the line that imports what is new, in the file of what does more."""
    if cause is None:
        return "", None
    if cause.kind is CauseKind.NEW and cause.location is not None:
        return cause.location.file, cause.location.line
    return cause.file, None


def _for_cpu(finding: Finding, other_cpu: str) -> Finding:
    """Return the finding, as a warning when the baseline is of another CPU."""
    if not other_cpu:
        return finding
    message = f"{finding.message}; the baseline is of another CPU ({other_cpu}), so this does not fail"
    return replace(finding, level=Level.WARNING, message=message)


def _unknown(compared: Compared) -> Finding:
    """Return the finding for a comparison that could not be made."""
    message = f"{compared.metric}: {compared.detail}"
    match compared.reason:
        case UnknownReason.NO_BASELINE:
            took = format_seconds(compared.value_s)
            return _note("PRF705", compared, f"{compared.metric}: {took}, {compared.detail}", _ACCEPT_RUN)
        case UnknownReason.INCONCLUSIVE:
            return _note("PRF703", compared, message, "run it again when the machine is quieter")
        case UnknownReason.NOT_COMPARED:
            return _note("PRF706", compared, message, "time a part of it with measure_imports")
        case _:
            return replace(_note("PRF706", compared, message, ""), level=Level.WARNING)


def contradicted(compared: Compared) -> Finding:
    """Return the finding for an import that worked when it was checked, and fails when it is timed."""
    reason = compared.detail.removeprefix(f"{UnknownReason.NOT_MEASURED}: ")
    return Finding(
        code="IMP515",
        level=Level.ERROR,
        subject=compared.metric.module,
        message=f"imports when it is checked, and fails when it is timed: {reason}",
        hint="import it several times in a fresh interpreter: python -s -c 'import NAME'",
    )


def _note(code: str, compared: Compared, message: str, hint: str) -> Finding:
    return Finding(code=code, level=Level.NOTE, subject=str(compared.metric), message=message, hint=hint)


def _figures(compared: Compared) -> str:
    """Return for example ``148 ms, baseline 92 ms scaled to this machine (+61 %, limit +10 %)``."""
    ratio, expected_s = compared.ratio or 1.0, compared.expected_s or 0.0
    limits = f"{percent(ratio - 1)}, limit {percent(compared.tolerance)}"
    return (
        f"{format_seconds(compared.value_s)}, baseline {format_seconds(expected_s)} scaled to this machine ({limits})"
    )
