"""The version of the Python that runs, not of the one that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.plugin.context.build import installed_version


@pytest.mark.parametrize(
    ("written", "version"),
    [
        pytest.param("home = /usr/bin\nversion_info = 3.12.1\nuv = 0.9\n", "3.12.1", id="uv"),
        pytest.param("implementation = CPython\nversion_info = 3.13.0.final.0\n", "3.13.0", id="virtualenv"),
        pytest.param("home = /usr/bin\nversion = 3.11.7\n", "3.11.7", id="venv"),
        pytest.param("home = /usr/bin\n", "", id="none"),
    ],
)
def test_the_environment_names_its_python(tmp_path: Path, written: str, version: str) -> None:
    (tmp_path / "pyvenv.cfg").write_text(written)
    assert installed_version(tmp_path) == version


def test_without_an_environment_there_is_none(tmp_path: Path) -> None:
    assert installed_version(tmp_path) == ""
