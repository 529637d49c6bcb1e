"""The modules of an import as the page shows them: those that do most work, with what the others do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.events import ImportedModule

MOST_MODULES = 250
"""So many modules of an import are shown by their names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownModule:
    """One module of an import, or several: those that are too small to be named count for their importer."""

    name: str
    importer: str
    """Empty: the import was asked for."""
    work: int
    """Its own work, without what it imports by name."""
    modules: int = 1
    """How many modules it stands for."""
    at: str = ""
    """Where the import stands; empty: not known."""


ShownTree = tuple[ShownModule, ...]
"""Modules in the order of their import."""


def shown(modules: Iterable[ImportedModule]) -> list[ShownModule]:
    """Return the modules of an event."""
    return [ShownModule(name=each.name, importer=each.importer, work=each.own, at=each.at) for each in modules]


def limited(trees: Sequence[Iterable[ShownModule]], most: int = MOST_MODULES) -> tuple[ShownTree, ...]:
    """Return the trees with the same ``most`` modules in all of them: those that, with all below, do most work."""
    named = [{each.name: each for each in tree} for tree in trees]
    weights: Counter[str] = Counter()
    for tree in named:
        for name, weight in _weights(tree).items():
            weights[name] = max(weights[name], weight)
    kept = {name for name, _ in sorted(weights.items(), key=lambda each: (-each[1], each[0]))[:most]}
    return tuple(_folded(tree, kept) for tree in named)


def importers(tree: Mapping[str, ShownModule]) -> dict[str, str]:
    """Return the importer of each module, empty for a root, each importer before what it imports.

    Importers that are not in the tree are none, and of those in a circle one is a root.
    """
    children: dict[str, list[str]] = defaultdict(list)
    for each in tree.values():
        children[each.importer if each.importer in tree else ""].append(each.name)
    found: dict[str, str] = {}
    for root in (*children[""], *tree):
        waiting = [(root, "")]
        while waiting:
            name, importer = waiting.pop()
            if name not in found:
                found[name] = importer
                waiting += [(child, name) for child in reversed(children[name])]
    return found


def _weights(tree: Mapping[str, ShownModule]) -> dict[str, int]:
    """Return the work of each module with that of all below it."""
    above = importers(tree)
    weights = {name: max(tree[name].work, 0) for name in above}
    for name in reversed(above):
        if above[name]:
            weights[above[name]] += weights[name]
    return weights


def _folded(tree: Mapping[str, ShownModule], kept: set[str]) -> ShownTree:
    """Return the modules that are kept; each other one counts for the nearest importer that is."""
    work: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    holders, above = {"": ""}, importers(tree)
    for name, importer in above.items():
        holders[name] = name if name in kept else holders[importer]
        work[holders[name]] += tree[name].work
        modules[holders[name]] += tree[name].modules
    return tuple(
        replace(each, importer=holders[above[name]], work=work[name], modules=modules[name])
        for name, each in tree.items()
        if name in kept
    )
