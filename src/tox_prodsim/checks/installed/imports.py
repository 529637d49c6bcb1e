"""Whether the top-levels import, from site-packages and with the version that METADATA says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.import_runs import watch
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, Died, Distribution, Loaded, Outcome, Raised, is_below
from tox_prodsim.checks.installed.side_effects import CODES as EFFECTS
from tox_prodsim.checks.installed.side_effects import check_effects, open_descriptors
from tox_prodsim.checks.installed.versions import contradicts, is_released_again, same_version
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import Runner

_CODES = ("IMP501", "IMP502", "IMP503", "VER303")
_STRAY = frozenset(
    {
        "benchmark",
        "benchmarks",
        "bin",
        "build",
        "conf",
        "conftest",
        "data",
        "demo",
        "demos",
        "doc",
        "docs",
        "etc",
        "example",
        "examples",
        "sample",
        "samples",
        "scripts",
        "setup",
        "share",
        "src",
        "test",
        "tests",
        "tools",
    }
)
"""Top-levels that reach a wheel by accident; importing them runs somebody's tests or set-up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What importing came to, to be remembered when a baseline is accepted.

    ``modules`` are those that imported, ``descriptors`` is how many the main ones left open (None: it is not known).
    """

    checked: CheckResult
    modules: frozenset[str] = frozenset()
    descriptors: int | None = None


def check_imports(
    subject: Distribution,
    runner: Runner,
    python: Path,
    *,
    remembered: frozenset[str] = frozenset(),
    limit_s: float = LOAD_LIMIT_S,
) -> Imported:
    """Return what is wrong with importing the top-levels, and what the main ones do besides.

    ``limit_s`` is what one import may take; ``remembered`` are modules that imported when a baseline was accepted.
    """
    main = main_names(subject)
    others = [name for name in subject.top_levels if name not in main and not _is_stray(name)]
    names = [*main, *others]
    if not names:
        reason = "no importable module"
        not_checked = tuple((code, reason) for code in (*_CODES, *EFFECTS))
        return Imported(checked=CheckResult(detail=reason, codes=(), not_checked=not_checked))
    outcomes = dict(zip(names, watch(main, runner, python, limit_s, then=others), strict=True))
    some_load = any(isinstance(outcomes[name], Loaded) for name in main)
    findings: list[Finding] = []
    for name, outcome in outcomes.items():
        vital = name in main and not (some_load and _excusable(subject, name, outcome))
        findings += _findings(subject, name, outcome, vital=vital, known=name in remembered)

    def again(name: str, after: Sequence[str]) -> Outcome:
        return watch([name], runner, python, limit_s, after=after)[0]

    imports = CheckResult(detail=_detail(outcomes), codes=_CODES, findings=tuple(findings))
    effects = check_effects(subject, {name: outcomes[name] for name in main}, again)
    loaded = frozenset(name for name, outcome in outcomes.items() if isinstance(outcome, Loaded))
    descriptors = open_descriptors(outcomes[name] for name in main)
    return Imported(checked=CheckResult.of(imports, effects), modules=loaded, descriptors=descriptors)


def _detail(outcomes: Mapping[str, Outcome]) -> str:
    good = [name for name, outcome in outcomes.items() if isinstance(outcome, Loaded) and not outcome.elsewhere]
    more = f" and {len(good) - 3} more" if len(good) > 3 else ""
    return f"{', '.join(good[:3])}{more} from site-packages" if good else "nothing imports from site-packages"


def main_names(subject: Distribution) -> tuple[str, ...]:
    """Return the top-levels that must import: named like the project or used by a command, else all public ones."""
    named = [name for name in subject.top_levels if _is_named(subject, name)]
    others = [name for name in subject.top_levels if not _is_stray(name)]
    public = [name for name in others if not _is_private(name)]
    return tuple(named or public or others)


def _is_named(subject: Distribution, name: str) -> bool:
    """Return whether the project's name or a command that needs no extra leads to the module."""
    commands = [point.module for point in subject.commands if not point.extras]
    return _is_namesake(subject, name) or any(is_below(module, name) for module in commands)


def _is_namesake(subject: Distribution, name: str) -> bool:
    return canonicalize_name(name) == subject.key and not _is_private(name)


def _is_private(name: str) -> bool:
    return "._" in f".{name}"


def _is_stray(name: str) -> bool:
    return name.partition(".")[0] in _STRAY


def _excusable(subject: Distribution, name: str, outcome: Outcome) -> bool:
    """Return whether a top-level, main only for want of a better one, lacks what may be an optional dependency."""
    return not _is_named(subject, name) and isinstance(outcome, Raised) and subject.lacks_foreign(outcome.missing)


def _findings(subject: Distribution, name: str, outcome: Outcome, *, vital: bool, known: bool) -> Iterator[Finding]:
    if isinstance(outcome, Loaded):
        yield from _origin_findings(name, outcome)
        yield from _version_findings(subject, name, outcome)
        return
    message, hint = f"importing it fails: {outcome}", hint_for(subject, name, outcome)
    if isinstance(outcome, Died):
        yield finding("IMP501", Level.ERROR, name, message, hint)
    elif vital:
        yield finding("IMP503", Level.ERROR, name, message, hint, outcome=outcome)
    elif known:
        message += ", but it did import when the baseline was accepted"
        yield finding("IMP504", Level.ERROR, name, message, hint, outcome=outcome)
    else:
        message += ", but neither the project's name nor a command leads to it"
        yield finding("IMP504", Level.NOTE, name, message, hint, outcome=outcome)


def _origin_findings(name: str, loaded: Loaded) -> Iterator[Finding]:
    if loaded.elsewhere:
        message = f"is imported from {loaded.elsewhere} instead of the environment's site-packages"
        hint = (
            "rename it if the standard library has a module of that name; else look at .pth files and system packages"
        )
        yield finding("IMP502", Level.ERROR, name, message, hint)


def _version_findings(subject: Distribution, name: str, loaded: Loaded) -> Iterator[Finding]:
    """Yield a finding for a version that contradicts METADATA; a part of it will do where the names differ, too."""
    if not loaded.version or loaded.elsewhere or same_version(loaded.version, subject.version):
        return
    namesake = _is_namesake(subject, name)
    if name not in main_names(subject) or not (namesake or contradicts(loaded.version, subject.version)):
        return
    message = f"__version__ is {loaded.version!r}, but METADATA says {subject.version}"
    hint = "keep the version in one place, for example importlib.metadata.version() or the build's dynamic version"
    level = Level.ERROR if namesake else Level.WARNING
    if is_released_again(loaded.version, subject.version):
        level = Level.NOTE
    yield finding("VER303", level, name, message, hint)
