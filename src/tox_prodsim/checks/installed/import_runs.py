"""Import modules in the environment: watched, or as many as there is time for."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from pathlib import Path

from tox_prodsim.checks.installed.probe import Died, Hung, Outcome, Survey, ask_once, is_below, item, load_items
from tox_prodsim.model.runner import Runner

_REQUEST_BYTES = 60_000  # one argument may have 128 KiB on Linux


def watch(
    modules: Sequence[str],
    runner: Runner,
    python: Path,
    limit_s: float,
    *,
    after: Sequence[str] = (),
    then: Sequence[str] = (),
) -> list[Outcome]:
    """Return what importing each comes to, as ``load`` does, and what it does besides.

    Modules to import ``after`` are those whose own effects are not to be seen; those ``then`` are not watched.
    """
    watched = [{**item(name), "watched": True, "after": _fitting(after)} for name in modules]
    return load_items([*watched, *map(item, then)], runner, python, limit_s)


def load_all(
    modules: Sequence[str], runner: Runner, python: Path, *, limit_s: float, budget_s: float
) -> dict[str, Outcome]:
    """Return what importing each comes to, of as many as ``budget_s`` allows; parents stand before their children.

    What is below a module that failed has failed as well. A failure may be the fault of what was imported before.
    """
    outcomes: dict[str, Outcome] = {}
    give_up_at = time.monotonic() + budget_s
    pending = list(modules)
    while pending and (left_s := give_up_at - time.monotonic()) > 0:
        batch = _fitting(pending)
        answers = ask_once([item(name) for name in batch], runner, python, limit_s, left_s)
        outcomes |= {
            name: answer for name, answer in zip(batch, answers, strict=False) if not isinstance(answer, Survey)
        }
        pending = pending[len(answers) :]
        if answers and isinstance(answers[-1], Died | Hung):
            lost = [name for name in pending if is_below(name, batch[len(answers) - 1])]
            outcomes |= dict.fromkeys(lost, answers[-1])
            pending = [name for name in pending if name not in outcomes]
    return outcomes


def _fitting(names: Sequence[str]) -> list[str]:
    """Return as many of the first names as one request takes."""
    sizes = itertools.accumulate(len(name) + len(json.dumps(item(""))) for name in names)
    return [name for name, size in zip(names, sizes, strict=True) if size < _REQUEST_BYTES]
