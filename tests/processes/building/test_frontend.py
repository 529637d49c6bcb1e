"""A wheel of the index is had as it is; an sdist is built only where the user has named the version."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from support import index as indexes
from support.index import Index

from tox_prodsim.building import frontend
from tox_prodsim.model.errors import ProdsimError


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with indexes.served(tmp_path / "index") as made:
        yield made


def test_no_code_of_a_release_is_run_to_have_its_wheel(tmp_path: Path, index: Index) -> None:
    def execute(argv: Sequence[str], cwd: Path, extra: Mapping[str, str]) -> None:
        env = {**os.environ, **index.variables, **extra}
        if subprocess.run(argv, cwd=cwd, env=env, capture_output=True, check=False).returncode:
            raise ProdsimError("base", "pip failed")

    def fetched(folder: str, *, builds_sdists: bool) -> Path:
        (tmp_path / folder).mkdir()
        return frontend.wheel_from_index(
            "acme==1.0",
            python=Path(sys.executable),
            folder=tmp_path / folder,
            execute=execute,
            builds_sdists=builds_sdists,
        )

    ran = tmp_path / "ran"
    index.add_sdist("acme", "1.0", more=f"\nopen({str(ran)!r}, 'w').close()\n")
    with pytest.raises(ProdsimError, match="pip failed"):
        fetched("as it is", builds_sdists=False)
    assert not ran.exists()
    assert fetched("built", builds_sdists=True).name == "acme-1.0-py3-none-any.whl"
    assert ran.exists()
