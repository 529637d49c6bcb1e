"""What a build, an import or ``--help`` leaves running is ended, and reported with the step that left it."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from support.project import Project
from support.sources import PYPROJECT

BACKEND = """\
import io, pathlib, subprocess, sys, tarfile, zipfile

INFO = "Metadata-Version: 2.1\\nName: acme\\nVersion: 1.0\\nRequires-Python: >=3.9\\n"
QUIET = {{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}}

def build_sdist(sdist_directory, config_settings=None):
    name = "acme-1.0.tar.gz"
    with tarfile.open(pathlib.Path(sdist_directory, name), "w:gz") as archive:
        for path in ("backend.py", "pyproject.toml", "acme/__init__.py"):
            archive.add(path, f"acme-1.0/{{path}}")
        member = tarfile.TarInfo("acme-1.0/PKG-INFO")
        member.size = len(INFO)
        archive.addfile(member, io.BytesIO(INFO.encode()))
    return name

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    {build}
    name = "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        archive.write("acme/__init__.py")
        info = "acme-1.0.dist-info/"
        archive.writestr(info + "METADATA", INFO)
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "entry_points.txt", "[console_scripts]\\nacme = acme:main\\n")
        archive.writestr(info + "RECORD", "".join(member + ",,\\n" for member in archive.namelist()))
    return name
"""
SLEEP = '[sys.executable, "-c", "import time; time.sleep(50)", "{tag}"]'
START = f"subprocess.Popen({SLEEP}, start_new_session=True, **QUIET)"
MODULE = """\
import subprocess, sys
QUIET = {{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}}
{at_import}
def main():
    {in_help}
    print("usage: acme [--help]")
"""


def play(project: Project, *arguments: str | Path, build: str = "", at_import: str = "", in_help: str = "") -> None:
    """Run a project of which one of three starts a process, and check that nothing of it is left."""
    starts = [(each and START.format(tag=f"{each}-{project.tag}")) or "pass" for each in (build, at_import, in_help)]
    project.write("backend.py", BACKEND.format(build=starts[0]))
    project.write("acme/__init__.py", MODULE.format(at_import=starts[1], in_help=starts[2]))
    project.write("pyproject.toml", PYPROJECT)
    project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    project.prodsim(*arguments)
    project.gone()


def messages(project: Project, code: str) -> list[tuple[str, str]]:
    return [(each["subject"], each["message"]) for each in project.findings() if each["code"] == code]


def test_a_process_that_a_build_leaves_is_reported(quick_project: Project) -> None:
    play(quick_project, build="built")
    ((subject, message),) = messages(quick_project, "BLD106")
    assert subject == "build_wheel"
    assert message.startswith("leaves 1 process running, which was ended: pid ")
    assert f"built-{quick_project.tag}" in message
    assert [messages(quick_project, code) for code in ("IMP514", "ENT517")] == [[], []]


def test_a_process_that_the_build_of_a_given_sdist_leaves_is_reported(quick_project: Project) -> None:
    play(quick_project)
    given = quick_project.folder / "acme-1.0.tar.gz"
    start = START.format(tag=f"given-{quick_project.tag}")
    backend = quick_project.write("backend.py", BACKEND.format(build=start))
    with tarfile.open(given, "w:gz") as archive:
        for path in (backend, quick_project.folder / "pyproject.toml", quick_project.folder / "acme/__init__.py"):
            archive.add(path, f"acme-1.0/{path.relative_to(quick_project.folder)}")
        info = quick_project.write("PKG-INFO", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        archive.add(info, "acme-1.0/PKG-INFO")
    quick_project.prodsim("--installpkg", given)
    quick_project.gone()
    ((subject, message),) = messages(quick_project, "BLD106")
    assert (subject, f"given-{quick_project.tag}" in message) == ("build_wheel", True)


@pytest.mark.parametrize("where", ["at_import", "in_help"])
def test_a_process_that_an_import_or_help_leaves_is_reported(quick_project: Project, where: str) -> None:
    play(quick_project, **{where: where})
    reported = {code: messages(quick_project, code) for code in ("BLD106", "IMP514", "ENT517")}
    by_import = "importing it leaves 1 process running, which was ended: pid "
    by_help = "--help leaves 1 process running, which was ended: pid "
    assert reported["BLD106"] == []
    if where == "in_help":
        assert reported["IMP514"] == []
        ((_, message),) = reported["ENT517"]
        assert message.startswith(by_help)
    else:
        ((subject, message),) = reported["IMP514"]
        assert (subject, message.startswith(by_import)) == ("acme", True)
    assert f"{where}-{quick_project.tag}" in message
