"""The modules of an import as the page shows them: those that do most work, with what the others do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

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


def ancestors(name: str, tree: Mapping[str, ShownModule]) -> list[str]:
    """Return who imported a module, and who imported that one; each once, also if the importers form a circle."""
    found: dict[str, None] = {}
    importer = tree[name].importer
    while importer in tree and importer not in found and importer != name:
        found[importer] = None
        importer = tree[importer].importer
    return list(found)


def _weights(tree: Mapping[str, ShownModule]) -> Counter[str]:
    """Return the work of each module with that of all below it."""
    weights: Counter[str] = Counter()
    for each in tree.values():
        for name in (each.name, *ancestors(each.name, tree)):
            weights[name] += max(each.work, 0)
    return weights


def _folded(tree: Mapping[str, ShownModule], kept: set[str]) -> ShownTree:
    """Return the modules that are kept; each other one counts for the nearest importer that is."""
    work: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    importers: dict[str, str] = {}
    for each in tree.values():
        above = next((name for name in ancestors(each.name, tree) if name in kept), "")
        holder = each.name if each.name in kept else above
        work[holder] += each.work
        modules[holder] += each.modules
        importers[each.name] = above
    names = (name for name in tree if name in kept)
    return tuple(
        replace(tree[name], importer=importers[name], work=work[name], modules=modules[name]) for name in names
    )
