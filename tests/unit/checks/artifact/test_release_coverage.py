"""For which Pythons and platforms a release has wheels."""

from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.checks.artifact import check_coverage, read_folder
from tox_prodsim.model.findings import CheckResult, Level

LINUX, ARM = "manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_17_aarch64.manylinux2014_aarch64"
MAC, WINDOWS = "macosx_10_9_universal2", "win_amd64"
PYPY = "Programming Language :: Python :: Implementation :: PyPy"
FREE = "Programming Language :: Python :: Free Threading :: 2 - Beta"


def covered(
    tmp_path: Path, *tags: str, requires: str = ">=3.9", classifiers: tuple[str, ...] = (), has_sdist: bool = True
) -> CheckResult:
    for tag in tags:
        (tmp_path / f"acme-1-{tag}.whl").touch()
    wheels = read_folder(tmp_path, "dist").released
    return check_coverage(wheels, requires, classifiers, has_sdist=has_sdist)


def told(checked: CheckResult) -> list[tuple[Level, str, str]]:
    return [(found.level, found.subject, found.message) for found in checked.findings]


def compiled(platform: str, *minors: int) -> list[str]:
    return [f"cp3{minor}-cp3{minor}-{platform}" for minor in minors]


@pytest.mark.parametrize(
    ("tags", "detail"),
    [
        pytest.param(["py3-none-any"], "", id="any Python: nothing is claimed beyond it"),
        pytest.param(compiled(LINUX, 9, 10, 11), "complete for CPython 3.9 to 3.11 on 1 platform", id="one platform"),
        pytest.param(
            [*compiled(LINUX, 9, 10), *compiled(MAC, 9, 10), *compiled("win_arm64", 10)],
            "complete for CPython 3.9 to 3.10 on 4 platforms",
            id="a platform that begins later, and one wheel for two machines",
        ),
        pytest.param(
            [f"cp39-abi3-{LINUX}", *compiled(WINDOWS, 9, 10)],
            "complete for CPython 3.9 to 3.10 on 2 platforms",
            id="the stable ABI",
        ),
        pytest.param(
            [*compiled(LINUX, 11), "py3-none-any"], "complete for CPython 3.9 to 3.11 on 1 platform", id="a fallback"
        ),
    ],
)
def test_a_complete_release_says_for_what(tmp_path: Path, tags: list[str], detail: str) -> None:
    checked = covered(tmp_path, *tags)
    assert (told(checked), checked.detail, checked.codes) == ([], detail, ("WHL163",))


def test_a_python_that_is_missing_everywhere_is_one_finding(tmp_path: Path) -> None:
    claims = ("Programming Language :: Python :: 3.13", "Programming Language :: Python :: 3")
    tags = [*compiled(LINUX, 9, 10, 12), *compiled(WINDOWS, 10, 12)]
    claim = "Requires-Python >=3.9 or a classifier claims it, and no wheel is for it"
    assert told(covered(tmp_path, *tags, classifiers=claims)) == [
        (Level.WARNING, "CPython 3.11, 3.13", f"{claim}: there the sdist is built"),
    ]
    assert told(covered(tmp_path, *tags, classifiers=claims, has_sdist=False)) == [
        (Level.ERROR, "CPython 3.11, 3.13", f"{claim}, nor is there an sdist: nothing can be installed there"),
    ]


def test_a_hole_on_some_platforms_is_one_finding_for_all_of_them(tmp_path: Path) -> None:
    tags = [*compiled(LINUX, 9, 10, 11), *compiled(ARM, 9, 11), *compiled(WINDOWS, 9, 11), *compiled("win32", 9, 10)]
    assert told(covered(tmp_path, *tags)) == [
        (
            Level.WARNING,
            "manylinux aarch64, win_amd64",
            "have no wheel for CPython 3.10, other platforms have one",
        ),
        (Level.WARNING, "win32", "has no wheel for CPython 3.11, other platforms have one"),
    ]


def test_free_threaded_and_musl_wheels_stand_for_themselves(tmp_path: Path) -> None:
    tags = [*compiled(LINUX, 13), f"cp313-cp313t-{LINUX}", "cp313-cp313-musllinux_1_2_x86_64"]
    checked = covered(tmp_path, *tags, requires=">=3.13", classifiers=(FREE,))
    assert (told(checked), checked.detail) == ([], "complete for CPython 3.13 on 2 platforms")


def test_other_kinds_of_python_that_are_claimed_are_notes(tmp_path: Path) -> None:
    checked = covered(tmp_path, *compiled(LINUX, 9), classifiers=(FREE, PYPY))
    message = "a classifier claims it, and no wheel is for it: there the sdist is built"
    assert told(checked) == [(Level.NOTE, "free-threaded CPython", message), (Level.NOTE, "PyPy", message)]
    assert told(covered(tmp_path, f"pp39-pypy39_pp73-{LINUX}", f"cp39-cp39t-{LINUX}", classifiers=(FREE, PYPY))) == []


def test_without_any_claim_what_lies_between_is_expected(tmp_path: Path) -> None:
    checked = covered(tmp_path, *compiled(LINUX, 9, 11), requires="")
    claim = "it is claimed, and no wheel is for it: there the sdist is built"
    assert told(checked) == [(Level.WARNING, "CPython 3.10", claim)]


def test_an_upper_bound_and_an_exclusion_are_no_claim(tmp_path: Path) -> None:
    claims = ("Programming Language :: Python :: 3.12",)
    checked = covered(tmp_path, *compiled(LINUX, 9, 11), requires=">=3.9,<3.12,!=3.10.*", classifiers=claims)
    assert (told(checked), checked.detail) == ([], "complete for CPython 3.9, 3.11 on 1 platform")


def test_a_requirement_that_cannot_be_read_claims_nothing(tmp_path: Path) -> None:
    assert told(covered(tmp_path, *compiled(LINUX, 9), requires="new")) == []
