"""Whether all other modules of the wheel import, and which did.

One good package in four has modules that do not: they need an optional dependency or another system. What does not
import is therefore a note, unless the module imported at the last accepted state, or misses a file of the package.
"""

from __future__ import annotations

import keyword
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tox_prodsim.checks.installed.import_runs import load_all
from tox_prodsim.checks.installed.imports import Imported
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, Distribution, Loaded, Outcome, Raised, is_below, load
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import Runner

MODULE_LIMIT_S = 10.0
BUDGET_S = 30.0
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
"""Parts of the names of modules that are run or collected, and do their work when they are imported."""
_REASONS = 3
"""So many reasons are told one by one."""
_MISSING = 8
"""So many of what is not installed are named."""
_ALONE = 20
"""So many failures that weigh more than a note are repeated, each in a process of its own."""


def check_modules(
    subject: Distribution,
    runner: Runner,
    python: Path,
    *,
    imported: frozenset[str] = frozenset(),
    remembered: frozenset[str] = frozenset(),
    limit_s: float = MODULE_LIMIT_S,
    budget_s: float = BUDGET_S,
) -> Imported:
    """Return what is wrong with importing the modules of the wheel, but those that are known to have ``imported``.

    Compiled ones are left to ``check_extensions``, which loads each by itself.

    ``remembered`` are the modules that imported when a baseline was accepted. ``limit_s`` is what one import may take,
    ``budget_s`` what all of them may; what was not reached then is said to be not checked.
    """
    known = imported.union(subject.extensions)
    wanted = [name for name in modules_to_import(subject, remembered) if name not in known]
    give_up_at = time.monotonic() + budget_s
    outcomes = load_all(wanted, runner, python, limit_s=limit_s, budget_s=budget_s)
    doubtful = [name for name in reversed(outcomes) if not _is_settled(subject, outcomes[name])]
    again = load_all(doubtful, runner, python, limit_s=limit_s, budget_s=give_up_at - time.monotonic())
    outcomes |= {name: outcome for name, outcome in again.items() if isinstance(outcome, Loaded)}
    for name in _grave(subject, outcomes, remembered)[:_ALONE]:
        outcomes |= {name: load([(name, "")], runner, python, LOAD_LIMIT_S)[0]}
    loaded = imported | {name for name, outcome in outcomes.items() if isinstance(outcome, Loaded)}
    missed = len(wanted) - len(outcomes)
    reason = f"{missed} of {len(wanted)} modules were not reached within {budget_s:g} s" if missed else ""
    checked = CheckResult(
        detail=_detail(len(loaded), len(imported | set(wanted))),
        codes=() if reason else (CODE,),
        findings=tuple(_findings(subject, outcomes, remembered)),
        not_checked=((CODE, reason),) if reason else (),
    )
    return Imported(checked=checked, modules=loaded)


def modules_to_import(subject: Distribution, remembered: frozenset[str]) -> list[str]:
    """Return the modules that are there to be imported, parents before their children, and what is remembered."""
    tops = [name for name in subject.top_levels if not _NOT_FOR_IMPORT & set(name.split("."))]
    return [
        name
        for name in sorted(subject.modules)
        if name in remembered or any(is_below(name, top) and _is_for_import(name[len(top) :]) for top in tops)
    ]


def _is_for_import(below: str) -> bool:
    parts = below.split(".")
    private = {part.lstrip("_") for part in parts if not part.startswith("__")}
    return not (_NOT_FOR_IMPORT & {*parts, *private} or any(map(keyword.iskeyword, parts)))


def _is_settled(subject: Distribution, outcome: Outcome) -> bool:
    """Return whether nothing that was imported before can be to blame: it loaded, or lacks what is not installed."""
    match outcome:
        case Loaded():
            return True
        case Raised(type="ModuleNotFoundError", message=message):
            return subject.lacks_foreign(outcome.missing) and message.startswith("No module named")
    return False


def _grave(subject: Distribution, outcomes: Mapping[str, Outcome], remembered: frozenset[str]) -> list[str]:
    """Return the failures that weigh more than a note."""
    failed = [name for name, outcome in outcomes.items() if not isinstance(outcome, Loaded)]
    return [name for name in failed if _level(subject, name, outcomes[name], remembered) is not Level.NOTE]


