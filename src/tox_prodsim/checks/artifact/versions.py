"""VER301, VER302, VER304 and VER307: what the wheel says about its version and about Pythons is consistent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from tox_prodsim.checks.artifact import pep440
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck, error, note
from tox_prodsim.model.regex import lazy_regex

Python = tuple[int, int]
CODES = ("VER301", "VER302", "VER307", "VER304")

_CLASSIFIER = lazy_regex(r"Programming Language :: Python :: (\d+\.\d+)")
_PYTHON_2 = lazy_regex(r"Programming Language :: Python :: 2(\.\d+)?")
_INTERPRETER = lazy_regex(r"[a-z]+(?P<major>\d)(?P<minor>\d*)(_.*)?")
_MINOR = lazy_regex(r"[a-z]+\d\d+(_.*)?")
_COMMITS_SINCE_TAG = lazy_regex(r"[1-9]\d*\.g[0-9a-f]{7,}(\.dirty)?")
"""The local part as versioneer and ``git describe`` make it: 1.2+3.g3f2a1c9."""
_MINORS = {2: range(6, 8), 3: range(40)}
_PATCHES = range(60)


def check_versions(wheel: Wheel, tested: frozenset[str] | None) -> CheckResult:
    """Return the contradictions; ``tested`` are the Pythons (``3.12``) that tox tests, None: not known."""
    claimed = claims(wheel)
    reason = "env_list names no Python version" if tested is None else "" if claimed else "no classifier names one"
    untested = _untested(claimed, tested) if tested and claimed else ()
    findings = (*_contradictions(wheel, claimed), *_local(wheel), *_unlimited(wheel, claimed), *untested)
    codes = CODES[:3] if reason else CODES
    return CheckResult(
        detail="", codes=codes, findings=findings, not_checked=(("VER304", NothingToCheck(reason)),) if reason else ()
    )


def claims(wheel: Wheel) -> tuple[str, ...]:
    """Return the Pythons that the classifiers name, such as ``3.12``, in ascending order."""
    found = (match[1] for text in wheel.classifiers if (match := _CLASSIFIER.fullmatch(text)))
    return _ascending(found)


def oldest(wheel: Wheel) -> Python | None:
    """Return the oldest Python for which an installer takes this wheel; None when nothing limits it."""
    specifier = _requires_python(wheel)
    accepted = {python for tag in _tags(wheel) for python in _accepted(tag)}
    if specifier is None:
        limited = all(_MINOR.fullmatch(tag.interpreter) for tag in _tags(wheel))
        return min(accepted) if limited and accepted else None
    return min((python for python in accepted if _allows(specifier, python)), default=None)


def _tags(wheel: Wheel) -> frozenset[Tag]:
    return parse_wheel_filename(wheel.file_name)[3]


def _accepted(tag: Tag) -> Iterator[Python]:
    """Yield the Pythons for a tag: ``cp312-cp312`` is for one, ``py36`` and ``abi3`` are for later ones, too."""
    found = _INTERPRETER.fullmatch(tag.interpreter)
    if found:
        major, minor = int(found["major"]), int(found["minor"] or 0)
        exact = found["minor"] and not tag.interpreter.startswith("py") and tag.abi not in {"abi3", "none"}
        yield from ((major, each) for each in _MINORS.get(major, ()) if (each == minor if exact else each >= minor))


def _requires_python(wheel: Wheel) -> SpecifierSet | None:
    """Return the specifier; None when there is none, and when it is not valid, which is WHL108."""
    try:
        return SpecifierSet(wheel.requires_python) if wheel.requires_python else None
    except InvalidSpecifier:
        return None


def _allows(specifier: SpecifierSet, python: Python) -> bool:
    """Return whether any release of that Python is allowed: ``!=3.9.7`` excludes one of many."""
    return any(specifier.contains(f"{python[0]}.{python[1]}.{patch}") for patch in _PATCHES)


def _contradictions(wheel: Wheel, claimed: tuple[str, ...]) -> Iterator[Finding]:
    specifier = _requires_python(wheel)
    if specifier is None:
        return
    excluded = [python for python in claimed if not _allows(specifier, _numbers(python))]
    if excluded:
        message = f"a classifier claims it, but Requires-Python {wheel.requires_python} excludes it"
        hint = "correct requires-python or the classifiers in pyproject.toml, whichever is wrong"
        yield error("VER301", f"Python {', '.join(excluded)}", message, hint)
    if not any(_allows(specifier, python) for tag in _tags(wheel) for python in _accepted(tag)):
        message = f"no Python takes a wheel of this name that Requires-Python {wheel.requires_python} lets in"
        hint = "build it with a Python that requires-python allows, or correct requires-python"
        yield error("VER301", wheel.file_name, message, hint)


def _local(wheel: Wheel) -> Iterator[Finding]:
    version = pep440.parsed(wheel.version)
    if version is not None and version.local is not None:
        hint = "build from a clean checkout of the tag; let the tool that computes versions leave local parts out"
        level = Level.NOTE if wheel.is_private or _is_between_releases(version) else Level.WARNING
        message = "is a local version, which PyPI refuses"
        yield Finding(code="VER302", level=level, subject=wheel.version, message=message, hint=hint)


def _is_between_releases(version: Version) -> bool:
    """Return whether a tool has made the version of a commit behind a tag: nobody means to upload that."""
    return version.is_devrelease or bool(_COMMITS_SINCE_TAG.fullmatch(version.local or ""))


def _unlimited(wheel: Wheel, claimed: tuple[str, ...]) -> Iterator[Finding]:
    """Yield that no Requires-Python keeps old Pythons away; a note where the tags do, or Python 2 is meant as well."""
    means_all = any(_PYTHON_2.fullmatch(text) for text in wheel.classifiers)
    floor = next((python for python in claimed if python[0] != "2"), "3.9")
    hint = f'declare it in [project], for example requires-python = ">={floor}"'
    if wheel.requires_python:
        if claimed and not means_all and _has_no_floor(wheel):
            message = f"{wheel.requires_python} lets in Python 2.7, which no classifier claims"
            yield Finding(code="VER307", level=Level.WARNING, subject="Requires-Python", message=message, hint=hint)
        return
    tags = _tags(wheel)
    limited = all(_MINOR.fullmatch(tag.interpreter) for tag in tags)
    is_program = any(tag.interpreter == "py2" and tag.platform != "any" for tag in tags)
    message = "there is none, so that installers take this release for every Python, older ones than it runs on too"
    level = Level.NOTE if limited or means_all or is_program else Level.WARNING
    yield Finding(code="VER307", level=level, subject="Requires-Python", message=message, hint=hint)


def _has_no_floor(wheel: Wheel) -> bool:
    """Return whether Requires-Python only leaves out single Pythons, and Python 2.7 takes a wheel of this name."""
    specifier = _requires_python(wheel)
    if specifier is None or not all(each.operator in {"!=", "<", "<="} for each in specifier):
        return False
    return _allows(specifier, (2, 7)) and any((2, 7) in _accepted(tag) for tag in _tags(wheel))


def _untested(claimed: tuple[str, ...], tested: frozenset[str]) -> Iterator[Finding]:
    if missing := _ascending(set(claimed) - tested):
        hint = "add it to env_list, or take the classifier back; ignore VER304 if it is tested elsewhere"
        yield note(
            "VER304",
            f"Python {', '.join(missing)}",
            "a classifier claims it, but no environment of env_list tests it",
            hint,
        )
    if unclaimed := _ascending(tested - set(claimed)):
        hint = "add the classifier, by which users and indexes look for it"
        yield note("VER304", f"Python {', '.join(unclaimed)}", "env_list tests it, but no classifier claims it", hint)


def _ascending(pythons: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(pythons), key=_numbers))


def _numbers(python: str) -> Python:
    major, _, minor = python.partition(".")
    return int(major), int(minor)
