"""What an import does besides importing, and whether that is the package's own doing.

Whose doing it is shows in a second process: what still happens when everything that the import brought along was
imported beforehand is the package's own. What is done once only, such as a file, is judged by where it was done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from tox_prodsim.checks.installed.probe import Distribution, Effect, Loaded, Outcome, is_below
from tox_prodsim.model.findings import CheckResult, Finding, Level

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
"""The code of each kind of effect, and how much it weighs when it is the package's own."""
_ONCE = {"file", "folder"}
_DESCRIPTORS = {"descriptor", "opened"}
_HINTS = {
    "IMP520": "open it when it is first used: processes that fork later share what is open now",
    "IMP521": "start it when it is first used: a process that forks later does not have it",
    "IMP522": "do it in a function, when it is asked for",
    "IMP523": "let an import be silent: use logging, or print in the function that is called",
    "IMP524": "leave the settings of the process to the program: change them in a function that it calls",
}
_Weight = tuple[str, Level]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Divided:
    """The effects of an import: the package's own, those of what it imports, and those of which ``reason`` hides it."""

    own: Sequence[Effect]
    foreign: Sequence[Effect] = ()
    undecided: Sequence[Effect] = ()
    reason: str = ""


Again = Callable[[str, Sequence[str]], Outcome]
"""Watches the import of a module after that of others."""


def check_effects(subject: Distribution, outcomes: Mapping[str, Outcome], again: Again) -> CheckResult:
    """Return what the imports did that an import should not do."""
    loaded = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Loaded)}
    broken = [name for name, outcome in loaded.items() if outcome.effects is None]
    if broken or not loaded:
        reason = f"importing {broken[0]} broke what would tell" if broken else "nothing was imported"
        return CheckResult(detail="", codes=(), not_checked=tuple((code, reason) for code in CODES))
    divided = {name: _divided(subject, name, outcome, again) for name, outcome in loaded.items()}
    findings = tuple(found for name, effects in divided.items() for found in _findings(subject, name, effects))
    not_checked = tuple(pair for name, effects in divided.items() for pair in _undecided(name, effects))
    unknown = {code for code, _ in not_checked}
    return CheckResult(
        detail="" if findings or not_checked else "no side effects",
        codes=tuple(code for code in CODES if code not in unknown),
        findings=findings,
        not_checked=not_checked,
    )


def open_descriptors(outcomes: Iterable[Outcome]) -> int | None:
    """Return how many descriptors these imports left open; None when one of them does not tell."""
    loaded = [outcome for outcome in outcomes if isinstance(outcome, Loaded)]
    if not loaded or any(outcome.effects is None for outcome in loaded):
        return None
    return sum(effect.kind in _DESCRIPTORS for outcome in loaded for effect in outcome.effects or ())


def _findings(subject: Distribution, name: str, divided: _Divided) -> Iterator[Finding]:
    for weight, group in _grouped(divided.own, lambda effect: _KINDS[effect.kind]):
        yield _finding(subject, name, weight, f"{_listed(group)} when it is imported", group)
    for weight, group in _grouped(divided.foreign, lambda effect: (_KINDS[effect.kind][0], Level.NOTE)):
        yield _finding(subject, name, weight, f"imports a dependency that {_listed(group)} when imported", group)


def _undecided(name: str, divided: _Divided) -> Iterator[tuple[str, str]]:
    for (code, _), group in _grouped(divided.undecided, lambda effect: (_KINDS[effect.kind][0], Level.NOTE)):
        yield code, f"importing {name} {_listed(group)}; whose doing it is cannot be told: {divided.reason}"


def _divided(subject: Distribution, name: str, loaded: Loaded, again: Again) -> _Divided:
    """Return whose doing the effects of an import are."""
    effects = [effect for effect in loaded.effects or () if effect.kind in _KINDS]
    foreign = [module for module in loaded.brought if not _is_own(subject, module)]
    if not effects or not foreign:
        return _Divided(own=effects)
    once = [effect for effect in effects if effect.kind in _ONCE]
    repeated = [effect for effect in effects if effect.kind not in _ONCE]
    own = [effect for effect in once if _is_done_by_us(subject, effect)]
    if repeated:
        second = again(name, foreign)
        if not isinstance(second, Loaded) or second.effects is None:
            others = [effect for effect in once if effect not in own]
            reason = "it does not import again behind its dependencies"
            return _Divided(own=own, foreign=others, undecided=repeated, reason=reason)
        own += [effect for effect in second.effects if effect.kind in {each.kind for each in repeated}]
    kinds = {effect.kind for effect in own}
    return _Divided(own=own, foreign=[effect for effect in effects if effect.kind not in kinds])


def _is_own(subject: Distribution, module: str) -> bool:
    return any(is_below(module, name) for name in subject.top_levels)


def _is_done_by_us(subject: Distribution, effect: Effect) -> bool:
    """Return whether the innermost frame of an installed package is one of ours."""
    return bool(effect.places) and _is_own(subject, _module(effect.places[0][0]))


def _module(file: str) -> str:
    return ".".join(PurePath(file).with_suffix("").parts)


def _grouped(effects: Iterable[Effect], key: Callable[[Effect], _Weight]) -> Iterator[tuple[_Weight, list[Effect]]]:
    groups: dict[_Weight, list[Effect]] = {}
    for effect in effects:
        groups.setdefault(key(effect), []).append(effect)
    yield from sorted(groups.items(), key=lambda group: group[0])


def _listed(effects: Sequence[Effect]) -> str:
    """Return what they are in a row: those that are the same as one, and the first three."""
    counted = [what if count == 1 else f"{what} ({count} times)" for what, count in _counts(effects).items()]
    more = f" and {len(counted) - 3} more" if len(counted) > 3 else ""
    return ", ".join(counted[:3]) + more


def _counts(effects: Sequence[Effect]) -> Mapping[str, int]:
    return Counter(effect.what for effect in effects)


def _finding(subject: Distribution, name: str, weight: _Weight, message: str, effects: Sequence[Effect]) -> Finding:
    """Return the finding, placed at the innermost line of ours, or else of anybody's, that did the first of them."""
    places = [place for effect in effects for place in effect.places]
    own = [place for place in places if _is_own(subject, _module(place[0]))]
    file, line = next(iter(own or places), ("", None))
    code, level = weight
    return Finding(code=code, level=level, subject=name, message=message, hint=_HINTS[code], file=file, line=line)
