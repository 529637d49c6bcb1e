"""The tutorial and the how-to pages are followed literally, in a virtual environment of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.documents import DOCS, ROOT
from support.pages import Command, follow, steps

PLAYED_ELSEWHERE = {"adopt.md"}
"""Its commands are played by ``test_readme``."""
HOWTOS = [
    path
    for path in sorted((DOCS / "howto").glob("*.md"))
    if path.name not in PLAYED_ELSEWHERE and any(isinstance(step, Command) for step in steps(path))
]


@pytest.fixture(scope="session")
def links(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this plugin, from which pip takes it."""
    folder = tmp_path_factory.mktemp("links")
    options = ["--quiet", "--no-deps", "--wheel-dir", str(folder)]
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True)
    else:
        subprocess.run(["uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT)], check=True)
    return folder


def played(page: Path, folder: Path, links: Path) -> None:
    (folder / "project").mkdir()
    follow(page, folder / "project", links)


@pytest.mark.index
def test_the_tutorial_can_be_followed_literally(tmp_path: Path, links: Path) -> None:
    played(DOCS / "tutorial.md", tmp_path, links)


@pytest.mark.howtos
@pytest.mark.index
@pytest.mark.parametrize("page", HOWTOS, ids=lambda page: page.stem)
def test_a_page_can_be_followed_literally(page: Path, tmp_path: Path, links: Path) -> None:
    if "redis-server" in page.read_text("utf-8") and shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    played(page, tmp_path, links)
