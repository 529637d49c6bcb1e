"""Whether every compiled module of the distribution loads, and with all of its symbols bound at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tox_prodsim.checks.installed.imports import Imported
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.outcomes import Died, Loaded, Outcome, Raised
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, load
from tox_prodsim.checks.installed.surroundings import absence, missing_library
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck
from tox_prodsim.model.formatting import counted, listed
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner

Outcomes = Mapping[str, Outcome]

_EAGER = {"LD_BIND_NOW": "1"} if sys.platform.startswith("linux") else {}
_CODES = ("EXT405", "EXT406") if _EAGER else ("EXT405",)
_NOT_CHECKED = () if _EAGER else (("EXT406", "the loader of this system cannot check it"),)
_NO_MODULE = "dynamic module does not define module export function"
_UNLOADABLE = lazy_regex(
    r"undefined symbol|symbol not found|invalid ELF|wrong ELF class|file too short|version `.+' not found"
    r"|shared object|^dlopen\(|DLL load failed|compiled (against|using)|binary incompatib"
)
"""Messages of the loaders of all systems, and of modules built for another NumPy or Cython."""
_GIL = lazy_regex(r"GIL\) has been enabled to load module '(?P<module>[\w.]+)'")
_PRINT_GIL_DISABLED = "import sysconfig; print(int(bool(sysconfig.get_config_var('Py_GIL_DISABLED'))))"
_PRINT_LIMIT_S = 30.0


@dataclass(slots=True)
class _StderrRecorder:
    """Runs as the runner does, with additional variables, and records what was printed on stderr."""

    runner: Runner
    variables: Mapping[str, str]
    stderr: list[str] = field(default_factory=list)

    def __call__(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        """Return how it ended."""
        completed = self.runner(argv, timeout_s=timeout_s, variables={**variables, **self.variables})
        self.stderr.append(completed.stderr.decode("utf-8", "replace"))
        return completed


@dataclass(frozen=True, kw_only=True, slots=True)
class _Loads:
    """What loading the extension modules came to."""

    eager: Outcomes
    """With every symbol bound at once."""
    lazy: Outcomes
    """As Python loads them by default."""
    blocked: Sequence[str] = ()
    """The modules that were not loaded, because their package does not import."""


def check_extensions(
    distribution: Distribution,
    runner: Runner,
    python: Path,
    *,
    required: Sequence[str] = (),
    limit_s: float = LOAD_LIMIT_S,
) -> Imported:
    """Return which extension modules load and what is wrong with the others; each of the ``required`` ones must load.

    All are loaded in one process with every symbol bound at once, which is the stricter way. Only those that fail are
    loaded again, by default rules and in a process of their own.
    """
    if not distribution.extensions:
        return Imported(checked=CheckResult(detail="", codes=()))
    recorder = _StderrRecorder(runner, _EAGER)
    loads = _load_all(distribution, partial(_load, recorder, runner, python, limit_s), required)
    loading = _check_loading(distribution, loads, required)
    checked = CheckResult.of(loading, _gil(distribution, runner, python, recorder.stderr))
    return Imported(checked=checked, modules=frozenset(name for name, each in loads.lazy.items() if _is_loaded(each)))


def _check_loading(distribution: Distribution, loads: _Loads, required: Sequence[str]) -> CheckResult:
    blocked = (("EXT405", f"{name}: its package does not import") for name in loads.blocked)
    return CheckResult(
        detail=_detail(loads),
        codes=_CODES if loads.eager else (),
        findings=(*_failures(distribution, loads.lazy, required), *_bound_late(loads)),
        not_checked=(*_NOT_CHECKED, *blocked),
    )


def _load_all(
    distribution: Distribution, load_modules: Callable[[Sequence[str]], _Loads], required: Sequence[str]
) -> _Loads:
    """Load the packages of the extension modules, then the modules whose package loads, and the required ones."""
    package_of = {name: _package(distribution, name) for name in distribution.extensions}
    packages = load_modules(list(dict.fromkeys(filter(None, package_of.values())))).lazy
    broken = {package for package, outcome in packages.items() if not _is_loaded(outcome)}
    blocked = [name for name, package in package_of.items() if package in broken and name not in required]
    return replace(load_modules([name for name in package_of if name not in blocked]), blocked=blocked)


def _package(distribution: Distribution, name: str) -> str:
    """Return the package of the module; empty when it is a top-level, or in a namespace without code of its own."""
    parent = name.rpartition(".")[0]
    return parent if parent in distribution.modules else ""


def _load(eager: Runner, lazy: Runner, python: Path, limit_s: float, names: Sequence[str]) -> _Loads:
    """Load each module with its symbols bound at once, and those that fail once more by default rules."""
    first = _outcomes(eager, python, limit_s, names)
    failed = [name for name, outcome in first.items() if isinstance(outcome, Raised | Died)]
    return _Loads(eager=first, lazy={**first, **_outcomes(lazy, python, limit_s, failed)})


def _outcomes(runner: Runner, python: Path, limit_s: float, names: Sequence[str]) -> Outcomes:
    return dict(zip(names, load([(name, "") for name in names], runner, python, limit_s), strict=True))


def _is_loaded(outcome: Outcome) -> bool:
    return isinstance(outcome, Loaded)


def _is_source(outcome: Outcome) -> bool:
    """Return whether the ``.py`` file of the same name was loaded in place of the compiled one."""
    return isinstance(outcome, Loaded) and outcome.source


def _failures(distribution: Distribution, outcomes: Outcomes, required: Sequence[str]) -> Iterator[Finding]:
    """Yield what does not load; notes with the same reason become one."""
    notes: dict[str, list[Finding]] = {}
    for name, outcome in outcomes.items():
        if name in required and _is_source(outcome):
            hint = "see in the log of the build for which Python it was compiled"
            yield finding(
                "EXT405", Level.ERROR, name, "is not what is loaded, but Python source of the same name", hint
            )
        if _is_loaded(outcome) or (name not in required and _is_library(outcome)):
            continue
        level, hint = Level.ERROR, ""
        if isinstance(outcome, Raised) and name not in required:
            level, hint = _weight(distribution, name, outcome)
        hint = hint or hint_for(distribution, name, outcome)
        found = finding("EXT405", level, name, f"does not load: {outcome}", hint, outcome=outcome)
        if level is Level.NOTE:
            notes.setdefault(str(outcome), []).append(found)
        else:
            yield found
    for same in notes.values():
        yield replace(same[0], subject=listed([note.subject for note in same], noun="module"))


def _is_library(outcome: Outcome) -> bool:
    """Return whether it is a library for ctypes; EXT415 reports one that should be a module."""
    return isinstance(outcome, Raised) and outcome.message.startswith(_NO_MODULE)


def _weight(distribution: Distribution, name: str, raised: Raised) -> tuple[Level, str]:
    """Return the level of a module that does not load, and a hint that fits the reason better than the usual one.

    An exception of the loaded module is not a fault of the file: some modules of good wheels must be imported after
    others, or need a library that is rarely installed.
    """
    if raised.missing == name:
        return Level.NOTE, "it is compiled for another Python or system than that of this environment"
    if library := missing_library(raised):
        if absence(distribution, raised) is not None:
            return Level.NOTE, ""
        hint = f"ship {library} with the wheel ('auditwheel repair'), or let the documentation say who needs it"
        return Level.NOTE, hint
    if raised.missing or not (raised.type == "SystemError" or _UNLOADABLE.search(raised.message)):
        return Level.NOTE, ""
    return Level.ERROR, ""


def _bound_late(loads: _Loads) -> Iterator[Finding]:
    """Yield modules that fail only when they are used, once a reason: a second one with it only imports the first."""
    reported = set[str]()
    for name, outcome in loads.eager.items():
        if _is_loaded(loads.lazy[name]) and not _is_loaded(outcome) and str(outcome) not in reported:
            reported.add(str(outcome))
            message = f"loads, but not all of its symbols resolve: {outcome}"
            hint = "calling a missing symbol ends the process: link the library that has it, in the right version"
            yield finding("EXT406", Level.WARNING, name, message, hint, outcome=outcome)


def _detail(loads: _Loads) -> str:
    modules = [name for name, outcome in loads.lazy.items() if not _is_library(outcome)]
    sources = [name for name in modules if _is_source(loads.lazy[name])]
    good = [name for name in modules if _is_loaded(loads.lazy[name]) and name not in sources]
    if sources:
        counts = f"{len(good) or 'none'} of {counted(len(modules), 'extension')}"
        return f"{counts} {'loads' if len(good) < 2 else 'load'}, Python source is loaded for {listed(sources)}"
    if not good:
        return "no extension loads" if modules else ""
    number = f"{counted(len(good), 'extension')} {'loads' if len(good) == 1 else 'load'}"
    at_once = _EAGER and all(_is_loaded(loads.eager[name]) for name in good)
    return f"{number} (all symbols resolve)" if at_once else number


def _gil(distribution: Distribution, runner: Runner, python: Path, stderr: Sequence[str]) -> CheckResult:
    """Return whether a free-threaded Python had to enable its GIL, which it prints once, for the first module."""
    completed = runner([str(python), "-I", "-c", _PRINT_GIL_DISABLED], timeout_s=_PRINT_LIMIT_S)
    if completed.stdout.strip() != b"1":
        return CheckResult(
            detail="", codes=(), not_checked=(("EXT414", NothingToCheck("this Python is not free-threaded")),)
        )
    modules = {found["module"] for text in stderr for found in _GIL.finditer(text)}
    hint = "let it say that it needs no GIL (Py_mod_gil), once its threads are known to be safe"
    message = "importing it re-enables the GIL"
    findings = [
        finding("EXT414", Level.WARNING, name, message, hint) for name in sorted(modules & {*distribution.extensions})
    ]
    return CheckResult(detail="", codes=("EXT414",), findings=tuple(findings))
