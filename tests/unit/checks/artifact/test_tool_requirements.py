"""Test tools, linters and backports that every user has to install."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import open_wheel
from tox_prodsim.checks.artifact.tool_requirements import check_tool_requirements
from tox_prodsim.model.findings import Finding, Level

PACKAGE = {"acme/__init__.py": "", "acme/tests/test_acme.py": "import pytest\n"}


def found(
    folder: Path,
    requires: Sequence[str],
    *,
    files: Mapping[str, str] = PACKAGE,
    name: str = "acme",
    entry_points: str = "",
) -> tuple[Finding, ...]:
    path = wheel(folder, name=name, files=dict(files), requires=requires, entry_points=entry_points)
    ours = open_wheel(path)
    with zipfile.ZipFile(path) as archive:
        return check_tool_requirements(ours, archive).findings


@pytest.mark.parametrize(
    "requirement",
    [
        "pytest",
        "pytest-cov>=4",
        "black==24.1",
        "Flake8-Bugbear",
        "pre_commit",
        "mypy",
        "enum34",
        "typing; python_version >= '2.7'",
        "futures",
        "dataclasses; python_version >= '3.6' and python_version < '4.0'",
        "pathlib2",
    ],
)
def test_what_no_user_needs_is_found(tmp_path: Path, requirement: str) -> None:
    (each,) = found(tmp_path, ["click", requirement])
    assert (each.code, each.level) == ("DEP212", Level.WARNING)


@pytest.mark.parametrize(
    "requirement",
    [
        "pytest; extra == 'test'",
        "enum34; python_version < '3.4'",
        "dataclasses; python_version < '3.7'",
        "typing-extensions",
        "importlib-metadata",
        "pytestarch",
        "mock-open-api",
    ],
)
def test_what_some_users_need_is_not_accused(tmp_path: Path, requirement: str) -> None:
    assert found(tmp_path, [requirement]) == ()


@pytest.mark.parametrize(
    "text",
    [
        "import pytest\n",
        "def fixture():\n    from pytest import raises\n",
        "import os, pytest\n",
        "COMMAND = ['pytest', '-q']\n",
        "ARGS = '-m pytest --verbose'\n",
    ],
)
def test_a_tool_that_the_code_uses_is_needed(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, ["pytest", "pytest-xdist"], files={**PACKAGE, "acme/testing.py": text}) == ()


def test_a_colour_is_no_tool(tmp_path: Path) -> None:
    assert len(found(tmp_path, ["black"], files={"acme.py": "COLOURS = ['black', 'white']\n"})) == 1
    assert found(tmp_path, ["black"], files={"acme.py": "COMMAND = ['black', '--quiet']\n"}) == ()


def test_a_plugin_requires_its_host(tmp_path: Path) -> None:
    assert found(tmp_path, ["pytest"], name="pytest_acme") == ()
    assert found(tmp_path, ["pytest"], entry_points="[pytest11]\nacme = acme\n") == ()
    assert found(tmp_path, ["flake8"], entry_points="[flake8.extension]\nACM = acme:Plugin\n") == ()
    assert found(tmp_path, ["pathlib2"], files={"acme/__init__.py": "import pathlib2\n"}) == ()


def test_a_project_that_is_requirements_only_means_them(tmp_path: Path) -> None:
    assert found(tmp_path, ["pytest", "mypy"], files={}) == ()
