"""The sweep of the next run, after the one ending that can leave something: guard, warden and host killed at once."""

from __future__ import annotations

import inspect
from pathlib import Path

from tox_prodsim import supervision

IS_KEPT = "ledger" in inspect.signature(supervision.start).parameters


def sweep(folder: Path) -> None:
    """End what the runs that are recorded in a folder have left."""
    supervision.sweep(folder)
