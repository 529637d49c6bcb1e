"""Which versions of its dependencies a wheel is tried with, and what became of them since the baseline."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import index as indexes
from support.index import Index
from support.project import Project

from tox_prodsim.timing.baseline import store

MAJOR, MINOR = sys.version_info[:2]
NEWER = "import plain\nif plain.VERSION < '2':\n    raise ImportError('plain is too old')\n"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with indexes.served(tmp_path / "index") as made:
        made.add("plain", "1.0", "2.0", "3.0")
        yield made


def test_a_lower_bound_that_is_too_low_fails(any_project: Project, index: Index) -> None:
    wheel = any_project.wheel(files={"acme/__init__.py": NEWER}, requires=["plain>=1"])
    result = any_project.tox("run", "-e", "prodsim-lowest", "--installpkg", wheel, env=index.variables).failed()
    assert any_project.codes("prodsim-lowest") == ["DEP208", "IMP503"]
    assert "lowest: plain 1.0" in result.out
    assert "FAIL DEP208 dependencies: with plain 1.0 it does not work: IMP503 acme\n" in result.out


def test_a_lower_bound_that_suffices_passes_and_is_shown(quick_project: Project, index: Index) -> None:
    wheel = quick_project.wheel(files={"acme/__init__.py": NEWER}, requires=["plain>=1.5"])
    quick_project.write("tox.ini", "[testenv:prodsim]\nresolution = lowest-direct\n")
    result = quick_project.prodsim("--installpkg", wheel, env=index.variables).passed()
    assert "lowest: plain 2.0" in result.out
    assert "compare  not checked: times are not taken with lowest versions (resolution = lowest-direct)" in result.out


def test_lowest_versions_that_cannot_be_installed_fail_and_the_newest_are_tried(
    quick_project: Project, index: Index
) -> None:
    index.add_sdist("rotten", "1.0", more="import nothing")
    index.add_sdist("rotten", "2.0")
    wheel = quick_project.wheel(requires=["rotten>=1"])
    result = quick_project.tox("run", "-e", "prodsim-lowest", "--installpkg", wheel, env=index.variables).failed()
    assert quick_project.codes("prodsim-lowest") == ["DEP208"]
    assert "FAIL DEP208 dependencies: the lowest versions that it allows cannot be installed: " in result.out
    assert "  import   ok " in result.out


def test_where_no_index_can_be_asked_no_lowest_versions_are_called_tested(quick_project: Project) -> None:
    wheel = quick_project.wheel(requires=["plain>=1"])
    closed = {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/", "UV_NO_CONFIG": "1", "UV_NO_CACHE": "1"}
    result = quick_project.tox("run", "-e", "prodsim-lowest", "--installpkg", wheel, env=closed).failed()
    reason = "resolution: the lowest versions are not known: the index cannot be reached"
    assert f"prodsim-lowest: failed with {reason}" in result.out


def test_it_is_listed_and_inherits_what_prodsim_says_but_not_what_makes_it_another(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nresolution = highest\nstop_timeout = 3\ndescription = mine\n")
    listed = quick_project.tox("list").passed().out
    assert "prodsim-lowest -> the same with the lowest versions of its dependencies" in listed
    shown = quick_project.tox("config", "-e", "prodsim-lowest", "-k", "resolution", "stop_timeout").passed().out
    assert "resolution = lowest-direct\nstop_timeout = 3\n" in shown
    shown = quick_project.tox("config", "-e", f"py{MAJOR}{MINOR}-prodsim-lowest", "-k", "resolution").passed().out
    assert "resolution = lowest-direct\n" in shown
    quick_project.tox("config", "-e", "prodsim-lowset").failed()


def test_what_changed_since_the_baseline_is_told_where_the_packages_are(quick_project: Project, index: Index) -> None:
    key = store.key_for(
        implementation=platform.python_implementation(),
        version=platform.python_version(),
        platform=sysconfig.get_platform(),
        free_threaded=False,
    )
    stored = store.Baseline(
        key=key,
        env="prodsim",
        python=platform.python_version(),
        built=store.Built(version="1.0", wheel_sha256="0" * 64, commit="", created="2026-01-01"),
        control="json",
        metrics={},
        dists=("acme==0.9", "gone==1.0", "plain==2.0"),
    )
    store.save(store.path_for(quick_project.folder / ".prodsim/baselines", "prodsim", key), stored)
    wheel = quick_project.wheel(files={"acme/__init__.py": "import nothing"}, requires=["plain>=1"])
    result = quick_project.prodsim("--installpkg", wheel, env=index.variables).failed()
    detail = next(step["detail"] for step in quick_project.report()["steps"] if step["step"] == "install")
    assert detail.endswith("since the baseline: gone 1.0 is gone, plain 2.0 -> 3.0"), result.out
    assert result.out.count("plain 2.0") == 1
