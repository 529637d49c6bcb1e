"""What lies beside the code of a package and is not meant to run in production: tests, documentation, examples."""

from __future__ import annotations

from pathlib import PurePosixPath

TESTS = frozenset({"test", "tests", "_test", "_tests", "testing", "conftest"})
"""Parts of the names of modules that test."""
BESIDE = TESTS | {"doc", "docs", "example", "examples", "benchmark", "benchmarks"}
"""The same, and what shows or measures."""
_NOT_BUILT = BESIDE | {"fuzz", "tools"}


def is_not_built(path: str) -> bool:
    """Return whether it is in a folder whose sources go into no wheel, and whose binaries are read by tests."""
    return bool(_NOT_BUILT & set(PurePosixPath(path).parts[:-1]))
