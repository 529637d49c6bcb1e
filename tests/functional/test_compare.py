"""``tox prodsim compare``: the project beside another version of it, and nothing is left of that."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

import pytest
from support.project import Project

SPIN = "import time\nuntil = time.process_time() + 0.15\nwhile time.process_time() < until:\n    pass\n"
"""So much work that no busy machine can hide it."""
BACKEND = '''\
"""A build back end without dependencies."""
import pathlib, subprocess, sys, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    {build}
    name = "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, name), "w") as archive:
        for path in sorted(pathlib.Path("acme").glob("*.py")):
            archive.write(path)
        info = "acme-1.0.dist-info/"
        METADATA = "Metadata-Version: 2.1\\nName: acme\\nVersion: 1.0\\nRequires-Python: >=3.9\\n"
        archive.writestr(info + "METADATA", METADATA)
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(info + "RECORD", "".join(member + ",,\\n" for member in archive.namelist()))
    return name
'''
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "acme"
version = "1.0"
requires-python = ">=3.9"
"""
COMMAND = "[console_scripts]\nacme = acme.cli:main\n"


def git(project: Project, *arguments: str) -> str:
    who = ("-c", "user.name=one", "-c", "user.email=one@example.org")
    ran = subprocess.run(["git", *who, *arguments], cwd=project.folder, check=True, capture_output=True, text=True)
    return ran.stdout.strip()


def commit(project: Project, text: str, *, build: str = "pass") -> None:
    """Commit the project with this text in its module, and what its build does."""
    project.write("acme/__init__.py", text)
    project.write("backend.py", BACKEND.format(build=build))
    project.write("pyproject.toml", PYPROJECT)
    project.write("tox.ini", "[testenv:prodsim]\npackage = wheel\n")
    project.write(".gitignore", ".tox\noutput-*\ndist\n__pycache__\n")
    if not (project.folder / ".git").exists():
        git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "one step")


def left_over(project: Project) -> list[str]:
    """Return what a comparison left: its folder, worktrees, processes."""
    folder = project.folder / ".tox/prodsim/prodsim/base"
    trees = project.folder / ".git/worktrees"
    return [str(path) for path in (folder, trees) if path.exists()] + project.left()


def test_a_branch_that_made_the_import_slower_fails_beside_where_it_parted(quick_project: Project) -> None:
    commit(quick_project, "")
    git(quick_project, "checkout", "-q", "-b", "mine")
    commit(quick_project, SPIN)
    (quick_project.folder / "acme/__init__.py").write_text(f"{SPIN}\n# not committed\n")
    before = git(quick_project, "status", "--porcelain")
    result = quick_project.tox("prodsim", "compare", "main").failed()
    assert result.code == 1, result.out
    parted = git(quick_project, "rev-parse", "main")[:12]
    assert f"prodsim: acme 1.0 beside wheel 1.0, built from commit {parted} (main), in prodsim" in result.out
    assert re.search(r"import acme: slower, \d+.\d ms beside .*, \+\d+ % \(limit \+\d+ %\); first \+", result.out)
    assert git(quick_project, "status", "--porcelain") == before
    assert left_over(quick_project) == []


@pytest.mark.times
def test_what_happened_on_the_other_branch_since_then_is_not_yours(quick_project: Project) -> None:
    commit(quick_project, SPIN)
    git(quick_project, "checkout", "-q", "-b", "mine")
    commit(quick_project, f"{SPIN}# mine")
    git(quick_project, "checkout", "-q", "main")
    commit(quick_project, "# faster")
    git(quick_project, "checkout", "-q", "mine")
    result = quick_project.tox("prodsim", "compare", "main").passed()
    assert "(main, where HEAD parted from it)" in result.out
    assert "import acme: slower" not in result.out


@pytest.mark.times
@pytest.mark.parametrize("text", ["", SPIN], ids=["an import of nothing", "an import of work"])
def test_a_wheel_beside_itself_is_never_a_regression(quick_project: Project, text: str) -> None:
    wheel = quick_project.wheel(files={"acme/__init__.py": text})
    quick_project.write("tox.ini", "[testenv:prodsim]\n")
    ask = ("prodsim", "compare", wheel, "--installpkg", wheel, "--import", "acme", "--import", "json")
    result = quick_project.tox(*ask, "--format", "json").passed()
    compared = json.loads(result.out[result.out.index("\n[") :])
    assert [each["metric"] for each in compared] == ["import acme", "import json"]
    assert {each["change"] for each in compared} <= {"same", "unknown"}
    assert left_over(quick_project) == []


