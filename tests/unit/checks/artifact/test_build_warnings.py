from __future__ import annotations

import pytest

from tox_prodsim.checks.artifact.build_warnings import build_warnings

SETUPTOOLS = """\
/env/setuptools/dist.py:759: SetuptoolsDeprecationWarning: License classifiers are deprecated.
!!
        Please consider removing the following classifiers
!!
  self._finalize_license_expression()
/env/setuptools/dist.py:759: UserWarning: License classifiers are deprecated.
warning: no files found matching 'LICENSE'
warning: build_py: byte-compiling is disabled, skipping.
warning: no files found matching 'LICENSE'
"""
COMPILERS = """\
src/fast.c:9:12: warning: unused variable 'n' [-Wunused-variable]
/usr/bin/ld: warning: missing .note.GNU-stack section
warning: unused import: `std::fs`
 --> src/lib.rs:1:5
warning: `acme` (lib) generated 1 warning
warning: acme/fast.pyx:3:4: Unused entry 'n'
"""


@pytest.mark.parametrize(
    ("output", "warnings"),
    [
        pytest.param(
            SETUPTOOLS,
            [
                "SetuptoolsDeprecationWarning: License classifiers are deprecated.",
                "no files found matching 'LICENSE'",
            ],
            id="setuptools",
        ),
        pytest.param(COMPILERS, [], id="compilers"),
        pytest.param(
            "../meson.build:1: WARNING: Project does not target a minimum version\n",
            ["Project does not target a minimum version"],
            id="meson",
        ),
        pytest.param(
            "2026-11-30 10:55:14,449 - scikit_build_core - WARNING - cmake should not be in requires\n",
            ["cmake should not be in requires"],
            id="logging",
        ),
        pytest.param(
            "CMake Deprecation Warning at CMakeLists.txt:1 (cmake_minimum_required):\n  It will be removed\n",
            ["CMake Deprecation Warning at CMakeLists.txt:1 (cmake_minimum_required)"],
            id="cmake",
        ),
        pytest.param("\u26a0\ufe0f  Warning: Please use a constraint\n", ["Please use a constraint"], id="maturin"),
        pytest.param("copying acme/warning.py -> build\n", [], id="none"),
    ],
)
def test_the_warnings_of_back_ends_are_found_once(output: str, warnings: list[str]) -> None:
    assert list(build_warnings(output)) == warnings
