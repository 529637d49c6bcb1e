"""Releases of the index: a good one is not accused, a broken one is caught by the expected code."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import Project
from support.published import Downloads, Release, broken, good
from support.rates import FOUND

pytestmark = pytest.mark.index

Property = Callable[[str, object], None]

ASGI = """\
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})
"""


def cases(releases: list[Release]) -> list[object]:
    """Return the cases of a parameter; those that are not always played are marked."""
    return [pytest.param(each, id=str(each), marks=[] if each.always else pytest.mark.corpus) for each in releases]


def together(wheel: Path, sdist: Path, folder: Path) -> Path:
    """Copy both into the folder, as a build leaves them there, and return the wheel."""
    folder.mkdir()
    shutil.copy(sdist, folder)
    return Path(shutil.copy(wheel, folder))


def play(project: Project, release: Release, file: Path) -> None:
    """Run tox on the file as its user would, without taking times."""
    project.write("tox.ini", f"[testenv:prodsim]\nignore = PRF\n{release.config.strip()}\n")
    result = project.prodsim("--installpkg", file, env=release.variables)
    assert "internal error" not in result.out, result.out
    project.gone()


@pytest.mark.parametrize("release", cases(good()))
def test_a_good_release_is_not_accused(
    quick_project: Project, download: Downloads, release: Release, record_property: Property
) -> None:
    play(quick_project, release, download(release.requirement, sdist=release.sdist))
    findings = quick_project.findings()
    accusations = {(each["code"], each["subject"], each["message"]) for each in findings if each["level"] != "note"}
    false = {each for each in accusations if each[0] not in release.codes}
    record_property(FOUND, bool(false))
    assert false == set()
    assert {code for code, *_ in accusations} == set(release.codes)


@pytest.mark.parametrize("release", cases(broken()))
def test_a_broken_release_is_caught(
    quick_project: Project, download: Downloads, release: Release, record_property: Property
) -> None:
    if release.kind == "app":
        file = quick_project.wheel(name="website", files={"website.py": ASGI}, requires=[release.requirement])
    else:
        file = download(release.requirement, sdist=release.sdist)
    if release.beside:
        file = together(file, download(release.requirement, sdist=True), quick_project.folder / "dist")
    play(quick_project, release, file)
    found = set(release.codes) <= set(quick_project.codes())
    record_property(FOUND, found)
    assert found, quick_project.codes()
