"""A real browser, if there is one, and pages of several runs; 'tox -e browser' runs these tests."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.run_events import HOSTILE, PASSING, named
from support.showcase import SHOWCASE

from tox_prodsim.plugin import report_files
from tox_prodsim.report import FORMATS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RUNS = {
    "passing": PASSING,
    "failing": SHOWCASE,
    "matrix": [*named(PASSING, "py311-prodsim"), *SHOWCASE],
    "hostile": HOSTILE,
}
Open = Callable[..., "Page"]


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """These tests need what only their own task installs."""
    return None if "browser" in config.option.markexpr else True


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without it the tests are skipped."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only the task of these tests has it

    names = (os.environ.get("PRODSIM_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if name and (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium, or set PRODSIM_CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path)
        yield started
        started.close()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of each run."""
    folder = tmp_path_factory.mktemp("pages")
    options = report_files.options(folder)
    for name, events in RUNS.items():
        (folder / f"{name}.html").write_text(FORMATS["html"].render(events, options), "utf-8")
    return {name: folder / f"{name}.html" for name in RUNS}


@pytest.fixture
def opened(browser: Browser, files: dict[str, Path]) -> Iterator[Open]:
    """Return a function that opens a page; nothing may be loaded, and nothing may fail that is not ``forgiven``."""
    contexts: list[Any] = []
    troubles: list[str] = []

    def open_page(name: str | Path, *, forgiven: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        path = files[name] if isinstance(name, str) else name
        page.on("request", lambda request: troubles.append(request.url) if request.url != path.as_uri() else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda said: None if forgiven and forgiven in said.text else troubles.append(said.text))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.goto(path.as_uri())
        return page

    yield open_page
    for each in contexts:
        each.close()
    assert troubles == []


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pictures, which tox.ini names."""
    named_folder = os.environ.get("PRODSIM_PICTURES", "")
    folder = Path(named_folder) if named_folder else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
