"""The side effects of imports, and whether the package itself or a dependency causes them.

A second process shows that: effects that still happen after all dependencies were imported are the package's own. What
happens once only, such as a new file, is attributed by the line that caused it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath

from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.outcomes import Effect, Loaded, Outcome, is_below
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import listed

CODES = ("IMP520", "IMP521", "IMP522", "IMP523", "IMP524")

_KINDS = {
    "descriptor": ("IMP520", Level.WARNING),
    "opened": ("IMP520", Level.NOTE),
    "thread": ("IMP521", Level.WARNING),
    "daemon": ("IMP521", Level.NOTE),
    "network": ("IMP522", Level.ERROR),
    "local": ("IMP522", Level.WARNING),
    "process": ("IMP522", Level.WARNING),
    "file": ("IMP522", Level.WARNING),
    "folder": ("IMP522", Level.NOTE),
    "printed": ("IMP523", Level.WARNING),
    "state": ("IMP524", Level.WARNING),
    "variable": ("IMP524", Level.NOTE),
}
"""The code of each kind of effect, and its level if the package itself causes it."""
_ONCE = {"file", "folder"}
_DESCRIPTORS = {"descriptor", "opened"}
_HINTS = {
    "IMP520": "open it when it is first used: processes that fork later share what is open now",
    "IMP521": "start it when it is first used: a process that forks later does not have it",
    "IMP522": "do it in a function, when it is asked for",
    "IMP523": "let an import be silent: use logging, or print in the function that is called",
    "IMP524": "leave the settings of the process to the program: change them in a function that it calls",
}
_EFFECTS_SHOWN = 3
_Weight = tuple[str, Level]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Attributed:
    """The effects of an import, by their cause."""

    own: Sequence[Effect]
    """Caused by the package itself."""
    foreign: Sequence[Effect] = ()
    """Caused by what it imports."""
    unknown: Sequence[Effect] = ()
    """Caused by either of them."""
    reason: str = ""
    """Why that is not known."""


ImportAfter = Callable[[str, Sequence[str]], Outcome]
"""Imports a module after others, and returns its outcome with the effects."""


def check_effects(
    distribution: Distribution, outcomes: Mapping[str, Outcome], import_after: ImportAfter
) -> CheckResult:
    """Return the side effects of the imports that an import should not have."""
    loaded = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Loaded)}
    broken = [name for name, outcome in loaded.items() if outcome.effects is None]
    if broken or not loaded:
        reason = f"importing {broken[0]} broke the observation" if broken else "nothing was imported"
        return CheckResult(detail="", codes=(), not_checked=tuple((code, reason) for code in CODES))
    attributed = {name: _attribute(distribution, name, outcome, import_after) for name, outcome in loaded.items()}
    findings = tuple(found for name, effects in attributed.items() for found in _findings(distribution, name, effects))
    not_checked = tuple(pair for name, effects in attributed.items() for pair in _not_attributed(name, effects))
    unknown = {code for code, _ in not_checked}
    return CheckResult(
        detail="" if findings or not_checked else "no side effects",
        codes=tuple(code for code in CODES if code not in unknown),
        findings=findings,
        not_checked=not_checked,
    )


def open_descriptors(outcomes: Iterable[Outcome]) -> int | None:
    """Return how many descriptors these imports left open; None if that is not known of one of them."""
    loaded = [outcome for outcome in outcomes if isinstance(outcome, Loaded)]
    if not loaded or any(outcome.effects is None for outcome in loaded):
        return None
    return sum(effect.kind in _DESCRIPTORS for outcome in loaded for effect in outcome.effects or ())


def _findings(distribution: Distribution, name: str, attributed: _Attributed) -> Iterator[Finding]:
    for weight, group in _grouped(attributed.own, lambda effect: _KINDS[effect.kind]):
        yield _finding(distribution, name, weight, f"{_enumerated(group)} when it is imported", group)
    for weight, group in _grouped(attributed.foreign, lambda effect: (_KINDS[effect.kind][0], Level.NOTE)):
        yield _finding(
            distribution, name, weight, f"imports a dependency that {_enumerated(group)} when imported", group
        )


def _not_attributed(name: str, attributed: _Attributed) -> Iterator[tuple[str, str]]:
    for (code, _), group in _grouped(attributed.unknown, lambda effect: (_KINDS[effect.kind][0], Level.NOTE)):
        yield code, f"importing {name} {_enumerated(group)}; the cause is not known: {attributed.reason}"


def _attribute(distribution: Distribution, name: str, loaded: Loaded, import_after: ImportAfter) -> _Attributed:
    """Return the effects of an import by their cause."""
    effects = [effect for effect in loaded.effects or () if effect.kind in _KINDS]
    foreign = [module for module in loaded.brought if not _is_own(distribution, module)]
    if not effects or not foreign:
        return _Attributed(own=effects)
    once = [effect for effect in effects if effect.kind in _ONCE]
    repeated = [effect for effect in effects if effect.kind not in _ONCE]
    own = [effect for effect in once if _is_caused_by(distribution, effect)]
    if repeated:
        repeat = import_after(name, foreign)
        if not isinstance(repeat, Loaded) or repeat.effects is None:
            others = [effect for effect in once if effect not in own]
            reason = "it does not import again behind its dependencies"
            return _Attributed(own=own, foreign=others, unknown=repeated, reason=reason)
        own += [effect for effect in repeat.effects if effect.kind in {each.kind for each in repeated}]
    kinds = {effect.kind for effect in own}
    return _Attributed(own=own, foreign=[effect for effect in effects if effect.kind not in kinds])


def _is_own(distribution: Distribution, module: str) -> bool:
    return any(is_below(module, name) for name in distribution.top_levels)


def _is_caused_by(distribution: Distribution, effect: Effect) -> bool:
    """Return whether the innermost frame in an installed package is in this distribution."""
    return bool(effect.places) and _is_own(distribution, _module(effect.places[0][0]))


def _module(file: str) -> str:
    return ".".join(PurePath(file).with_suffix("").parts)


def _grouped(effects: Iterable[Effect], key: Callable[[Effect], _Weight]) -> Iterator[tuple[_Weight, list[Effect]]]:
    groups: dict[_Weight, list[Effect]] = {}
    for effect in effects:
        groups.setdefault(key(effect), []).append(effect)
    yield from sorted(groups.items(), key=lambda group: group[0])


def _enumerated(effects: Sequence[Effect]) -> str:
    """Return the first of them in a row, equal ones as one."""
    counts = Counter(effect.what for effect in effects)
    return listed([what if count == 1 else f"{what} ({count} times)" for what, count in counts.items()], _EFFECTS_SHOWN)


def _finding(
    distribution: Distribution, name: str, weight: _Weight, message: str, effects: Sequence[Effect]
) -> Finding:
    """Return the finding, placed at the innermost line of the package that caused an effect, or else at any line."""
    places = [place for effect in effects for place in effect.places]
    own = [place for place in places if _is_own(distribution, _module(place[0]))]
    file, line = next(iter(own or places), ("", None))
    code, level = weight
    return Finding(code=code, level=level, subject=name, message=message, hint=_HINTS[code], file=file, line=line)
