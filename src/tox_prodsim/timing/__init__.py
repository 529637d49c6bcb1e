"""Times of imports and starts that can be compared, and what an import is made of; usable without tox.

``measure`` takes interleaved rounds until the rule of ``stats`` decides, ``baseline`` stores what was accepted;
``artefacts`` has the wheel of another version, ``second`` an environment for it, ``pairs`` times it beside the first;
``record`` runs an import once with the exact clock, ``explain`` compares two recordings, and the budgets look at one.
"""

from tox_prodsim.timing import baseline, measure, paired, sampling, stats
from tox_prodsim.timing.attribution import CauseKind, Explanation, Link, Part, RegressionCause, chain, explain
from tox_prodsim.timing.baseline import accepted, candidates, drawn_as_svg, drawn_as_text, history_of, is_shallow
from tox_prodsim.timing.budgets import (
    Exceeded,
    forbidden_modules,
    too_many_modules,
    work_increased,
)
from tox_prodsim.timing.findings import finding_for, outdated
from tox_prodsim.timing.gains import Gain, gain
from tox_prodsim.timing.messages import sentence, told
from tox_prodsim.timing.recording import Module, Recording, Spot, Times, joined, only, recalled, record
from tox_prodsim.timing.stats import Sample
from tox_prodsim.timing.work import Work

__all__ = [
    "CauseKind",
    "Exceeded",
    "Explanation",
    "Gain",
    "Link",
    "Module",
    "Part",
    "Recording",
    "RegressionCause",
    "Sample",
    "Spot",
    "Times",
    "Work",
    "accepted",
    "baseline",
    "budgets",
    "candidates",
    "chain",
    "drawn_as_svg",
    "drawn_as_text",
    "explain",
    "explanation",
    "finding_for",
    "forbidden_modules",
    "gain",
    "history_of",
    "is_shallow",
    "joined",
    "measure",
    "only",
    "outdated",
    "paired",
    "recalled",
    "record",
    "sampling",
    "sentence",
    "stats",
    "told",
    "too_many_modules",
    "work_increased",
]
