"""What is found in the wheel file in a run of tox, before and whether or not it can be imported."""

from __future__ import annotations

import sys

from support.project import Project

METADATA = """\
Metadata-Version: 2.4
Name: acme
Version: 1.0
Requires-Python: >=3.11
Requires-Dist: click @ https://acme.dev/click-8.1-py3-none-any.whl ; extra == 'url'
Classifier: Programming Language :: Python :: 3.10
Classifier: Programming Language :: Python :: 3.12
"""


def test_a_run_finds_in_the_file_what_no_installer_tells(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[tox]\nenv_list = py311, lint\n[testenv:prodsim]\nignore = PRF\n")
    files = {"acme/__init__.py": "from acme import web\n", "acme/web.py": "def f(:\n"}
    result = quick_project.prodsim("--installpkg", quick_project.wheel(files=files, metadata=METADATA)).failed()
    assert {"DEP201", "VER301", "VER304", "VER305", "IMP503"} <= set(quick_project.codes())
    found = {each["code"]: each for each in quick_project.findings() if each["code"].startswith("VER")}
    assert (found["VER305"]["file"], found["VER305"]["line"]) == ("acme/web.py", 1)
    assert found["VER301"]["subject"] == "Python 3.10"
    assert "  wheel    FAIL  RECORD ok, 2 modules, no console scripts" in result.out


def test_the_line_of_a_sound_wheel_says_what_is_known_of_it(quick_project: Project) -> None:
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    text = f"Metadata-Version: 2.4\nName: acme\nVersion: 1.0\nRequires-Python: >={here}\n"
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    result = quick_project.prodsim("--installpkg", quick_project.wheel(metadata=text)).passed()
    assert f"RECORD and METADATA ok, 1 module, no console scripts, compiles on {here}" in result.out
