"""The sdist that tox builds: what is wrong with it is a finding in a report, whether a wheel comes of it or not."""

from __future__ import annotations

import subprocess

from support.project import Project
from support.sources import BACKEND, source

LOG = ".tox/prodsim/prodsim/build.log"
READS_LICENCE = BACKEND.replace('    name = "acme', '    open("LICENSE").read()\n    name = "acme')


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
