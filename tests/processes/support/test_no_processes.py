"""A unit test that starts a process fails: a real run of pytest with the conftest of the unit tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import no_processes

TESTS = Path(no_processes.__file__).parents[1]
CASES = """
import contextlib, subprocess, sys
import pytest

def start():
    subprocess.run([sys.executable, "-c", ""], check=False)

@pytest.fixture(scope="module")
def of_the_module():
    start()

def test_nothing():
    pass

def test_a_process():
    start()

def test_a_process_and_a_refusal_that_is_swallowed():
    with contextlib.suppress(BaseException):
        start()

def test_a_process_and_a_refusal_that_becomes_a_skip():
    try:
        start()
    except BaseException:
        pytest.skip("no processes here")

def test_a_process_of_the_fixture_of_a_module(of_the_module):
    pass

def test_nothing_after_it():
    pass
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints of the cases: a line for each test and phase that did not pass."""
    folder = tmp_path_factory.mktemp("unit")
    (folder / "conftest.py").write_text((TESTS / "unit/conftest.py").read_text())
    (folder / "test_cases.py").write_text(CASES)
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {TESTS}\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--tb=short"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        pytest.param("PASSED", "test_nothing", id="no process"),
        pytest.param("FAILED", "test_a_process", id="a process"),
        pytest.param("FAILED", "test_a_process_and_a_refusal_that_is_swallowed", id="a refusal that is swallowed"),
        pytest.param("FAILED", "test_a_process_and_a_refusal_that_becomes_a_skip", id="a refusal that becomes a skip"),
        pytest.param("ERROR", "test_a_process_of_the_fixture_of_a_module", id="in a fixture of the module"),
        pytest.param("PASSED", "test_nothing_after_it", id="no process after one that was refused"),
    ],
)
def test_a_unit_test_that_starts_a_process_fails(output: str, outcome: str, name: str) -> None:
    lines = [line.partition(" - ")[0] for line in output.splitlines()]
    assert f"{outcome} test_cases.py::{name}" in lines


def test_the_message_says_where_such_a_test_belongs(output: str) -> None:
    assert "a unit test must not start a process, tests/processes has those that do: subprocess.Popen" in output
