"""Candidates of a CI matrix: find them in a folder, and return which baseline each of them becomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.scenario import Update
from tox_prodsim.timing.baseline.store import Baseline, load, merged, path_for, restricted

_KEY = "baseline accept"
_NAMED_FOR_KEY = lazy_regex(r"[a-z]+-\d+\.\d+t?-.+\.json")


def candidates(folder: Path) -> tuple[tuple[Path, Baseline], ...]:
    """Return what ``candidate.json`` and ``<key>.json`` anywhere in the folder hold.

    Raises ProdsimError for one that is not usable, and when there is none.
    """
    if not folder.is_dir():
        msg = f"{folder} is not a folder, give the one with the candidates of the runs"
        raise ProdsimError(_KEY, msg)
    paths = sorted(path for path in folder.rglob("*.json") if _is_candidate(path.name))
    found = [(path, loaded) for path in paths if (loaded := load(path, any_name=True)) is not None]
    if not found:
        msg = f"{folder} has no candidate.json and no file named for a key"
        raise ProdsimError(_KEY, msg)
    return tuple(found)


def accepted(
    found: Sequence[tuple[Path, Baseline]], stores: Mapping[str, Path], part: Update = Update.ALL
) -> Iterator[tuple[Path, Baseline, bool]]:
    """Yield where each candidate belongs, what is to be stored there, and whether that is a change.

    ``stores`` are the folders of baselines by name of environment, ``part`` is what is accepted. Raises ProdsimError
    before the first one when a candidate is of no known environment, or when two differ that are for one place.
    """
    places: dict[Path, tuple[Path, Baseline]] = {}
    for path, candidate in found:
        place = path_for(_store(path, candidate, stores), candidate.env, candidate.key)
        other = places.setdefault(place, (path, candidate))
        if other[1] != candidate:
            msg = f"{other[0]} and {path} are both for {candidate.env}/{candidate.key}, remove one"
            raise ProdsimError(_KEY, msg)
    stored = {place: load(place) for place in places}
    for place, (_, candidate) in places.items():
        new = merged(stored[place], restricted(candidate, part))
        yield place, new, new != stored[place]


def _is_candidate(name: str) -> bool:
    return name == "candidate.json" or _NAMED_FOR_KEY.fullmatch(name) is not None


def _store(path: Path, candidate: Baseline, stores: Mapping[str, Path]) -> Path:
    """Return the folder of baselines of the candidate's environment."""
    if not candidate.env:
        msg = f"{path} does not say of which environment it is, an older tox-prodsim has written it"
        raise ProdsimError(_KEY, msg)
    if candidate.env not in stores:
        msg = f"{path} is of the environment {candidate.env}, which is not one of {', '.join(sorted(stores))}"
        raise ProdsimError(_KEY, f"{msg}; name it with -e when it is one of this project")
    return stores[candidate.env]
