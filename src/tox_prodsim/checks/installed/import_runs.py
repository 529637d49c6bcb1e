"""Import modules in the environment: a few while their side effects are recorded, or all within a time budget.

Many are imported by several processes side by side. Each imports the packages above its first module as well, so that
spreading is worth it only where the modules that they share are few beside those that are left.
"""

from __future__ import annotations

import functools
import itertools
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tox_prodsim.checks.installed.outcomes import Died, Hung, Loaded, Outcome, is_below
from tox_prodsim.checks.installed.probe import folded, import_within, load_item, load_items, load_then_import
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.runner import Runner

_REQUEST_BYTES = 60_000  # one argument may have 128 KiB on Linux
_BATCH_BYTES, _BATCH_MOST = 120_000, 20_000
_MOST_ITEMS = 200
_WORTH_A_PROCESS = 1000
"""So many modules take longer to import than a process takes to start under its guard."""
_SHARED_WEIGHT = 4
"""So many times as many modules are worth it to import the shared ones once more."""


def import_watched(
    modules: Sequence[str],
    runner: Runner,
    python: Path,
    limit_s: float,
    *,
    after: Sequence[str] = (),
    then: Sequence[str] = (),
    behind: ModulesBehind | None = None,
) -> list[Outcome]:
    """Return the outcome of importing each module, as ``load`` does, with its side effects.

    The modules ``after`` are imported first, without a record of their effects. Those ``then`` are imported at the end,
    and not watched. Where it all fits into one process, that imports those ``behind`` as well.
    """
    watched = [{**load_item(name), "watched": True, "after": _first_of_one_request(after)} for name in modules]
    items = [*watched, *map(load_item, then)]
    first = behind.imported_after(items, runner, python, limit_s) if behind is not None else ()
    return load_items(items, runner, python, limit_s, first=first)


@dataclass(kw_only=True, slots=True)
class ModulesBehind:
    """The modules that the process of other imports imports behind these, and what that came to."""

    names: Sequence[str]
    limit_s: float
    """The limit for one import."""
    budget_s: float
    """The limit for all."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """Of as many as were reached; none if one of the imports before them failed."""

    def imported_after(
        self, items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float
    ) -> Sequence[Outcome]:
        """Return the outcomes of the items, as many as there are; none if it does not fit into one process."""
        texts = folded(self.names[:_BATCH_MOST])
        room = _in_one_batch([*(json.dumps(item) for item in items), *texts])
        if not self.names or len(items) > _MOST_ITEMS or room < len(items) + len(self.names):
            return ()
        limits = (limit_s, self.limit_s, self.budget_s)
        loaded, imported = load_then_import(items, texts, runner, python, limits)
        if len(loaded) == len(items) and all(isinstance(each, Loaded) for each in loaded):
            _add(self.outcomes, self.names, imported)
        return loaded


def processes_for(count: int, shared: int, cores: int) -> int:
    """Return by how many processes so many modules are imported, where each would import the ``shared`` ones."""
    fresh = max(0, count - shared)
    return max(1, min(cores, fresh // max(_WORTH_A_PROCESS, _SHARED_WEIGHT * shared)))


def load_all(
    modules: Sequence[str], runner: Runner, python: Path, *, limit_s: float, budget_s: float, processes: int = 1
) -> dict[str, Outcome]:
    """Return the outcome of importing each module, of as many as ``budget_s`` allows; parents precede their children.

    The modules below one that failed have failed as well. A module imported earlier may be the cause of a failure.
    """
    give_up_at = time.monotonic() + budget_s
    load = functools.partial(_load_share, runner=runner, python=python, limit_s=limit_s, give_up_at=give_up_at)
    shares = [*_shares(modules, processes)]
    if len(shares) <= 1:
        return load(modules)
    found: dict[str, Outcome] = {}
    with ThreadPoolExecutor(len(shares), thread_name_prefix="prodsim-imports") as pool:
        for outcomes in pool.map(load, shares):
            for name, outcome in outcomes.items():
                found.setdefault(name, outcome)  # of a package above two shares the first
    return found


def _shares(modules: Sequence[str], count: int) -> Iterator[Sequence[str]]:
    """Yield the modules in so many parts, each behind the packages above its first module."""
    if not modules:
        return
    known, size = frozenset(modules), math.ceil(len(modules) / count)
    for at in range(0, len(modules), size):
        parts = modules[at].split(".")
        above = (".".join(parts[:length]) for length in range(1, len(parts)))
        yield [*(name for name in above if at and name in known), *modules[at : at + size]]


def _load_share(
    modules: Sequence[str], *, runner: Runner, python: Path, limit_s: float, give_up_at: float
) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    pending = list(modules)
    while pending and (left_s := give_up_at - time.monotonic()) > 0:
        texts = folded(pending[:_BATCH_MOST])
        texts = texts[: _in_one_batch(texts)]
        loaded = import_within(texts, runner, python, limit_s, left_s)
        _add(outcomes, pending, loaded)
        pending = [name for name in pending[len(loaded) :] if name not in outcomes]
    return outcomes


def _add(outcomes: dict[str, Outcome], names: Sequence[str], loaded: Sequence[Outcome]) -> None:
    """Add the outcomes of the first names; what is below one that ended the process is lost with it."""
    outcomes |= dict(zip(names, loaded, strict=False))
    if loaded and isinstance(loaded[-1], Died | Hung):
        lost = (name for name in names[len(loaded) :] if is_below(name, names[len(loaded) - 1]))
        outcomes |= dict.fromkeys(lost, loaded[-1])


def _in_one_batch(texts: Sequence[str]) -> int:
    """Return how many of the first folded names one request takes."""
    sizes = itertools.accumulate(len(each) + 4 if each.isascii() else len(json.dumps(each)) + 2 for each in texts)
    return max(1, sum(1 for _ in itertools.takewhile(_BATCH_BYTES.__gt__, sizes)))


def _first_of_one_request(names: Sequence[str]) -> list[str]:
    """Return the first names, as many as one request takes."""
    sizes = itertools.accumulate(len(name) + len(json.dumps(load_item(""))) for name in names)
    return [name for name, size in zip(names, sizes, strict=True) if size < _REQUEST_BYTES]
