from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.hooked_programs import HookedPrograms


@pytest.fixture
def version() -> str:
    return "3.13"


@pytest.fixture
def programs(environments: Callable[[str], Path], version: str, tmp_path: Path) -> Iterator[HookedPrograms]:
    programs = HookedPrograms(environments(version), tmp_path)
    yield programs
    programs.close()
