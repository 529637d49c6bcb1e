"""A folder with the files of a release: what is in it, which wheel fits, and what is refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tox_prodsim.checks.artifact import ReleaseFolder, best_wheel, no_fitting_wheel, no_sdist, read_folder
from tox_prodsim.model.errors import ProdsimError

LINUX = "manylinux_2_17_x86_64.manylinux2014_x86_64"
CP311 = ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-linux_x86_64"]
TAGS = [*CP311, "cp311-abi3-linux_x86_64", "cp310-abi3-manylinux_2_17_x86_64", "py3-none-any"]


def folder(tmp_path: Path, *names: str) -> ReleaseFolder:
    for name in names:
        (tmp_path / name).touch()
    return read_folder(tmp_path, "dist/")


def best(tmp_path: Path, *wheels: str, tags: list[str] | None = None) -> str:
    found = best_wheel(folder(tmp_path, *(f"acme-{each}.whl" for each in wheels)), TAGS if tags is None else tags)
    return found.name.removeprefix("acme-").removesuffix(".whl") if found is not None else ""


@pytest.mark.parametrize(
    ("wheels", "chosen"),
    [
        pytest.param(["1-py3-none-any", f"1-cp311-cp311-{LINUX}"], f"1-cp311-cp311-{LINUX}", id="compiled over any"),
        pytest.param([f"1-cp310-cp310-{LINUX}", "1-py3-none-any"], "1-py3-none-any", id="another Python"),
        pytest.param([f"1-cp39-abi3-{LINUX}", f"1-cp310-abi3-{LINUX}"], f"1-cp310-abi3-{LINUX}", id="abi3"),
        pytest.param(
            [f"1-cp311-cp311-{LINUX}", "1-cp311-cp311-manylinux_2_28_x86_64"],
            "1-cp311-cp311-manylinux_2_28_x86_64",
            id="the newer glibc",
        ),
        pytest.param(["1-1-py3-none-any", "1-2b-py3-none-any", "1-10-py3-none-any"], "1-10-py3-none-any", id="build"),
        pytest.param(["1-py3-none-any", "2-py3-none-any"], "2-py3-none-any", id="the newest version"),
        pytest.param(["1-py3-none-any", "2-cp39-cp39-win32"], "", id="not of another version than the release"),
        pytest.param(["1-cp311-cp311-musllinux_1_2_x86_64"], "", id="another libc"),
        pytest.param(["1-cp311-cp311-macosx_10_9_universal2"], "", id="another system"),
    ],
)
def test_the_best_wheel_is_the_one_that_an_installer_takes(tmp_path: Path, wheels: list[str], chosen: str) -> None:
    assert best(tmp_path, *wheels) == chosen


def test_what_twine_passes_over_is_passed_over(tmp_path: Path) -> None:
    names = ["acme-1-py3-none-any.whl", "acme-1.tar.gz"]
    beside = [f"{name}{suffix}" for name in names for suffix in (".asc", ".publish.attestation")]
    found = folder(tmp_path, *names, *beside, ".gitignore", ".DS_Store")
    assert ([each.name for each in found.files], found.foreign) == (names, ())


def test_what_is_neither_is_named_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "acme-1.zip.whl").mkdir()
    (tmp_path / "gone.whl").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe.whl")
    names = ["SHA256SUMS", "acme-1.zip", "acme.whl", "acme-1-py3-none-any.whl.metadata", "acme-2.tar.gz.asc"]
    found = folder(tmp_path, "acme-1-py3-none-any.whl", *names, "acme-1-py3-none-any.whl.provenance")
    assert dict(found.foreign) == {
        "SHA256SUMS": "",
        "acme-1-py3-none-any.whl.metadata": "",
        "acme-1-py3-none-any.whl.provenance": "",
        "acme-1.zip": "an sdist is a .tar.gz",
        "acme-1.zip.whl": "is a folder",
        "acme-2.tar.gz.asc": "does not belong to a file here",
        "acme.whl": "does not have the name of a wheel or an sdist",
        "gone.whl": "is a link to nothing",
        "pipe.whl": "is not a regular file",
    }


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "acme-1-py3-none-any.whl").touch()
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "acme-1-py3-none-any.whl").symlink_to("../elsewhere/acme-1-py3-none-any.whl")
    assert [each.name for each in read_folder(tmp_path / "dist", "dist").wheels] == ["acme-1-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("names", "line"),
    [
        pytest.param([], "dist/ is empty; build first, for example with: python -m build", id="empty"),
        pytest.param([".gitignore"], "dist/ is empty; build first, for example with: python -m build", id="hidden"),
        pytest.param(
            ["a.txt", "b.txt"],
            "dist/ has neither a wheel nor an sdist, but a.txt, b.txt; give the folder to which they are built",
            id="nothing of a release",
        ),
        pytest.param(
            ["acme-1.tar.gz", "bolt-1-py3-none-any.whl"],
            "dist/ has files of acme, bolt; give a folder with the files of one release",
            id="two projects",
        ),
    ],
)
def test_what_is_no_release_is_refused(tmp_path: Path, names: list[str], line: str) -> None:
    with pytest.raises(ProdsimError) as refused:
        folder(tmp_path, *names)
    assert str(refused.value) == f"--installpkg: {line}"


def test_folders_of_a_download_below_it_are_named(tmp_path: Path) -> None:
    (tmp_path / "wheels-linux").mkdir()
    (tmp_path / "wheels-linux" / "acme-1-py3-none-any.whl").touch()
    line = "dist/ itself has neither a wheel nor an sdist, dist/wheels-linux/ has; put all files into one folder"
    with pytest.raises(ProdsimError, match=line):
        folder(tmp_path)


def test_thousands_of_files_are_no_release(tmp_path: Path) -> None:
    for at in range(5_001):
        (tmp_path / f"{at}").touch()
    with pytest.raises(ProdsimError, match=r"dist/ has 5,001 entries, which is not a release"):
        read_folder(tmp_path, "dist")


def test_a_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ProdsimError, match=r"^--installpkg: dist/ cannot be read: No such file or directory$"):
        read_folder(tmp_path / "dist", "dist")


def test_a_folder_without_a_fitting_wheel_says_what_to_do(tmp_path: Path) -> None:
    found = folder(tmp_path, "acme-1-cp39-cp39-win32.whl", "acme-1.tar.gz")
    assert str(no_fitting_wheel(found, "CPython 3.11 on linux", "prodsim")) == (
        "--installpkg: dist/ has no wheel of 1 for CPython 3.11 on linux, only for cp39-cp39-win32; run an environment "
        "of another Python, such as py313-prodsim, '-e prodsim-sdist' tests the sdist"
    )


def test_a_folder_with_an_sdist_alone_says_how_to_test_it(tmp_path: Path) -> None:
    line = "--installpkg: dist/ has no wheel of 1, only its sdist: '-e prodsim-sdist' tests that"
    assert str(no_fitting_wheel(folder(tmp_path, "acme-1.tar.gz"), "", "prodsim")) == line


def test_a_folder_without_an_sdist_says_so(tmp_path: Path) -> None:
    line = "--installpkg: dist/ has no sdist of 1 (.tar.gz); build one, or run an environment for wheels"
    assert str(no_sdist(folder(tmp_path, "acme-1-py3-none-any.whl"))) == line
