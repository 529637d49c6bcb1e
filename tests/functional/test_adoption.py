"""What adopting the plugin does to an existing repository: where its files are, what git sees, what is inherited."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support.project import Project

SETUPTOOLS = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "acme"
version = "1.0"
requires-python = ">=3.9"
"""
FORMER, PRESENT = "prodsim/baselines", ".prodsim/baselines"
ACCEPT = ("--prodsim-update-baseline", "--prodsim-allow-ci-update")
QUIET = "[testenv:prodsim]\nignore = PRF, DEP205, DEP206\n"


def git(project: Project, *arguments: str) -> None:
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=project.folder, check=True, capture_output=True)


def accepted(project: Project, path: str = PRESENT) -> Path:
    """Return the file of the baseline that an accepting run has stored."""
    (stored,) = (project.folder / path).glob("prodsim/*.json")
    return stored


def test_baselines_are_stored_in_a_hidden_folder(quick_project: Project) -> None:
    quick_project.write("tox.ini", QUIET)
    result = quick_project.prodsim("--installpkg", quick_project.wheel(), *ACCEPT).passed()
    out = " ".join(result.out.split())
    assert f"baseline stored: {PRESENT}/prodsim/" in out
    assert "git ignores" not in out
    assert accepted(quick_project).is_file()


