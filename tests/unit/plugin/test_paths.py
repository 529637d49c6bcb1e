"""Where the baselines are: below the root, or where an absolute path says."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.refusals import refused

from tox_prodsim.plugin.paths import baseline_dir


@pytest.mark.parametrize("configured", ["..", "a/../..", "../root-of-another", "link", "link/sub", ".prodsim/../../x"])
def test_a_relative_folder_outside_of_the_root_is_refused(tmp_path: Path, configured: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    problem = refused(lambda: baseline_dir(root, configured))
    assert problem.key == "prodsim_baseline_dir"
    assert problem.message.startswith(f"{configured!r} leads out of the tox root, to {tmp_path}")
    assert problem.message.endswith("; write an absolute path if that is meant")


@pytest.mark.parametrize("configured", ["", " ", ".", "a\nb", "a\0b", "x" * 300, "file", "circle"])
def test_what_is_not_a_folder_is_refused(tmp_path: Path, configured: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    problem = refused(lambda: baseline_dir(tmp_path, configured))
    assert problem.key == "prodsim_baseline_dir"
    assert "is not a folder" in problem.message


@pytest.mark.parametrize("configured", ["base", "a/../b", ".prodsim/baselines", "inner/sub"])
def test_a_folder_below_the_root_is_kept(tmp_path: Path, configured: str) -> None:
    (tmp_path / "inner").symlink_to("elsewhere")
    assert baseline_dir(tmp_path, configured) == tmp_path / configured


def test_an_absolute_folder_may_be_anywhere(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    assert baseline_dir(root, str(tmp_path / "shared")) == tmp_path / "shared"
