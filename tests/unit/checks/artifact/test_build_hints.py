from __future__ import annotations

from pathlib import Path

import pytest

from tox_prodsim.checks.artifact.build_hints import without_sdist


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("LookupError: setuptools-scm was unable to detect version for /src/acme.", "git fetch --tags"),
        ("PackageDiscoveryError: Multiple top-level packages discovered in a flat-layout: ['a', 'b'].", "include = "),
        ("ModuleNotFoundError: No module named 'numpy' (setup.py:3)", "add the distribution that has numpy"),
        ("ModuleNotFoundError: No module named 'acme.version' (setup.py:3)", "sys.path.insert"),
        ("FileNotFoundError 'VERSION' (setup.py:6)", "put VERSION into the source tree"),
        ("ValueError: what (setup.py:6)", "run 'python -m build --sdist' in the project's folder"),
    ],
)
def test_the_hint_is_about_the_error(tmp_path: Path, error: str, hint: str) -> None:
    (tmp_path / "acme").mkdir()
    assert hint in without_sdist(error, tmp_path)
