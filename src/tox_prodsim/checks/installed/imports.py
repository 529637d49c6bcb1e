"""Whether the top-levels import, from site-packages and with the version of METADATA."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.import_runs import ModulesBehind, import_watched
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.outcomes import Died, Loaded, Outcome, Raised, is_below
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S
from tox_prodsim.checks.installed.side_effects import CODES as EFFECTS
from tox_prodsim.checks.installed.side_effects import ImportAfter, check_effects, open_descriptors
from tox_prodsim.checks.installed.surroundings import absence, foreign_systems
from tox_prodsim.checks.installed.versions import contradicts, is_released_again, same_version
from tox_prodsim.model import top_levels
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.runner import Runner

_CODES = ("IMP501", "IMP502", "IMP503", "IMP506", "VER303")
_NAMES_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """The result of importing modules, with what a baseline keeps of it."""

    checked: CheckResult
    modules: frozenset[str] = frozenset()
    """The modules that imported."""
    without_source: frozenset[str] = frozenset()
    """Those of them for which no installed source was run, so that this Python need not have compiled one."""
    lacks: frozenset[str] = frozenset()
    """The names that imports did not find, as findings say."""
    descriptors: int | None = None
    """How many file descriptors the main modules left open; None: not known."""
    brought: int = 0
    """How many other installed modules the main ones imported."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """The reasons why modules below the top-levels did not import, by module."""


def check_imports(
    distribution: Distribution,
    runner: Runner,
    python: Path,
    *,
    remembered: frozenset[str] = frozenset(),
    behind: ModulesBehind | None = None,
    limit_s: float = LOAD_LIMIT_S,
) -> Imported:
    """Return what is wrong with importing the top-levels (``limit_s`` each), and the effects of the main ones.

    ``remembered`` are the modules that imported when the baseline was accepted, and ``behind`` those that the same
    process may import at the end.
    """
    main = main_names(distribution)
    known = frozenset(main)  # a wheel without packages can have 100,000 top-levels
    others = [name for name in distribution.top_levels if name not in known and not distribution.is_stray(name)]
    if not main and not others:
        return Imported(checked=_not_checked(NothingToCheck("no importable module")))
    outcomes = dict(
        zip([*main, *others], import_watched(main, runner, python, limit_s, then=others, behind=behind), strict=True)
    )
    main_outcomes = {name: outcomes[name] for name in main}
    findings = tuple(_findings(distribution, outcomes, known, remembered))
    imports = CheckResult(detail=_detail(outcomes), codes=_CODES, findings=findings)
    effects = check_effects(distribution, main_outcomes, _importer(runner, python, limit_s))
    return Imported(
        checked=CheckResult.of(imports, effects),
        modules=frozenset(name for name, outcome in outcomes.items() if isinstance(outcome, Loaded)),
        without_source=frozenset(without_source(outcomes)),
        lacks=frozenset(outcome.lacks for outcome in outcomes.values() if isinstance(outcome, Raised)) - {""},
        descriptors=open_descriptors(main_outcomes.values()),
        brought=sum(len(outcome.brought) for outcome in main_outcomes.values() if isinstance(outcome, Loaded)),
    )


def without_source(outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    """Yield the modules that loaded, but not from their installed source."""
    for name, outcome in outcomes.items():
        if isinstance(outcome, Loaded) and (not outcome.source or outcome.elsewhere):
            yield name


def _importer(runner: Runner, python: Path, limit_s: float) -> ImportAfter:
    def import_after(name: str, after: Sequence[str]) -> Outcome:
        return import_watched([name], runner, python, limit_s, after=after)[0]

    return import_after


def _not_checked(reason: str) -> CheckResult:
    not_checked = tuple((code, reason) for code in (*_CODES, *EFFECTS))
    return CheckResult(detail=reason, codes=(), not_checked=not_checked)


def _detail(outcomes: Mapping[str, Outcome]) -> str:
    good = [name for name, outcome in outcomes.items() if isinstance(outcome, Loaded) and not outcome.elsewhere]
    return f"{listed(good, _NAMES_SHOWN)} from site-packages" if good else "nothing imports from site-packages"


def main_names(distribution: Distribution) -> tuple[str, ...]:
    """Return the top-levels that must import: named like the project or used by a command, else all public ones."""
    key, commands = distribution.key, _command_modules(distribution)  # there can be 100,000 names
    named = [name for name in distribution.top_levels if _leads_to(name, key, commands)]
    others = [name for name in distribution.top_levels if not distribution.is_stray(name)]
    public = [name for name in others if not _is_private(name)]
    return tuple(named or public or others or _all_there_is(distribution))


def _all_there_is(distribution: Distribution) -> Iterator[str]:
    """Yield the top-levels of a distribution that has none with a name of its own."""
    return (name for name in distribution.top_levels if name.partition(".")[0] in top_levels.GENERAL)


def _is_named(distribution: Distribution, name: str) -> bool:
    """Return whether the project's name or a command that needs no extra leads to the module."""
    return _leads_to(name, distribution.key, _command_modules(distribution))


