"""What a deployment leaves behind: a snapshot is taken before its start, and compared after its end.

``files`` and ``shared_memory`` compare what is there, ``log`` reads what the interpreter printed, ``hook_records`` what
the hook wrote down; ``snapshot`` puts them together, and ``findings`` says what a leak means.
"""

from tox_prodsim.deployment.leaks.log import LEAK_PATTERN
from tox_prodsim.deployment.leaks.snapshot import (
    LeakEvidence,
    Snapshot,
    find_leaks,
    find_shared_leaks,
    take_snapshot,
    unlogged_stderr,
)

__all__ = [
    "LEAK_PATTERN",
    "LeakEvidence",
    "Snapshot",
    "find_leaks",
    "find_shared_leaks",
    "findings",
    "take_snapshot",
    "unlogged_stderr",
]
