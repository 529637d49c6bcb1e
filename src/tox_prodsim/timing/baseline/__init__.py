"""Baselines: what was accepted, stored as one JSON file for each environment and key.

``store`` loads, merges and saves them, ``contents`` is what a release holds, ``json_reader``, ``json_writer`` and
``contents_json`` are the form of the file; ``candidates`` accepts the files of a CI matrix, ``history`` reads the git
history of a file and ``chart`` draws it.
"""

from tox_prodsim.timing.baseline import contents
from tox_prodsim.timing.baseline.candidates import accepted, candidates
from tox_prodsim.timing.baseline.chart import drawn_as_svg, drawn_as_text
from tox_prodsim.timing.baseline.contents import Contents
from tox_prodsim.timing.baseline.history import history_of, is_shallow
from tox_prodsim.timing.baseline.json_reader import is_distribution
from tox_prodsim.timing.baseline.store import (
    NO_CHANGES,
    Baseline,
    Built,
    EnvironmentChanges,
    environment_changes,
    key_for,
    load,
    merged,
    metric_from,
    outdated_days,
    path_for,
    restricted,
    save,
    update_refused,
)

__all__ = [
    "NO_CHANGES",
    "Baseline",
    "Built",
    "Contents",
    "EnvironmentChanges",
    "accepted",
    "candidates",
    "contents",
    "drawn_as_svg",
    "drawn_as_text",
    "environment_changes",
    "history_of",
    "is_distribution",
    "is_shallow",
    "key_for",
    "load",
    "merged",
    "metric_from",
    "outdated_days",
    "path_for",
    "restricted",
    "save",
    "update_refused",
]
