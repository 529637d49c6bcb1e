"""A RECORD of odd lines: each is a finding, and none stops the reading."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tox_prodsim.checks.artifact import Wheel, open_wheel
from tox_prodsim.checks.artifact.record import check_record

DIST_INFO = "acme-1.0.dist-info"
EMPTY = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
"""The sha256 of nothing."""


def opened(folder: Path, record: str | bytes) -> Wheel:
    path = folder / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme/__init__.py", "")
        archive.writestr(f"{DIST_INFO}/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        archive.writestr(f"{DIST_INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{DIST_INFO}/RECORD", record)
    return open_wheel(path)


def about(folder: Path, record: str | bytes) -> list[tuple[str, str]]:
    """Return code and message of what is found about the module, or about RECORD itself."""
    wheel = opened(folder, record)
    with zipfile.ZipFile(wheel.path) as archive:
        findings = check_record(wheel, archive).findings
    subjects = {"acme/__init__.py", f"{DIST_INFO}/RECORD"}
    return [(each.code, each.message) for each in findings if each.subject in subjects and each.code != "WHL107"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sha256=x," + "9" * 5000, "has 0 bytes, but RECORD says " + "9" * 80 + "… (5000 characters)"),
        ("sha256=\u00e9,0", "has another content than RECORD says (sha256 differs)"),
        ("sha256=" + "=" * 100_000 + ",0", "has another content than RECORD says (sha256 differs)"),
        (f"sha256={EMPTY},-0", "has 0 bytes, but RECORD says -0"),
        (f"sha256={EMPTY},\u0660", "has 0 bytes, but RECORD says \u0660"),
        *(
            (each, "has no usable hash in RECORD")
            for each in (",", "=,0", "sha256,0", "shake_128=x,0", "SHA256=x,0", "\0=x,0")
        ),
    ],
    ids=range(11),
)
def test_an_odd_line_is_a_difference(tmp_path: Path, line: str, message: str) -> None:
    assert ("WHL103", message) in about(tmp_path, f"acme/__init__.py,{line}\n")


@pytest.mark.parametrize(
    "record",
    [
        "",
        "\n",
        ",,",
        '"',
        '"a',
        "a," * 100_000,
        "a,b,c\r\r\nd",
        "\0,\0,\0",
        b"\xff\xfe,a,b",
        "../../etc/passwd,sha256=x,1",
    ],
    ids=range(10),
)
def test_what_odd_lines_do_not_list_is_missing(tmp_path: Path, record: str | bytes) -> None:
    assert ("WHL101", "is in the wheel, but RECORD does not list it") in about(tmp_path, record)


def test_a_field_beyond_what_is_read_of_one_is_a_finding(tmp_path: Path) -> None:
    assert about(tmp_path, "x" * 200_000 + ",,") == [
        ("WHL101", "cannot be read: field larger than field limit (131072)")
    ]
