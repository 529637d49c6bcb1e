"""What a second start finds that the first one did not find."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tox_prodsim.deployment.start_watch import changed_since


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    now = tmp_path / "scratch"
    (now / "data").mkdir(parents=True)
    (now / "app.py").write_text("print()\n")
    (now / "link").symlink_to("nowhere")
    before = tmp_path / "scratch-copy"
    shutil.copytree(now, before, symlinks=True)
    return before, now


def test_a_folder_that_is_as_it_was_has_no_change(folders: tuple[Path, Path]) -> None:
    before, now = folders
    (now / "data").touch()  # a folder in which a file came and went
    assert changed_since(before, now) == ""


def test_a_new_a_changed_and_a_lost_file_are_changes(folders: tuple[Path, Path]) -> None:
    before, now = folders
    (now / "data" / "app.db").write_bytes(b"x")
    assert changed_since(before, now) == "data/app.db"
    (now / "data" / "app.db").unlink()
    (now / "app.py").write_text("print(1)\n")
    assert changed_since(before, now) == "app.py"
    (now / "app.py").unlink()
    assert changed_since(before, now) == "app.py"


def test_without_the_copy_nothing_counts(tmp_path: Path) -> None:
    assert changed_since(tmp_path / "none", tmp_path) == "its folder"
