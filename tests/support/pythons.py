"""The interpreters that tests use, and environments without pip that tests may write to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.interpreters import find


def python(version: str) -> Path:
    """Return an interpreter of a version such as 3.13, 3.13t or pypy3; skip the test when this machine has none."""
    return find(version) or pytest.skip(
        f"no {version} on this machine: none in PRODSIM_TEST_PYTHONS, PATH, pyenv or uv"
    )


def environment(version: str, folder: Path) -> Path:
    """Make an environment without pip; return its folder."""
    subprocess.run([python(version), "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    return folder


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python3*/site-packages")
    return found
