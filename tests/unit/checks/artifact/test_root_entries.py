from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import open_wheel
from tox_prodsim.checks.artifact.root_entries import check_root

INIT = "acme/__init__.py"


def found(folder: Path, *files: str, name: str = "acme") -> list[tuple[str, str, str]]:
    path = wheel(folder, name=name, files=dict.fromkeys(files, ""))
    return [(each.code, each.level, each.subject) for each in check_root(open_wheel(path)).findings]


@pytest.mark.parametrize("file", ["LICENSE", "README.md", "pyproject.toml", "logo.png", "py.typed", "poetry.lock"])
def test_a_file_that_is_not_to_be_imported_is_found(tmp_path: Path, file: str) -> None:
    assert found(tmp_path, INIT, file) == [("WHL135", "warning", file)]


def test_files_are_one_finding(tmp_path: Path) -> None:
    names = ["AUTHORS.rst", "CHANGES.rst", "LICENSE", "README.rst"]
    assert found(tmp_path, INIT, *names) == [("WHL135", "warning", "AUTHORS.rst, CHANGES.rst, LICENSE and 1 more")]


@pytest.mark.parametrize("folder", [".github", "rust", "vendor_licenses", "man"])
def test_a_folder_without_modules_is_found(tmp_path: Path, folder: str) -> None:
    assert found(tmp_path, INIT, f"{folder}/a.txt") == [("WHL135", "warning", f"{folder}/")]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(["acme.py", "_acme.cpython-311-x86_64-linux-gnu.so", "acme.pyi"], id="modules and a stub"),
        pytest.param([INIT, "acme.pth", "0123456789abcdef0123__mypyc.so", "libacme.so"], id="what the loader reads"),
        pytest.param([INIT, "acme.libs/libz.so", "acme-1.0.data/data/LICENSE"], id="folders of tools"),
        pytest.param([INIT, "acme-stubs/__init__.pyi", "other-stubs/x.pyi"], id="stubs"),
        pytest.param(["acme/rules.json"], id="data of the project alone"),
        pytest.param([INIT, "docs/index.md", "data/x.json"], id="names that WHL133 reports"),
        pytest.param([INIT, ".coverage", ".git/HEAD", "acme.egg-info/PKG-INFO", ".env"], id="strays of WHL131"),
    ],
)
def test_these_belong_there_or_are_reported_elsewhere(tmp_path: Path, files: Sequence[str]) -> None:
    assert found(tmp_path, *files) == []


def test_a_part_of_a_namespace_may_have_data_only(tmp_path: Path) -> None:
    assert found(tmp_path, "nvidia/cublas/lib.txt", name="nvidia_cublas") == []
