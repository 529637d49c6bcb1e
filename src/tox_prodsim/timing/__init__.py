"""Times of imports and starts that can be compared, and what an import is made of; usable without tox.

``measure`` takes interleaved rounds until the rule of ``stats`` decides, ``baseline`` stores what was accepted;
``artefacts`` has the wheel of another version, ``second`` an environment for it, ``pairs`` times it beside the first;
``record`` runs an import once with the exact clock, ``explain`` compares two recordings, and the budgets look at one.
"""

from tox_prodsim.timing import artefacts, baseline, measure, pairs, sampling, second, stats
from tox_prodsim.timing.accepting import accepted, candidates
from tox_prodsim.timing.budgets import Exceeded, forbidden_modules, too_many_modules, work_increased
from tox_prodsim.timing.causes import Cause, Explanation, Kind, Link, Part, chain, explain
from tox_prodsim.timing.drawing import svg as drawn_as_svg
from tox_prodsim.timing.drawing import text as drawn_as_text
from tox_prodsim.timing.gains import Gain, gain
from tox_prodsim.timing.history import history_of, is_shallow
from tox_prodsim.timing.recording import Module, NotRecorded, Recording, Spot, Times, joined, only, recalled, record
from tox_prodsim.timing.stats import Sample
from tox_prodsim.timing.verdicts import finding_for, outdated, over_budget, over_time
from tox_prodsim.timing.wording import sentence, told
from tox_prodsim.timing.work import Work

__all__ = [
    "Cause",
    "Exceeded",
    "Explanation",
    "Gain",
    "Kind",
    "Link",
    "Module",
    "NotRecorded",
    "Part",
    "Recording",
    "Sample",
    "Spot",
    "Times",
    "Work",
    "accepted",
    "artefacts",
    "baseline",
    "candidates",
    "chain",
    "drawn_as_svg",
    "drawn_as_text",
    "explain",
    "finding_for",
    "forbidden_modules",
    "gain",
    "history_of",
    "is_shallow",
    "joined",
    "measure",
    "only",
    "outdated",
    "over_budget",
    "over_time",
    "pairs",
    "recalled",
    "record",
    "sampling",
    "second",
    "sentence",
    "stats",
    "told",
    "too_many_modules",
    "work_increased",
]
