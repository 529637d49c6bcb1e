from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.hooked_programs import HookedPrograms
from support.pythons import environment


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Environments without pip, one for each version that is asked for."""
    return functools.cache(lambda version: environment(version, tmp_path_factory.mktemp("env") / version))


@pytest.fixture
def version() -> str:
    return "3.13"


@pytest.fixture
def programs(environments: Callable[[str], Path], version: str, tmp_path: Path) -> Iterator[HookedPrograms]:
    programs = HookedPrograms(environments(version), tmp_path)
    yield programs
    programs.close()
