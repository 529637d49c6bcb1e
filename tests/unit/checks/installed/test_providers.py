"""Which distribution is known to provide a module."""

from __future__ import annotations

import sys

import pytest

from tox_prodsim.checks.installed.providers import DISTRIBUTIONS, PYTHON_2, REMOVED, is_gone, known_names


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("yaml.nodes", {"yaml", "yaml-nodes", "pyyaml"}),
        ("google.cloud.storage", {"google", "google-cloud", "google-cloud-storage"}),
        ("psycopg2", {"psycopg2", "psycopg2-binary"}),
        ("config", {"config"}),
    ],
)
def test_the_names_are_those_of_the_table_and_of_the_module_itself(module: str, names: set[str]) -> None:
    assert known_names(module) == names


def test_what_is_gone_is_not_in_this_standard_library() -> None:
    here = sys.version_info[:2]
    gone = {name for name, version in REMOVED.items() if tuple(map(int, version.split("."))) <= here}
    assert (gone | PYTHON_2) & sys.stdlib_module_names == set()
    assert (REMOVED.keys() - gone) <= sys.stdlib_module_names
    assert is_gone("distutils.core")


def test_no_module_of_the_standard_library_has_a_distribution() -> None:
    assert DISTRIBUTIONS.keys() & sys.stdlib_module_names == set()
