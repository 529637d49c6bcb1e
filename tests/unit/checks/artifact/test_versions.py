"""What a wheel says of versions: of itself, and of the Pythons that it runs on."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.versions import opened

from tox_prodsim.checks.artifact import check_versions
from tox_prodsim.model.findings import CheckResult, Level
from tox_prodsim.plugin.context.build import _tested_pythons

E, W, N = Level.ERROR, Level.WARNING, Level.NOTE


def brief(checked: CheckResult) -> list[tuple[str, Level, str, str]]:
    return [(each.code, each.level, each.subject, each.message) for each in checked.findings]


# classifiers, Requires-Python, tags


def test_a_classifier_that_requires_python_excludes_is_found(tmp_path: Path) -> None:
    ours = opened(tmp_path, "3", "3 :: Only", "3.9", "3.11", "3.12", requires=">=3.9,<3.11")
    message = "a classifier claims it, but Requires-Python >=3.9,<3.11 excludes it"
    assert brief(check_versions(ours, None)) == [("VER301", E, "Python 3.11, 3.12", message)]


@pytest.mark.parametrize("requires", [">=3.9", ">=3.9,<4", ">=3.9.1", "!=3.9.7,>=3.8", ">3.8", "~=3.9", "==3.*"])
def test_a_classifier_of_which_some_release_fits_is_none(tmp_path: Path, requires: str) -> None:
    assert brief(check_versions(opened(tmp_path, "3.9", "3.12", requires=requires), None)) == []


@pytest.mark.parametrize(
    ("tag", "requires", "fits"),
    [
        ("cp38-cp38-linux_x86_64", ">=3.9", False),
        ("py2-none-any", ">=3.8", False),
        ("cp38-abi3-linux_x86_64", ">=3.9", True),
        ("py2.py3-none-any", ">=3.8", True),
        ("py36.py37-none-any", ">=3.9", True),
        ("cp311-cp311-linux_x86_64", ">=3.9", True),
    ],
)
def test_some_python_fits_both_the_tags_and_requires_python(
    tmp_path: Path, tag: str, requires: str, *, fits: bool
) -> None:
    ours = opened(tmp_path, requires=requires, tag=tag)
    message = f"no Python takes a wheel of this name that Requires-Python {requires} lets in"
    assert brief(check_versions(ours, None)) == ([] if fits else [("VER301", E, ours.file_name, message)])


def test_a_local_version_is_found(tmp_path: Path) -> None:
    found = ("VER302", W, "1.0+g3f2a1c9", "is a local version, which PyPI refuses")
    assert brief(check_versions(opened(tmp_path, version="1.0+g3f2a1c9", requires=">=3.9"), None)) == [found]
    private = opened(tmp_path, version="1.0+g3f2a1c9", requires=">=3.9", more="Classifier: Private :: Do Not Upload")
    assert [each.level for each in check_versions(private, None).findings] == [N]


@pytest.mark.parametrize(
    ("version", "level"),
    [
        pytest.param("2.4.dev7+g1c5e9d04b", N, id="setuptools-scm"),
        pytest.param("2.3.post1.dev7+g1c5e9d04b.d20261002", N, id="setuptools-scm, other scheme"),
        pytest.param("2.3.post7.dev0+1c5e9d0", N, id="poetry-dynamic-versioning"),
        pytest.param("2.3+7.g1c5e9d0", N, id="versioneer"),
        pytest.param("2.3+0.g1c5e9d0.dirty", W, id="the tag, but changed"),
        pytest.param("2.3+d20261002", W, id="a date"),
        pytest.param("2.3+ubuntu1", W, id="a vendor"),
        pytest.param("2.3.post1+cu118", W, id="a variant"),
    ],
)
def test_a_version_between_two_releases_is_a_note(tmp_path: Path, version: str, level: Level) -> None:
    ours = opened(tmp_path, version=version, requires=">=3.9")
    assert [each.level for each in check_versions(ours, None).findings] == [level]


@pytest.mark.parametrize(
    ("classified", "tag", "level"),
    [
        pytest.param(["3.6", "3.11"], "py3-none-any", W, id="classifiers say more than installers read"),
        pytest.param([], "py3-none-any", W, id="nothing says it"),
        pytest.param(["3.6"], "py2.py3-none-any", W, id="a tag that no classifier confirms"),
        pytest.param(["2.7", "3.6"], "py2.py3-none-any", N, id="every Python is meant"),
        pytest.param(["2.7", "3.6"], "py3-none-any", N, id="Python 2 is claimed"),
        pytest.param(["3.6"], "py2.py3-none-manylinux2014_x86_64", N, id="a program for every Python"),
        pytest.param(["3.11"], "cp311-cp311-linux_x86_64", N, id="one Python"),
    ],
)
def test_without_requires_python_old_pythons_take_it(
    tmp_path: Path, classified: list[str], tag: str, level: Level
) -> None:
    (found,) = check_versions(opened(tmp_path, *classified, tag=tag), None).findings
    assert (found.code, found.level, found.subject) == ("VER307", level, "Requires-Python")
    if "3.6" in classified:
        assert found.hint.endswith('requires-python = ">=3.6"')


@pytest.mark.parametrize(
    ("requires", "classified", "tag", "codes"),
    [
        pytest.param("!=3.0.*,!=3.1.*", ["3.6"], "py2.py3-none-any", ["VER307"], id="nothing but exclusions"),
        pytest.param("<4", ["3.6"], "py2.py3-none-any", ["VER307"], id="an upper bound"),
        pytest.param("!=3.0.*,!=3.1.*", ["2.7", "3.6"], "py2.py3-none-any", [], id="Python 2 is claimed"),
        pytest.param("!=3.0.*,!=3.1.*", ["3.6"], "py3-none-any", [], id="the tag excludes it"),
        pytest.param(">=2.7,!=3.0.*", ["3.6"], "py2.py3-none-any", [], id="it is named"),
    ],
)
def test_a_requires_python_without_a_lower_bound_lets_in_python_2(
    tmp_path: Path, requires: str, classified: list[str], tag: str, codes: list[str]
) -> None:
    ours = opened(tmp_path, *classified, requires=requires, tag=tag)
    assert [each.code for each in check_versions(ours, None).findings] == codes


# env_list


def test_what_is_claimed_and_what_is_tested_are_compared_both_ways(tmp_path: Path) -> None:
    ours = opened(tmp_path, "3.9", "3.10", "3.11", requires=">=3.9")
    assert brief(check_versions(ours, frozenset({"3.11", "3.12"}))) == [
        ("VER304", N, "Python 3.9, 3.10", "a classifier claims it, but no environment of env_list tests it"),
        ("VER304", N, "Python 3.12", "env_list tests it, but no classifier claims it"),
    ]
    same = check_versions(ours, frozenset({"3.9", "3.10", "3.11"}))
    assert (same.findings, same.codes, same.not_checked) == ((), ("VER301", "VER302", "VER307", "VER304"), ())


@pytest.mark.parametrize(
    ("classified", "tested", "reason"),
    [
        (["3.9"], None, "env_list names no Python version"),
        (["3"], frozenset({"3.9"}), "no classifier names one"),
    ],
)
def test_with_nothing_to_compare_it_is_not_called_checked(
    tmp_path: Path, classified: list[str], tested: frozenset[str] | None, reason: str
) -> None:
    checked = check_versions(opened(tmp_path, *classified), tested)
    assert (checked.codes, checked.not_checked) == (("VER301", "VER302", "VER307"), (("VER304", reason),))


def test_the_names_of_environments_say_which_pythons_are_tested() -> None:
    names = ["py39", "3.10", "py3.11-prodsim", "lint-cp312", "3.13t", "pypy38", "py", "py3", "lint", "a312"]
    assert _tested_pythons(names) == {"3.9", "3.10", "3.11", "3.12", "3.13", "3.8"}
    assert _tested_pythons(["py", "lint", "prodsim"]) is None
