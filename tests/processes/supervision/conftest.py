from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.adversaries import Adversaries


@pytest.fixture
def adversaries(tmp_path: Path) -> Iterator[Adversaries]:
    folder = tmp_path / "register"
    folder.mkdir()
    adversaries = Adversaries(folder)
    yield adversaries
    for process in adversaries.started:
        process.close()
    assert adversaries.states() == []


@pytest.fixture(autouse=True)
def open_files() -> Iterator[None]:
    """Nothing of a run may stay open in the host."""
    before = open_now()
    yield
    assert open_now() <= before


def open_now() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
