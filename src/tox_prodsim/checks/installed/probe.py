"""Run ``_child/probe.py`` with the Python of an environment: it reports what is installed there and what loads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tox_prodsim.checks.installed.inventory import Distribution, Inventory
from tox_prodsim.checks.installed.outcomes import Died, Hung, Outcome, Raised, ending
from tox_prodsim.checks.installed.probe_answers import PROBE, ImportAnswers, ProbeAnswers, interrupted, said_last
from tox_prodsim.model.answers import new_nonce
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner

LOAD_LIMIT_S = 120.0
"""Many times longer than the slowest import, for a machine that is busy with other work."""

_BATCH = 200  # items a process: one argument may have 128 KiB on Linux
_START_S = 30.0  # what the interpreter may take to start and end beside its items
_MOST_PROCESSES = 100
"""How many processes the items of one request may end, and how many failures are tried in a process of their own."""


def take_inventory(distribution: Distribution, runner: Runner, python: Path) -> Inventory:
    """Return what is installed; raises ProdsimError when the environment's Python cannot list it."""
    item = {"kind": "survey", "name": distribution.name}
    (answer,) = _run_probe([item], runner, python, LOAD_LIMIT_S, None)
    if isinstance(answer, Inventory):
        return answer
    raise ProdsimError(str(python), f"what is installed there cannot be listed: {answer}")


def load(targets: Sequence[tuple[str, str]], runner: Runner, python: Path, limit_s: float) -> list[Outcome]:
    """Return the outcome of loading each module and attribute, in as few processes as possible.

    A failure counts only if it also happens in a process of its own: a module loaded earlier may be the cause.
    """
    return load_items([load_item(module, attr) for module, attr in targets], runner, python, limit_s)


def load_item(module: str, attr: str = "") -> dict[str, Any]:
    """Return an item of a request to the probe; the script documents its other keys."""
    return {"kind": "load", "module": module, "attr": attr}


def folded(names: Sequence[str]) -> list[str]:
    """Return the names, each with how many parts it shares with the one before: ``0.acme``, ``1.core``."""
    texts: list[str] = []
    before, above = [""], "."
    for name in names:
        parts = name.split(".")
        if name.rpartition(".")[0] == above:  # side by side, as most are
            shared = len(parts) - 1
        else:
            pairs = enumerate(zip(parts, before, strict=False))
            shared = next((at for at, (one, other) in pairs if one != other), min(len(parts), len(before)))
        texts.append(".".join([str(shared), *parts[shared:]]))
        before, above = parts, name.rpartition(".")[0]
    return texts


def unfolded(texts: Sequence[str]) -> list[str]:
    """Return the names that were folded."""
    names: list[str] = []
    for text in texts:
        shared, *rest = text.split(".")
        above = names[-1].split(".")[: int(shared)] if names else []
        names.append(".".join([*above, *rest]))
    return names


def requested_modules(argv: Sequence[str]) -> list[str]:
    """Return the modules that a command line has imported; nothing if it is not one of the probe's."""
    request = json.loads(argv[-1]) if str(PROBE) in argv else {"items": []}
    items = (item["module"] for item in request.get("items", ()) if item.get("module"))
    folded_names = request.get("modules", request.get("then", {}).get("modules", ()))
    return list(dict.fromkeys([*items, *unfolded(folded_names)]))


def load_items(
    items: Sequence[Mapping[str, Any]],
    runner: Runner,
    python: Path,
    limit_s: float,
    *,
    first: Sequence[Outcome] = (),
) -> list[Outcome]:
    """Return the outcome of loading each item, as ``load`` does; those of the ``first`` are known."""
    outcomes = _load_in_batches(items, runner, python, limit_s, first)
    failed = [at for at, outcome in enumerate(outcomes) if at and _may_have_a_cause(outcome)]
    for at in failed[:_MOST_PROCESSES]:
        (outcomes[at],) = load_within([items[at]], runner, python, limit_s, None)
    return outcomes


