"""Whether all other modules of the wheel import, and which did.

One good package in four has modules that do not: they need an optional dependency or another system. A failure is
therefore a note, and nothing if an extra brings what is missing. It is more if the module imported when the baseline
was accepted, lacks a file of the package, or a name that this Python or a required distribution no longer has.
"""

from __future__ import annotations

import itertools
import keyword
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tox_prodsim.checks.installed.import_runs import ModulesBehind, load_all, processes_for
from tox_prodsim.checks.installed.imports import Imported, without_source
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.outcomes import Died, Loaded, Outcome, Raised
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, load
from tox_prodsim.checks.installed.providers import is_gone
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import counted, joined, listed, plural
from tox_prodsim.model.internal_imports import NO_IMPORTS, InternalImports
from tox_prodsim.model.runner import Runner

MODULE_LIMIT_S = 10.0
BUDGET_S = 30.0
_MODULE_S = 0.002
"""So long each module of a large wheel may take on average."""
CODE = "IMP504"

_NOT_FOR_IMPORT = frozenset(
    {
        "__main__",
        "benchmark",
        "benchmarks",
        "conftest",
        "demo",
        "demos",
        "docs",
        "example",
        "examples",
        "sample",
        "samples",
        "setup",
        "test",
        "tests",
    }
)
"""Parts of the names of modules that are scripts or tests, and do their work when they are imported."""
_REASONS_SHOWN = 3
"""This many reasons get a finding each."""
_MISSING_SHOWN = 8
_NAMES_SHOWN = 10
_EXTRAS_SHOWN = 4
_MOST_ALONE = 20
"""This many failures that are more than a note are repeated, each in a process of its own."""


Silent = Callable[[Level, str, str], bool]
"""Returns whether nothing is to be said of the failure of a module: its level, the module, the reason."""


