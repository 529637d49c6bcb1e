"""A release that cannot be installed is judged like any other: its files are checked, and there is a report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import index as indexes
from support.index import Index
from support.project import Project

OLD = "cp38-cp38-manylinux_2_17_x86_64"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with indexes.served(tmp_path / "index") as made:
        made.add("plain", "1.0", "2.0")
        yield made


def test_requirements_that_cannot_be_installed_are_a_finding_and_the_next_run_is_a_new_one(
    any_project: Project, index: Index
) -> None:
    any_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\nrecreate = false\n")
    broken = any_project.wheel(files={"acme/__init__.py": "", "tests/__init__.py": ""}, requires=["plain>=3"])
    result = any_project.prodsim("--installpkg", broken, env=index.variables).failed()
    found = {each["code"]: each for each in any_project.findings() if each["level"] == "error"}
    assert found.keys() == {"DEP210", "WHL133"}
    assert found["DEP210"]["message"].startswith("cannot be installed: ")
    assert "plain>=3" in found["DEP210"]["message"]
    assert any_project.report()["summary"]["verdict"] == "failed"
    assert "prodsim: failed with DEP210, WHL133\n" in result.out
    assert "plain>=3" in (any_project.folder / ".tox/prodsim/prodsim/install.log").read_text()
    any_project.gone()
    result = any_project.prodsim("--skip-pkg-install", env=index.variables).failed()
    assert "no wheel was installed here before" in result.out
    any_project.prodsim("--installpkg", any_project.wheel(requires=["plain>=1"]), env=index.variables).passed()


def test_a_wheel_that_cannot_be_installed_is_a_finding_that_no_policy_makes_a_pass(any_project: Project) -> None:
    any_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF, DEP210, WHL101\n")
    any_project.prodsim("--installpkg", any_project.wheel(edit_record=lambda _: None)).failed()
    assert any_project.report()["summary"]["verdict"] == "incomplete"
    any_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    any_project.prodsim("--installpkg", any_project.wheel(edit_record=lambda _: None)).failed()
    assert any_project.codes() == ["DEP210", "WHL101"]
    any_project.prodsim("--installpkg", any_project.wheel(tag=OLD, files={"acme/__init__.py": ""})).failed()
    (message,) = (each["message"] for each in any_project.findings() if each["code"] == "DEP210")
    assert message.startswith("cannot be installed with this Python: ")


def test_a_file_of_a_dependency_that_the_wheel_writes_too_is_found(quick_project: Project, index: Index) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    files = {"acme/__init__.py": "", "plain/__init__.py": "VERSION = 'ours'\n"}
    quick_project.prodsim("--installpkg", quick_project.wheel(files=files, requires=["plain>=1"]), env=index.variables)
    (found,) = (each for each in quick_project.findings() if each["code"] == "DEP211")
    assert (found["level"], found["subject"]) == ("warning", "plain/__init__.py")
    assert found["message"].startswith("is a file of acme 1.0 and plain 2.0")


def test_metadata_that_tox_cannot_read_is_a_finding_in_its_words(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    quick_project.prodsim("--installpkg", quick_project.wheel(requires=["plain>=5.1.*"])).failed()
    assert quick_project.codes() == ["DEP210", "WHL108"]
    (message,) = (each["message"] for each in quick_project.findings() if each["code"] == "DEP210")
    assert "`==` or `!=` operators: plain>=5.1.*" in message


def test_an_index_that_cannot_be_reached_accuses_nobody(quick_project: Project) -> None:
    closed = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/", "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1"}
    result = quick_project.prodsim("--installpkg", quick_project.wheel(requires=["plain>=1"]), env=closed).failed()
    assert quick_project.codes() == []
    assert quick_project.report()["summary"]["verdict"] == "incomplete"
    assert "  install  not checked: not installed: the index cannot be reached" in result.out


def test_requires_python_counts_where_the_installer_ignores_it(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    text = "Metadata-Version: 2.4\nName: acme\nVersion: 1.0\nRequires-Python: <3.10\n"
    quick_project.prodsim("--installpkg", quick_project.wheel(metadata=text)).failed()
    assert "DEP210" in quick_project.codes()
