"""What an import is made of, why it got slower, and whether it keeps its budgets; usable without tox.

``record`` runs the import in the environment, ``explain`` compares two recordings, and the budgets look at one.
"""

from tox_prodsim.timing.budgets import Exceeded, forbidden_modules, too_many_modules, work_increased
from tox_prodsim.timing.causes import Cause, Explanation, Kind, Link, Part, chain, explain
from tox_prodsim.timing.recording import Module, NotRecorded, Recording, Spot, Times, recalled, record
from tox_prodsim.timing.wording import told

__all__ = [
    "Cause",
    "Exceeded",
    "Explanation",
    "Kind",
    "Link",
    "Module",
    "NotRecorded",
    "Part",
    "Recording",
    "Spot",
    "Times",
    "chain",
    "explain",
    "forbidden_modules",
    "recalled",
    "record",
    "told",
    "too_many_modules",
    "work_increased",
]