def test_baselines_of_the_former_place_are_used_until_they_are_moved(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = DEP205, DEP206\nmeasure_imports = json\n")
    wheel = quick_project.wheel(files={"acme/__init__.py": "", "acme/more.py": ""})
    quick_project.prodsim("--installpkg", wheel, *ACCEPT).passed()
    (quick_project.folder / ".prodsim").rename(quick_project.folder / "prodsim")
    result = quick_project.prodsim("--installpkg", wheel, *ACCEPT).passed()
    advice = "mkdir -p .prodsim && git mv prodsim/baselines .prodsim/"
    assert advice in " ".join(result.out.split())
    assert accepted(quick_project, FORMER).is_file()
    assert not (quick_project.folder / ".prodsim").exists()
    git(quick_project, "init", "--quiet")
    git(quick_project, "add", "prodsim")
    subprocess.run(advice, shell=True, cwd=quick_project.folder, check=True)
    result = quick_project.prodsim("--installpkg", wheel).passed()
    assert "git mv" not in result.out
    assert f"with {PRESENT}/prodsim/" in " ".join(result.out.split())


def test_accepting_says_that_git_ignores_the_file(quick_project: Project) -> None:
    quick_project.write("tox.ini", QUIET)
    quick_project.write(".gitignore", ".*\n")
    git(quick_project, "init", "--quiet")
    result = quick_project.prodsim("--installpkg", quick_project.wheel(), *ACCEPT).passed()
    assert "git ignores this file, so CI will not see it: change .gitignore" in " ".join(result.out.split())


def test_a_baseline_in_the_wheel_is_found(quick_project: Project) -> None:
    quick_project.write("tox.ini", QUIET)
    files = {"acme/__init__.py": "", "prodsim/baselines/prodsim/cpython-3.11-linux-x86_64.json": "{}"}
    result = quick_project.prodsim("--installpkg", quick_project.wheel(files=files))
    assert "WHL131" in result.out
    assert "is a baseline of tox-prodsim" in result.out


@pytest.mark.index
def test_an_accepted_baseline_does_not_end_the_builds_of_setuptools(quick_project: Project) -> None:
    quick_project.write("pyproject.toml", SETUPTOOLS)
    quick_project.write("acme/__init__.py", "")
    quick_project.write("tox.ini", QUIET)
    quick_project.prodsim(*ACCEPT).passed()
    result = quick_project.prodsim().passed()
    assert "contents ok    nothing lost" in result.out


ASKS_GIT = """\
import pathlib, subprocess
asked = subprocess.run(
    ["git", "rev-parse", "--show-toplevel"], cwd=pathlib.Path(__file__).parent, capture_output=True, text=True
)
found = asked.stdout.strip() or "none"
def main():
    print("repository:", found)
"""
SCRIPT = "[console_scripts]\nacme = acme:main\n"


@pytest.mark.parametrize("inside", [".", "packages/acme"])
def test_the_code_under_test_finds_no_repository_around_the_work_folder(quick_project: Project, inside: str) -> None:
    git(quick_project, "init", "--quiet")
    wheel = quick_project.wheel(files={"acme/__init__.py": ASKS_GIT}, entry_points=SCRIPT)
    config = "[testenv:prodsim]\ndeploy = acme\nexpect_output = repository: none\nignore = PRF, DEP, IMP5, ENT\n"
    commands = "commands = acme\n"
    quick_project.write(f"{inside}/tox.ini", config + commands)
    result = quick_project.prodsim("-c", f"{inside}/tox.ini", "--installpkg", wheel).passed()
    assert re.findall(r"^repository: (.*)$", result.out, re.MULTILINE) == ["none"]


def test_the_code_under_test_finds_the_repository_where_it_is_meant_to_run_in_it(quick_project: Project) -> None:
    git(quick_project, "init", "--quiet")
    quick_project.write("asks.py", ASKS_GIT + "main()\n")
    quick_project.write("tox.ini", QUIET + "change_dir = {tox_root}\ncommands = python asks.py\n")
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    assert re.findall(r"^repository: (.*)$", result.out, re.MULTILINE) == [str(quick_project.folder.resolve())]


def test_a_file_that_is_given_inside_the_environment_survives(quick_project: Project) -> None:
    quick_project.write("tox.ini", QUIET)
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    (kept,) = (quick_project.folder / ".tox/prodsim/prodsim/wheel").glob("*.whl")
    result = quick_project.prodsim("--installpkg", kept).passed()
    report = json.loads((quick_project.folder / ".tox/prodsim/prodsim/report.json").read_text("utf-8"))
    assert report["wheel"]["name"] == kept.name
    assert "given with --installpkg" in result.out


SCM = """\
[build-system]
requires = ["setuptools>=77", "setuptools-scm>=8"]
build-backend = "setuptools.build_meta"
[project]
name = "acme"
dynamic = ["version"]
[tool.setuptools]
packages = ["acme"]
[tool.setuptools_scm]
root = "../.."
version_file = "acme/_version.py"
"""
DESCRIBES = """\
import pathlib, subprocess
from acme._version import version as __version__
command = ["git", "describe", "--tags", "--always", "--dirty"]
described = subprocess.run(command, cwd=pathlib.Path(__file__).parent, capture_output=True, text=True)
if described.returncode == 0:
    __version__ = described.stdout.strip()
"""


@pytest.mark.index
def test_a_version_that_is_asked_of_git_is_the_same_in_every_build_and_when_it_runs(quick_project: Project) -> None:
    quick_project.write(".gitignore", ".tox\n_version.py\n*.egg-info\nbuild\n")
    quick_project.write("packages/acme/pyproject.toml", SCM)
    quick_project.write("packages/acme/acme/__init__.py", DESCRIBES)
    quick_project.write("packages/acme/tox.ini", QUIET)
    git(quick_project, "init", "--quiet")
    git(quick_project, "add", "--all")
    git(quick_project, "commit", "--quiet", "--message", "x")
    git(quick_project, "tag", "v1.2.0")
    quick_project.write("packages/acme/acme/__init__.py", f"{DESCRIBES}# not committed\n")
    inner = Project(quick_project.folder / "packages" / "acme", installer=quick_project.installer)
    out = inner.prodsim().passed().out
    assert re.search(r"file     acme-1\.2\.1\.dev0\+g[0-9a-f]+\.d\d{8}-py3", out)
    (step,) = (step for step in inner.report()["steps"] if step["step"] == "sdist")
    assert "builds the same wheel as the source tree" in step["detail"]
    assert {"BLD104", "BLD105", "VER303"}.isdisjoint(inner.codes())


LOCK = "uv-venv-lock-runner"


@pytest.mark.parametrize("env", ["prodsim", "prodsim-lowest"])
def test_a_runner_of_the_base_section_is_not_inherited(quick_project: Project, env: str) -> None:
    quick_project.write("tox.ini", f"[testenv]\nrunner = no-such-runner\n{QUIET}")
    result = quick_project.tox("run", "-e", env, "--installpkg", quick_project.wheel()).passed()
    assert "no-such-runner" not in result.out


def test_a_lock_runner_of_prodsim_itself_is_refused_with_tox_alone(project: Project) -> None:
    project.write("tox.ini", f"[testenv:prodsim]\nrunner = {LOCK}\n")
    result = project.prodsim("--installpkg", project.wheel())
    assert result.code != 0
    assert f"runner: {LOCK} installs the project without building a wheel, set runner = uv-venv-runner" in result.out
