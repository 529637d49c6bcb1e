"""What is beyond the limits of a wheel or an sdist is refused before it is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.hostile import SDISTS, WHEELS, big_member, big_sdist, many_entries
from support.sdists import sdist
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_sdist, check_wheel, open_sdist, open_wheel, unreadable_file
from tox_prodsim.model.errors import ProdsimError, RefusedFileError
from tox_prodsim.model.findings import Finding

INFO = "acme-1.0.dist-info"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("METADATA with 200,000 fields", "METADATA has 200,004 fields, more than 20,000"),
        ("Tag: of 400 x 200 x 100 parts", "WHEEL stands for 8,000,000 tags, more than 1,000"),
        ("the Version of METADATA has 5,000 digits", "a number of 5,000 digits in Version, more than 200"),
        ("Requires-Dist with 5,000 digits", "a number of 5,000 digits in Requires-Dist, more than 200"),
        ("classifier Python :: 3.999...", "a number of 5,000 digits in Classifier, more than 200"),
    ],
)
def test_a_wheel_beyond_a_limit_is_refused_with_the_number_and_the_limit(
    tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(RefusedFileError) as refused:
        open_wheel(WHEELS[name](tmp_path))
    assert refused.value.code == "WHL150"
    assert refused.value.message.endswith(reason)


@pytest.mark.parametrize(
    ("member", "mb", "limit"),
    [("METADATA", 16, "16 MB"), ("WHEEL", 1, "1 MB"), ("entry_points.txt", 4, "4 MB"), ("RECORD", 62, "64 MB")],
)
def test_a_key_file_that_is_too_large_is_refused(tmp_path: Path, member: str, mb: int, limit: str) -> None:
    with pytest.raises(RefusedFileError, match=rf"{member} has [\d.]+ MB, more than {limit}$"):
        open_wheel(big_member(f"{INFO}/{member}", mb)(tmp_path))


def test_an_archive_that_unpacks_to_many_times_its_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match=r"unpacks to at least 1\.05 GB, 1,0\d\d times its own size"):
        open_wheel(big_member("acme/data.bin", 1_000)(tmp_path))


def test_too_many_members_are_refused_before_their_names_are_read(tmp_path: Path) -> None:
    with pytest.raises(RefusedFileError, match="it has 200,004 members, more than 200,000"):
        open_wheel(many_entries(tmp_path, 200_000))


@pytest.mark.parametrize("name", ["0" * 199, "1" * 200])
def test_what_is_within_the_limits_is_read(tmp_path: Path, name: str) -> None:
    path = wheel(tmp_path, metadata=f"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nLicense: {'9' * 5_000}\n")
    assert open_wheel(path).version == "1.0"
    many = "".join(f"Requires-Dist: acme-{at}>={name}\n" for at in range(100))
    assert len(open_wheel(wheel(tmp_path, metadata=f"Name: acme\nVersion: 1.0\n{many}")).requires) == 100


QUICK = [name for name in WHEELS if "800 MB" not in name and "3 GB" not in name]


SILENT = ("__version__", "an end that lies", "a module of", "classifier Python :: 3.999 (")
"""What is strange, and breaks no rule of a wheel."""


@pytest.mark.parametrize("name", QUICK)
def test_no_wheel_ends_in_another_exception(tmp_path: Path, name: str) -> None:
    assert findings_of(WHEELS[name](tmp_path)) or name.startswith(SILENT)


def findings_of(path: Path) -> tuple[Finding, ...]:
    """Return what is reported of a file, refused or not."""
    try:
        checked = check_wheel(open_wheel(path)) if path.suffix == ".whl" else check_sdist(open_sdist(path))
    except ProdsimError as problem:
        checked = unreadable_file(path, problem)
    return checked.findings


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a pax header of 200 MB", "a header in it has 210 MB, more than 1.05 MB"),
        ("a version of 5,000 digits", "PKG-INFO has a number of 5,000 digits in Version, more than 200"),
        ("a PKG-INFO with 200,000 fields", "fields, more than 20,000"),
    ],
)
def test_an_sdist_beyond_a_limit_is_refused_with_the_number_and_the_limit(
    tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(RefusedFileError) as refused:
        open_sdist(SDISTS[name](tmp_path))
    assert refused.value.code == "SDI210"
    assert refused.value.message.endswith(reason)


def test_an_sdist_that_unpacks_to_3_gb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = big_sdist(1_000)(tmp_path)
    with pytest.raises(RefusedFileError, match=r"unpacks to at least 1\.05 GB"):
        open_sdist(path)


SLOW = {"3 MB that unpack to 3 GB", "a PKG-INFO of 800 MB", "100,000 files", "250,000 files", "a pax header of 200 MB"}


@pytest.mark.parametrize("name", [name for name in SDISTS if name not in SLOW])
def test_no_sdist_ends_in_another_exception(tmp_path: Path, name: str) -> None:
    assert all(each.message and "\n" not in each.message for each in findings_of(SDISTS[name](tmp_path)))


def test_a_sound_sdist_is_read(tmp_path: Path) -> None:
    assert open_sdist(sdist(tmp_path)).top == "acme-1.0"
