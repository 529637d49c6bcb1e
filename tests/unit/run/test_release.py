"""The step of a release: what is wrong with the other wheels of a folder, and what is said once of many."""

from __future__ import annotations

from pathlib import Path

from support.wheels import wheel

from tox_prodsim.checks.artifact import file_sha256, open_wheel, read_folder
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.runner import unbounded
from tox_prodsim.run.release import Release, check

UNRECORDED = [("acme/stray.py", "")]


def checked(tmp_path: Path) -> CheckResult:
    """Return what is found beside the wheel for Python 3.9 on Windows, which is under test."""
    folder = read_folder(tmp_path, "dist/")
    release = Release(folder=folder, digests={each.name: file_sha256(each.path) for each in folder.files})
    under_test = open_wheel(next(each.path for each in folder.wheels if "cp39-cp39-win32" in each.name))
    return check(release, under_test, None, unbounded)


def told(result: CheckResult, *codes: str) -> list[tuple[str, str, str]]:
    return [(found.code, found.subject, found.message) for found in result.findings if found.code in codes]


def test_what_several_wheels_have_in_common_is_one_finding(tmp_path: Path) -> None:
    wheel(tmp_path, tag="cp39-cp39-win32")
    for minor in (10, 11, 12):
        wheel(tmp_path, tag=f"cp3{minor}-cp3{minor}-win32", unrecorded=UNRECORDED)
    names = [f"acme-1.0-cp3{minor}-cp3{minor}-win32.whl" for minor in (10, 11)]
    message = f"is in the wheel, but RECORD does not list it (in {', '.join(names)} and 1 more)"
    assert told(checked(tmp_path), "WHL101") == [("WHL101", "acme/stray.py", message)]


def test_a_finding_about_the_file_itself_names_the_files(tmp_path: Path) -> None:
    wheel(tmp_path, tag="cp39-cp39-win32")
    for platform in ("linux_riscv64", "linux_x86_64"):
        wheel(tmp_path, tag=f"cp39-cp39-{platform}")
    subjects = [f"acme-1.0-cp39-cp39-{platform}.whl" for platform in ("linux_riscv64", "linux_x86_64")]
    assert [found[1] for found in told(checked(tmp_path), "EXT420")] == subjects


def test_a_wheel_that_cannot_be_read_is_a_finding_and_the_others_are_checked(tmp_path: Path) -> None:
    wheel(tmp_path, tag="cp39-cp39-win32")
    (tmp_path / "acme-1.0-cp310-cp310-win32.whl").write_bytes(b"PK cut")
    wheel(tmp_path, tag="cp311-cp311-win32", unrecorded=UNRECORDED)
    result = checked(tmp_path)
    assert [code for code, _, _ in told(result, "WHL140", "WHL101")] == ["WHL140", "WHL101"]
    assert result.detail.startswith("2 other wheels checked")


def test_the_metadata_of_another_version_are_not_compared(tmp_path: Path) -> None:
    wheel(tmp_path, tag="cp39-cp39-win32", version="2.0")
    wheel(tmp_path, tag="cp310-cp310-win32", version="1.0", requires=["bolt"])
    result = checked(tmp_path)
    assert [code for code, _, _ in told(result, "WHL160", "WHL161")] == ["WHL160"]


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path: Path) -> None:
    wheel(tmp_path, tag="cp39-cp39-win32")
    other = wheel(tmp_path, tag="cp310-cp310-win32")
    folder = read_folder(tmp_path, "dist/")
    release = Release(folder=folder, digests={each.name: file_sha256(each.path) for each in folder.files})
    tested = open_wheel(folder.wheels[1].path)
    assert told(check(release, tested, None, unbounded), "WHL166") == []
    for path in (other, tested.path):
        path.write_bytes(path.read_bytes() + b"\0")
    result = check(release, tested, None, unbounded)
    changed = [("WHL166", path.name, "changed while it was checked") for path in (other, tested.path)]
    assert told(result, "WHL166") == changed
    other.unlink()
    assert told(check(release, tested, None, unbounded), "WHL166") == changed
