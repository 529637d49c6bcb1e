"""``--installpkg`` with a folder: the release as it is, and one line for what is none."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.project import Project
from support.sources import source
from support.wheels import wheel

FOLDER = ("--installpkg", "dist/")


def built(project: Project) -> Path:
    """Build sdist and wheel of a project without requirements, as ``python -m build`` does; return their folder."""
    source(project, rules="")
    folder = project.folder / "dist"
    folder.mkdir()
    build = f"import backend; backend.build_sdist({str(folder)!r}); backend.build_wheel({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=project.folder, check=True)
    return folder


def checked_by_sha256sum(project: Project, folder: Path, env_name: str = "prodsim") -> list[str]:
    """Return what ``sha256sum -c`` of coreutils says, in the folder of the files, of the list of a run."""
    sums = project.folder / ".tox" / env_name / "prodsim" / "SHA256SUMS"
    command = ["sha256sum", "--check", "--strict", sums]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()


def test_a_release_passes_and_its_files_are_proved(quick_project: Project) -> None:
    """In a folder with what twine passes over; every file is named, and nothing in the folder is changed."""
    folder = built(quick_project)
    wheel(folder, tag="cp39-cp39-win32")
    for name in (".gitignore", "acme-1.0.tar.gz.asc", "acme-1.0-py3-none-any.whl.publish.attestation"):
        (folder / name).write_text("")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = quick_project.prodsim(*FOLDER).passed()
    files = ["acme-1.0-py3-none-any.whl", "acme-1.0.tar.gz", "acme-1.0-cp39-cp39-win32.whl"]
    report = quick_project.report()
    assert [each["name"] for each in report["files"]] == files
    origin = "of 2 wheels the best for this Python, given with --installpkg dist/"
    assert (report["wheel"]["name"], report["wheel"]["origin"]) == (files[0], origin)
    assert all(each["sha256"] in result.out for each in report["files"])
    assert checked_by_sha256sum(quick_project, folder) == [f"{name}: OK" for name in sorted(files)]
    details = {step["step"]: step["detail"] for step in report["steps"]}
    assert details["sdist"].endswith("builds the given wheel")
    assert details["release"] == "1 other wheel checked, complete for CPython 3.9 on 1 platform"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_wheel_that_its_sdist_does_not_build_and_what_does_not_belong_there_fail(quick_project: Project) -> None:
    folder = built(quick_project)
    with zipfile.ZipFile(folder / "acme-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("acme/edited.py", "")
    wheel(folder, version="0.9")
    (folder / "SHA256SUMS").write_text("")
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF, WHL10\n")
    quick_project.prodsim(*FOLDER).failed()
    assert quick_project.codes() == ["BLD107", "WHL160", "WHL164"]
    assert not (quick_project.folder / ".tox" / "prodsim" / "prodsim" / "SHA256SUMS").exists()
    assert len(quick_project.report()["files"]) == 3


def test_the_environment_for_the_sdist_takes_that_of_the_folder(quick_project: Project) -> None:
    folder = built(quick_project)
    quick_project.tox("run", "-e", "prodsim-sdist", *FOLDER).passed()
    assert quick_project.report("prodsim-sdist")["wheel"]["origin"] == "built from acme-1.0.tar.gz"
    assert checked_by_sha256sum(quick_project, folder, "prodsim-sdist") == ["acme-1.0.tar.gz: OK"]


def test_an_sdist_that_builds_no_wheel_fails_beside_a_wheel_that_is_sound(quick_project: Project) -> None:
    built(quick_project)
    (quick_project.folder / "acme" / "__init__.py").unlink()
    names = "backend.py pyproject.toml manifest.txt acme/rules.py"
    quick_project.write("manifest.txt", names)
    quick_project.write("backend.py", (quick_project.folder / "backend.py").read_text() + "\nopen('LICENSE')\n")
    (quick_project.folder / "LICENSE").touch()
    build = "import backend; backend.build_sdist('dist')"
    subprocess.run([sys.executable, "-c", build], cwd=quick_project.folder, check=True)
    result = quick_project.prodsim(*FOLDER).failed()
    messages = {each["code"]: each["message"] for each in quick_project.report()["findings"]}
    assert messages["SDI201"].startswith("is incomplete, no wheel builds from it: FileNotFoundError 'LICENSE' (backend")
    assert "  import   ok    acme from site-packages" in result.out


def test_the_time_of_reproducible_builds_is_passed_to_every_build(quick_project: Project) -> None:
    source(quick_project)
    backend = (quick_project.folder / "backend.py").read_text()
    writes = '\n        archive.writestr("acme/epoch.py", os.environ.get("SOURCE_DATE_EPOCH", ""))\n        info ='
    quick_project.write("backend.py", "import os\n" + backend.replace("\n        info =", writes, 1))
    quick_project.prodsim(env={"SOURCE_DATE_EPOCH": "1700000000"}).passed()
    kept = quick_project.folder / ".tox" / "prodsim" / "prodsim" / "wheel" / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(kept) as archive:
        assert archive.read("acme/epoch.py") == b"1700000000"


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Give a project with folders of which none is a release that this Python can install."""
    project = Project(tmp_path_factory.mktemp("crowded"), env={"TOX_PRODSIM_LOCK_TIMEOUT": "60"})
    for name in ("empty", "two", "unfit", "below/wheels"):
        (project.folder / name).mkdir(parents=True)
    wheel(project.folder / "two")
    wheel(project.folder / "two", name="bolt")
    wheel(project.folder / "unfit", tag="cp27-cp27m-win32")
    wheel(project.folder / "below" / "wheels")
    project.write("tox.ini", "[testenv:lint]\nskip_install = true\ncommands = python -c ''\n")
    return project


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param(
            ["--installpkg", "two/acme-1.0-py3-none-any.whl", "two/bolt-1.0-py3-none-any.whl"],
            "--installpkg: 2 values, of which tox takes one: the shell has expanded a pattern; give the folder: "
            "--installpkg two/",
            id="a pattern that the shell has expanded",
        ),
        pytest.param(["--installpkg", "empty"], "--installpkg: empty/ is empty; build first", id="an empty folder"),
        pytest.param(["--installpkg", "two/"], "--installpkg: two/ has files of acme, bolt; give", id="two projects"),
        pytest.param(["--installpkg", "unfit"], "--installpkg: unfit/ has no wheel of 1.0 for CPython ", id="no fit"),
        pytest.param(["--installpkg", "below"], "below/wheels/ has; put all files into one folder", id="a subfolder"),
        pytest.param(["--installpkg", "gone"], "gone does not exist", id="no folder"),
    ],
)
def test_what_is_no_release_is_one_line(crowded: Project, arguments: list[str], line: str) -> None:
    said = [each for each in crowded.prodsim(*arguments).failed().out.splitlines() if "installpkg" in each.lower()]
    assert [line in each for each in said if not each.startswith(("usage:", " "))] == [True]


def test_tox_itself_still_refuses_a_folder_for_other_environments(crowded: Project) -> None:
    out = crowded.tox("run", "-e", "lint", "--installpkg", "two").failed().out
    assert f"argument --installpkg: {crowded.folder / 'two'} is not a file" in out
