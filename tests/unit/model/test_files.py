"""A file is replaced as a whole or not at all."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tox_prodsim.model import files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("durable", [False, True])
def test_the_path_has_the_old_content_until_the_end(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with files.atomic_write(path, durable=durable) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["file"]


def test_an_exception_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _interrupted_write(path)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(("mode", "expected"), [(0o666, 0o640), (0o600, 0o600)])
def test_the_mode_is_subject_to_the_umask(tmp_path: Path, mode: int, expected: int) -> None:
    before = os.umask(0o027)
    try:
        with files.atomic_write(tmp_path / "file", mode=mode):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == expected


def test_what_a_killed_process_left_in_the_folder_is_removed_by_the_next_save(tmp_path: Path) -> None:
    for name in (".file.1-0123abcd.tmp", ".other.2-89abcdef.tmp"):
        (tmp_path / name).write_text("half")
    (tmp_path / "notes.tmp").write_text("not ours")
    with files.atomic_write(tmp_path / "file"):
        pass
    assert names(tmp_path) == ["file", "notes.tmp"]


def test_what_another_one_is_writing_now_is_left_until_it_is_old(tmp_path: Path) -> None:
    with files.atomic_write(tmp_path / "one") as file:
        file.write(b"new")
        with files.atomic_write(tmp_path / "two"):
            pass
    assert (tmp_path / "one").read_text() == "new"
    assert names(tmp_path) == ["one", "two"]


def test_a_link_that_is_named_like_what_was_left_is_no_danger(tmp_path: Path, precious: Path) -> None:
    (tmp_path / ".file.1-0123abcd.tmp").symlink_to(precious)
    os.mkfifo(tmp_path / ".file.2-0123abcd.tmp")
    files.remove_leftovers(tmp_path)
    assert precious.read_text() == "precious"


# --- whatever is in the place of a file


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "precious"
    path.parent.mkdir()
    path.write_text("precious")
    return path


def foreign(kind: str, path: Path, precious: Path) -> None:
    match kind:
        case "a FIFO":
            os.mkfifo(path)
        case "a folder":
            path.mkdir()
        case "a symbolic link":
            path.symlink_to(precious)
        case "a socket":
            with socket.socket(socket.AF_UNIX) as listener:
                before = Path.cwd()
                os.chdir(path.parent)  # the path of a socket must be short
                listener.bind(path.name)
                os.chdir(before)


def saved(path: Path) -> None:
    with files.atomic_write(path) as file:
        file.write(b"new")


@pytest.mark.parametrize("kind", ["a FIFO", "a folder", "a symbolic link", "a socket"])
@pytest.mark.parametrize(
    "use",
    [
        pytest.param(files.create, id="create"),
        pytest.param(lambda path: files.write(path, "new"), id="write"),
        pytest.param(saved, id="save"),
        pytest.param(files.open_regular, id="open"),
        pytest.param(lambda path: files.read(path, limit_bytes=10), id="read"),
        pytest.param(files.remove, id="remove"),
        pytest.param(files.refuse_foreign, id="refuse"),
    ],
)
def test_what_is_no_file_is_named_and_left_alone(
    tmp_path: Path, precious: Path, kind: str, use: Callable[[Path], object]
) -> None:
    path = tmp_path / "run" / "file"
    path.parent.mkdir()
    foreign(kind, path, precious)
    before = path.lstat()
    with pytest.raises(OSError, match=f"{kind} is in its place, remove it") as caught:
        use(path)
    assert str(caught.value) == f"{path}: {kind} is in its place, remove it"
    assert path.lstat().st_ino == before.st_ino
    assert names(path.parent) == ["file"]
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("kind", ["a FIFO", "a symbolic link", "a socket"])
@pytest.mark.parametrize("use", [files.folder, files.empty_folder, lambda path: files.create(path / "file")])
def test_what_is_no_folder_is_named_and_left_alone(
    tmp_path: Path, precious: Path, kind: str, use: Callable[[Path], object]
) -> None:
    path = tmp_path / "run"
    foreign(kind, path, precious.parent)
    with pytest.raises(OSError, match=f"run: {kind} is in its place, remove it"):
        use(path)
    assert names(precious.parent) == ["precious"]


@pytest.mark.parametrize("use", [lambda path: files.write(path, "new"), saved])
def test_another_name_of_the_file_keeps_its_content(
    tmp_path: Path, precious: Path, use: Callable[[Path], object]
) -> None:
    path = tmp_path / "file"
    path.hardlink_to(precious)
    use(path)
    assert (path.read_text(), precious.read_text()) == ("new", "precious")


def test_a_file_of_a_run_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    files.write(tmp_path / "deep" / "log", "text")
    saved(tmp_path / "report")
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("deep/log", "report")} == {0o600}


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    files.write(tmp_path / "file", b"1234")
    assert files.read(tmp_path / "file", limit_bytes=4) == b"1234"
    with pytest.raises(OSError, match="it is larger than 3e-06 MB"):
        files.read(tmp_path / "file", limit_bytes=3)


def test_what_is_not_there_can_be_removed(tmp_path: Path) -> None:
    files.remove(tmp_path / "nothing" / "file")
    files.remove(tmp_path / "file")
    files.refuse_foreign(tmp_path / "file")


def _interrupted_write(path: Path) -> None:
    with files.atomic_write(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
