"""Where the interpreters of this machine are."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PYPY = "pypy3"
SPECS = (*(f"3.{minor}" for minor in range(9, 16)), "3.13t", "3.14t", "3.15t", PYPY)
"""The Pythons of environments under test; ``t`` has no GIL."""


@functools.cache
def find(version: str) -> Path | None:
    """Return an interpreter of a version, None when this machine has none."""
    return next((each for each in candidates(version) if is_version(each, version)), None)


def candidates(version: str) -> Iterator[Path]:
    yield from map(Path, filter(None, os.environ.get("PRODSIM_TEST_PYTHONS", "").split(os.pathsep)))
    if found := shutil.which(version if version == PYPY else f"python{version}"):
        yield Path(found)
    yield from sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    if uv := shutil.which("uv"):
        answer = subprocess.run([uv, "python", "find", version], capture_output=True, text=True, check=False)
        yield from map(Path, answer.stdout.split("\n")[:1])


def is_version(candidate: Path, version: str) -> bool:
    """Return whether an interpreter is of a version, of CPython unless it says pypy3; a shim of pyenv may be none."""
    code = (
        "import sys, sysconfig; t = 't' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''; "
        "print('pypy3' if sys.implementation.name == 'pypy' else '%d.%d' % sys.version_info[:2] + t)"
    )
    try:
        answer = subprocess.run([candidate, "-I", "-c", code], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return False
    return answer.stdout.split() == [version]
