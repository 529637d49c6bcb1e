"""Which wheels an interpreter takes: what it says itself, not what holds for the one that runs tox."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from packaging.tags import sys_tags
from support.pythons import python

from tox_prodsim.building.interpreter_tags import tags_of
from tox_prodsim.model.errors import ProdsimError


def test_the_tags_are_those_of_packaging_in_that_interpreter() -> None:
    assert tags_of(Path(sys.executable)) == tuple(map(str, sys_tags()))


def fake(tmp_path: Path, answer: object, code: int = 0) -> Path:
    """Make an interpreter that answers this."""
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\necho 'no such file' >&2\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("implementation", "abi", "first", "last"),
    [
        pytest.param("cpython", "cpython-39-x86_64-linux-gnu", "cp39-cp39-", "py30-none-any", id="CPython"),
        pytest.param("cpython", "cpython-39d-x86_64-linux-gnu", "cp39-cp39d-", "py30-none-any", id="a debug build"),
        pytest.param("pypy", "pypy39-pp73-x86_64-linux-gnu", "pp39-pypy39_pp73-", "py30-none-any", id="PyPy"),
    ],
)
def test_one_that_is_too_old_for_packaging_says_what_it_is(
    tmp_path: Path, implementation: str, abi: str, first: str, last: str
) -> None:
    tags = tags_of(fake(tmp_path, {"implementation": implementation, "version": [3, 9], "abi": abi}))
    assert tags[0].startswith(first)
    assert tags[-1] == last
    assert "py3-none-any" in tags


def test_one_that_fails_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ProdsimError, match=r"python does not say which wheels it takes: no such file$"):
        tags_of(fake(tmp_path, {}, 1))


def test_an_older_python_takes_its_own_wheels() -> None:
    assert tags_of(python("3.9"))[0].startswith("cp39-cp39-")
