"""The interpreters of this machine, and environments without pip that tests may write to."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@functools.cache
def python(version: str) -> Path:
    """Return an interpreter of a version such as 3.13, and skip the test when this machine has none."""
    for candidate in candidates(version):
        if is_version(candidate, version):
            return candidate
    pytest.skip(f"no CPython {version} on this machine: none in PRODSIM_TEST_PYTHONS, PATH, pyenv or uv")


def candidates(version: str) -> Iterator[Path]:
    yield from map(Path, filter(None, os.environ.get("PRODSIM_TEST_PYTHONS", "").split(os.pathsep)))
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    yield from sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    if uv := shutil.which("uv"):
        answer = subprocess.run([uv, "python", "find", version], capture_output=True, text=True, check=False)
        yield from map(Path, answer.stdout.split("\n")[:1])


def is_version(candidate: Path, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2], sys.implementation.name)"
    try:
        answer = subprocess.run([candidate, "-I", "-c", code], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return False
    return answer.stdout.split() == [version, "cpython"]


def environment(version: str, folder: Path) -> Path:
    """Make an environment without pip; return its folder."""
    subprocess.run([python(version), "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    return folder


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python3*/site-packages")
    return found
