"""The other version is timed with what it requires itself, also when the project requires that no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import index as indexes
from support.index import Index
from support.project import Project

SPIN = "import time\nuntil = time.process_time() + 0.3\nwhile time.process_time() < until:\n    pass\n"
"""So much work that no busy machine can hide it."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with indexes.served(tmp_path / "index") as made:
        made.add("stone", "1.0", "2.0")
        yield made


def installed_version(project: Project) -> str:
    (path,) = (project.folder / ".tox/prodsim").glob("lib/*/site-packages/stone/__init__.py")
    return path.read_text()


def test_a_change_is_confirmed_beside_a_baseline_that_required_more(quick_project: Project, index: Index) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nselect = PRF\n")
    old = quick_project.wheel(files={"plum/__init__.py": "import stone\n"}, requires=["stone<2"])
    update = "--prodsim-update-baseline"
    quick_project.prodsim("--installpkg", old, update, env=index.variables).passed()

    new = quick_project.wheel(files={"plum/__init__.py": SPIN}, requires=["stone>=2"], version="1.1")
    quick_project.prodsim("--installpkg", new, env=index.variables).failed()
    (compared,) = quick_project.report()["comparisons"]
    assert compared["detail"].startswith("your change, with other requirements than then (stone 1.0 -> 2.0); ")
    assert "beside wheel 1.0, kept since then, with its own stone 1.0: +" in compared["detail"]
    assert installed_version(quick_project) == "VERSION = '2.0'\n", "the files of the clone are links to these"
    assert not (quick_project.folder / ".tox/prodsim/prodsim/base").exists()


def test_a_requirement_that_the_index_no_longer_has_is_named(project: Project, index: Index) -> None:
    project.write("tox.ini", "[testenv:prodsim]\n")
    new = project.wheel(files={"plum/__init__.py": ""}, requires=["stone<2"], version="1.1", name="plum")
    old = project.wheel(files={"plum/__init__.py": "import stone\n"}, requires=["stone>=2"], name="plum")
    result = project.tox("prodsim", "compare", old, "--installpkg", new, "--import", "plum", env=index.variables)
    assert ", with its own stone 2.0, in prodsim\n" in result.out, result.out
    assert installed_version(project) == "VERSION = '1.0'\n"

    gone = project.wheel(files={"plum/__init__.py": ""}, requires=["kernel>=7"], name="plum", version="0.9")
    result = project.tox("prodsim", "compare", gone, "--installpkg", new, "--import", "plum", env=index.variables)
    assert "its requirement kernel>=7 cannot be installed: ERROR: " in result.failed().out
