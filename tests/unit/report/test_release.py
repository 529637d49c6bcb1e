"""Which runs are of one release, and the one line about those that are not."""

from __future__ import annotations

from dataclasses import replace

from support import run_events

from tox_prodsim.model.events import RunStarted
from tox_prodsim.model.release_files import FileKind, ReleaseFile
from tox_prodsim.report.release import refusal

STARTED = replace(run_events.STARTED, files=())
GIVEN = replace(STARTED, wheel_origin="given with --installpkg")
ARM = replace(GIVEN, wheel_name="acme-2.1.0-cp312-cp312-linux_aarch64.whl", wheel_sha256="aa" * 32)
X86 = replace(GIVEN, wheel_name="acme-2.1.0-cp312-cp312-linux_x86_64.whl", wheel_sha256="bb" * 32)
OTHER = replace(GIVEN, wheel_sha256="cc" * 32)


def said(*started: RunStarted, built_here: bool = False) -> str:
    return refusal([(f"{'abc'[at]}.json", [each]) for at, each in enumerate(started)], built_here=built_here)


def test_the_same_file_is_one_release_on_any_machine() -> None:
    assert said(GIVEN, replace(GIVEN, platform="linux aarch64"), replace(GIVEN, wheel_sha256="3F" * 32)) == ""


def test_a_wheel_for_another_platform_is_of_the_same_release() -> None:
    assert said(ARM, X86, ARM) == ""


def test_another_file_of_the_same_name_is_refused_with_both_sums() -> None:
    assert said(ARM, GIVEN, OTHER) == (
        "c.json has another acme-2.1.0-py3-none-any.whl (sha256 cccccccccccc) than b.json (sha256 3f3f3f3f3f3f)"
    )


def test_another_project_and_another_version_are_refused() -> None:
    version = replace(GIVEN, wheel_name="acme-2.2.0-py3-none-any.whl")
    project = replace(GIVEN, wheel_name="beta-2.1.0-py3-none-any.whl")
    assert said(GIVEN, version) == "b.json is a report of acme 2.2.0, a.json of acme 2.1.0"
    assert said(GIVEN, project) == "b.json is a report of beta 2.1.0, a.json of acme 2.1.0"
    assert said(replace(GIVEN, wheel_name="Acme_Web-1-x.whl"), replace(GIVEN, wheel_name="acme.web-1-x.whl")) == ""


def test_environments_that_build_their_wheels_here_are_of_one_source_tree() -> None:
    again = replace(STARTED, wheel_sha256="cc" * 32)
    assert said(STARTED, again, built_here=True) == ""
    assert said(GIVEN, OTHER, built_here=True) != ""
    assert said(STARTED, again) != ""
    changed = replace(again, wheel_sources_sha256="cc" * 32)
    assert said(STARTED, changed, built_here=True) == (
        "b.json has another source in acme-2.1.0-py3-none-any.whl (sha256 cccccccccccc) "
        "than a.json (sha256 5c5c5c5c5c5c)"
    )
    assert said(STARTED, replace(changed, wheel_name="acme-2.1.0-cp39-abi3-any.whl"), built_here=True) == ""
    assert said(STARTED, replace(again, wheel_sources_sha256=""), built_here=True) == ""


def test_a_run_without_a_wheel_is_of_any_release() -> None:
    assert said(replace(STARTED, wheel_name=""), GIVEN) == ""
    assert refusal([("a.json", [])]) == ""


def test_the_files_of_a_release_count_and_not_a_wheel_that_is_built_of_its_sdist() -> None:
    sdist = ReleaseFile(name="acme-2.1.0.tar.gz", kind=FileKind.SDIST, size_bytes=1, sha256="dd" * 32)
    built = replace(STARTED, files=(sdist,))
    assert said(built, replace(built, wheel_sha256="cc" * 32)) == ""
    changed = replace(built, files=(replace(sdist, sha256="ee" * 32),))
    assert said(replace(ARM, files=(sdist,)), changed).startswith("b.json has another acme-2.1.0.tar.gz (sha256 eeee")
    old = replace(built, wheel_name="", files=(replace(sdist, name="acme-web-2.1.0.tar.gz"),))
    assert said(old, replace(GIVEN, wheel_name="acme_web-2.1.0-py3-none-any.whl")) == ""


def test_odd_names_are_compared_as_they_are() -> None:
    odd = replace(GIVEN, wheel_name="x")
    assert said(odd, odd) == ""
    assert said(odd, GIVEN) == "b.json is a report of acme 2.1.0, a.json of x"
