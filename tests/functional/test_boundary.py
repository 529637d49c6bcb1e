"""A defect of the plugin is one line with a name, never a traceback on the terminal, and the run is incomplete."""

from __future__ import annotations

import pytest
from support.project import Project

PLACES = {
    "a step of the run": "run.checks.run_checks",
    "the preparation": "plugin.context.build.build_context",
    "the reading of the keys": "plugin.config.read.read",
}
DEFECT = """\
import importlib
module, _, name = "tox_prodsim.{place}".rpartition(".")
def defect(*args, **options):
    raise TypeError("planted\\x1b[2J defect")
setattr(importlib.import_module(module), name, defect)
"""


@pytest.mark.parametrize("place", PLACES.values(), ids=[*PLACES])
def test_a_defect_is_one_line_and_an_incomplete_run(project: Project, place: str) -> None:
    project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    project.prodsim("--installpkg", project.wheel()).passed()
    project.write("toxfile.py", DEFECT.format(place=place))
    ran = project.prodsim("--installpkg", project.wheel()).failed()
    [line] = [line for line in ran.out.splitlines() if "defect of tox-prodsim" in line]
    assert "TypeError: planted\\x1b[2J defect" in line
    assert project.report()["summary"]["verdict"] == "incomplete"
    kept = project.folder / ".tox" / "prodsim" / "prodsim" / "internal-error.txt"
    assert "internal-error.txt" in line
    assert "Traceback (most recent call last)" in kept.read_text()


def test_a_defect_in_a_command_is_one_line(project: Project) -> None:
    project.write("tox.ini", "[testenv:prodsim]\n")
    project.write("toxfile.py", DEFECT.format(place="plugin.cli.checks.listing"))
    ran = project.tox("prodsim", "checks").failed()
    assert "defect of tox-prodsim" in ran.out
    assert "\x1b[2J" not in ran.out
