from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from support.sdists import sdist, special

from tox_prodsim.checks.artifact import Sdist, open_sdist
from tox_prodsim.checks.artifact.build_failure import BackendOutput, not_unpacked, sdist_failure, wheel_failure

NAME_BACKEND = "have requires of [build-system] name the distribution that provides its build-backend"


def opened(folder: Path, backend: str = "hatchling.build") -> Sdist:
    build_system = f"[build-system]\nrequires = []\nbuild-backend = '{backend}'\n"
    return open_sdist(
        sdist(folder, files={"pyproject.toml": build_system}, top="acme-1.0", file_name="acme-1.0.tar.gz")
    )


def test_the_message_names_the_log_that_has_all_of_the_output() -> None:
    failure = sdist_failure(BackendOutput(output="KeyError: 'version'\n", log=".tox/x/build.log"), Path("/src"))
    (finding,) = failure.checked.findings
    assert finding.message == "does not build: KeyError: 'version', see .tox/x/build.log"


@pytest.mark.parametrize(
    ("module", "backend", "hint"),
    [
        (
            "hatchling",
            "hatchling.build",
            NAME_BACKEND,
        ),
        (
            "numpy.core",
            "setuptools.build_meta",
            "have the sdist include numpy if it is a file of the project, else have [build-system] requires name it",
        ),
    ],
)
def test_a_module_that_is_absent_may_be_a_requirement_of_the_build(
    tmp_path: Path, module: str, backend: str, hint: str
) -> None:
    output = BackendOutput(output=f"ModuleNotFoundError: No module named '{module}'\n")
    failure = wheel_failure(opened(tmp_path, backend), output, tree_builds=None)
    (finding,) = (each for each in failure.checked.findings if each.code in {"BLD102", "SDI201"})
    assert (finding.code, finding.hint) == ("BLD102", hint)


def test_what_the_tree_builds_lacks_something_in_the_sdist(tmp_path: Path) -> None:
    output = BackendOutput(output="ModuleNotFoundError: No module named 'versioneer'\n")
    failure = wheel_failure(opened(tmp_path), output, tree_builds=True)
    assert "SDI201" in {each.code for each in failure.checked.findings}


def test_an_sdist_that_is_not_unpacked_names_the_member(tmp_path: Path) -> None:
    edit = special("acme-1.0/data/current", tarfile.SYMTYPE, "/srv/data")
    failure = not_unpacked(open_sdist(sdist(tmp_path, edit=edit)), "it is a link to an absolute path")
    assert [each.code for each in failure.checked.findings] == ["BLD102", "SDI203"]
    assert failure.checked.findings[1].subject == "acme-1.0/data/current"
    assert failure.lines == ("it is a link to an absolute path",)


def test_a_back_end_that_does_not_start_is_one_that_is_not_required(tmp_path: Path) -> None:
    output = BackendOutput(output="", exception="FailedToStart", message="could not start backend")
    (finding,) = sdist_failure(output, Path("/src")).checked.findings
    assert finding.message == "does not build: the build back end cannot be imported"
    assert finding.hint == NAME_BACKEND
    (finding, *_) = wheel_failure(opened(tmp_path), output, tree_builds=None).checked.findings
    assert (finding.code, finding.hint) == ("BLD102", NAME_BACKEND)
