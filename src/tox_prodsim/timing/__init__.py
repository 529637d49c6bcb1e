"""Times of imports and starts that can be compared, and what an import is made of; usable without tox.

``measure`` takes interleaved rounds until the rule of ``stats`` decides. ``baseline`` stores what was accepted.
``paired`` times two versions in the same rounds. ``record`` runs an import once with the exact clock.
``attribute_causes`` compares two recordings. The budgets without a clock read recordings, too.
"""

from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.timing import (
    baseline,
    comparability,
    footprint,
    measure,
    paired,
    sampling,
    series,
    stats,
    together,
)
from tox_prodsim.timing.attribution import CauseKind, Explanation, Link, Part, RegressionCause, attribute_causes, chain
from tox_prodsim.timing.baseline import accepted, candidates, drawn_as_svg, drawn_as_text, history_of, is_shallow
from tox_prodsim.timing.budgets import BudgetViolation, forbidden_modules, too_many_modules, work_increased
from tox_prodsim.timing.findings import contradicted, finding_for, outdated, release_refused
from tox_prodsim.timing.gains import Gain, gain
from tox_prodsim.timing.messages import summary_lines
from tox_prodsim.timing.recording import Module, Recording, SourceLocation, Times, record
from tox_prodsim.timing.stats import Sample
from tox_prodsim.timing.work import Work

__all__ = [
    "START_UP",
    "BudgetViolation",
    "CauseKind",
    "Explanation",
    "Gain",
    "Link",
    "Metric",
    "Module",
    "Part",
    "Recording",
    "RegressionCause",
    "Sample",
    "SourceLocation",
    "Times",
    "Work",
    "accepted",
    "attribute_causes",
    "baseline",
    "budgets",
    "candidates",
    "chain",
    "comparability",
    "contradicted",
    "drawn_as_svg",
    "drawn_as_text",
    "explanation",
    "finding_for",
    "footprint",
    "forbidden_modules",
    "gain",
    "history_of",
    "is_shallow",
    "measure",
    "outdated",
    "paired",
    "record",
    "release_refused",
    "sampling",
    "series",
    "stats",
    "summary_lines",
    "together",
    "too_many_modules",
    "work_increased",
]
