"""What holds memory after an import is asked in the environment, and named by file and line."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

import pytest
from support.wheels import Ended, Env, wheel

from tox_prodsim.model.footprint import Quantity, QuantityKind
from tox_prodsim.model.runner import NO_VARIABLES
from tox_prodsim.timing import sampling
from tox_prodsim.timing.footprint import PeakRunner, holding_lines

TABLES = "print('tox-prodsim 0: {}')\nLARGE = [bytes(100) for _ in range(40_000)]\n"


def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Ended:
    assert not variables
    ran = subprocess.run(argv, capture_output=True, timeout=timeout_s, check=False)
    return Ended(ran.returncode, False, ran.stdout, ran.stderr)


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Env:
    folder = tmp_path_factory.mktemp("env")
    env = Env.create(folder / "env")
    env.install(wheel(folder, files={"acme/__init__.py": "", "acme/tables.py": TABLES, "acme/bad.py": "1 / 0\n"}))
    return env


def test_the_line_that_holds_most_is_the_first(env: Env) -> None:
    lines = holding_lines("acme.tables", python=env.python, runner=run)  # type: ignore[arg-type] # as a Completed
    assert lines[0].startswith("acme/tables.py:2 (5.")
    assert lines[0].endswith(" MB)")


def test_nothing_is_known_of_an_import_that_fails_or_holds_next_to_nothing(env: Env) -> None:
    for module in ("acme.bad", "acme", "absent"):
        assert holding_lines(module, python=env.python, runner=run) == ()  # type: ignore[arg-type] # as a Completed


def test_the_samples_of_an_import_have_its_peak(env: Env) -> None:
    peaks = PeakRunner(run)  # type: ignore[arg-type] # as a Completed
    for module in ("acme", "acme.tables"):
        sampling.import_sampler(module, python=env.python, runner=peaks)(2)
    little, large = (peaks.weighed[Quantity(QuantityKind.IMPORT_MEMORY, each)] for each in ("acme", "acme.tables"))
    assert (little.samples, large.samples) == (2, 2)
    assert 4_000_000 < large.value - little.value < 12_000_000
    assert little.value - little.parts["base"] < 1_500_000
