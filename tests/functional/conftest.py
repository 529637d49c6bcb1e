"""Fixtures: an empty project, and the same once more with tox-uv."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from support.project import PLAIN, UV, Project, started
from support.published import Downloads
from support.rates import judged, rates


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project; what a test leaves running of the tox it started is killed."""
    yield Project(tmp_path)
    while started:
        process = started.pop().process
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def quick_project(project: Project) -> Project:
    """An empty project with tox-uv, which is set up in half the time: where nothing depends on the installer."""
    project.installer = UV
    return project


@pytest.fixture(params=[PLAIN, UV])
def any_project(request: pytest.FixtureRequest, project: Project) -> Project:
    """An empty project, once with tox alone and once with tox-uv."""
    project.installer = request.param
    return project


@pytest.fixture(scope="session")
def download(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Downloads:
    """Files of the index, shared by all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    return Downloads((base if worker_id == "master" else base.parent) / "downloaded")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The whole matrix, and the whole corpus, take many minutes: they are run when they are asked for by name."""
    for name in ("torture", "corpus", "servers", "times", "howtos", "pythons"):
        if name not in config.option.markexpr:
            left = [item for item in items if item.get_closest_marker(name)]
            items[:] = [item for item in items if not item.get_closest_marker(name)]
            config.hook.pytest_deselected(items=left)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """After the corpus, print how many releases were judged rightly, below all that pytest prints."""
    result = yield
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")  # a worker has none
    if terminal and "corpus" in session.config.option.markexpr:
        reports = [*terminal.getreports("passed"), *terminal.getreports("failed"), *terminal.getreports("error")]
        played = [judged(each.nodeid, each.user_properties, passed=each.passed) for each in reports]
        for line in rates([each for each in played if each]):
            terminal.write_line(line)
    return result
