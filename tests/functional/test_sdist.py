"""The sdist that tox builds: what is wrong with it is a finding in a report, whether a wheel comes of it or not."""

from __future__ import annotations

import re
import subprocess

import pytest
from support.project import Project
from support.sdists import sdist
from support.sources import BACKEND, CONFIG, source

LOG = ".tox/prodsim/prodsim/build.log"
PACKS_WHAT_IS_LISTED = BACKEND.replace(
    '        info = "acme',
    """        listed = pathlib.Path("acme.egg-info/SOURCES.txt")
        for path in listed.read_text().split() if listed.exists() else ():
            archive.write(path)
        info = "acme""",
)
READS_LICENCE = BACKEND.replace('    name = "acme', '    open("LICENSE").read()\n    name = "acme')

SETUPTOOLS = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "acme"
version = "1.0"
"""
EXTENSION = """\
from setuptools import Extension, setup
setup(packages=["acme"], ext_modules=[Extension("acme._fast", ["src/fast.c"])])
"""
COMPILER = """\
#!/bin/sh
echo "src/fast.c:2:10: fatal error: acme_lost.h: No such file or directory" >&2
echo '    2 | #include "acme_lost.h"' >&2
exit 1
"""


def test_an_sdist_that_lacks_what_the_build_reads_is_incomplete(quick_project: Project) -> None:
    source(quick_project)
    quick_project.write("backend.py", READS_LICENCE)
    quick_project.write("LICENSE", "")
    result = quick_project.prodsim().failed()
    assert quick_project.codes() == ["SDI201"]
    report = quick_project.report()
    assert (report["wheel"], report["summary"]["verdict"]) == (None, "failed")
    assert report["findings"][0]["message"] == (
        "is incomplete, the wheel builds from the source tree, but not from it: "
        f"FileNotFoundError 'LICENSE' (backend.py:16), see {LOG}"
    )
    assert "\nprodsim: failed with SDI201\n" in result.out
    assert "\n  file     no wheel was built\n" in result.out
    assert "     | FileNotFoundError: [Errno 2] No such file or directory: 'LICENSE'\n" in result.out


def test_a_source_tree_that_builds_no_sdist_and_one_that_builds_no_wheel(quick_project: Project) -> None:
    source(quick_project)
    fails = 'def build_sdist(sdist_directory, config_settings=None):\n    raise OSError("no tags")\n\n'
    quick_project.write("backend.py", BACKEND.replace("def build_wheel", fails + "def build_wheel"))
    out = quick_project.prodsim().failed().out
    assert quick_project.codes() == ["BLD101"]
    assert f"FAIL BLD101 sdist: does not build: OSError: no tags (backend.py:16), see {LOG} " in " ".join(out.split())
    assert "OSError: no tags" in (quick_project.folder / LOG).read_text("utf-8")
    quick_project.write("backend.py", READS_LICENCE)
    quick_project.prodsim().failed()
    assert quick_project.codes() == ["BLD102"], "the source tree does not build either"
    [finding] = quick_project.findings()
    assert finding["message"] == f"builds no wheel: FileNotFoundError 'LICENSE' (backend.py:16), see {LOG}"


def test_the_build_of_the_tree_leaves_no_trace_and_what_it_would_leave_is_told(quick_project: Project) -> None:
    source(quick_project)
    writes = BACKEND.replace('    name = "acme', '    pathlib.Path("acme/_made.py").write_text("")\n    name = "acme')
    quick_project.write("backend.py", writes)
    quick_project.write(".gitignore", ".tox\n__pycache__\n")
    for line in ("init -q", "add -A", "-c user.name=a -c user.email=a commit -q -m x"):
        subprocess.run(["git", *line.split()], cwd=quick_project.folder, check=True)
    out = quick_project.prodsim().passed().out
    assert quick_project.codes() == ["BLD103"]
    assert "WARN BLD103 acme/_made.py: was written by the build, git does not ignore it\n" in out
    assert "sdist    WARN  acme-1.0.tar.gz, 5 files, builds the same wheel as the source tree" in out
    status = subprocess.run(["git", "status", "--porcelain"], cwd=quick_project.folder, capture_output=True, check=True)
    assert status.stdout == b""
    assert not (quick_project.folder / ".tox" / "prodsim" / "prodsim" / "tree").exists()


def test_prodsim_sdist_installs_what_pip_makes_of_the_sdist(any_project: Project) -> None:
    source(any_project, rules="")
    any_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF, WHL\npackage = wheel\n")
    out = any_project.tox("run", "-e", "prodsim-sdist").passed().out
    assert any_project.report("prodsim-sdist")["wheel"]["origin"] == "built from acme-1.0.tar.gz"
    assert "builds the same wheel as the source tree" in out.replace("\n" + " " * 17, " ")


def test_prodsim_sdist_tells_of_an_incomplete_sdist(quick_project: Project) -> None:
    source(quick_project)
    quick_project.write("backend.py", READS_LICENCE)
    quick_project.write("LICENSE", "")
    quick_project.tox("run", "-e", "prodsim-sdist").failed()
    assert quick_project.codes("prodsim-sdist") == ["SDI201"]


def test_a_wheel_alone_is_not_checked_against_an_sdist(quick_project: Project) -> None:
    out = quick_project.prodsim("--installpkg", quick_project.wheel()).passed().out
    assert "\n  sdist    not checked: a wheel was given, without its sdist\n" in out


def test_the_stages_of_a_run_add_up_and_a_warning_of_the_build_is_kept(quick_project: Project) -> None:
    source(quick_project)
    warning = '    print("warning: no files found matching NOTICE")\n'
    quick_project.write("backend.py", BACKEND.replace('    name = "acme', f'{warning}    name = "acme'))
    quick_project.write("tox.ini", CONFIG + 'commands = python -c "import time; time.sleep(0.5)"\n')
    result = quick_project.prodsim().passed()
    assert f"\n  build    ok    1 warning of the build back end in {LOG} " in result.out
    assert result.out.count("warning") == 1
    report = quick_project.report()
    took_s = {step["step"]: step["duration_s"] for step in report["steps"]}
    assert took_s["commands"] >= 0.5
    assert report["steps"][0]["evidence"][0]["lines"] == ["no files found matching NOTICE"]
    assert abs(sum(took_s.values()) - report["summary"]["duration_s"]) < max(1.0, 0.05 * result.seconds)
    of_tox = re.search(r"prodsim: OK \((?P<seconds>[\d.]+)", result.out)
    assert of_tox is not None
    assert sum(took_s.values()) > 0.6 * float(of_tox["seconds"])  # but for the creation of the environment


@pytest.mark.index
def test_the_error_of_a_compiler_is_the_reason_of_a_failed_build(quick_project: Project) -> None:
    quick_project.write("pyproject.toml", SETUPTOOLS)
    quick_project.write("setup.py", EXTENSION)
    quick_project.write("acme/__init__.py", "")
    quick_project.write("src/fast.c", '#include <Python.h>\n#include "acme_lost.h"\n')
    compiler = quick_project.write("cc", COMPILER)
    compiler.chmod(0o755)
    result = quick_project.prodsim(env={"CC": str(compiler)}).failed()
    [finding] = (each for each in quick_project.findings() if each["code"] == "BLD102")
    error = "fatal error: acme_lost.h: No such file or directory (src/fast.c:2)"
    assert finding["message"] == f"builds no wheel: {error}, see {LOG}"
    assert "running build_ext" in (quick_project.folder / LOG).read_text("utf-8")
    assert '     |     2 | #include "acme_lost.h"\n' in result.out


@pytest.mark.index
def test_a_build_requirement_that_cannot_be_installed_is_a_finding(quick_project: Project) -> None:
    quick_project.write("pyproject.toml", SETUPTOOLS.replace("setuptools>=77", "setuptools>=9999"))
    quick_project.prodsim().failed()
    [finding] = quick_project.findings()
    assert finding["code"] == "BLD101"
    assert "setuptools>=9999" in finding["message"]


def test_a_wheel_is_checked_against_the_sdist_beside_it(quick_project: Project) -> None:
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    sdist(quick_project.wheel().parent, files={"acme/__init__.py": "", "acme/py.typed": ""})
    out = quick_project.prodsim("--installpkg", "dist/acme-1.0-py3-none-any.whl").passed().out
    assert quick_project.codes() == ["WHL120"]
    assert "\n  sdist    WARN  acme-1.0.tar.gz, 4 files  [WHL120]" in out, "of a single wheel it is not built"


def test_data_that_git_tracks_is_missed_and_an_old_list_of_files_hides_nothing(quick_project: Project) -> None:
    source(quick_project, engine="RULES = Path(__file__).parent / 'rules.json'")
    quick_project.write("backend.py", PACKS_WHAT_IS_LISTED)
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    quick_project.write(".gitignore", ".tox\n*.egg-info\n__pycache__\nbuild\n")
    for name in ("acme/rules.json", "acme/old.json", "acme/tests/a.json"):
        quick_project.write(name, "{}")
    quick_project.write("acme.egg-info/SOURCES.txt", "acme/old.json\n")
    manifest = (quick_project.folder / "manifest.txt").read_text()
    quick_project.write("manifest.txt", f"{manifest} acme.egg-info/SOURCES.txt acme/old.json")
    for line in ("init -q", "add -A", "-c user.name=a -c user.email=a commit -q -m x"):
        subprocess.run(["git", *line.split()], cwd=quick_project.folder, check=True)
    quick_project.prodsim().failed()
    found = [(each["code"], each["level"], each["subject"]) for each in quick_project.findings()]
    assert [each for each in found if each[0] in {"BLD104", "WHL112"}] == [
        ("WHL112", "warning", "acme/rules.json"),
        ("BLD104", "error", "acme/old.json"),
    ]
