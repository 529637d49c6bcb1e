"""Folders beside the code of a package that are not meant for production: tests, documentation, examples."""

from __future__ import annotations

from pathlib import PurePosixPath

TESTS = frozenset({"test", "tests", "_test", "_tests", "testing", "conftest"})
"""Parts of the names of test modules."""
NON_CODE = TESTS | {"doc", "docs", "example", "examples", "benchmark", "benchmarks"}
"""The same, with documentation, examples and benchmarks."""
_NOT_BUILT = NON_CODE | {"fuzz", "tools"}


def is_not_built(path: str) -> bool:
    """Return whether it is in a folder whose sources are not built, and whose binaries only tests read."""
    return bool(_NOT_BUILT & set(PurePosixPath(path).parts[:-1]))
