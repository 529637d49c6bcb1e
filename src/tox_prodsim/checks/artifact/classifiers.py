"""WHL142: PyPI knows every classifier. The list is that of the installed trove-classifiers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import trove_classifiers

from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.regex import lazy_regex

CODE = "WHL142"

_VERSION = lazy_regex(r"(?<= )\d+(?:\.\d+)*$")
"""The version at the end of a classifier: of a newer one than the list has, PyPI may know more."""


def check_classifiers(wheel: Wheel) -> CheckResult:
    """Return the classifiers with which PyPI would refuse the upload."""
    return CheckResult(detail="", codes=(CODE,), findings=() if wheel.is_private else tuple(_findings(wheel)))


def _findings(wheel: Wheel) -> Iterator[Finding]:
    for classifier in dict.fromkeys(wheel.classifiers):
        if classifier in trove_classifiers.deprecated_classifiers:
            successors = trove_classifiers.deprecated_classifiers[classifier]
            hint = f"write {successors[0]}" if successors else "remove it, nothing has taken its place"
            yield _finding(Level.ERROR, classifier, "PyPI refuses it: the classifier is deprecated", hint)
        elif classifier not in trove_classifiers.classifiers:
            yield _unknown(classifier)


def _unknown(classifier: str) -> Finding:
    if _may_be_new(classifier):
        hint = "update trove-classifiers, from which the list is taken; PyPI refuses an upload with an unknown one"
        return _finding(Level.NOTE, classifier, "is newer than the list of classifiers that is installed here", hint)
    close = difflib.get_close_matches(classifier, trove_classifiers.sorted_classifiers, n=1, cutoff=0.8)
    hint = f"did you mean {close[0]}?" if close else "remove it, or take one of https://pypi.org/classifiers/"
    return _finding(Level.ERROR, classifier, "PyPI refuses it: there is no such classifier", hint)


def _may_be_new(classifier: str) -> bool:
    """Return whether it is the next version of something of which the list has others with as many parts."""
    found = _VERSION.search(classifier)
    if found is None:
        return False
    stem = classifier[: found.start()]
    known = [
        _numbers(each) for each in trove_classifiers.classifiers if each.startswith(stem) and _VERSION.search(each)
    ]
    numbers, alike = _numbers(classifier), [each for each in known if len(each) == len(_numbers(classifier))]
    return bool(alike) and max(alike) < numbers <= (max(alike)[0] + 1, 99)


def _numbers(classifier: str) -> tuple[int, ...]:
    found = _VERSION.search(classifier)
    return tuple(map(int, found[0].split("."))) if found else ()


def _finding(level: Level, classifier: str, message: str, hint: str) -> Finding:
    return Finding(code=CODE, level=level, subject=classifier, message=message, hint=hint)
