"""Environments of the Pythons of this machine."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from support.pythons import environment


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Environments without pip, one for each version that is asked for."""
    return functools.cache(lambda version: environment(version, tmp_path_factory.mktemp("env") / version))
