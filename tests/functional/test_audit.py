"""Tools of other projects look at the wheel: each in a kept environment of its own, never in the one under test."""

from __future__ import annotations

import signal

import pytest
from support.project import Project

TOOL = """\
import os, sys, time, zipfile
def main():
    names = zipfile.ZipFile(sys.argv[1]).namelist()
    if "acme/slow.py" in names:
        time.sleep(100)
    for name in names:
        if name.startswith("tests/"):
            print(f"{os.path.realpath(sys.argv[1])}: A001: top-level tests:\\n  {name}")
            return 1
    print("looked at", len(names), "files in", os.getcwd())
"""
CONFIG = "[testenv:prodsim]\nignore = PRF, WHL\naudit =\n    acme-audit {wheel} TAG\n    auditwheel\n"


@pytest.fixture
def audited(quick_project: Project) -> Project:
    """A project that is audited by a tool from an index of its own."""
    entry = "[console_scripts]\nacme-audit = acme_audit:main\n"
    quick_project.wheel(name="acme_audit", files={"acme_audit.py": TOOL}, entry_points=entry)
    quick_project.env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(quick_project.folder / "dist")}
    quick_project.write("tox.ini", CONFIG.replace("TAG", quick_project.tag))
    return quick_project


def test_a_tool_is_installed_once_and_its_complaint_fails_the_run(audited: Project) -> None:
    result = audited.prodsim("--installpkg", audited.wheel()).passed()
    assert "  audit    ok    acme-audit 1.0" in result.out
    (stamp,) = audited.folder.glob(".tox/.prodsim-tools/*/prodsim-made.txt")
    made_at = stamp.stat().st_mtime_ns

    tests = audited.wheel(files={"acme/__init__.py": "", "tests/__init__.py": ""})
    result = audited.prodsim("--installpkg", tests).failed()
    assert "  audit    FAIL  acme-audit 1.0  [AUD801]" in result.out
    assert "FAIL AUD801 acme-audit: A001: top-level tests: tests/__init__.py" in result.out
    assert "| acme-1.0-py3-none-any.whl: A001: top-level tests:" in result.out
    assert audited.codes() == ["AUD801"]
    assert stamp.stat().st_mtime_ns == made_at
    assert not list(audited.folder.glob(".tox/prodsim/**/acme_audit*"))


def test_ctrl_c_ends_a_tool(audited: Project) -> None:
    running = audited.start("run", "-e", "prodsim", "--installpkg", audited.wheel(files={"acme/slow.py": ""}))
    while not audited.left():
        assert running.process.poll() is None, running.out
    running.send_group(signal.SIGINT).end().failed()
    assert audited.left() == []
    assert audited.report()["summary"]["verdict"] == "cancelled"


@pytest.mark.index
def test_check_wheel_contents_finds_what_it_is_known_for(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF, WHL\naudit = check-wheel-contents==0.6.3\n")
    about = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    wheel = quick_project.wheel(files={"acme/__init__.py": "", "tests/__init__.py": ""}, wheel_file=about)
    result = quick_project.prodsim("--installpkg", wheel).failed()
    assert quick_project.codes() == ["AUD801"]
    assert "| acme-1.0-py3-none-any.whl: W005: Wheel contains common toplevel name in library:" in result.out
