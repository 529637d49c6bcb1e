"""What a comparison cannot tell: times that are too short for it, and differences that noise alone makes."""

from __future__ import annotations

import math
from dataclasses import replace

from tox_prodsim.model.events import Change, Compared, Series, UnknownReason
from tox_prodsim.timing import stats
from tox_prodsim.timing.series import format_seconds

_QUANTILE = 2.65
"""Of the normal distribution, for the level at which a change is suspected (``stats.SUSPECT_P``, one-sided)."""


def with_limits(compared: Compared) -> Compared:
    """Return the comparison, with what it cannot tell; a change that was found stays one."""
    if compared.expected_s is None or compared.change in {Change.SLOWER, Change.FASTER}:
        return compared
    if compared.expected_s < stats.FLOOR_S:
        return _too_short(compared)
    change = abs((compared.ratio or 1.0) - 1)
    unclear = compared.change is Change.SAME and change > compared.tolerance and compared.series
    return replace(compared, noise=max(_noise(compared.series[-1]), change)) if unclear else compared


def _too_short(compared: Compared) -> Compared:
    """Return a comparison of times that are below the smallest difference that can be told from noise."""
    least = f"only a difference of more than {format_seconds(stats.FLOOR_S)} can be told from noise"
    return replace(
        compared,
        change=Change.UNKNOWN,
        expected_s=None,
        ratio=None,
        reason=UnknownReason.TOO_SHORT,
        detail=f"{UnknownReason.TOO_SHORT}: {least}, name modules in measure_imports",
    )


def _noise(series: Series) -> float:
    """Return the difference that noise makes in a series; one that the rule calls chance can be larger."""
    error = stats.relative_error(series.samples_s, series.control_samples_s)
    return _QUANTILE * math.hypot(error, series.rel_error, stats.SESSION_ERROR)
