"""The step of the sdist beside a wheel that was given: what its build came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.sdists import sdist
from support.wheels import wheel

from tox_prodsim.checks.artifact import open_sdist, open_wheel, unreadable_file
from tox_prodsim.model.errors import BuildError, ProdsimError
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.runner import unbounded
from tox_prodsim.run.sdist import GivenBuild, check, unknown_provenance


def raising(problem: Exception) -> Callable[[], Path]:
    def build() -> Path:
        raise problem

    return build


def checked(tmp_path: Path, build: Callable[[], Path] | None) -> CheckResult:
    """Return what the step says of an sdist; ``build`` None: it is not built."""
    given = None if build is None else GivenBuild(first=build, again=build, log=".tox/build.log")
    known = replace(unknown_provenance(""), sdist=open_sdist(sdist(tmp_path)), given=given)
    return check(known, open_wheel(wheel(tmp_path)), unbounded)


def failed(output: str) -> Callable[[], Path]:
    return raising(BuildError("sdist", "it failed", output))


def codes(result: CheckResult) -> list[str]:
    return [found.code for found in result.findings]


def test_a_wheel_that_was_not_built_here_proves_nothing_of_the_sdist(tmp_path: Path) -> None:
    result = checked(tmp_path, None)
    assert "builds" not in result.detail
    assert "SDI201" not in result.codes


def test_an_sdist_that_builds_the_given_wheel_is_complete(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    built = wheel(tmp_path / "built")
    result = checked(tmp_path, lambda: built)
    assert (codes(result), result.detail) == ([], "acme-1.0.tar.gz, 3 files, builds the given wheel")
    assert {"BLD102", "SDI201", "BLD107"} <= set(result.codes)


@pytest.mark.parametrize(
    ("output", "code"),
    [
        pytest.param("FileNotFoundError: [Errno 2] No such file or directory: 'LICENSE'", "SDI201", id="incomplete"),
        pytest.param("RuntimeError: set ACME_HOME", "BLD102", id="another error"),
    ],
)
def test_an_sdist_that_builds_no_wheel_is_an_error_with_its_log(tmp_path: Path, output: str, code: str) -> None:
    result = checked(tmp_path, failed(f'Traceback:\n  File "setup.py", line 1, in <module>\n{output}\n'))
    assert codes(result) == [code]
    assert result.findings[0].message.endswith("see .tox/build.log")
    assert [title for title, _ in result.evidence] == ["the build of the sdist says"]


@pytest.mark.parametrize(
    "output",
    [
        pytest.param("error: command 'gcc' failed: No such file or directory", id="no compiler"),
        pytest.param("error: Microsoft Visual C++ 14.0 or greater is required.", id="no compiler of Windows"),
        pytest.param("error: can't find Rust compiler", id="no Rust"),
        pytest.param("Caused by:\n  [6] Could not resolve hostname (Could not resolve host: x)", id="no crates"),
        pytest.param("WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: No match", id="no index"),
    ],
)
def test_what_this_machine_lacks_is_no_fault_of_the_sdist(tmp_path: Path, output: str) -> None:
    result = checked(tmp_path, failed(output))
    assert codes(result) == []
    assert [code for code, _ in result.not_checked] == ["BLD102", "SDI201", "BLD107"]
    assert result.not_checked[0][1].startswith("building the sdist needs what is not here: ")


def test_a_build_that_cannot_begin_is_not_checked(tmp_path: Path) -> None:
    result = checked(tmp_path, raising(ProdsimError("sdist", "no room")))
    assert (codes(result), [code for code, _ in result.not_checked]) == ([], ["BLD107"])


def test_an_sdist_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "acme-1.0.tar.gz"
    why = unreadable_file(path, ProdsimError("sdist", f"{path} cannot be read as an sdist: not a gzip file"))
    known = replace(unknown_provenance(""), unreadable=why)
    assert codes(check(known, open_wheel(wheel(tmp_path)), unbounded)) == ["WHL140"]
