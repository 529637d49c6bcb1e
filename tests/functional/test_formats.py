"""What a run has in memory, and when: of the formats, those that were asked for."""

from __future__ import annotations

import json
import subprocess
import sys

from support.project import Project

from tox_prodsim.report import FORMATS

TOX = """\
import atexit, json, pathlib, runpy, sys
atexit.register(lambda: pathlib.Path("modules.json").write_text(json.dumps(sorted(sys.modules))))
runpy.run_module("tox", run_name="__main__", alter_sys=True)
"""
ALWAYS = {"json"}
"""``report.json`` is always written."""
OF_OTHERS = {"xml.etree.ElementTree", "webbrowser"}
"""What only formats, or ``--open``, import."""


def loaded(project: Project, reports: str) -> set[str]:
    """Run tox with these reports, and return the modules that it has loaded at its end."""
    project.write("tox.ini", f"[testenv:prodsim]\nignore = PRF\nreports = {reports}\n")
    command = [sys.executable, "-c", TOX, "run", "-e", "prodsim", "--installpkg", str(project.wheel())]
    subprocess.run(command, cwd=project.folder, env=project._environ(None), check=True, stdout=subprocess.DEVNULL)
    return set(json.loads((project.folder / "modules.json").read_text()))


def formats(modules: set[str]) -> set[str]:
    return {name for name in FORMATS if any(f"{each}.".startswith(f"tox_prodsim.report.{name}.") for each in modules)}


def test_a_format_is_imported_when_it_is_asked_for_and_no_other(quick_project: Project) -> None:
    quiet = loaded(quick_project, "")
    assert formats(quiet) == ALWAYS
    assert not quiet & OF_OTHERS
    assert formats(loaded(quick_project, "gitlab, junit")) == {*ALWAYS, "gitlab", "junit"}


FIRST_INSTALLATION = """\
import pathlib, sys
from tox.plugin import impl

@impl(tryfirst=True)
def tox_on_install(tox_env, arguments, section, of_type):
    with pathlib.Path("imported.txt").open("a") as file:
        print("tox_prodsim.plugin.session" in sys.modules, file=file)
"""


def test_what_a_run_needs_is_imported_while_tox_makes_the_environment(quick_project: Project) -> None:
    quick_project.write("toxfile.py", FIRST_INSTALLATION)
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    assert (quick_project.folder / "imported.txt").read_text().splitlines()[0] == "True"
