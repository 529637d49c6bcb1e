"""Unix sockets as a probe: who accepts the connection, and who does so before the start."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from support.unix_sockets import listener

from tox_prodsim.model.probes import ListenProbe, UnixProbe
from tox_prodsim.supervision import (
    Answer,
    LogWatch,
    NotReady,
    ProbeContext,
    Ready,
    WrongProcess,
    evaluate_probe,
    socket_owner,
)
from tox_prodsim.supervision.probes import sockets
from tox_prodsim.supervision.probes.evaluate import probe_sockets

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody says whose a Unix socket is")

Tree = Callable[[], tuple[psutil.Process, ...]]


def ours() -> tuple[psutil.Process, ...]:
    return (psutil.Process(),)


def nobody() -> tuple[psutil.Process, ...]:
    return ()


def asked(path: str | Path, scratch: Path, tree: Tree = ours) -> Answer:
    around = ProbeContext(tree=tree, log=LogWatch(scratch / "log"), scratch=scratch)
    return evaluate_probe(UnixProbe(path=str(path)), around)


@pytest.fixture
def long(tmp_path: Path) -> Path:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    return folder


def test_a_socket_of_ours_is_ready_by_either_path(tmp_path: Path) -> None:
    with listener(tmp_path / "app.sock"):
        assert asked("app.sock", tmp_path) == Ready(detail="unix app.sock accepted")
        whole = tmp_path / "app.sock"
        assert asked(whole, Path("/nonexistent")) == Ready(detail=f"unix {whole} accepted")


def test_a_path_that_is_too_long_for_an_address_works_all_the_same(long: Path) -> None:
    with listener(long / "app.sock"):
        assert asked("app.sock", long) == Ready(detail="unix app.sock accepted")
        assert isinstance(asked("app.sock", long, nobody), WrongProcess)
    assert asked("app.sock", long) == NotReady(reason="unix app.sock: connection refused")
    assert asked("other.sock", long) == NotReady(reason="unix other.sock: no such socket")


def test_a_socket_of_somebody_else_is_foreign_and_named(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with listener(path):
        answer = asked("app.sock", tmp_path, nobody)
    assert isinstance(answer, WrongProcess)
    assert (answer.address, answer.pid) == (f"unix:{path}", os.getpid())
    assert "python" in answer.command
    assert answer.since.startswith("running since 20")


def test_a_link_to_a_socket_leads_to_who_listens(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("app.sock")
    with listener(tmp_path / "app.sock") as listening:
        assert sockets.unix_listeners(tmp_path / "link") == {os.fstat(listening.fileno()).st_ino}
        assert asked("link", tmp_path) == Ready(detail="unix link accepted")
        assert isinstance(asked("link", tmp_path, nobody), WrongProcess)


def test_the_same_number_in_another_file_system_is_another_file(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with listener(path) as listening:
        there = path.stat()
        elsewhere = os.stat_result([*there[:2], there.st_dev + 1, *there[3:10]])
        assert sockets._unix_from_kernel(there, "app.sock") == {os.fstat(listening.fileno()).st_ino}
        assert sockets._unix_from_kernel(elsewhere, "web.sock") == set()


def test_a_tree_that_grows_between_two_looks_is_not_foreign(tmp_path: Path) -> None:
    looks = iter([(), ours()])
    with listener(tmp_path / "app.sock"):
        assert isinstance(asked("app.sock", tmp_path, lambda: next(looks)), Ready)


def test_a_socket_that_took_the_place_of_an_older_one_is_told_from_it(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with listener(path) as old:
        path.unlink()
        with listener(path) as new:
            assert sockets.unix_listeners(path) == {os.fstat(new.fileno()).st_ino}
            assert old.fileno() != new.fileno()


def test_a_file_that_nobody_listens_on_any_more_is_refused(tmp_path: Path) -> None:
    with listener(tmp_path / "app.sock"):
        pass
    assert asked("app.sock", tmp_path) == NotReady(reason="unix app.sock: connection refused")
    (tmp_path / "plain").touch()
    assert asked("plain", tmp_path) == NotReady(reason="unix plain: connection refused")


def test_no_file_a_datagram_socket_and_a_full_queue_are_not_ready(tmp_path: Path) -> None:
    assert asked("app.sock", tmp_path) == NotReady(reason="unix app.sock: no such socket")
    with listener(tmp_path / "log.sock", socket.SOCK_DGRAM):
        assert asked("log.sock", tmp_path) == NotReady(reason="unix log.sock: no stream socket")
    with listener(tmp_path / "busy.sock", backlog=0), socket.socket(socket.AF_UNIX) as first:
        first.connect(str(tmp_path / "busy.sock"))
        assert asked("busy.sock", tmp_path) == NotReady(reason="unix busy.sock: its queue of connections is full")


@pytest.mark.parametrize("tree", [ours, nobody])
def test_where_sockets_cannot_be_listed_the_one_that_called_listen_counts(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(sockets, "_sock_diag", refused)
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        assert sockets.unix_listeners(path) == {os.fstat(listening.fileno()).st_ino}
        assert isinstance(asked("app.sock", tmp_path, tree), Ready if tree is ours else WrongProcess)
        monkeypatch.setattr(sockets, "_unix_from_proc", lambda _: iter(()))
        assert isinstance(asked("app.sock", tmp_path, tree), Ready if tree is ours else WrongProcess)


def test_a_socket_that_somebody_listens_on_before_the_start_is_taken(tmp_path: Path, long: Path) -> None:
    path = tmp_path / "app.sock"
    assert socket_owner(path) is None
    with listener(path):
        pid, command = socket_owner(path)
        assert (pid, "python" in command) == (os.getpid(), True)
    assert socket_owner(path) is None
    with listener(long / "app.sock"):
        assert socket_owner(long / "app.sock")[0] == os.getpid()
    with listener(tmp_path / "log.sock", socket.SOCK_DGRAM):
        assert socket_owner(tmp_path / "log.sock") == (None, "")


def test_the_sockets_that_probes_name(tmp_path: Path) -> None:
    probes = [UnixProbe(path="a"), ListenProbe(), UnixProbe(path="/run/b"), UnixProbe(path="a")]
    assert probe_sockets(probes, tmp_path) == (tmp_path / "a", Path("/run/b"))
