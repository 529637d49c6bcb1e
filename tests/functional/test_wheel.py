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
    assert "RECORD and METADATA ok, 1 module, no console scripts, compiles on Python " in result.out


def test_what_users_start_is_tried_and_what_python_starts_with_is_played(quick_project: Project) -> None:
    files = {
        "acme/__init__.py": "",
        "acme/__main__.py": "from acme import main\nmain()\n",
        "acme/cli.py": "async def main(): ...\n",
        "acme.pth": "import acme_hook\n",
        "acme-1.0.data/scripts/acme-run": "#!/home/me/venv/bin/python\n",
        "acme-1.0.data/scripts/acme-check": "#!python\nimport acme\nacme.check()\n",
    }
    given = quick_project.wheel(files=files, entry_points="[console_scripts]\nacme = acme.cli:main\n")
    quick_project.prodsim("--installpkg", given).failed()
    found = {(each["code"], each["level"], each["subject"]) for each in quick_project.findings()}
    assert found == {
        ("ENT516", "error", "[scripts] acme-run"),
        ("IMP510", "error", "acme.pth"),
        ("ENT510", "error", "[console_scripts] acme = acme.cli:main"),
        ("ENT512", "error", "[scripts] acme-check"),
        ("ENT512", "error", "python -m acme"),
        ("IMP505", "error", "acme.main"),
    }