def _detail(good: int, total: int) -> str:
    if total < 2:
        return ""
    return f"{total} modules import" if good == total else f"{good} of {total} modules import"


def _findings(subject: Distribution, outcomes: Mapping[str, Outcome], remembered: frozenset[str]) -> Iterator[Finding]:
    """Yield one finding for each reason why modules fail, the graver ones first; top-levels are told of elsewhere.

    What is not installed is one reason, whatever it is: no module is to blame for what it is optional for.
    """
    groups: dict[tuple[Level, str], list[str]] = {}
    for name, outcome in outcomes.items():
        if name not in subject.top_levels and not isinstance(outcome, Loaded):
            level = _level(subject, name, outcome, remembered)
            wanting = level is Level.NOTE and _foreign(subject, outcome)
            groups.setdefault((level, "" if wanting else _reason(outcome)), []).append(name)
    notes = [names for (level, _), names in groups.items() if level is Level.NOTE]
    folded = notes[_REASONS:] if len(notes) > _REASONS + 1 else []
    for level in Level:
        for (its_level, reason), names in groups.items():
            if its_level is level and names not in folded:
                missing = [] if reason else list(dict.fromkeys(_foreign(subject, outcomes[name]) for name in names))
                several = len(missing) > 1
                yield _wanting(subject, names, missing) if several else _finding(subject, level, names, outcomes)
    if folded:
        yield _rest([name for names in folded for name in names])


def _foreign(subject: Distribution, outcome: Outcome) -> str:
    """Return what is not installed and should come from another distribution; nothing when that is not the reason."""
    missing = outcome.missing if isinstance(outcome, Raised) else ""
    return missing if subject.lacks_foreign(missing) else ""


def _level(subject: Distribution, name: str, outcome: Outcome, remembered: frozenset[str]) -> Level:
    if name in remembered:
        return Level.ERROR
    return Level.WARNING if _lacks_own_file(subject, outcome) else Level.NOTE


def _lacks_own_file(subject: Distribution, outcome: Outcome) -> bool:
    """Return whether a file was not found that the package looks for in its own folder."""
    if not (isinstance(outcome, Raised) and outcome.type == "FileNotFoundError"):
        return False
    folders = [name.replace(".", "/") for name in subject.top_levels]
    return any(f"/site-packages/{folder}/" in Path(outcome.filename).as_posix() for folder in folders)


def _reason(outcome: Outcome) -> str:
    return f"lacks {outcome.missing}" if isinstance(outcome, Raised) and outcome.missing else str(outcome)


def _finding(subject: Distribution, level: Level, names: Sequence[str], outcomes: Mapping[str, Outcome]) -> Finding:
    many, outcome = len(names) > 1, outcomes[names[0]]
    message = f"importing {'them' if many else 'it'} fails: {outcome}"
    if level is Level.ERROR:
        message += f", but {'they' if many else 'it'} did import when the baseline was accepted"
    hint = hint_for(subject, names[0], outcome)
    return finding(CODE, level, _named(names), message, f"{hint}; {_listed(names)}" if many else hint, outcome=outcome)


def _wanting(subject: Distribution, names: Sequence[str], missing: Sequence[str]) -> Finding:
    """Return the one note for modules that need various things that are not installed."""
    more = f" and {len(missing) - _MISSING} more" if len(missing) > _MISSING else ""
    message = f"importing them fails, because these are not installed: {', '.join(missing[:_MISSING])}{more}"
    extras = list(dict.fromkeys(extra for module in missing for extra in subject.extras_with(module)[:1]))
    how = f"set extras = {', '.join(extras)}" if extras else "add them to deps"
    hint = f"to have them checked: {how}; {_listed(names)}"
    return finding(CODE, Level.NOTE, _named(names), message, hint)


def _rest(names: Sequence[str]) -> Finding:
    message = "importing them fails for various reasons"
    return finding(CODE, Level.NOTE, _named(names), message, f"import them one by one to see why; {_listed(names)}")


def _named(names: Sequence[str]) -> str:
    others = len(names) - 1
    return names[0] + (f" and {others} more module{'' if others == 1 else 's'}" if others else "")


def _listed(names: Sequence[str]) -> str:
    return f"they are {', '.join(names[:10])}" + (f" and {len(names) - 10} more" if len(names) > 10 else "")