def test_a_command_that_starts_slower_is_found_in_its_own_environment(quick_project: Project) -> None:
    wheels = {}
    for version, work in (("1.0", ""), ("2.0", SPIN)):
        cli = f"def main():\n    print('it')\n{work}"
        files = {"acme/__init__.py": "", "acme/cli.py": cli}
        wheels[version] = quick_project.wheel(version=version, files=files, entry_points=COMMAND)
    keys = "deploy = acme\nexpect_output = it\nmeasure_imports = acme\n"
    quick_project.write("tox.ini", f"[testenv:prodsim]\n{keys}")
    result = quick_project.tox("prodsim", "compare", wheels["1.0"], "--installpkg", wheels["2.0"]).failed()
    assert result.code == 1
    assert "prodsim: acme 2.0 beside the wheel acme-1.0-py3-none-any.whl" in result.out
    assert "start-up: slower" in result.out
    assert "import acme: slower" not in result.out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        pytest.param((), "compare: error: the following arguments are required: REF", id="nothing"),
        pytest.param(("main", "dev"), "error: unrecognized arguments: dev", id="two"),
        pytest.param(("nowhere",), "compare: 'nowhere' is neither a commit, branch or tag here, nor", id="no ref"),
        pytest.param(("none.whl",), "compare: none.whl does not exist", id="no wheel"),
        pytest.param(("main", "-e", "other"), "compare: no prodsim environment is selected", id="no environment"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_built(
    quick_project: Project, words: tuple[str, ...], reason: str
) -> None:
    commit(quick_project, "")
    quick_project.write("tox.ini", "[testenv:other]\n")
    result = quick_project.tox("prodsim", "compare", *words).failed()
    assert result.code == 2, result.out
    assert re.search(rf"prodsim:? {re.escape(reason)}", result.out)
    assert not (quick_project.folder / ".tox/prodsim/prodsim").exists()


def test_a_commit_that_does_not_build_is_said_and_leaves_nothing(quick_project: Project) -> None:
    commit(quick_project, "", build="sys.exit('no compiler')")
    commit(quick_project, "")
    result = quick_project.tox("prodsim", "compare", "HEAD~1").failed()
    assert result.code == 2, result.out
    assert "does not build: " in result.out
    assert left_over(quick_project) == []


def test_ctrl_c_while_the_other_version_is_built_leaves_nothing(project: Project) -> None:
    sleep = f"subprocess.run([sys.executable, '-c', 'import time; time.sleep(100)', '{project.tag}'])"
    commit(project, "", build=sleep)
    commit(project, "")
    running = project.start("prodsim", "compare", "HEAD~1")
    give_up_at = time.monotonic() + 120
    while not project.left():
        assert time.monotonic() < give_up_at, running.out
        time.sleep(0.02)
    assert (project.folder / ".git/worktrees").exists()
    result = running.send(signal.SIGINT).end().failed()
    assert result.code == 130, result.out
    assert left_over(project) == []


def test_ctrl_c_while_it_is_timed_leaves_nothing(project: Project) -> None:
    project.write("tox.ini", "[testenv:prodsim]\n")
    sleep = f"subprocess.run([sys.executable, '-c', 'import time; time.sleep(100)', '{project.tag}'])"
    old = project.wheel()
    new = project.wheel(version="2.0", files={"acme/__init__.py": f"import subprocess, sys\n{sleep}"})
    running = project.start("prodsim", "compare", old, "--installpkg", new).until("prodsim: acme 2.0 beside")
    while not project.left():
        assert running.process.poll() is None, running.out
        time.sleep(0.02)
    result = running.send(signal.SIGTERM).end().failed()
    assert result.code == 130, result.out
    assert left_over(project) == []


def test_the_wheels_of_the_last_runs_are_kept(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    wheel = quick_project.wheel()
    quick_project.prodsim("--installpkg", wheel).passed()
    (kept,) = (quick_project.folder / ".tox/.prodsim-wheels").glob("*/*.whl")
    assert kept.name == wheel.name
    assert kept.read_bytes() == wheel.read_bytes()
