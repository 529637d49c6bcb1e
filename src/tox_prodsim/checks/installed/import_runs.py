"""Import modules in the environment: a few while their side effects are recorded, or all within a time budget."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path

from tox_prodsim.checks.installed.probe import Died, Hung, Outcome, is_below, load_item, load_items, load_within
from tox_prodsim.model.runner import Runner

_REQUEST_BYTES = 60_000  # one argument may have 128 KiB on Linux


def import_watched(
    modules: Sequence[str],
    runner: Runner,
    python: Path,
    limit_s: float,
    *,
    after: Sequence[str] = (),
    then: Sequence[str] = (),
) -> list[Outcome]:
    """Return the outcome of importing each module, as ``load`` does, with its side effects.

    The modules ``after`` are imported first, without a record of their effects. Those ``then`` are imported at the end,
    and not watched.
    """
    watched = [{**load_item(name), "watched": True, "after": _first_of_one_request(after)} for name in modules]
    return load_items([*watched, *map(load_item, then)], runner, python, limit_s)


def load_all(
    modules: Sequence[str], runner: Runner, python: Path, *, limit_s: float, budget_s: float
) -> dict[str, Outcome]:
    """Return the outcome of importing each module, of as many as ``budget_s`` allows; parents precede their children.

    The modules below one that failed have failed as well. A module imported earlier may be the cause of a failure.
    """
    outcomes: dict[str, Outcome] = {}
    give_up_at = time.monotonic() + budget_s
    pending = list(modules)
    while pending and (left_s := give_up_at - time.monotonic()) > 0:
        batch = _first_of_one_request(pending)
        loaded = load_within([load_item(name) for name in batch], runner, python, limit_s, left_s)
        outcomes |= dict(zip(batch, loaded, strict=False))
        pending = pending[len(loaded) :]
        if loaded and isinstance(loaded[-1], Died | Hung):
            lost = [name for name in pending if is_below(name, batch[len(loaded) - 1])]
            outcomes |= dict.fromkeys(lost, loaded[-1])
            pending = [name for name in pending if name not in outcomes]
    return outcomes


def _first_of_one_request(names: Sequence[str]) -> list[str]:
    """Return the first names, as many as one request takes."""
    sizes = itertools.accumulate(len(name) + len(json.dumps(load_item(""))) for name in names)
    return [name for name, size in zip(names, sizes, strict=True) if size < _REQUEST_BYTES]
