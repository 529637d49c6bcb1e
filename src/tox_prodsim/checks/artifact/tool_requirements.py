"""DEP212: no user has to install test tools, linters, or backports of what the standard library has."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from tox_prodsim.checks.artifact.non_code import TESTS
from tox_prodsim.checks.artifact.wheel import Wheel, source
from tox_prodsim.model.findings import CheckResult, Finding, warning

CODE = "DEP212"

_TEST_TOOLS = frozenset(
    {"pytest", "nose", "nose2", "tox", "nox", "coverage", "unittest2", "testtools", "mock", "hypothesis", "codecov"}
    | {"coveralls", "ward", "asynctest", "testfixtures", "pytest-runner"}
)
_LINTERS = frozenset(
    {"flake8", "pylint", "pyflakes", "pycodestyle", "pep8", "pydocstyle", "mypy", "black", "isort", "ruff"}
    | {"autopep8", "yapf", "bandit", "pre-commit", "autoflake", "pyright", "vulture", "interrogate"}
)
_WORDS = frozenset({"black", "coverage", "mock", "bandit", "nose", "ward", "vulture"})
"""Names that strings also have for another reason, such as colours."""
_FAMILIES = ("pytest-", "flake8-", "pylint-", "nose-", "tox-")
"""How the names of plugins for such a tool begin."""
_BACKPORTS = {
    "argparse": "argparse",
    "asyncio": "asyncio",
    "backports-functools-lru-cache": "functools.lru_cache",
    "backports-shutil-get-terminal-size": "shutil.get_terminal_size",
    "backports-ssl-match-hostname": "ssl",
    "contextvars": "contextvars",
    "dataclasses": "dataclasses",
    "enum34": "enum",
    "funcsigs": "inspect.signature",
    "functools32": "functools",
    "futures": "concurrent.futures",
    "hashlib": "hashlib",
    "ipaddress": "ipaddress",
    "multiprocessing": "multiprocessing",
    "ordereddict": "collections.OrderedDict",
    "pathlib": "pathlib",
    "pathlib2": "pathlib",
    "singledispatch": "functools.singledispatch",
    "ssl": "ssl",
    "statistics": "statistics",
    "subprocess32": "subprocess",
    "typing": "typing",
    "uuid": "uuid",
    "wsgiref": "wsgiref",
}
"""Distributions for Pythons before 3.7 and what they bring to them; nobody else needs them."""
_OWN_MODULES = {
    "backports-functools-lru-cache": "backports",
    "backports-shutil-get-terminal-size": "backports",
    "backports-ssl-match-hostname": "backports",
    "funcsigs": "funcsigs",
    "functools32": "functools32",
    "ordereddict": "ordereddict",
    "pathlib2": "pathlib2",
    "singledispatch": "singledispatch",
    "subprocess32": "subprocess32",
}
"""The modules of backports that a module of the standard library does not hide."""
_NEWEST = {"python_version": "3.99", "python_full_version": "3.99.0", "extra": ""}


def check_tool_requirements(wheel: Wheel, archive: zipfile.ZipFile) -> CheckResult:
    """Return the tools and backports that every user has to install, and that the wheel does not use."""
    required = {canonicalize_name(each.name): each for each in _always_required(wheel.requires)}
    suspects = {key: each for key, each in required.items() if _what(key)}
    code = _code(archive) if suspects else ""
    findings = tuple(_finding(key, each) for key, each in suspects.items() if not _is_used(key, wheel, code))
    return CheckResult(detail="", codes=(CODE,), findings=findings if wheel.modules else ())


def _always_required(requires: Iterable[str]) -> Iterator[Requirement]:
    """Yield the requirements that belong to no extra, and apply to the newest Python."""
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # reported as WHL108
        marker = requirement.marker
        if marker is None or ("extra" not in str(marker) and marker.evaluate(_NEWEST)):
            yield requirement


def _what(key: str) -> str:
    """Return what the distribution is; nothing when users may need it."""
    if key in _BACKPORTS:
        return f"a backport of {_BACKPORTS[key]}, which the standard library has"
    if key in _LINTERS or key.startswith(("flake8-", "pylint-")):
        return "a tool for those who change the code"
    return "a tool for tests" if key in _TEST_TOOLS or key.startswith(_FAMILIES) else ""


def _is_used(key: str, wheel: Wheel, code: str) -> bool:
    """Return whether the project is about that tool, by its name or its entry points, or its code names the tool."""
    if key in _BACKPORTS:
        return key in _OWN_MODULES and _imports(_OWN_MODULES[key], code)
    tool = next((family.rstrip("-") for family in _FAMILIES if key.startswith(family)), key)
    plugs = (f"{point.group} {point.name} {point.module}" for point in wheel.entry_points)
    if any(tool in text for text in (canonicalize_name(wheel.name), *plugs)):
        return True
    return any(_imports(name, code) or _mentions(name, code) for name in {tool, key, key.replace("-", "_")})


def _imports(module: str, code: str) -> bool:
    return bool(
        re.search(rf"^[ \t]*(?:from|import)[ \t]+(?:[\w., \t]*,[ \t]*)?{re.escape(module)}\b", code, re.MULTILINE)
    )


def _mentions(tool: str, code: str) -> bool:
    """Return whether a string begins with the name, as that of a command or of a module does."""
    behind = r"""["'], *["']-| -""" if tool in _WORDS else r"""["' .:]"""
    return bool(re.search(rf"""["'](?:-m )?{re.escape(tool)}(?:{behind})""", code))


def _code(archive: zipfile.ZipFile) -> str:
    """Return the sources of all modules that are not tests."""
    names = (name for name in archive.namelist() if name.endswith(".py") and not _is_test(PurePosixPath(name)))
    return "\n".join(source(archive, name).decode("utf-8", "replace") for name in names)


def _is_test(path: PurePosixPath) -> bool:
    parts = {*path.parts[:-1], path.stem}
    return bool((TESTS - {"testing"}) & parts) or path.name.startswith("test_") or path.stem.endswith("_test")


def _finding(key: str, requirement: Requirement) -> Finding:
    message = f"is {_what(key)}: every user has to install it, and no module of the wheel uses it"
    hint = "move it into an extra, or a dependency group; the tests of the project install it from there"
    if key in _BACKPORTS:
        message = f"is {_what(key)}: every user has to install it"
        hint = f"remove it, or limit it with a marker: {requirement.name}; python_version < '3.4'"
    return warning(CODE, requirement.name, message, hint)
