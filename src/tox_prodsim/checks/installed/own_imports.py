"""IMP505: modules import names of their own package that the wheel does not have.

The sources say what is imported, also inside of functions; the environment has the last word: another distribution may
have installed it, or a module made it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tox_prodsim.checks.installed.outcomes import Outcome, Raised, is_below
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, load
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.internal_imports import Importer, InternalImports
from tox_prodsim.model.runner import Runner

CODE = "IMP505"

_MOST_NAMES = 40
_FINDINGS_SHOWN = 5
_PLACES_SHOWN = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnImports:
    """The result, and the names that it reports."""

    checked: CheckResult
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Missing:
    """A name that is not there, the module it is imported from (empty: it is a module), and who imports it."""

    name: str
    module: str
    importers: tuple[Importer, ...]


def check_own_imports(
    own: InternalImports, runner: Runner, python: Path, *, known: frozenset[str] = frozenset()
) -> OwnImports:
    """Return what modules import in vain of their own package, except what is ``known`` as the cause of a finding."""
    if own.unknown_because:
        return OwnImports(checked=CheckResult(detail="", codes=(), not_checked=((CODE, own.unknown_because),)))
    candidates = [
        each for each in _candidates(own) if not any(is_below(each.name, k) or is_below(k, each.name) for k in known)
    ][:_MOST_NAMES]
    missing = list(_confirmed(candidates, runner, python))
    findings = [_finding(each, own) for each in missing[:_FINDINGS_SHOWN]]
    if rest := missing[_FINDINGS_SHOWN:]:
        findings.append(_others(rest, own))
    checked = CheckResult(detail="", codes=(CODE,), findings=tuple(findings))
    return OwnImports(checked=checked, names=frozenset(each.name for each in missing))


def _candidates(own: InternalImports) -> list[_Missing]:
    """Return the names without those that only optional modules import, each once."""
    found: dict[str, _Missing] = {}
    for absent in own.absent:
        before = found.get(absent.name)
        importers = tuple(each for each in absent.importers if not each.module or not own.is_optional(each.module))
        if importers:
            module = absent.module if before is None else before.module and absent.module
            known = before.importers if before is not None else ()
            every = {(each.file, each.line): each for each in (*known, *importers)}
            found[absent.name] = _Missing(absent.name, module, tuple(sorted(every.values(), key=_order)))
    return list(found.values())


def _order(importer: Importer) -> tuple[bool, bool, str, int]:
    return not importer.module, importer.in_function, importer.file, importer.line


def _confirmed(candidates: Sequence[_Missing], runner: Runner, python: Path) -> Iterator[_Missing]:
    """Yield those that the environment does not have either, or not as far as a package above it imports."""
    if not candidates:
        return
    modules = _outcomes([(each.name, "") for each in candidates], runner, python)
    names = _outcomes([(each.module, _leaf(each)) for each in candidates if each.module], runner, python)
    for each in candidates:
        absent = isinstance(modules[each.name, ""], Raised)
        if absent and (not each.module or _lacks_attribute(names[each.module, _leaf(each)])):
            yield each


def _leaf(missing: _Missing) -> str:
    return missing.name.rpartition(".")[2]


def _outcomes(targets: Sequence[tuple[str, str]], runner: Runner, python: Path) -> Mapping[tuple[str, str], Outcome]:
    return dict(zip(targets, load(targets, runner, python, LOAD_LIMIT_S), strict=True)) if targets else {}


def _lacks_attribute(outcome: Outcome) -> bool:
    return isinstance(outcome, Raised) and outcome.type == "AttributeError" and "has no attribute" in outcome.message


def _finding(missing: _Missing, own: InternalImports) -> Finding:
    first = missing.importers[0]
    what = f"{missing.module} has no such name" if missing.module else "the wheel does not have it"
    by = f"is imported by {first.module}" if first.module else "is imported by an example of the description"
    when = " when a function is called" if first.in_function else ""
    others = len(missing.importers) - 1
    more = f"; it is imported at {_places(missing.importers)}" if others else ""
    return Finding(
        code=CODE,
        level=_level([missing], own),
        subject=missing.name,
        message=f"{by}{when}, but {what}",
        hint=f"have the build include {missing.name}, or remove what imports it{more}",
        file=first.file,
        line=first.line,
    )


def _others(rest: Sequence[_Missing], own: InternalImports) -> Finding:
    importers = [importer for each in rest for importer in each.importers]
    names = [each.name for each in rest]
    message = "are imported by modules of the wheel, but it does not have them"
    hint = f"have the build include {listed(names, _PLACES_SHOWN)}, or remove what imports them: {_places(importers)}"
    first = importers[0]
    level = _level(rest, own)
    return Finding(
        code=CODE, level=level, subject=listed(names), message=message, hint=hint, file=first.file, line=first.line
    )


def _level(missing: Sequence[_Missing], own: InternalImports) -> Level:
    """Return the level: an example may be out of date, if the package has anything in it."""
    by_modules = any(importer.module for each in missing for importer in each.importers)
    return Level.ERROR if by_modules or own.is_shell else Level.WARNING


def _places(importers: Sequence[Importer]) -> str:
    return listed([f"{each.file}:{each.line}" for each in importers], _PLACES_SHOWN)
