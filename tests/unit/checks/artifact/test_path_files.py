"""The paths in the ``.pth`` files of a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import check_wheel, open_wheel


def found(folder: Path, name: str, content: str) -> list[tuple[str, str]]:
    path = wheel(folder, files={"acme.py": "", name: content})
    return [(each.code, each.subject) for each in check_wheel(open_wheel(path)).findings]


@pytest.mark.parametrize("content", ["/home/me/acme/src\n", "acme\nC:\\work\\acme\n"])
def test_a_path_of_the_build_machine_is_found(tmp_path: Path, content: str) -> None:
    assert found(tmp_path, "acme.pth", content) == [("IMP510", "acme.pth")]
    assert found(tmp_path, "acme-1.0.data/purelib/acme.pth", content) == [("IMP510", "acme.pth")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("acme.pth", "acme/vendor\n", id="relative"),
        pytest.param("acme.pth", "import os; print('/home')\n", id="code"),
        pytest.param("__editable__.acme-1.0.pth", "/home/me/acme\n", id="editable"),
        pytest.param("acme/acme.pth", "/home/me/acme\n", id="weights of a model"),
    ],
)
def test_others_pass(tmp_path: Path, name: str, content: str) -> None:
    assert found(tmp_path, name, content) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("lib/python3.9/site-packages/acme.pth", [("IMP513", "acme.pth")], id="of one Python"),
        pytest.param("lib64/python3/dist-packages/acme/x.py", [("IMP513", "acme/x.py")], id="of Debian"),
        pytest.param("share/acme/x.json", [], id="of the environment"),
        pytest.param("lib/pkgconfig/acme.pc", [], id="a library's"),
    ],
)
def test_a_file_for_one_python_only_is_found(tmp_path: Path, path: str, expected: list[tuple[str, str]]) -> None:
    assert found(tmp_path, f"acme-1.0.data/data/{path}", "") == expected


def test_files_of_one_folder_are_one_finding(tmp_path: Path) -> None:
    site = "acme-1.0.data/data/lib/python3.9/site-packages"
    path = wheel(tmp_path, files={"acme.py": "", f"{site}/a.pth": "", f"{site}/b.pth": ""})
    (each,) = check_wheel(open_wheel(path)).findings
    assert (each.subject, each.message) == (
        "a.pth and 1 more",
        "goes to lib/python3.9/site-packages/, where only python3.9 finds it",
    )
