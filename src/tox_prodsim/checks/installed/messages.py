"""Findings about what does not load, and hints for it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tox_prodsim.checks.installed.probe import Died, Distribution, Hung, Outcome, Raised
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import counted

_CANNOT_IMPORT = re.compile(
    r"cannot import name '?(?P<name>\w+)'? from (?:partially initialized module )?'(?P<module>[\w.]+)'"
)
_OF_SETUPTOOLS = {
    "setuptools": "a fresh environment does not have setuptools: declare it or do without",
    "distutils": "distutils comes with setuptools, which a fresh environment does not have: declare it or do without",
    "pkg_resources": "setuptools has no pkg_resources since version 82: use importlib.metadata and importlib.resources",
}
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
    hint = ""
    match outcome:
        case Raised():
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
            return _hint_for_renamed(distribution, renamed["name"], renamed["module"])
        case _ if distribution.lacks_foreign(raised.missing):
            return _hint_for_foreign(distribution, raised.missing)
    return f"have the build include {raised.missing}, which is not in the wheel" if raised.missing else ""


def _hint_for_renamed(distribution: Distribution, name: str, module: str) -> str:
    if distribution.lacks_foreign(module):
        root = module.partition(".")[0]
        if root in sys.stdlib_module_names and not distribution.requires_always(root):
            return f"not every {module} of the standard library has {name}: import it only where it is needed"
        return f"the {root} that is installed has no {name} there: bound its version, or adapt to it"
    missing = f"have the build include {module}.{name} if that is a module, such as a C extension"
    return f"{missing}; else define {name} in {module}, or look for modules that import one another"


def _hint_for_foreign(distribution: Distribution, module: str) -> str:
    root = module.partition(".")[0]
    if root in _OF_SETUPTOOLS and not distribution.extras_with(root):
        return _OF_SETUPTOOLS[root]
    if "." in module and distribution.requires_always(root):
        return f"the {root} that is installed has no {module}: bound its version, or adapt to it"
    if root in sys.stdlib_module_names:
        return f"{module} is not in every standard library: import it only where it is needed"
    extras = distribution.extras_with(module)
    if extras:
        others = len(extras) - _EXTRAS_SHOWN
        which = " or ".join([*extras[:_EXTRAS_SHOWN], *([counted(others, "other")] if others > 0 else [])])
        return f"{module} comes with the extra {which} only: set extras to test with it, or depend on it always"
    return f"declare the distribution that provides {module} in dependencies, or import it only where it is needed"
