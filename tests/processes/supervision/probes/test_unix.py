"""Unix sockets of real processes: an inherited one, and one that was given away."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from support.unix_sockets import listener

from tox_prodsim.model.probes import UnixProbe
from tox_prodsim.supervision import Answer, LogWatch, ProbeContext, Ready, WrongProcess, evaluate_probe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody says whose a Unix socket is")

Tree = Callable[[], tuple[psutil.Process, ...]]


def ours() -> tuple[psutil.Process, ...]:
    return (psutil.Process(),)


def asked(path: str | Path, scratch: Path, tree: Tree = ours) -> Answer:
    around = ProbeContext(tree=tree, log=LogWatch(scratch / "log"), scratch=scratch)
    return evaluate_probe(UnixProbe(path=str(path)), around)


@contextmanager
def heir(listening: socket.socket) -> Iterator[psutil.Process]:
    """Start a process that holds the socket too."""
    command = [sys.executable, "-c", "import signal, time; signal.alarm(30); time.sleep(30)"]
    with subprocess.Popen(command, pass_fds=[listening.fileno()]) as worker:
        try:
            yield psutil.Process(worker.pid)
        finally:
            worker.kill()


def test_a_worker_that_inherited_the_socket_is_ours_though_its_parent_is_not(tmp_path: Path) -> None:
    with listener(tmp_path / "app.sock") as listening, heir(listening) as worker:
        assert asked("app.sock", tmp_path, lambda: (worker,)) == Ready(detail="unix app.sock accepted")


def test_a_socket_that_was_given_away_is_not_ours_any_more(tmp_path: Path) -> None:
    with listener(tmp_path / "app.sock") as listening, heir(listening) as stranger:
        listening.close()
        answer = asked("app.sock", tmp_path)
        assert isinstance(answer, WrongProcess)
        assert answer.pid == stranger.pid
