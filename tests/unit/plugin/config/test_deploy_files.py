"""What cannot be copied is refused with the key, in one line, before anything is installed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.refusals import refused

from tox_prodsim.plugin.config.deploy_files import matching_files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="FIFOs, devices and names of bytes")


def files(root: Path, *globs: str) -> tuple[Path, ...]:
    return matching_files(root, root / ".tox", list(globs))


def test_files_and_folders_are_found(tmp_path: Path) -> None:
    (tmp_path / "conf" / "sub").mkdir(parents=True)
    (tmp_path / "conf" / "sub" / "a.toml").touch()
    (tmp_path / "link.py").symlink_to(tmp_path / "conf" / "sub" / "a.toml")
    assert files(tmp_path, "conf", "*.py") == (tmp_path / "conf", tmp_path / "link.py")


@pytest.mark.parametrize(
    ("glob", "names"),
    [
        pytest.param("conf/**", "conf conf/sub", id="folders only, also since 3.13"),
        pytest.param("conf/**/", "conf conf/sub", id="the same with a slash"),
        pytest.param("conf/**/*", "conf/a.toml conf/link.toml conf/sub conf/sub/b.toml", id="files as well"),
        pytest.param("**/*.toml", "conf/a.toml conf/link.toml conf/sub/b.toml", id="links to folders are not followed"),
        pytest.param("link/*", "link/a.toml link/link.toml link/sub", id="named links are"),
        pytest.param("conf/", "conf", id="a folder with a slash"),
        pytest.param("./conf//a.toml", "conf/a.toml", id="a name with dots"),
        pytest.param("[!l]*", "conf", id="a class of characters"),
    ],
)
def test_a_glob_means_the_same_on_all_pythons(tmp_path: Path, glob: str, names: str) -> None:
    (tmp_path / "conf" / "sub").mkdir(parents=True)
    (tmp_path / "conf" / "a.toml").touch()
    (tmp_path / "conf" / "sub" / "b.toml").touch()
    (tmp_path / "conf" / "link.toml").symlink_to("a.toml")
    (tmp_path / "link").symlink_to("conf")
    assert [str(path.relative_to(tmp_path)) for path in files(tmp_path, glob)] == names.split()


@pytest.mark.parametrize(
    ("glob", "message"),
    [
        ("**.py", "'**.py' is not a glob: '**' can only be an entire path component"),
        ("***", "'***' is not a glob: '**' can only be an entire path component"),
        ("a/b**/c", "'a/b**/c' is not a glob: '**' can only be an entire path component"),
        ("*\0", r"'*\x00' is not a glob: it has a null character"),
        ("link.py", "'link.py' cannot be copied: no such file or directory, behind a link"),
        ("a.py/", "nothing below {root} matches 'a.py/', correct the name or remove it"),
    ],
)
def test_what_a_glob_cannot_be_is_said_in_the_same_words_on_all_pythons(
    tmp_path: Path, glob: str, message: str
) -> None:
    (tmp_path / "a.py").touch()
    (tmp_path / "link.py").symlink_to("nowhere")
    assert refused(lambda: files(tmp_path, glob)).message == message.replace("{root}", str(tmp_path))


def test_two_links_to_one_folder_are_no_circle(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "target").mkdir()
    for name in ("a", "b"):
        (tmp_path / "all" / name).symlink_to(tmp_path / "target")
    assert files(tmp_path, "all") == (tmp_path / "all",)


MAKERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a FIFO": (os.mkfifo, "'x' cannot be copied: it is neither a file nor a folder"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "'x' cannot be copied: it is neither a file nor a folder"),
    "a circle": (
        lambda path: (path.mkdir(), (path / "up").symlink_to("..")),
        "'x/up' cannot be copied: the link leads to a folder that holds it",
    ),
    "a FIFO inside": (
        lambda path: (path.mkdir(), os.mkfifo(path / "y")),
        "'x/y' cannot be copied: it is neither a file nor a folder",
    ),
    "nothing behind a link": (
        lambda path: (path.mkdir(), (path / "y").symlink_to("nowhere")),
        "'x/y' cannot be copied: no such file or directory, behind a link",
    ),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    make, message = MAKERS[kind]
    make(tmp_path / "x")
    problem = refused(lambda: files(tmp_path, "x"))
    assert (problem.key, problem.message) == ("deploy_files", message)


def test_a_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"x\xff.py")).touch()
    problem = refused(lambda: files(tmp_path, "*.py"))
    assert problem.message == r"'x\udcff.py' cannot be copied: its name is not valid UTF-8"


@pytest.mark.parametrize("glob", ["x" * 300, "x" * 300 + "/*", "x" * 5000, "a\0b", "\udcff", "***", "[", "a/" * 3000])
def test_a_glob_that_cannot_be_looked_for_is_refused(tmp_path: Path, glob: str) -> None:
    problem = refused(lambda: files(tmp_path, glob))
    assert problem.key == "deploy_files"
    assert len(problem.message) < 400
