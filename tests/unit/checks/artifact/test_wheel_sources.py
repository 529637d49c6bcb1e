"""The digest of the Python sources in a wheel: the same for two builds of one source tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.wheels import wheel

from tox_prodsim.checks.artifact import open_wheel


def digest(folder: Path, **options: Any) -> str:
    folder.mkdir()
    return open_wheel(wheel(folder, **options)).sources_sha256


def test_it_depends_on_the_sources_and_on_nothing_else(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"acme/__init__.py": "x = 1\n", "acme/_c.abi3.so": b"\x7fELF one"}
    first = digest(tmp_path / "first", files=files)
    compiled = {**files, "acme/_c.abi3.so": b"\x7fELF two"}
    assert digest(tmp_path / "again", files=compiled, mode=0o100755, requires=["six"]) == first
    others = [
        digest(tmp_path / "content", files={**files, "acme/__init__.py": "x = 2\n"}),
        digest(tmp_path / "name", files={**files, "acme/more.py": ""}),
        digest(tmp_path / "entry", files=files, entry_points="[console_scripts]\nacme = acme:x\n"),
    ]
    assert len({first, *others}) == 4
