"""Whether the requirements of the wheel name everything that its modules import.

Read from the sources, so that it is seen also when some other distribution happens to bring what is missing, and when
an import fails before it comes to it. Only imports that are always made count: those of a module's own level, outside
of ``if``, ``try`` and functions.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed import probe
from tox_prodsim.checks.installed.imports import main_names
from tox_prodsim.checks.installed.modules import modules_to_import
from tox_prodsim.checks.installed.probe import Distribution, Survey
from tox_prodsim.checks.installed.sources import SourceFiles, read
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import Runner

CODE = "DEP204"

_NAME = re.compile(r"[\w.-]+")
_FORMER = frozenset(
    {
        "_bootlocale",
        "asynchat",
        "asyncore",
        "binhex",
        "cgi",
        "distutils",
        "dummy_threading",
        "formatter",
        "imp",
        "parser",
    }
    | {"lib2to3", "pipes", "smtpd", "symbol", "telnetlib", "tkinter"}
)
"""What was in the standard library of some Python since 3.8, or may be left out of one."""
_OTHERWISE = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "fitz": "pymupdf",
    "gi": "pygobject",
    "git": "gitpython",
    "google": "protobuf",
    "jose": "python-jose",
    "mpl_toolkits": "matplotlib",
    "mysqldb": "mysqlclient",
    "pil": "pillow",
    "pkg_resources": "setuptools",
    "pylab": "matplotlib",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "win32api": "pywin32",
    "win32com": "pywin32",
    "win32con": "pywin32",
}
"""Distributions that are named otherwise than their modules, beyond a prefix or a suffix."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Use:
    """A module imports a name; ``root`` is the import or command that leads there, empty when none is known to."""

    full_name: str
    module: str
    file: str
    line: int
    root: str

    @property
    def name(self) -> str:
        """Return the first part of the name."""
        return self.full_name.partition(".")[0]


def check_undeclared(
    subject: Distribution, runner: Runner, python: Path, wheel_file: Path, *, imported: frozenset[str]
) -> CheckResult:
    """Return what the modules of the wheel import although no requirement and no extra accounts for it.

    ``imported`` are the modules that were imported with success: what they lead to cannot be missing.
    """
    sources = read(wheel_file, modules_to_import(subject, frozenset()))
    if not sources.texts:
        return CheckResult(detail="", codes=(), not_checked=((CODE, "no Python source in the wheel"),))
    by_name: dict[str, list[_Use]] = {}
    for use in sorted(_foreign_uses(subject, sources), key=lambda use: (not use.root, use.module)):
        by_name.setdefault(use.name, []).append(use)
    findings: list[Finding | None] = []
    if by_name:
        survey = probe.survey(subject, runner, python)
        findings = [_finding(subject, survey, uses, imported) for _, uses in sorted(by_name.items())]
    return CheckResult(detail="", codes=(CODE,), findings=tuple(found for found in findings if found is not None))


def _foreign_uses(subject: Distribution, sources: SourceFiles) -> Iterator[_Use]:
    """Yield every import of a module's own level that is neither of the standard library nor of the wheel."""
    roots = _roots(subject, sources)
    known = {part for name in subject.modules for part in name.split(".")}  # vendored, and found by a trick of sys.path
    known |= sys.stdlib_module_names | _FORMER
    for module in sources.texts:
        if sources.foreign(module) - known:
            for name, line in sources.always_imported(module):
                if name.partition(".")[0] not in known:
                    file = sources.files[module]
                    yield _Use(full_name=name, module=module, file=file, line=line, root=roots.get(module, ""))


def _roots(subject: Distribution, sources: SourceFiles) -> Mapping[str, str]:
    """Return the modules that are always imported, each with the top-level or command's module that leads there."""
    wanted = [*main_names(subject), *(point.module for point in subject.commands if not point.extras)]
    roots: dict[str, str] = {}
    for root in wanted:
        pending = [root]
        while pending:
            name = pending.pop()
            if name in sources.texts and name not in roots:
                roots[name] = root
                pending += [*sources.leads_to(name), name.rpartition(".")[0]]
    return roots


def _declared(subject: Distribution) -> set[str]:
    """Return the distributions that the wheel names, for any system and any extra."""
    return {canonicalize_name(found[0]) for text in subject.requires if (found := _NAME.match(text))}


def _finding(subject: Distribution, survey: Survey, uses: list[_Use], imported: frozenset[str]) -> Finding | None:
    use = uses[0]
    providers = [key for key, each in survey.distributions.items() if use.name in each.tops]
    if use.name in survey.stdlib or _declared(subject) & {*providers}:
        return None
    if not providers:
        missing = [use for use in uses if use.root and use.root not in imported]
        return _absent(missing[0]) if missing and not _may_be_declared(subject, use.name) else None
    # of several in one namespace it is the one that is named like the module
    provider = min(providers, key=lambda key: not _plain(use.full_name).startswith(_plain(key)))
    return _borrowed(use, survey.distributions[provider].name, _brought(subject, survey).get(provider))


def _borrowed(use: _Use, name: str, brought: _Brought | None) -> Finding:
    hint = f"add {name} to the dependencies of the project"
    if brought is None:
        level, why = Level.ERROR, f"{name} is here only because this environment has it"
    else:
        # what is pinned to one version is a part of the distribution that pins it
        level = Level.NOTE if brought.exactly else Level.WARNING
        why = f"{name} is here only because {brought.by} requires it"
    return _found(use, level if use.root else Level.NOTE, why, hint)


def _absent(use: _Use) -> Finding:
    hint = f"declare the distribution that provides it, which is probably {_OTHERWISE.get(use.name.lower(), use.name)}"
    return _found(use, Level.ERROR, "nothing that is installed provides it", hint)


def _found(use: _Use, level: Level, why: str, hint: str) -> Finding:
    message = f"is imported by {use.module}, but no requirement names it: {why}"
    return Finding(code=CODE, level=level, subject=use.name, message=message, hint=hint, file=use.file, line=use.line)


def _may_be_declared(subject: Distribution, name: str) -> bool:
    """Return whether a requirement that is not installed could provide the module, going by the names."""
    module = _plain(name)
    other = _plain(_OTHERWISE.get(name.lower(), name))
    return any(module in text or text in module or other in text for text in map(_plain, _declared(subject)))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Brought:
    """Why a distribution is installed: ``by`` requires it, in one version ``exactly`` or in several."""

    by: str
    exactly: bool


def _brought(subject: Distribution, survey: Survey) -> dict[str, _Brought]:
    """Return what is installed because a requirement requires it.

    Requirements of extras and of other systems are followed as well, but later: who is wrongly said to bring something
    does no harm, and what nobody brings is an error.
    """
    brought: dict[str, _Brought] = {}
    for with_extras in (False, True):
        pending = [*_declared(subject), *brought]
        seen: set[str] = set()
        while pending:
            key = pending.pop(0)
            if key not in survey.distributions or key in seen:
                continue
            seen.add(key)
            for name, text in _requirements(survey.distributions[key], with_extras=with_extras):
                brought.setdefault(name, _Brought(by=survey.distributions[key].name, exactly="==" in text))
                pending.append(name)
    return brought


def _requirements(distribution: probe.InstalledDistribution, *, with_extras: bool) -> Iterator[tuple[str, str]]:
    """Yield the names that a distribution requires, and what stands before the marker."""
    for text in distribution.requires:
        requirement, _, marker = text.partition(";")
        found = _NAME.match(requirement)
        if found and (with_extras or "extra" not in marker):
            yield canonicalize_name(found[0]), requirement