def _load_in_batches(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, first: Sequence[Outcome]
) -> list[Outcome]:
    """Return the outcome of every item; when one ends the process, the next process goes on behind it."""
    outcomes = [*first]
    ended = sum(isinstance(each, Died | Hung) for each in first)
    while len(outcomes) < len(items) and ended < _MOST_PROCESSES:
        outcomes += load_within(items[len(outcomes) : len(outcomes) + _BATCH], runner, python, limit_s, None)
        ended += isinstance(outcomes[-1], Died | Hung)
    left = len(items) - len(outcomes)
    return outcomes + [Died(how=f"was not started again: {ended} others have ended it", frames=(), tried=False)] * left


def _may_have_a_cause(outcome: Outcome) -> bool:
    """Return whether a module that was loaded earlier may be the cause of a failure."""
    return isinstance(outcome, Raised) or (isinstance(outcome, Died) and outcome.tried)


def load_within(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, budget_s: float | None
) -> list[Outcome]:
    """Return the outcomes of one process: of all items, up to the one that ended it, or of those within the budget."""
    answers = _run_probe(items, runner, python, limit_s, budget_s)
    return [answer for answer in answers if not isinstance(answer, Inventory)]


def import_within(texts: Sequence[str], runner: Runner, python: Path, limit_s: float, budget_s: float) -> list[Outcome]:
    """Return the outcomes of importing modules, whose names are folded, as ``load_within`` does.

    Of one that loads from its source nothing else is said.
    """
    read = partial(ImportAnswers, kinds=("load",) * len(texts))
    answers = _ask({"modules": texts}, read, runner, python, (limit_s, budget_s))
    return [answer for answer in answers if not isinstance(answer, Inventory)]


def load_then_import(
    items: Sequence[Mapping[str, Any]],
    texts: Sequence[str],
    runner: Runner,
    python: Path,
    limits: tuple[float, float, float],
) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcomes of items as ``load_within`` does, and of modules that the same process imports behind them.

    ``limits`` are those for one item, for one module and for all modules.
    """
    (limit_s, module_limit_s, budget_s), nonce = limits, new_nonce()
    then = {"nonce": nonce, "limit_s": module_limit_s, "budget_s": budget_s, "modules": texts}
    kept: list[Completed] = []

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        kept.append(runner(argv, timeout_s=timeout_s + budget_s + module_limit_s, variables=variables))
        return kept[0]

    read = partial(ProbeAnswers, kinds=[item["kind"] for item in items])
    outcomes = _ask({"items": items}, read, run, python, (limit_s, None), then=then)
    behind = ImportAnswers(kept[0].stderr, nonce, ("load",) * len(texts))
    behind.add_all(kept[0].stdout)
    if not behind.is_empty and not behind.is_complete:
        behind.answers.append(interrupted(kept[0], module_limit_s, ""))
    loaded, imported = (
        [each for each in answers if not isinstance(each, Inventory)] for answers in (outcomes, behind.answers)
    )
    return loaded, imported


def _run_probe(
    items: Sequence[Mapping[str, Any]], runner: Runner, python: Path, limit_s: float, budget_s: float | None
) -> list[Outcome | Inventory]:
    """Return the answers of one process to the items."""
    read = partial(ProbeAnswers, kinds=[item["kind"] for item in items])
    return _ask({"items": items}, read, runner, python, (limit_s, budget_s))


def _ask(
    what: Mapping[str, Any],
    reader: Callable[[bytes, str], ProbeAnswers],
    runner: Runner,
    python: Path,
    limits: tuple[float, float | None],
    **more: Any,
) -> list[Outcome | Inventory]:
    """Return the answers of one process; ``limits`` are those for one item and for all."""
    nonce, (limit_s, budget_s) = new_nonce(), limits
    request = json.dumps({"nonce": nonce, "limit_s": limit_s, "budget_s": budget_s, **what, **more})
    (items,) = what.values()
    longest_s = limit_s * len(items) if budget_s is None else min(budget_s, limit_s * len(items)) + limit_s
    completed = runner([str(python), "-I", "-B", str(PROBE), request], timeout_s=longest_s + _START_S)
    read = reader(completed.stderr, nonce)
    read.add_all(completed.stdout)
    if read.is_empty:
        raise ProdsimError(str(python), f"cannot be asked what is installed: it {ending(completed.returncode)}")
    if read.is_complete:
        return read.answers
    said = "" if read.answers else said_last(completed.stderr, nonce)
    return [*read.answers, interrupted(completed, limit_s, said)]