def _command_modules(distribution: Distribution) -> list[str]:
    return [point.module for point in distribution.commands if not point.extras]


def _leads_to(name: str, key: str, commands: Sequence[str]) -> bool:
    """Return whether the name is that of the project, or that of what a command leads to."""
    is_namesake = canonicalize_name(name) == key and not _is_private(name)
    return is_namesake or any(is_below(module, name) for module in commands)


def _is_namesake(distribution: Distribution, name: str) -> bool:
    return _leads_to(name, distribution.key, ())


def _is_private(name: str) -> bool:
    return "._" in f".{name}"


def _is_excusable(distribution: Distribution, name: str, outcome: Outcome) -> bool:
    """Return whether a top-level that only its being public makes a main one lacks a possibly optional dependency."""
    return (
        not _is_named(distribution, name)
        and isinstance(outcome, Raised)
        and distribution.lacks_foreign(outcome.missing)
    )


def _findings(
    distribution: Distribution, outcomes: Mapping[str, Outcome], main: Collection[str], remembered: frozenset[str]
) -> Iterator[Finding]:
    some_load = any(isinstance(outcomes[name], Loaded) for name in main)
    for name, outcome in outcomes.items():
        if isinstance(outcome, Loaded):
            yield from _origin_findings(distribution, name, outcome)
            yield from _version_findings(distribution, name, outcome)
        else:
            vital = name in main and not (some_load and _is_excusable(distribution, name, outcome))
            if vital or name in remembered or not _in_extra(distribution, outcome):
                yield _failure(distribution, name, outcome, vital=vital, known=name in remembered)


def _in_extra(distribution: Distribution, outcome: Outcome) -> bool:
    """Return whether an extra of the wheel brings what is missing."""
    return isinstance(outcome, Raised) and bool(outcome.missing and distribution.extras_with(outcome.missing))


def _failure(distribution: Distribution, name: str, outcome: Outcome, *, vital: bool, known: bool) -> Finding:
    message, hint = f"importing it fails: {outcome}", hint_for(distribution, name, outcome)
    if isinstance(outcome, Died):
        return finding("IMP501", Level.ERROR, name, message, hint)
    here = None if known else absence(distribution, outcome)
    if vital and here is not None:
        return finding("IMP506", Level.NOTE, name, f"cannot be imported here, because {here.what}: {outcome}", hint)
    if vital:
        return finding("IMP503", Level.ERROR, name, message, hint, outcome=outcome)
    if known:
        message += ", but it did import when the baseline was accepted"
        return finding("IMP504", Level.ERROR, name, message, hint, outcome=outcome)
    message += ", but neither the project's name nor a command leads to it"
    return finding("IMP504", Level.NOTE, name, message, hint, outcome=outcome)


def _origin_findings(distribution: Distribution, name: str, loaded: Loaded) -> Iterator[Finding]:
    if loaded.elsewhere and not foreign_systems(distribution):
        message = f"is imported from {loaded.elsewhere} instead of the environment's site-packages"
        hint = (
            "rename it if the standard library has a module of that name; else look at .pth files and system packages"
        )
        yield finding("IMP502", Level.ERROR, name, message, hint)


def _version_findings(distribution: Distribution, name: str, loaded: Loaded) -> Iterator[Finding]:
    """Yield a finding for a version that contradicts METADATA; a part of the version is enough if the names differ."""
    if not loaded.version or loaded.elsewhere or same_version(loaded.version, distribution.version):
        return
    namesake = _is_namesake(distribution, name)
    if name not in main_names(distribution) or not (namesake or contradicts(loaded.version, distribution.version)):
        return
    message = f"__version__ is {loaded.version!r}, but METADATA says {distribution.version}"
    hint = "keep the version in one place, for example importlib.metadata.version() or the build's dynamic version"
    level = Level.ERROR if namesake else Level.WARNING
    if is_released_again(loaded.version, distribution.version):
        level = Level.NOTE
    yield finding("VER303", level, name, message, hint)
