"""What runs is what is in the wheel: nothing of the source tree, of tox's own environment or of this user's."""

from __future__ import annotations

import json
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from support.project import Project

LOOK = """\
import importlib.util, json, os, shutil, sys
import acme
facts = {
    "cwd": os.getcwd(),
    "origin": acme.__file__,
    "path": sys.path,
    "setuptools": importlib.util.find_spec("setuptools") is not None,
    "tools": [shutil.which(name) for name in sys.argv[2:]],
    "environ": dict(os.environ),
    "stdin": sys.stdin.read(),
}
with open(sys.argv[1], "w") as file:
    json.dump(facts, file)
"""
HOSTILE = """\
[testenv:prodsim]
ignore = PRF
deploy_files = look.py
pass_env = *
set_env = PYTHONPATH = {{tox_root}}
deploy = python look.py deployed.json {tools}
commands = python look.py smoke.json {tools}
"""
HINT = "rename it if the standard library has a module of that name; else look at .pth files and system packages"
OWN_SCRIPTS = Path(sysconfig.get_path("scripts"))
tox_has_its_own_folder = pytest.mark.skipif(
    OWN_SCRIPTS in {Path("/usr/bin"), Path("/usr/local/bin")}, reason="a folder of the system stays on PATH"
)


def facts(project: Project, name: str) -> dict[str, Any]:
    path = project.folder / ".tox" / "prodsim" / "tmp" / "scratch" / name
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def tool(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@tox_has_its_own_folder
def test_the_deployment_and_the_commands_see_production_only(any_project: Project) -> None:
    """The project is in flat layout, its source tree is on PYTHONPATH, and an environment is activated."""
    project = any_project
    project.write("acme/__init__.py", "raise SystemExit('this is the source tree')")
    project.write("look.py", LOOK)
    project.write("tox.ini", HOSTILE.format(tools="tox acme-active"))
    active = tool(project.folder / "active" / "bin", "acme-active").parent
    project.env.update(
        PYTHONPATH=str(project.folder),
        PYTHONHOME="",
        LD_LIBRARY_PATH="/nowhere",
        VIRTUAL_ENV=str(active.parent),
        PATH=f"{active}:{OWN_SCRIPTS}:/usr/local/bin:/usr/bin:/bin",
        HOME=str(project.folder / "home"),
        TMPDIR=str(project.folder),
        PIP_INDEX_URL="https://user:secret@index.invalid/simple",
        ACME_TOKEN="passed",
    )
    project.prodsim("--installpkg", project.wheel()).passed()
    tmp = project.folder / ".tox" / "prodsim" / "tmp"
    for name, temporary in (("deployed.json", "tmp"), ("smoke.json", "smoke")):
        found = facts(project, name)
        environ = found["environ"]
        assert found["cwd"] == str(tmp / "scratch")
        assert found["origin"].startswith(str(project.folder / ".tox" / "prodsim" / "lib"))
        assert Path(found["origin"]).parts[-3:] == ("site-packages", "acme", "__init__.py")
        assert not {str(project.folder), str(tmp / "scratch"), ""} & set(found["path"])
        assert found["setuptools"] is False
        assert found["tools"] == [None, None], "tox's own folder and the activated one are not on PATH"
        assert found["stdin"] == ""
        assert environ["PYTHONSAFEPATH"] == "1"
        assert environ["HOME"] == str(tmp / "home")
        assert environ["TMPDIR"] == str(tmp / temporary)
        assert environ["VIRTUAL_ENV"] == str(project.folder / ".tox" / "prodsim")
        assert environ["ACME_TOKEN"] == "passed"
        unwanted = {"PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "PIP_INDEX_URL", "PYTHONIOENCODING"}
        assert not unwanted & environ.keys()


@pytest.mark.parametrize("way", ["-c 'import acme; acme.main()'", "-m acme", "acme-server", "{tox_root}/root.py"])
def test_no_way_to_start_python_finds_the_source_tree(quick_project: Project, way: str) -> None:
    files = {"acme/__init__.py": "def main(): print('the wheel')", "acme/__main__.py": "import acme; acme.main()"}
    points = "[console_scripts]\nacme-server = acme:main\n"
    for name in files:
        quick_project.write(name, "raise SystemExit('this is the source tree')")
    quick_project.write("root.py", "import acme; acme.main()")
    command = way if way.startswith("acme") else f"python {way}"
    quick_project.write(
        "tox.ini", f"[testenv:prodsim]\nignore = PRF, ENT512\ndeploy = {command}\nexpect_output = the wheel\n"
    )
    quick_project.prodsim("--installpkg", quick_project.wheel(files=files, entry_points=points)).passed()


def test_set_env_names_a_home_of_its_own(quick_project: Project) -> None:
    quick_project.write(
        "tox.ini",
        "[testenv:prodsim]\nignore = PRF\nset_env =\n  HOME = {tox_root}/mine\n  TMPDIR = {scratch}\n"
        'deploy = python -c \'import os; print(os.environ["HOME"], os.environ["TMPDIR"])\'\n'
        "expect_output = {tox_root}/mine {tox_root}/.tox/prodsim/tmp/scratch\n",
    )
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="virtualenv seeds setuptools up to 3.11 only")
def test_setuptools_that_nobody_declared_is_missed(any_project: Project) -> None:
    wheel = any_project.wheel(files={"acme/__init__.py": "import setuptools"})
    result = any_project.prodsim("--installpkg", wheel).failed()
    assert any_project.codes() == ["DEP204", "IMP503"], result.out
    line = "FAIL IMP503 acme: importing it fails: ModuleNotFoundError: No module named 'setuptools'"
    assert line in result.out


@tox_has_its_own_folder
def test_a_script_that_the_wheel_lacks_is_not_found_in_tox_s_own_environment(any_project: Project) -> None:
    assert (OWN_SCRIPTS / "tox").exists()
    any_project.env["PATH"] = f"{OWN_SCRIPTS}:/usr/local/bin:/usr/bin:/bin"
    any_project.write(
        "tox.ini", "[testenv:prodsim]\nignore = PRF\nallowlist_externals = *\ndeploy = tox --version\nexpect_output = 4"
    )
    result = any_project.prodsim("--installpkg", any_project.wheel()).failed()
    line = "deploy: no command 'tox' in the environment; is it a script of a package that 'deps' should name?"
    assert f"\nprodsim: failed with {line}\n" in result.out


def test_an_import_that_comes_from_elsewhere_is_an_error(any_project: Project) -> None:
    """A .pth file of the wheel puts a folder in front of site-packages."""
    elsewhere = any_project.write("elsewhere/acme/__init__.py", "")
    pth = f"import sys; sys.path.insert(0, {str(elsewhere.parent.parent)!r})\n"
    wheel = any_project.wheel(files={"acme/__init__.py": "", "acme_dev.pth": pth})
    any_project.prodsim("--installpkg", wheel).failed()
    (finding,) = any_project.findings()
    assert (finding["code"], finding["level"], finding["subject"]) == ("IMP502", "error", "acme")
    assert finding["message"] == f"is imported from {elsewhere} instead of the environment's site-packages"
    assert finding["hint"] == HINT


def test_a_module_of_the_standard_library_shadows_the_wheel_s(quick_project: Project) -> None:
    wheel = quick_project.wheel(name="queue", files={"queue.py": ""})
    result = quick_project.prodsim("--installpkg", wheel).failed()
    assert "FAIL IMP502 queue: is imported from " in result.out


def test_every_run_begins_with_a_new_environment_and_empty_folders(any_project: Project) -> None:
    any_project.write("look.py", LOOK)
    any_project.write(
        "tox.ini", "[testenv:prodsim]\nignore = PRF\ndeploy_files = look.py\ncommands = python look.py facts.json\n"
    )
    wheel = any_project.wheel()
    any_project.prodsim("--installpkg", wheel).passed()
    tmp = any_project.folder / ".tox" / "prodsim" / "tmp"
    site_packages = Path(facts(any_project, "facts.json")["origin"]).parent.parent
    strays = [folder / "stray.py" for folder in (site_packages, tmp / "scratch", tmp / "home", tmp / "tmp")]
    for stray in strays:
        stray.write_text("")
    any_project.prodsim("--installpkg", wheel).passed()
    assert [stray for stray in strays if stray.exists()] == []
