"""Whether every compiled module of the distribution loads, and with all of its symbols bound at once."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from tox_prodsim.checks.installed.imports import Imported
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, Died, Distribution, Loaded, Outcome, Raised, load
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner

Outcomes = Mapping[str, Outcome]

_EAGER = {"LD_BIND_NOW": "1"} if sys.platform.startswith("linux") else {}
_CODES = ("EXT405", "EXT406") if _EAGER else ("EXT405",)
_NOT_CHECKED = () if _EAGER else (("EXT406", "the loader of this system has no way to be asked for it"),)
_NO_MODULE = "dynamic module does not define module export function"
_LIBRARY = re.compile(r"(?P<library>\S+): cannot open shared object file")
_UNLOADABLE = re.compile(
    r"undefined symbol|symbol not found|invalid ELF|wrong ELF class|file too short|version `.+' not found"
    r"|shared object|^dlopen\(|DLL load failed|compiled (against|using)|binary incompatib"
)
"""What the loaders of all systems say, and what NumPy's and Cython's modules say that meet another version."""
_GIL = re.compile(r"GIL\) has been enabled to load module '(?P<module>[\w.]+)'")
_GIL_QUESTION = "import sysconfig; print(int(bool(sysconfig.get_config_var('Py_GIL_DISABLED'))))"
_QUESTION_LIMIT_S = 30.0


@dataclass(slots=True)
class _Listener:
    """Runs as the runner does, with some more variables, and keeps what was said on stderr."""

    runner: Runner
    more: Mapping[str, str]
    heard: list[str] = field(default_factory=list)

    def __call__(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        """Return how it ended."""
        ran = self.runner(argv, timeout_s=timeout_s, variables={**variables, **self.more})
        self.heard.append(ran.stderr.decode("utf-8", "replace"))
        return ran


def check_extensions(
    subject: Distribution, runner: Runner, python: Path, *, required: Sequence[str] = (), limit_s: float = LOAD_LIMIT_S
) -> Imported:
    """Return which extension modules load and what is wrong with others; for ``required`` ones there is no excuse.

    All are loaded in one process with every symbol bound at once, which is the harder way; only what fails is loaded
    again, the easier way, and in a process of its own.
    """
    if not subject.extensions:
        return Imported(checked=CheckResult(detail="", codes=()))
    listener = _Listener(runner, _EAGER)
    loads = partial(_both_ways, listener, runner, python, limit_s)
    _, packages = loads(list(dict.fromkeys(filter(None, (_package(subject, name) for name in subject.extensions)))))
    broken = {package for package, outcome in packages.items() if not _loads(outcome)}
    blocked = [name for name in subject.extensions if _package(subject, name) in broken and name not in required]
    eager, lazy = loads([name for name in subject.extensions if name not in blocked])
    checked = CheckResult.of(
        CheckResult(
            detail=_detail(eager, lazy),
            codes=_CODES if eager else (),
            findings=(*_failures(subject, lazy, required), *_bound_late(eager, lazy)),
            not_checked=(*_NOT_CHECKED, *(("EXT405", f"{name}: its package does not import") for name in blocked)),
        ),
        _gil(subject, runner, python, listener.heard),
    )
    return Imported(checked=checked, modules=frozenset(name for name, outcome in lazy.items() if _loads(outcome)))


def _package(subject: Distribution, name: str) -> str:
    """Return the package of the module; empty when it is a top-level, or in a namespace without code of its own."""
    parent = name.rpartition(".")[0]
    return parent if parent in subject.modules else ""


def _both_ways(
    eager: Runner, lazy: Runner, python: Path, limit_s: float, names: Sequence[str]
) -> tuple[Outcomes, Outcomes]:
    """Return what loading each comes to with its symbols bound at once, and as it is loaded when nobody asks."""
    first = _outcomes(eager, python, limit_s, names)
    again = [name for name, outcome in first.items() if isinstance(outcome, Raised | Died)]
    return first, {**first, **_outcomes(lazy, python, limit_s, again)}


def _outcomes(runner: Runner, python: Path, limit_s: float, names: Sequence[str]) -> Outcomes:
    return dict(zip(names, load([(name, "") for name in names], runner, python, limit_s), strict=True))


def _loads(outcome: Outcome) -> bool:
    return isinstance(outcome, Loaded)


def _failures(subject: Distribution, outcomes: Outcomes, required: Sequence[str]) -> Iterator[Finding]:
    """Yield what does not load; what is only noted and fails in the same words is one note."""
    noted: dict[str, list[Finding]] = {}
    for name, outcome in outcomes.items():
        if _loads(outcome) or (name not in required and _is_library(outcome)):
            continue
        level, hint = Level.ERROR, ""
        if isinstance(outcome, Raised) and name not in required:
            level, hint = _excuse(name, outcome)
        hint = hint or hint_for(subject, name, outcome)
        found = finding("EXT405", level, name, f"does not load: {outcome}", hint, outcome=outcome)
        if level is Level.NOTE:
            noted.setdefault(str(outcome), []).append(found)
        else:
            yield found
    for first, *others in noted.values():
        more = f" and {len(others)} more module{'' if len(others) == 1 else 's'}" if others else ""
        yield replace(first, subject=f"{first.subject}{more}")


def _is_library(outcome: Outcome) -> bool:
    """Return whether it is a library for ctypes after all; EXT415 tells when it was to be a module."""
    return isinstance(outcome, Raised) and outcome.message.startswith(_NO_MODULE)


def _excuse(name: str, raised: Raised) -> tuple[Level, str]:
    """Return how bad it is that the module does not load, and what to do when that is not for everybody to say.

    What it raises once it is loaded says nothing against the file: some modules of good wheels are to be imported after
    others, or need a library that few have.
    """
    if raised.missing == name:
        return Level.NOTE, "it is compiled for another Python or system than that of this environment"
    if found := _LIBRARY.search(raised.message):
        hint = (
            f"ship {found['library']} with the wheel ('auditwheel repair'), or let the documentation say who needs it"
        )
        return Level.NOTE, hint
    if raised.missing or not (raised.type == "SystemError" or _UNLOADABLE.search(raised.message)):
        return Level.NOTE, ""
    return Level.ERROR, ""


def _bound_late(eager: Outcomes, lazy: Outcomes) -> Iterator[Finding]:
    """Yield what fails only when it is used; one that fails as another does imports that one, and says nothing new."""
    told = set[str]()
    for name, outcome in eager.items():
        if _loads(lazy[name]) and not _loads(outcome) and str(outcome) not in told:
            told.add(str(outcome))
            message = f"loads, but not with every symbol bound at once: {outcome}"
            hint = "its first call of what is missing ends the process: link what has it, in the right version"
            yield finding("EXT406", Level.WARNING, name, message, hint, outcome=outcome)


def _detail(eager: Outcomes, lazy: Outcomes) -> str:
    modules = [name for name, outcome in lazy.items() if not _is_library(outcome)]
    good = [name for name in modules if _loads(lazy[name])]
    if not good:
        return "no extension loads" if modules else ""
    words = "1 extension loads" if len(good) == 1 else f"{len(good)} extensions load"
    at_once = _EAGER and all(_loads(eager[name]) for name in good)
    return f"{words}, also with every symbol bound at once" if at_once else words


def _gil(subject: Distribution, runner: Runner, python: Path, heard: Sequence[str]) -> CheckResult:
    """Return whether a free-threaded Python had to enable its GIL, which it says once, of the first module."""
    ran = runner([str(python), "-I", "-c", _GIL_QUESTION], timeout_s=_QUESTION_LIMIT_S)
    if ran.stdout.strip() != b"1":
        return CheckResult(detail="", codes=(), not_checked=(("EXT414", "this Python is not free-threaded"),))
    modules = {found["module"] for text in heard for found in _GIL.finditer(text)}
    hint = "let it say that it needs no GIL (Py_mod_gil), once its threads are known to be safe"
    message = "importing it re-enables the GIL"
    findings = [
        finding("EXT414", Level.WARNING, name, message, hint) for name in sorted(modules & {*subject.extensions})
    ]
    return CheckResult(detail="", codes=("EXT414",), findings=tuple(findings))
