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

from tox_prodsim.findings import Checked, Finding, Level
from tox_prodsim.installed import look
from tox_prodsim.installed.imports import main_names
from tox_prodsim.installed.look import Subject, Survey
from tox_prodsim.installed.modules import modules_to_import
from tox_prodsim.installed.sources import Sources, read
from tox_prodsim.running import Runner

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

    name: str
    module: str
    file: str
    line: int
    root: str


def check_undeclared(
    subject: Subject, runner: Runner, python: Path, wheel_file: Path, *, imported: frozenset[str]
) -> Checked:
    """Return what the modules of the wheel import although no requirement and no extra accounts for it.

    ``imported`` are the modules that were imported with success: what they lead to cannot be missing.
    """
    sources = read(wheel_file, modules_to_import(subject, frozenset()))
    if not sources.texts:
        return Checked(detail="", codes=(), not_checked=((CODE, "no Python source in the wheel"),))
    survey = look.survey(subject, runner, python)
    roots = _roots(subject, sources)
    by_name: dict[str, list[_Use]] = {}
    for use in sorted(_uses(subject, survey, sources, roots), key=lambda use: (not use.root, use.module)):
        by_name.setdefault(use.name, []).append(use)
    findings = [found for name in sorted(by_name) if (found := _finding(subject, survey, by_name[name], imported))]
    return Checked(detail="", codes=(CODE,), findings=tuple(findings))


def _roots(subject: Subject, sources: Sources) -> Mapping[str, str]:
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


def _uses(subject: Subject, survey: Survey, sources: Sources, roots: Mapping[str, str]) -> Iterator[_Use]:
    known = survey.stdlib | sys.stdlib_module_names | _FORMER | {name.partition(".")[0] for name in subject.top_levels}
    known |= {
        part for name in subject.modules for part in name.split(".")
    }  # vendored, and found by a trick of sys.path
    known |= {
        top for each in _declared(subject) if each in survey.distributions for top in survey.distributions[each].tops
    }
    for module in sources.texts:
        foreign = sources.foreign(module) - known
        for name, line in sources.always_imported(module) if foreign else ():
            if name in foreign:
                file = sources.files[module]
                yield _Use(name=name, module=module, file=file, line=line, root=roots.get(module, ""))


def _declared(subject: Subject) -> set[str]:
    """Return the distributions that the wheel names, for any system and any extra."""
    return {canonicalize_name(found[0]) for text in subject.requires if (found := _NAME.match(text))}


def _finding(subject: Subject, survey: Survey, uses: list[_Use], imported: frozenset[str]) -> Finding | None:
    use = uses[0]
    providers = sorted(key for key, each in survey.distributions.items() if use.name in each.tops)
    if not providers:
        missing = [use for use in uses if use.root and use.root not in imported]
        return _absent(missing[0]) if missing and not _may_be_declared(subject, use.name) else None
    brought = _brought(subject, survey)
    through = next((brought[key] for key in providers if key in brought), "")
    name = survey.distributions[providers[0]].name
    if through:
        why, level = f"{name} is here only because {through} requires it", Level.WARNING
    else:
        why, level = f"{name} is here only because this environment has it", Level.ERROR
    return _found(use, level if use.root else Level.NOTE, why, f"add {name} to the dependencies of the project")


def _absent(use: _Use) -> Finding:
    hint = f"declare the distribution that provides it, which is probably {_OTHERWISE.get(use.name.lower(), use.name)}"
    return _found(use, Level.ERROR, "nothing that is installed provides it", hint)


def _found(use: _Use, level: Level, why: str, hint: str) -> Finding:
    message = f"is imported by {use.module}, but no requirement names it: {why}"
    return Finding(code=CODE, level=level, subject=use.name, message=message, hint=hint, file=use.file, line=use.line)


def _may_be_declared(subject: Subject, name: str) -> bool:
    """Return whether a requirement that is not installed could provide the module, going by the names."""
    module = _plain(name)
    other = _plain(_OTHERWISE.get(name.lower(), name))
    return any(module in text or text in module or other in text for text in map(_plain, _declared(subject)))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _brought(subject: Subject, survey: Survey) -> dict[str, str]:
    """Return what is installed because a requirement requires it, with the distribution that does so.

    Requirements of extras and of other systems are followed as well, but later: who is wrongly said to bring something
    does no harm, and what nobody brings is an error.
    """
    brought: dict[str, str] = {}
    for with_extras in (False, True):
        pending = [*_declared(subject), *brought]
        seen: set[str] = set()
        while pending:
            key = pending.pop(0)
            if key in seen or key not in survey.distributions:
                continue
            seen.add(key)
            for text in survey.distributions[key].requires:
                found = _NAME.match(text)
                if found and (with_extras or "extra" not in text.partition(";")[2]):
                    brought.setdefault(canonicalize_name(found[0]), survey.distributions[key].name)
                    pending.append(canonicalize_name(found[0]))
    return brought