def _never(_level: Level, _module: str, _reason: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Importer:
    """Imports modules of one distribution within one budget."""

    distribution: Distribution
    runner: Runner
    python: Path
    limit_s: float
    """The limit for one import."""
    end_at: float
    """When the budget ends, on the monotonic clock."""
    processes: int = 1
    """So many may import side by side."""
    known: Mapping[str, Outcome] = field(default_factory=dict)
    """What was imported already."""

    def load(self, names: Sequence[str]) -> dict[str, Outcome]:
        """Return the outcome of importing each module, of as many as the budget allows."""
        left_s = self.end_at - time.monotonic()
        limits = {"limit_s": self.limit_s, "budget_s": left_s}
        return load_all(names, self.runner, self.python, **limits, processes=self.processes)

    def load_twice(self, names: Sequence[str]) -> dict[str, Outcome]:
        """Return the same, the better of two outcomes for modules whose failure another one may have caused."""
        known = {name: self.known[name] for name in names if name in self.known}
        outcomes = self.load([name for name in names if name not in known])
        if known:
            found = known | outcomes
            outcomes = {name: found[name] for name in names if name in found}
        unclear = [name for name in reversed(outcomes) if not _is_settled(self.distribution, outcomes[name])]
        again = replace(self, processes=1).load(unclear)
        outcomes |= {name: outcome for name, outcome in again.items() if isinstance(outcome, Loaded)}
        return outcomes

    def load_alone(self, names: Sequence[str]) -> dict[str, Outcome]:
        """Return the outcome of importing each module in a process of its own, without the limits."""
        return {name: load([(name, "")], self.runner, self.python, LOAD_LIMIT_S)[0] for name in names}


def check_modules(
    distribution: Distribution,
    runner: Runner,
    python: Path,
    *,
    imported: frozenset[str] = frozenset(),
    remembered: frozenset[str] = frozenset(),
    silent: Silent = _never,
    reported: frozenset[str] = frozenset(),
    own: InternalImports = NO_IMPORTS,
    brought: int = 0,
    behind: ModulesBehind | None = None,
    cores: int = 1,
    limit_s: float = MODULE_LIMIT_S,
    budget_s: float = BUDGET_S,
) -> Imported:
    """Return what is wrong with importing the modules of the wheel, except those that are known to have ``imported``.

    Compiled modules are left to ``check_extensions``. ``remembered`` are the modules that imported when the baseline
    was accepted; nothing is said of a failure that is ``silent``, or for lack of a name that is ``reported`` already.
    ``own`` is what the sources import, ``brought`` how many modules the top-levels import, ``behind`` what has been
    imported behind them, and ``cores`` how many processes may import side by side. ``limit_s`` is the limit for one
    import, ``budget_s`` for all; what is then left is not checked.
    """
    known = imported.union(distribution.extensions)
    pending = [name for name in modules_to_import(distribution, remembered) if name not in known]
    processes = processes_for(len(pending), brought, cores)
    known_outcomes = behind.outcomes if behind is not None else {}
    end_at = time.monotonic() + budget_s
    importer = _Importer(distribution, runner, python, limit_s, end_at, processes, known_outcomes)
    outcomes = importer.load_twice(pending)
    outcomes |= importer.load_alone(_above_note(_Weights(distribution, own, remembered, outcomes))[:_MOST_ALONE])
    outcomes |= importer.load_alone(_silently_died(outcomes))
    others = (name for name, outcome in outcomes.items() if isinstance(outcome, Loaded))
    loaded = frozenset(itertools.chain(imported, others))  # a set of 100,000 names takes 8 MB: one is enough
    missed = len(pending) - len(outcomes)
    reason = f"{missed} of {len(pending)} modules were not reached within {budget_s:g} s" if missed else ""
    failed = {name: _reason(outcome) for name, outcome in outcomes.items() if not isinstance(outcome, Loaded)}
    weights = _Weights(distribution, own, remembered, outcomes, len(imported.union(pending)))
    quiet = {name for name in failed if silent(weights.level(name), name, failed[name])}
    findings = tuple(_findings(weights, reported, quiet))
    has_main = any(name.rpartition(".")[2] == "__main__" for name in distribution.modules)
    detail = joined((_detail(len(loaded), weights.total, has_main=has_main), _extras(weights)), "; ")
    checked = _to_check_result(detail, findings, reason)
    other = frozenset(without_source(outcomes))
    return Imported(checked=checked, modules=loaded, without_source=other, failed=failed)


def _to_check_result(detail: str, findings: tuple[Finding, ...], reason: str) -> CheckResult:
    """Return the result; the ``reason`` says why some modules were not checked."""
    return CheckResult(
        detail=detail,
        codes=() if reason else (CODE,),
        findings=findings,
        not_checked=((CODE, reason),) if reason else (),
    )


def budget_for(count: int) -> float:
    """Return the limit in seconds for importing so many modules."""
    return max(BUDGET_S, count * _MODULE_S)


def modules_behind(
    distribution: Distribution,
    remembered: frozenset[str],
) -> ModulesBehind:
    """Return the modules for the process that imports the top-levels; none where several may share them."""
    names = [name for name in modules_to_import(distribution, remembered) if name not in distribution.extensions]
    few = names if processes_for(len(names), 0, 2) == 1 else []
    return ModulesBehind(names=few, limit_s=MODULE_LIMIT_S, budget_s=BUDGET_S)


def modules_to_import(distribution: Distribution, remembered: frozenset[str]) -> list[str]:
    """Return the modules that users import, and the ``remembered`` ones; parents before their children."""
    named = [name for name in distribution.top_levels if not _NOT_FOR_IMPORT & set(name.split("."))]
    own = [name for name in named if not distribution.is_stray(name)]
    usable = _Usable(frozenset(own or named))
    return [name for name in sorted(distribution.modules) if name in remembered or usable[name]]


class _Usable(dict[str, bool]):
    """Whether users import a module: it is a top-level, or below one, and no part of its name says otherwise."""

    def __init__(self, tops: frozenset[str]) -> None:
        super().__init__(dict.fromkeys(tops, True))

    def __missing__(self, name: str) -> bool:
        unknown = [name]
        while (above := unknown[-1].rpartition(".")[0]) and above not in self:
            unknown.append(above)
        found = bool(above) and self[above]
        for each in reversed(unknown):
            found = found and _is_for_import(each.rpartition(".")[2])
            self[each] = found
        return found


def _is_for_import(part: str) -> bool:
    if part in _NOT_FOR_IMPORT or keyword.iskeyword(part):
        return False
    return part.startswith("__") or part.lstrip("_") not in _NOT_FOR_IMPORT


def _is_settled(distribution: Distribution, outcome: Outcome) -> bool:
    """Return whether no module imported earlier can be the cause: it loaded, or lacks what is not installed."""
    match outcome:
        case Loaded():
            return True
        case Raised(type="ModuleNotFoundError", message=message):
            return distribution.lacks_foreign(outcome.missing) and message.startswith("No module named")
    return False


@dataclass(frozen=True, slots=True)
class _Weights:
    """The outcomes of modules, and what decides how much a failure weighs."""

    distribution: Distribution
    own: InternalImports
    remembered: frozenset[str]
    outcomes: Mapping[str, Outcome]
    total: int = 0
    """How many modules there are; 0: not yet known."""

    @property
    def failed(self) -> list[str]:
        """Return the modules that do not import, without the top-levels, which other checks report."""
        names = (name for name, outcome in self.outcomes.items() if not isinstance(outcome, Loaded))
        tops = frozenset(self.distribution.top_levels)
        return [name for name in names if name not in tops]

    def level(self, name: str) -> Level:
        """Return the level of the failure of a module."""
        if name in self.remembered:
            return Level.ERROR
        if self.is_outdated(name):
            return Level.ERROR if self.most_are_outdated else Level.WARNING
        return Level.WARNING if _lacks_own_file(self.distribution, self.outcomes[name]) else Level.NOTE

    def is_outdated(self, name: str) -> bool:
        """Return whether a module that users need lacks what this Python or a required distribution no longer has."""
        return _lacks_what_is_gone(self.distribution, self.outcomes[name]) and not self.own.is_optional(name)

    @property
    def most_are_outdated(self) -> bool:
        """Return whether more than half of all modules fail for that."""
        return bool(self.total) and 2 * sum(map(self.is_outdated, self.failed)) > self.total

    def extras(self, name: str) -> tuple[str, ...]:
        """Return the extras that bring what a module lacks."""
        foreign = _foreign(self.distribution, self.outcomes[name])
        return self.distribution.extras_with(foreign) if foreign and self.level(name) is Level.NOTE else ()


def _lacks_what_is_gone(distribution: Distribution, outcome: Outcome) -> bool:
    if not isinstance(outcome, Raised):
        return False
    if outcome.lacking:
        return distribution.requires_distribution(outcome.lacking.partition(" ")[0])
    missing = outcome.missing if outcome.message.startswith("No module named") else ""
    return bool(missing) and is_gone(missing) and distribution.lacks_foreign(missing)


def _above_note(weights: _Weights) -> list[str]:
    """Return the failures that are more than a note."""
    return [name for name in weights.failed if weights.level(name) is not Level.NOTE]


def _silently_died(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return the first module for each exit code of the interpreter, if it is not known what it wrote before."""
    first: dict[str, tuple[str, Died]] = {}
    for name, outcome in outcomes.items():
        if isinstance(outcome, Died) and outcome.how.startswith("exited"):
            first.setdefault(outcome.how, (name, outcome))
    return [name for name, died in first.values() if not died.said][:_REASONS_SHOWN]


def _extras(weights: _Weights) -> str:
    """Return which extras bring what the modules lack that need one."""
    needing = {name: extras for name in weights.failed if (extras := weights.extras(name))}
    names = sorted({extras[0] for extras in needing.values()})
    if not names:
        return ""
    which = f"{plural('extra', len(names))} {listed(names, _EXTRAS_SHOWN)}"
    return f"{counted(len(needing), 'module')} {'needs' if len(needing) == 1 else 'need'} the {which}"


def _detail(good: int, total: int, *, has_main: bool) -> str:
    if total < 2:
        return ""
    return f"{good} of {total} modules import" + (" (__main__ is not imported)" if has_main else "")


def _findings(weights: _Weights, reported: frozenset[str], quiet: Collection[str]) -> Iterator[Finding]:
    """Yield one finding for each reason why modules fail, errors first; other checks report the top-levels."""
    groups = _by_reason(weights, reported, quiet)
    notes = [names for (level, _), names in groups.items() if level is Level.NOTE]
    rest = notes[_REASONS_SHOWN:] if len(notes) > _REASONS_SHOWN + 1 else []
    for level in Level:
        for (its_level, reason), names in groups.items():
            if its_level is level and names not in rest:
                yield _group_finding(weights, level, reason, names)
    if rest:
        yield _various_reasons([name for names in rest for name in names])


def _by_reason(
    weights: _Weights, reported: frozenset[str], quiet: Collection[str]
) -> Mapping[tuple[Level, str], list[str]]:
    """Return the modules that fail, by level and reason, without those that are quiet or that an extra is for.

    All that is not installed is one reason, an empty one: each module may be made for an optional dependency.
    """
    groups: dict[tuple[Level, str], list[str]] = {}
    for name in weights.failed:
        outcome, level = weights.outcomes[name], weights.level(name)
        if name not in quiet and not weights.extras(name) and _lacks(outcome) not in reported:
            optional = level is Level.NOTE and _foreign(weights.distribution, outcome)
            groups.setdefault((level, "" if optional else _reason(outcome)), []).append(name)
    return groups


def _lacks(outcome: Outcome) -> str:
    return outcome.lacks if isinstance(outcome, Raised) else ""


def _group_finding(weights: _Weights, level: Level, reason: str, names: Sequence[str]) -> Finding:
    distribution, outcomes = weights.distribution, weights.outcomes
    missing = [] if reason else list(dict.fromkeys(_foreign(distribution, outcomes[name]) for name in names))
    if len(missing) > 1:
        return _not_installed(names, missing)
    return _finding(weights, level, names)


def _foreign(distribution: Distribution, outcome: Outcome) -> str:
    """Return the module of another distribution that is not installed; nothing if that is not the reason."""
    missing = outcome.missing if isinstance(outcome, Raised) else ""
    return missing if distribution.lacks_foreign(missing) else ""


def _lacks_own_file(distribution: Distribution, outcome: Outcome) -> bool:
    """Return whether a file was not found that the package looks for in its own folder."""
    if not (isinstance(outcome, Raised) and outcome.type == "FileNotFoundError"):
        return False
    folders = [name.replace(".", "/") for name in distribution.top_levels]
    return any(f"/site-packages/{folder}/" in Path(outcome.filename).as_posix() for folder in folders)


def _reason(outcome: Outcome) -> str:
    match outcome:
        case Raised(missing=missing) if missing:
            return f"lacks {missing}"
        case Died():
            return outcome.reason
    return str(outcome)


def _finding(weights: _Weights, level: Level, names: Sequence[str]) -> Finding:
    outcome, many = weights.outcomes[names[0]], len(names) > 1
    message = f"importing {'them' if many else 'it'} fails: {outcome}"
    if names[0] in weights.remembered:
        message += f", but {'they' if many else 'it'} did import when the baseline was accepted"
    elif level is Level.ERROR:
        message += ", and most modules of the package fail like that"
    hint = hint_for(weights.distribution, names[0], outcome)
    hint = f"{hint}; {_enumerated(names)}" if many else hint
    return finding(CODE, level, listed(names, noun="module"), message, hint, outcome=outcome)


def _not_installed(names: Sequence[str], missing: Sequence[str]) -> Finding:
    """Return the one note for modules that need various things that are not installed."""
    message = f"importing them fails, because these are not installed: {listed(missing, _MISSING_SHOWN)}"
    hint = f"to have them checked: add what provides them to deps; {_enumerated(names)}"
    return finding(CODE, Level.NOTE, listed(names, noun="module"), message, hint)


def _various_reasons(names: Sequence[str]) -> Finding:
    message = "importing them fails for various reasons"
    hint = f"import them one by one to see why; {_enumerated(names)}"
    return finding(CODE, Level.NOTE, listed(names, noun="module"), message, hint)


def _enumerated(names: Sequence[str]) -> str:
    return f"they are {listed(names, _NAMES_SHOWN)}"
