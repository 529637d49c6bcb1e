"""Why an import got slower: what two recordings of it say, module by module.

Pure functions. The exact work names and the times size: a module whose work has grown is named for it, one that takes
longer for the same work does something that is not Python (``measurement.md``, section 4).
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.timing.recording import STDLIB, Module, Recording, SourceLocation, Times

DECISIVE_SHARE = 0.8
"""A child with this share of a new module's cost is the one to name."""
SLOWER_S = 0.0003
DEVIATIONS = 3.0
"""Times are slower beyond so many median deviations and the seconds above."""
_WORK_NOISE = {"bytecodes": 400, "calls": 40}
_WORK_SHARE = 0.01
"""Own work of a module has grown beyond both: other paths and environments make up to this."""
_LEAST_SHARE = 0.01
"""What explains less of the difference is not worth a line."""
_LEAST_TIME_SHARE = 0.1
"""The same for what is seen by its time alone: of 250 modules, a few are slower by chance."""
_SCALE_FROM_S = 0.0001


class CauseKind(StrEnum):
    """What is with a module: not imported before, more work, or more time for the same work (the last three).

    UNSEEN stands for what a recording without times cannot tell; its module is the likely one, or empty.
    """

    NEW = "new"
    WORK = "more work"
    NATIVE = "native code"
    WAITING = "I/O or waiting"
    UNSEEN = "native code, I/O or waiting"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One step of an import chain."""

    module: str
    at: SourceLocation | None
    """Where it is imported; None: it was asked for, or that is not known."""
    through: SourceLocation | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What the modules of one distribution have in a cause."""

    origin: str
    version: str
    modules: int
    work: int
    seconds: float | None
    """None: there are no times."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegressionCause:
    """One reason for a difference."""

    kind: CauseKind
    module: str
    """Empty: no single one can be named."""
    work: int
    """The work that it adds."""
    seconds: float | None
    """The time that it adds; None: there are no times.

    Against a recording without times those of more work are estimated from its part in the work of the module.
    """
    share: float | None
    """The part of the difference that it explains; None: not known."""
    modules: int = 1
    origin: str = ""
    """The distribution of the module."""
    then: str = ""
    """The version of the origin in the baseline; empty: not installed."""
    now: str = ""
    """The version of the origin now; empty: not installed."""
    file: str = ""
    """Of the module itself."""
    chain: tuple[Link, ...] = ()
    """The imports that lead to the module."""
    parts: tuple[Part, ...] = ()
    """What each distribution has in a new group, the largest first."""

    @property
    def location(self) -> SourceLocation | None:
        """Return the line that imports the module, where an annotation belongs."""
        return self.chain[-1].at if self.chain else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """All causes of a difference, and what they have to explain."""

    work: int
    seconds: float | None
    """What was confirmed or recorded, in seconds of now; None: neither."""
    scale: float
    """What this moment is slower by than then, judged by the modules common to both."""
    causes: tuple[RegressionCause, ...]
    """The largest first."""
    gone: tuple[str, ...] = ()
    """Modules that are no longer imported."""

    @property
    def share(self) -> float:
        """Return how much of the difference the causes explain, as a fraction that may be above 1."""
        return sum(cause.share or 0.0 for cause in self.causes)


def attribute_causes(then: Recording, now: Recording, *, slower_s: float | None = None) -> Explanation:
    """Return why ``now`` costs more than ``then``, which may be what a baseline remembers, without times.

    ``slower_s`` is what interleaved rounds have confirmed. Without it (None) only work is evidence: two recordings, one
    after the other, differ in times of single modules whenever the machine is busy. What of it neither work nor times
    explain is spent in something unseen.
    """
    return _Comparison(then, now, slower_s).explanation()


def chain(recording: Recording, module: str) -> tuple[Link, ...]:
    """Return the links from what was asked for to this module; empty when it is not imported."""
    known = {each.name: each for each in (*recording.failed, *recording.modules)}
    links: list[Link] = []
    name = module
    while name in known and len(links) < len(known):
        found = known[name]
        links.append(Link(module=name, at=found.at, through=found.through))
        name = found.importer
    return tuple(reversed(links))


def scale(then: Recording, now: Recording) -> float:
    """Return the median ratio of the times of the modules common to both: how much slower the machine is now."""
    before = {each.name: each.times.wall_s for each in then.modules if each.times is not None}
    ratios = [
        each.times.wall_s / before[each.name]
        for each in now.modules
        if each.times is not None and before.get(each.name, 0.0) >= _SCALE_FROM_S
    ]
    return statistics.median(ratios) if ratios else 1.0


class _Comparison:
    """Two recordings side by side."""

    def __init__(self, then: Recording, now: Recording, slower_s: float | None) -> None:
        self.then, self.now = then, now
        self.timed = then.timed and now.timed
        self.scale = scale(then, now) if self.timed else 1.0
        self.before = {each.name: each for each in then.modules}
        self.groups = _Groups(now, frozenset(self.before))
        self.work = now.work.amount - then.work.amount if self._same_unit else 0
        self.slower_s = slower_s
        self.seconds = now.wall_s - then.wall_s * self.scale if self.timed and slower_s is None else slower_s

    @property
    def _same_unit(self) -> bool:
        return self.then.unit == self.now.unit

    def explanation(self) -> Explanation:
        """Return all causes that are worth a line, the largest first."""
        causes = [*map(self._new, self.groups.tops), *filter(None, map(self._changed, self.now.modules))]
        significant = [each for each in causes if self._is_significant(each)]
        if self.slower_s is not None:
            significant += self._rest(self.slower_s, sum(each.seconds or 0.0 for each in causes))
        names = {each.name for each in self.now.modules}
        return Explanation(
            work=self.work,
            seconds=self.seconds,
            scale=self.scale,
            causes=tuple(sorted(significant, key=lambda each: each.share or 0.0, reverse=True)),
            gone=tuple(each.name for each in self.then.modules if each.name not in names),
        )

    def _is_significant(self, cause: RegressionCause) -> bool:
        if cause.kind not in {CauseKind.NEW, CauseKind.WORK}:
            return cause.share is None or cause.share >= _LEAST_TIME_SHARE
        of_work = cause.work / self.work if self.work > 0 else 0.0
        return cause.share is None or max(cause.share, of_work) >= _LEAST_SHARE

    def _rest(self, slower_s: float, explained_s: float) -> Iterator[RegressionCause]:
        """Yield what is left when less than half is explained, with the module it is likely spent in."""
        rest_s = slower_s - explained_s
        if rest_s > slower_s / 2 and rest_s > SLOWER_S:
            yield self._cause(self._idle(rest_s), CauseKind.UNSEEN, 0, rest_s)

    def _idle(self, rest_s: float) -> Module:
        """Return the one module known before that takes so long beyond its work, or one without a name."""
        beyond = [
            (each.times.wall_s - self._typical_s(each.own), each)
            for each in self.now.modules
            if each.times is not None and each.name in self.before and not self.timed
        ]
        candidates = [module for seconds, module in beyond if seconds > rest_s / 2]
        return candidates[0] if len(candidates) == 1 else Module(name="", importer="", own=0)

    def _new(self, top: Module) -> RegressionCause:
        """Return the cause that a new module is, named for the one below it that matters."""
        named = self.groups.decisive(top)
        group = tuple(self.groups.below(top))
        return self._cause(named, CauseKind.NEW, *_cost(group), modules=len(group), parts=self._parts(group))

    def _changed(self, module: Module) -> RegressionCause | None:
        """Return the cause that a module known before is, or None when it is as it was."""
        before = self.before.get(module.name)
        if before is None:
            return None
        work = module.own - before.own if self._same_unit else 0
        seconds = _slower_s(before.times, module.times, self.scale)
        grown = work > max(_WORK_NOISE[self.now.unit], _WORK_SHARE * before.own)
        if grown and seconds is None:
            estimated_s = module.times.wall_s * work / module.own if module.times is not None else None
            return self._cause(module, CauseKind.WORK, work, estimated_s)
        if grown and seconds is not None and seconds.wall_s < 3 * self._typical_s(work):
            return self._cause(module, CauseKind.WORK, work, seconds.wall_s)
        if self.slower_s is None or seconds is None or not _beyond(seconds):
            return None
        kind = CauseKind.NATIVE if seconds.cpu_s > seconds.wall_s / 2 else CauseKind.WAITING
        return self._cause(module, kind, work if grown else 0, seconds.wall_s)

    def _typical_s(self, work: int) -> float:
        """Return what so much work takes on average, native code and finding the files included."""
        return work * self.now.wall_s / max(1, self.now.work.amount)

    def _cause(
        self,
        module: Module,
        kind: CauseKind,
        work: int,
        seconds: float | None,
        *,
        modules: int = 1,
        parts: tuple[Part, ...] = (),
    ) -> RegressionCause:
        return RegressionCause(
            kind=kind,
            module=module.name,
            work=work,
            seconds=seconds,
            share=self._share(work, seconds),
            modules=modules,
            origin=module.origin,
            then=self.then.versions.get(module.origin, ""),
            now=self.now.versions.get(module.origin, ""),
            file=module.file,
            chain=chain(self.now, module.name),
            parts=parts,
        )

    def _share(self, work: int, seconds: float | None) -> float | None:
        """Return the part of the difference: of the time where it is known and has grown, else of the work."""
        if self.seconds is not None and self.seconds > SLOWER_S and seconds is not None:
            return seconds / self.seconds
        return work / self.work if self.work > 0 else None

    def _parts(self, group: Sequence[Module]) -> tuple[Part, ...]:
        """Return what each distribution has in a group, the largest first."""
        by_origin: dict[str, list[Module]] = defaultdict(list)
        for module in group:
            by_origin[module.origin].append(module)
        parts = [self._part(origin, modules) for origin, modules in by_origin.items()]
        return tuple(sorted(parts, key=lambda part: (part.seconds or 0.0, part.work), reverse=True))

    def _part(self, origin: str, modules: Sequence[Module]) -> Part:
        work, seconds = _cost(modules)
        version = self.now.versions.get(origin, "")
        return Part(origin=origin, version=version, modules=len(modules), work=work, seconds=seconds)


class _Groups:
    """The new modules of a recording, in trees: each hangs below the new one that imported it."""

    def __init__(self, recording: Recording, known: frozenset[str]) -> None:
        new = {each.name: each for each in recording.modules if each.name not in known}
        self._own = {each.origin for each in recording.modules if each.name in recording.targets} - {STDLIB}
        self._children: Mapping[str, list[Module]] = defaultdict(list)
        self.tops: list[Module] = []
        for module in new.values():
            above = _imported_with(module, new.values()) or new.get(module.importer)
            (self.tops if above is None else self._children[above.name]).append(module)

    def below(self, top: Module) -> Iterator[Module]:
        """Yield a module and all that hang below it."""
        yield top
        for child in self._children.get(top.name, ()):
            yield from self.below(child)

    def decisive(self, top: Module) -> Module:
        """Return the module to name: from the project's own down to what has the cost, never inside of others.

        So it is ``pandas`` and not ``myapp.report`` that imports it, nor one of the modules of pandas.
        """
        while top.origin in self._own:
            child = max(self._children.get(top.name, ()), key=self._weight, default=None)
            if child is None or self._weight(child) < DECISIVE_SHARE * self._weight(top):
                break
            top = child
        return top

    def _weight(self, top: Module) -> float:
        work, seconds = _cost(tuple(self.below(top)))
        return work if seconds is None else seconds


def _imported_with(module: Module, others: Iterable[Module]) -> Module | None:
    """Return the longest ``a.b.c`` by whose import a package ``a`` was imported too, or None."""
    together = [
        other
        for other in others
        if other.name.startswith(f"{module.name}.") and (other.importer, other.at) == (module.importer, module.at)
    ]
    return max(together, key=lambda other: len(other.name), default=None) if module.at is not None else None


def _cost(modules: Sequence[Module]) -> tuple[int, float | None]:
    """Return work and seconds (None: not timed) of these modules."""
    times = [module.times.wall_s for module in modules if module.times is not None]
    return sum(module.own for module in modules), sum(times) if times else None


def _slower_s(then: Times | None, now: Times | None, factor: float) -> Times | None:
    """Return how much longer it takes now, in seconds of now, with the deviation of both; None without times."""
    if then is None or now is None:
        return None
    return Times(
        wall_s=now.wall_s - then.wall_s * factor,
        cpu_s=now.cpu_s - then.cpu_s * factor,
        mad_s=max(then.mad_s * factor, now.mad_s),
    )


def _beyond(difference: Times) -> bool:
    return difference.wall_s > max(SLOWER_S, DEVIATIONS * difference.mad_s)
