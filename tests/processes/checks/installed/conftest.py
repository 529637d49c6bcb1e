from __future__ import annotations

from pathlib import Path

import pytest
from support.installed import Put
from support.wheels import Env, subject_of, wheel

from tox_prodsim.checks.installed import Distribution


@pytest.fixture
def env(tmp_path: Path) -> Env:
    return Env.create(tmp_path / "env")


@pytest.fixture
def put(env: Env, tmp_path: Path) -> Put:
    """Install a wheel made of these files into the environment."""

    def install(
        files: dict[str, str] | None = None, *, extras: tuple[str, ...] = (), **options: object
    ) -> Distribution:
        return subject_of(env.install(wheel(tmp_path, files=files, **options)), extras=extras)  # type: ignore[arg-type]

    return install
