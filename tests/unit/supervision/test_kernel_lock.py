"""The lock of the kernel on a file: it excludes, it names its holder, and it opens nothing but a file of its own."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tox_prodsim.model.errors import LockError
from tox_prodsim.supervision import KernelLock, LockHolder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "work" / "locks" / "prodsim.lock"


def test_only_one_has_it_and_the_other_sees_who(path: Path) -> None:
    first, second = KernelLock(path), KernelLock(path)
    assert first.acquire()
    assert not second.acquire()
    holder = second.holder()
    assert holder is not None
    assert (holder.pid, holder.is_ancestor) == (os.getpid(), False)
    assert "python" in holder.command or "pytest" in holder.command
    first.release()
    first.release()
    assert second.holder() is None
    assert second.acquire()
    second.release()


def test_the_folders_and_the_file_are_the_users_alone(path: Path) -> None:
    KernelLock(path).release()
    modes = {each.name: each.stat().st_mode & 0o777 for each in (path, path.parent, path.parent.parent)}
    assert modes == {"prodsim.lock": 0o600, "locks": 0o700, "work": 0o700}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"started": 1}, id="another process got the pid"),
        pytest.param({"boot": "another"}, id="of another boot, or another machine"),
        pytest.param({"namespace": "pid:[1]"}, id="of another pid namespace"),
        pytest.param({"pid": "1"}, id="no number"),
        pytest.param({"more": 1}, id="a field too many"),
    ],
)
def test_a_pid_that_may_be_stale_is_not_named(path: Path, change: dict[str, object]) -> None:
    lock = KernelLock(path)
    assert lock.acquire()
    data = json.loads(path.read_text())
    assert LockHolder(**data).is_alive_here
    path.write_text(json.dumps({**data, **change}))
    assert lock.holder() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", "\0" * 5000, '{"pid": 1}', "[" * 4096])
def test_a_file_of_any_content_is_a_lock(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)
    lock = KernelLock(path)
    assert lock.holder() is None
    assert lock.acquire()
    lock.release()


def test_a_lock_on_a_file_that_is_gone_excludes_nobody_and_is_not_taken(path: Path) -> None:
    first = KernelLock(path)
    waiting = KernelLock(path)
    assert first.acquire()
    path.unlink()
    third = KernelLock(path)
    assert third.acquire()
    first.release()
    assert not waiting.acquire()  # it could have the lock of the file that is gone
    assert not waiting.acquire()  # and the present one has the third
    third.release()
    assert waiting.acquire()
    waiting.release()


def no_folder(path: Path) -> None:
    path.parent.touch()


def link_to_nothing(path: Path) -> None:
    path.parent.symlink_to(path.parent.with_name("nowhere"))


def linked_folder(path: Path) -> None:
    path.parent.with_name("elsewhere").mkdir()
    path.parent.symlink_to("elsewhere")


def pipe_for_folder(path: Path) -> None:
    os.mkfifo(path.parent)


def pipe(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("precious").write_text("precious")
    path.symlink_to("precious")


def second_name(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("precious").write_text("precious")
    path.hardlink_to(path.with_name("precious"))


def folder(path: Path) -> None:
    path.mkdir(parents=True)


def listening_socket(path: Path) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (no_folder, "locks: a file is in its place, remove it"),
        (link_to_nothing, "locks: a symbolic link is in its place, remove it"),
        (linked_folder, "locks: a symbolic link is in its place, remove it"),
        (pipe_for_folder, "locks: a FIFO is in its place, remove it"),
        (pipe, "a FIFO is in its place, remove it"),
        (link, "a symbolic link is in its place, remove it"),
        (second_name, "a second name of another file is in its place, remove it"),
        (folder, "a folder is in its place, remove it"),
        (listening_socket, "a socket is in its place, remove it"),
    ],
)
def test_what_is_no_file_of_its_own_is_refused_and_not_touched(
    path: Path, make: Callable[[Path], None], reason: str
) -> None:
    path.parent.parent.mkdir()
    make(path)
    with pytest.raises(LockError, match=reason) as refusal:
        KernelLock(path)
    assert "\n" not in str(refusal.value)
    if (precious := path.with_name("precious")).exists():
        assert precious.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_named_with_the_reason() -> None:
    with pytest.raises(LockError, match=r"^/proc/nothing/locks/a.lock cannot be opened: No such file or directory$"):
        KernelLock(Path("/proc/nothing/locks/a.lock"))
