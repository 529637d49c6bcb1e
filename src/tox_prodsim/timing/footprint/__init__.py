"""What a release takes besides time, beside what was accepted: sizes, modules, memory, threads and descriptors.

``stored`` is what is measured and what a baseline remembers of it, ``rule`` compares the two, ``causes`` names what has
grown, ``findings`` and ``budgets`` say what that means for the run.
"""

from tox_prodsim.timing.footprint.budgets import broken_limits, unchecked_limits
from tox_prodsim.timing.footprint.causes import (
    NO_CAUSE,
    GrowthCause,
    holders_cause,
    module_cause,
    parts_cause,
    size_cause,
)
from tox_prodsim.timing.footprint.findings import footprint_finding
from tox_prodsim.timing.footprint.holders import holding_lines
from tox_prodsim.timing.footprint.peaks import PeakRunner
from tox_prodsim.timing.footprint.rule import Tolerances, compare_quantity
from tox_prodsim.timing.footprint.stored import HISTORY, Footprint, merge_footprint
from tox_prodsim.timing.footprint.weighed import Weighed

__all__ = [
    "HISTORY",
    "NO_CAUSE",
    "Footprint",
    "GrowthCause",
    "PeakRunner",
    "Tolerances",
    "Weighed",
    "broken_limits",
    "compare_quantity",
    "footprint_finding",
    "holders_cause",
    "holding_lines",
    "merge_footprint",
    "module_cause",
    "parts_cause",
    "size_cause",
    "unchecked_limits",
]
