"""What PyPI would say to an upload, told from the file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_wheel, open_wheel
from tox_prodsim.model.findings import CheckResult, Level

E, N = Level.ERROR, Level.NOTE
NAME = "acme-1.0-py3-none-any.whl"


def checked(folder: Path, *lines: str, version: str = "2.4", **options: object) -> CheckResult:
    """Return what is found in a wheel with these lines in its METADATA."""
    text = "".join(f"{line}\n" for line in (f"Metadata-Version: {version}", "Name: acme", "Version: 1.0", *lines))
    return check_wheel(open_wheel(wheel(folder, metadata=text, **options)))  # type: ignore[arg-type]


def found(folder: Path, *lines: str, **options: object) -> list[tuple[str, Level, str, str]]:
    findings = checked(folder, *lines, **options).findings  # type: ignore[arg-type]
    return [(each.code, each.level, each.subject, each.message.removeprefix("PyPI refuses it: ")) for each in findings]


# METADATA


def test_metadata_as_back_ends_write_it_passes(tmp_path: Path) -> None:
    lines = (
        *("Summary: does it", "Author-Email: A <a@acme.dev>, B <b@acme.dev>", "Requires-Python: >=3.9"),
        *("Home-Page: https://acme.dev", "Project-URL: Source, https://acme.dev/git", "Requires-Dist: click>=8"),
        *("Dynamic: license-file", "License-Expression: MIT", "Description-Content-Type: text/markdown"),
    )
    assert found(tmp_path, *lines) == []
    assert checked(tmp_path, *lines).detail == "RECORD and METADATA ok, 1 module, no console scripts"


@pytest.mark.parametrize(
    ("line", "subject", "message"),
    [
        ("Requires-Python: >=3.x", "Requires-Python", "'>=3.x' is invalid for 'requires-python'"),
        ("Requires-Dist: click>=8.*.1", "Requires-Dist", "'click>=8.*.1' is invalid for 'requires-dist'"),
        ("License-Expression: MITish", "License-Expression", "'MITish' is invalid for 'license-expression'"),
        ("Summary: a\nSummary: b", "Summary", "it is there twice, or cannot be read"),
        (f"Summary: {'x' * 513}", "Summary", "it has 513 characters, more than 512"),
        ("License: MIT\nLicense-Expression: MIT", "License", "License-Expression is there, too"),
        ("Author-Email: me@localhost", "Author-Email", "me@localhost is not an address"),
        ("Home-Page: acme.dev", "Home-Page", "acme.dev does not begin with https:// or http://"),
        ("Project-URL: Source, acme.dev", "Project-Url", "acme.dev does not begin with https:// or http://"),
        (
            "Project-URL: " + "x" * 33 + ", https://acme.dev",
            "Project-Url",
            f"the label '{'x' * 33}' is longer than 32 characters",
        ),
        ("License-File: LICENSE", "License-File", "acme-1.0.dist-info/licenses/LICENSE is not in the wheel"),
    ],
)
def test_a_field_that_pypi_refuses_is_found(tmp_path: Path, line: str, subject: str, message: str) -> None:
    assert found(tmp_path, line) == [("WHL108", E, subject, message)]
    assert checked(tmp_path, line).detail == "RECORD ok, 1 module, no console scripts"


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        pytest.param(["License-File: LICENSE"], "2.1", id="what setuptools wrote for years"),
        pytest.param(["X-Build-Host: ci"], "2.4", id="a field that nobody knows"),
        pytest.param(
            ["Home-Page: UNKNOWN", "Author-Email: UNKNOWN", "Description-Content-Type: UNKNOWN"],
            "2.1",
            id="what distutils wrote for nothing",
        ),
    ],
)
def test_what_pypi_lets_pass_is_no_finding(tmp_path: Path, lines: list[str], version: str) -> None:
    assert found(tmp_path, *lines, version=version) == []


def test_a_license_that_is_in_the_wheel_is_no_finding(tmp_path: Path) -> None:
    files = {"acme.py": "", "acme-1.0.dist-info/licenses/LICENSE": "MIT"}
    assert found(tmp_path, "License-File: LICENSE", files=files) == []


def test_a_version_of_the_specification_that_is_none_is_found(tmp_path: Path) -> None:
    assert found(tmp_path, version="2.x") == [
        ("WHL108", E, "Metadata-Version", "'2.x' is not a version of the specification")
    ]
    message = "2.0 was never a version of the specification; PyPI accepted it in the past"
    assert found(tmp_path, version="2.0") == [("WHL108", N, "Metadata-Version", message)]


def test_metadata_without_a_version_of_the_specification_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, metadata="Name: acme\nVersion: 1.0\n")
    (finding,) = check_wheel(open_wheel(path)).findings
    assert (finding.code, finding.level) == ("WHL108", E)
    assert finding.message == "PyPI refuses it: METADATA has none"


def test_a_version_from_the_future_is_not_checked_and_not_called_ok(tmp_path: Path) -> None:
    ours = checked(tmp_path, version="99.0")
    assert ours.findings == ()
    assert ours.not_checked == (("WHL108", "Metadata-Version 99.0 is newer than what can be checked here"),)
    assert "WHL108" not in ours.codes
    assert ours.detail == "RECORD ok, 1 module, no console scripts"


def test_what_is_not_meant_for_pypi_is_told_as_a_note(tmp_path: Path) -> None:
    private = "Classifier: Private :: Do Not Upload"
    (_, level, subject, _) = found(tmp_path, private, "Home-Page: acme.dev")[0]
    assert (level, subject) == (N, "Home-Page")
    url = "Requires-Dist: http @ https://acme.dev/http-1.0-py3-none-any.whl"
    assert [each[:3] for each in found(tmp_path, private, url)] == [("DEP201", N, "http")]


# requirements


def test_a_requirement_from_a_url_is_found_and_its_password_is_not_told(tmp_path: Path) -> None:
    line = "Requires-Dist: acme-http @ git+https://me:secret@github.com/acme/http@main ; extra == 'http'"
    message = "the wheel requires it from git+https://github.com/acme/http@main, not from an index"
    assert found(tmp_path, line) == [("DEP201", E, "acme-http", message)]


def test_the_password_of_a_requirement_that_cannot_be_read_is_not_told(tmp_path: Path) -> None:
    ((_, _, _, message),) = found(tmp_path, "Requires-Dist: http @ https://me:secret@acme.dev/http.whl; extra == 'x'")
    assert message == "\"http @ https://acme.dev/http.whl; extra == 'x'\" is invalid for 'requires-dist'"


def test_dependencies_without_a_lower_bound_are_one_note(tmp_path: Path) -> None:
    lines = ("click", "rich<15", "attrs!=21.1", "yaml>=6", "h11~=0.14", "idna==3.4", "uvloop; extra == 'fast'")
    message = "any version that was ever released may be installed, because no lower bound is given"
    assert found(tmp_path, *(f"Requires-Dist: {line}" for line in lines)) == [
        ("DEP207", N, "click, rich, attrs", message)
    ]


# the archive


def edited(folder: Path, edit: Callable[[bytes], bytes]) -> list[tuple[str, str]]:
    path = wheel(folder)
    path.write_bytes(edit(path.read_bytes()))
    return [(each.code, each.message) for each in check_wheel(open_wheel(path)).findings]


def entry_of(data: bytes) -> int:
    """Return where the directory begins."""
    return data.index(b"PK\1\2")


def resized(data: bytes) -> bytes:
    """Return the archive with another size in the header of its first member."""
    return data[:22] + b"\7" + data[23:]


def with_a_hidden_member(data: bytes) -> bytes:
    """Return the archive with something between its members and its directory."""
    at = entry_of(data)
    end = data.index(b"PK\5\6")
    offset = int.from_bytes(data[end + 16 : end + 20], "little") + 4
    return data[:at] + b"evil" + data[at : end + 16] + offset.to_bytes(4, "little") + data[end + 20 :]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        pytest.param(lambda data: data + bytes(12), "12 bytes follow its end", id="something is behind the end"),
        pytest.param(
            with_a_hidden_member,
            "something that its directory does not list lies before the directory",
            id="a member is hidden",
        ),
        pytest.param(
            lambda data: b"#!/bin/sh\n" + data,
            "something that its directory does not list lies before acme/__init__.py",
            id="something is before the beginning",
        ),
        pytest.param(resized, "its directory and acme/__init__.py itself say different sizes", id="another size"),
        pytest.param(
            lambda data: data[:6] + b"\x08" + data[7:],
            "the size of acme/__init__.py is stored after its content only (a data descriptor)",
            id="written as a stream",
        ),
    ],
)
def test_an_archive_that_can_be_read_in_two_ways_is_found(
    tmp_path: Path, edit: Callable[[bytes], bytes], message: str
) -> None:
    assert edited(tmp_path, edit) == [("WHL108", f"PyPI refuses it: {message}")]


def test_an_archive_with_a_comment_at_its_end_passes(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"built by hand"
    assert check_wheel(open_wheel(path)).findings == ()


def test_a_compression_that_pypi_does_not_take_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path)
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_LZMA) as archive:
        for name, data in members.items():
            archive.writestr(name, data, zipfile.ZIP_LZMA if name == "acme/__init__.py" else zipfile.ZIP_STORED)
    findings = [each for each in check_wheel(open_wheel(path)).findings if each.code == "WHL108"]
    assert [(each.subject, each.message) for each in findings] == [
        (
            "acme/__init__.py",
            "PyPI refuses it: it is compressed by method 14, which is neither stored nor deflated",
        )
    ]


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "acme/../../evil.py"])
def test_a_member_that_would_be_installed_elsewhere_is_found(tmp_path: Path, name: str) -> None:
    message = "is outside of where it would be installed, so that pip refuses the wheel"
    assert found(tmp_path, files={"acme.py": "", name: ""}) == [("WHL108", E, name, message)]


def test_a_file_name_in_the_form_of_former_years_is_a_note(tmp_path: Path) -> None:
    path = wheel(tmp_path, name="Acme.Web", metadata="Metadata-Version: 2.1\nName: Acme.Web\nVersion: 1.0\n")
    (finding,) = check_wheel(open_wheel(path)).findings
    assert (finding.code, finding.level, finding.message) == (
        "WHL108",
        N,
        "PyPI refuses it: it has to begin with acme_web-",
    )


def test_metadata_in_a_folder_that_pypi_does_not_look_into_is_found(tmp_path: Path) -> None:
    path = wheel(tmp_path, name="Acme", metadata="Metadata-Version: 2.1\nName: Acme\nVersion: 1.0\n", file_name=NAME)
    message = "PyPI refuses it: its metadata is in Acme-1.0.dist-info, not in acme-1.0.dist-info"
    assert [each.message for each in check_wheel(open_wheel(path)).findings] == [message]


def test_a_file_above_the_usual_limit_is_a_note(tmp_path: Path) -> None:
    (finding,) = check_wheel(replace(open_wheel(wheel(tmp_path)), size_bytes=101 << 20)).findings
    assert (finding.code, finding.level) == ("WHL108", N)
    assert finding.message == "PyPI refuses it: it is larger than 100 MB, unless the project was granted more"
