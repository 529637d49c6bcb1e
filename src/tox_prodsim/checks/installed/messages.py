"""Findings about what does not load, and hints for it."""

from __future__ import annotations

import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.outcomes import Died, Hung, Outcome, Raised
from tox_prodsim.checks.installed.providers import DISTRIBUTIONS, PYTHON_2, REMOVED
from tox_prodsim.checks.installed.surroundings import absence
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import counted
from tox_prodsim.model.regex import lazy_regex

_CANNOT_IMPORT = lazy_regex(
    r"cannot import name '?(?P<name>\w+)'? from (?:partially initialized module )?'(?P<module>[\w.]+)'"
)
_EXTRAS_SHOWN = 3


def finding(
    code: str, level: Level, subject: str, message: str, hint: str, *, outcome: Outcome | None = None
) -> Finding:
    """Return the finding, placed where the outcome's exception was raised when it has one."""
    file, line = (outcome.file, outcome.line) if isinstance(outcome, Raised) else ("", None)
    reason = f"{outcome} at {file}:{line}" if file else ""
    return Finding(
        code=code, level=level, subject=subject, message=message, hint=hint, file=file, line=line, reason=reason
    )


def hint_for(distribution: Distribution, module: str, outcome: Outcome) -> str:
    """Return the hint for a module that does not load."""
    here = absence(distribution, outcome)
    hint = here.hint if here is not None else ""
    match outcome:
        case Raised() if not hint:
            hint = hint_for_raised(distribution, outcome)
        case Died() | Hung() if outcome.frames:
            hint = f"it was at {', called from '.join(outcome.frames)}"
    return hint or f"see it with: python -I -X faulthandler -c 'import {module}', where only the wheel is installed"


def hint_for_raised(distribution: Distribution, raised: Raised) -> str:
    """Return what to do about the exception; nothing if it says nothing in particular."""
    renamed = _CANNOT_IMPORT.match(raised.message)
    match raised:
        case Raised(type="SystemExit") if not raised.missing:
            return "put what should only happen when it is run below: if __name__ == '__main__':"
        case Raised(type="FileNotFoundError") if raised.filename:
            return f"have the build include {Path(raised.filename).name} as package data, if it is the package's"
        case Raised(type="ImportError") if renamed:
            return _hint_for_renamed(distribution, renamed["name"], renamed["module"], raised.lacking)
        case _ if distribution.lacks_foreign(raised.missing):
            return _hint_for_foreign(distribution, raised.missing, raised.lacking)
    if raised.lacking and canonicalize_name(raised.lacking.partition(" ")[0]) != distribution.key:
        return f"adapt to {raised.lacking}, or bound its version"
    return f"have the build include {raised.missing}, which is not in the wheel" if raised.missing else ""


def _hint_for_renamed(distribution: Distribution, name: str, module: str, lacking: str) -> str:
    if distribution.lacks_foreign(module):
        root = module.partition(".")[0]
        if root in sys.stdlib_module_names and not distribution.requires_always(root):
            return f"not every {module} of the standard library has {name}: import it only where it is needed"
        return f"{_installed(lacking, root)} has no {name} there: bound its version, or adapt to it"
    missing = f"have the build include {module}.{name} if that is a module, such as a C extension"
    return f"{missing}; else define {name} in {module}, or look for modules that import one another"


def _installed(lacking: str, root: str) -> str:
    return f"{lacking}, which is installed," if lacking else f"the {root} that is installed"


def _hint_for_foreign(distribution: Distribution, module: str, lacking: str) -> str:
    root = module.partition(".")[0]
    if root in {"setuptools", "pkg_resources", "distutils"} and not distribution.extras_with(root):
        return _hint_for_setuptools(distribution, root)
    if distribution.requires_always(root):
        return f"{_installed(lacking, root)} has no {module}: bound its version, or adapt to it"
    if root in REMOVED or root in PYTHON_2:
        since = f"since Python {REMOVED[root]}" if root in REMOVED else "of Python 3"
        return f"the standard library {since} has no {root}: replace it, or exclude that Python in requires-python"
    if root in sys.stdlib_module_names:
        return f"{module} is not in every standard library: import it only where it is needed"
    extras = distribution.extras_with(module)
    if extras:
        others = len(extras) - _EXTRAS_SHOWN
        which = " or ".join([*extras[:_EXTRAS_SHOWN], *([counted(others, "other")] if others > 0 else [])])
        return f"{module} comes with the extra {which} only: set extras to test with it, or depend on it always"
    return f"{declare(root)}, or import it only where it is needed"


def declare(root: str) -> str:
    """Return the advice to declare what provides a module, by name if that is known."""
    names = DISTRIBUTIONS.get(root)
    what = " or ".join(names[:2]) if names else f"the distribution that provides {root}"
    return f"declare {what} in dependencies"


def _hint_for_setuptools(distribution: Distribution, root: str) -> str:
    """Return the hint for a module that setuptools brings, or brought: since 82.0 it has no pkg_resources."""
    if root == "pkg_resources":
        instead = "use importlib.metadata and importlib.resources, or require setuptools<82"
        if distribution.requires_distribution("setuptools"):
            return f"setuptools has no pkg_resources since version 82: {instead}"
        return f"pkg_resources comes with setuptools before version 82, which a fresh environment lacks: {instead}"
    if root == "distutils":
        return "distutils is gone since Python 3.12, and setuptools brings its own: declare setuptools or do without"
    return "a fresh environment does not have setuptools: declare it or do without"
