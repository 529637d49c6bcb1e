"""Whether PyPI knows the classifiers of a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import open_wheel
from tox_prodsim.checks.artifact.classifiers import check_classifiers
from tox_prodsim.model.findings import Finding, Level


def found(folder: Path, *classifiers: str) -> tuple[Finding, ...]:
    lines = "".join(f"Classifier: {each}\n" for each in classifiers)
    ours = open_wheel(wheel(folder, metadata=f"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n{lines}"))
    return check_classifiers(ours).findings


def test_those_of_the_list_are_not_accused(tmp_path: Path) -> None:
    known = ("Programming Language :: Python :: 3.12", "Typing :: Typed", "Topic :: Software Development :: Testing")
    assert found(tmp_path, *known, "Framework :: tox") == ()


@pytest.mark.parametrize(
    ("classifier", "hint"),
    [
        ("License :: OSI Approved :: MIT", "did you mean License :: OSI Approved :: MIT License?"),
        ("Framework :: Djnago", "did you mean Framework :: Django?"),
        ("Nothing like it", "remove it, or take one of https://pypi.org/classifiers/"),
        ("Natural Language :: Ukranian", "write Natural Language :: Ukrainian"),
    ],
)
def test_one_that_pypi_refuses_is_found(tmp_path: Path, classifier: str, hint: str) -> None:
    (each,) = found(tmp_path, classifier, classifier)
    assert (each.code, each.level, each.subject) == ("WHL142", Level.ERROR, classifier)
    assert each.message.startswith("PyPI refuses it: ")
    assert each.hint == hint


def test_the_next_version_may_be_newer_than_the_list(tmp_path: Path) -> None:
    classifiers = {
        "Programming Language :: Python :: 3.99": Level.NOTE,
        "Framework :: Django :: 99.0": Level.ERROR,
        "Programming Language :: Python :: 3.9.9": Level.ERROR,
    }
    assert {each.subject: each.level for each in found(tmp_path, *classifiers)} == classifiers


def test_a_private_project_may_have_its_own(tmp_path: Path) -> None:
    assert found(tmp_path, "Private :: Do Not Upload", "Acme :: Internal") == ()
