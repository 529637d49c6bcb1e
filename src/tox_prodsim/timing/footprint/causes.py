"""Which files, distributions and modules a quantity has grown by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.footprint import WHEEL_SIZE, Quantity
from tox_prodsim.model.formatting import counted, joined, listed, sized
from tox_prodsim.model.parsing import canonical
from tox_prodsim.timing.attribution import chain
from tox_prodsim.timing.footprint.stored import Footprint
from tox_prodsim.timing.footprint.weighed import Weighed
from tox_prodsim.timing.recording import Module, Recording

_MOST, _MOST_NAMES = 3, 12
_LEAST_SHARE = 0.05
"""What is a smaller part of the difference is not named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GrowthCause:
    """Why a quantity has grown."""

    sentence: str
    lines: tuple[str, ...]
    """Evidence: what has grown, the largest difference first."""
    of_dependency: str = ""
    """The change of a dependency's version that explains most of it, such as ``flask 3.0 -> 3.1``; empty: none does."""


NO_CAUSE = GrowthCause(sentence="", lines=())


def size_cause(quantity: Quantity, then: Footprint, now: Footprint, own: str) -> GrowthCause:
    """Return what made a size grow; ``own`` is the name of the distribution under test."""
    if quantity == WHEEL_SIZE:
        grown = _grown(then.wheel_files, now.wheel_files)
        return GrowthCause(sentence=_named(grown, "file"), lines=_lines(grown))
    before, after = _by_name(then.distributions), _by_name(now.distributions)
    versions = _versions(then.distributions), _versions(now.distributions)
    of_each = _grown(before, after)
    files = _grown(then.files, now.files)
    labels = {name: _label(name, *versions) for name in of_each}
    distributions = {labels[name]: each for name, each in of_each.items()}
    first = next(iter(of_each), "")
    is_upgrade = first in before and canonical(first) != canonical(own)
    facts = (_named(distributions, "distribution"), _named(files, "file"))
    return GrowthCause(
        sentence=joined(facts, "; of it " if distributions else ""),
        lines=(*_lines(distributions), *_lines(files)),
        of_dependency=labels.get(first, "") if is_upgrade else "",
    )


def module_cause(then: Recording, now: Recording) -> GrowthCause:
    """Return which modules are new, by the topmost of each new tree, with the line that imports it."""
    known = {each.name for each in then.modules}
    new = {each.name: each for each in now.modules if each.name not in known}
    trees: dict[str, list[str]] = {name: [] for name, each in new.items() if each.importer not in new}
    for name in new:
        top = next((link.module for link in chain(now, name) if link.module in trees), name)
        trees.setdefault(top, []).append(name)
    ordered = sorted(trees.items(), key=lambda item: -len(item[1]))
    named = [f"{top}{_imported_at(new[top])}, {counted(len(names), 'module')}" for top, names in ordered]
    return GrowthCause(
        sentence=f"new: {listed(named, _MOST, separator='; ')}" if named else "",
        lines=tuple(f"{top} [{new[top].origin}]: {listed(names, _MOST_NAMES)}" for top, names in ordered),
    )


def holders_cause(lines: tuple[str, ...]) -> GrowthCause:
    """Return which lines hold the memory of an import that loads no new module; they are not known of the baseline."""
    return GrowthCause(sentence=f"no module is new; most is held by {lines[0]}", lines=lines) if lines else NO_CAUSE


def parts_cause(then: Weighed, now: Weighed, names: Sequence[str] = ()) -> GrowthCause:
    """Return which parts of a quantity have grown, such as ``socket 3 -> 9``; names: only these."""
    parts = [each for each in now.parts if not names or each in names]
    grown = [each for each in parts if now.parts[each] > then.parts.get(each, 0)]
    ordered = sorted(grown, key=lambda each: then.parts.get(each, 0) - now.parts[each])
    lines = tuple(f"{each} {then.parts.get(each, 0)} -> {now.parts[each]}" for each in ordered)
    return GrowthCause(sentence=listed(lines, _MOST), lines=lines)


def _imported_at(module: Module) -> str:
    return f" (imported at {module.at})" if module.at is not None else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Growth:
    """By how much one file, or one distribution, has grown."""

    bytes: int
    is_new: bool

    def __str__(self) -> str:
        return f"+{sized(self.bytes)}" + (", new" if self.is_new else "")


def _grown(then: Mapping[str, int], now: Mapping[str, int]) -> dict[str, _Growth]:
    """Return what has grown, the largest difference first; a file that was too small to be remembered counts as new."""
    changes = {name: _Growth(bytes=size - then.get(name, 0), is_new=name not in then) for name, size in now.items()}
    growths = {name: each for name, each in changes.items() if each.bytes > 0}
    total = sum(each.bytes for each in growths.values())
    ordered = sorted(growths.items(), key=lambda item: (-item[1].bytes, item[0]))
    return {name: each for name, each in ordered if each.bytes >= _LEAST_SHARE * total}


def _named(grown: Mapping[str, _Growth], noun: str) -> str:
    return listed([f"{name} ({each})" for name, each in grown.items()], _MOST, noun=noun)


def _lines(grown: Mapping[str, _Growth]) -> tuple[str, ...]:
    return tuple(f"+{sized(each.bytes):>8}  {name}{'  new' if each.is_new else ''}" for name, each in grown.items())


def _by_name(distributions: Mapping[str, int]) -> dict[str, int]:
    return {each.partition("==")[0]: size for each, size in distributions.items()}


def _versions(distributions: Mapping[str, int]) -> dict[str, str]:
    return {name: version for name, _, version in (each.partition("==") for each in distributions)}


def _label(name: str, then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return ``flask 3.0 -> 3.1``, or the version alone when it did not change, or is new."""
    before, after = then.get(name, ""), now[name]
    return f"{name} {before} -> {after}" if before and before != after else f"{name} {after}"
