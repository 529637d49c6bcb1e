"""What real programs send by sd_notify, believed when it comes from a process of the deployment."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tox_prodsim.model.probes import NotifyProbe
from tox_prodsim.supervision import (
    LogWatch,
    NotifySocket,
    NotifyState,
    NotReady,
    ProbeContext,
    Ready,
    deadline,
    evaluate_probe,
    start,
    watchdog_missed,
)

NEW = NotifyState()
pytest_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who sends a datagram")
SAY = """
import array, os, socket, subprocess, sys, time
def say(text, fds=()):
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect("\\0" + address[1:] if address.startswith("@") else address)
        extras = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sender.sendmsg([text if isinstance(text, bytes) else text.encode()], extras)
def barrier():
    ours, theirs = os.pipe()
    say("BARRIER=1", [theirs])
    os.close(theirs)
    return os.read(ours, 1) == b""
"""


class Service:
    """A Python program that is told of a socket; ``tree`` is what is alive of it."""

    def __init__(self, notify_socket: NotifySocket, code: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", f"import signal; signal.alarm(30)\n{SAY}\n{code}"],
            env=notify_socket.variables,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def tree(self) -> tuple[psutil.Process, ...]:
        try:
            main = psutil.Process(self.popen.pid)
            return (main, *main.children(recursive=True))
        except psutil.NoSuchProcess:
            return ()

    def line(self) -> str:
        return self.popen.stdout.readline().strip()


@contextmanager
def service(notify_socket: NotifySocket, code: str) -> Iterator[Service]:
    it = Service(notify_socket, code)
    try:
        yield it
    finally:
        with suppress(ProcessLookupError):
            os.killpg(it.popen.pid, signal.SIGKILL)
        it.popen.stdout.close()
        it.popen.wait()


@pytest.fixture
def notify_socket(tmp_path: Path) -> Iterator[NotifySocket]:
    notify_socket = NotifySocket(tmp_path)
    yield notify_socket
    notify_socket.close()


def awaited(notify_socket: NotifySocket, it: Service, wanted: str, limit_s: float = 10.0) -> NotifyState:
    """Read whenever there is something, until an attribute of the state is true."""
    give_up_at = time.monotonic() + limit_s
    while not getattr(state := notify_socket.read(it.tree), wanted):
        left_s = give_up_at - time.monotonic()
        assert left_s > 0, f"not {wanted}: {state}"
        select.select([notify_socket], [], [], left_s)
    return state


@pytest_linux
@pytest.mark.parametrize("folder", ["short", "x" * 150], ids=["a file", "an abstract name for a long path"])
def test_a_service_says_that_it_is_ready(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    notify_socket = NotifySocket(tmp_path / folder)
    assert notify_socket.variables["NOTIFY_SOCKET"].startswith("@") is (folder != "short")
    with service(notify_socket, "say('READY=1\\nSTATUS=serving'); time.sleep(60)") as it:
        state = awaited(notify_socket, it, "ready")
        assert (state.status, state.sender_unverified) == ("serving", False)
        around = ProbeContext(tree=it.tree, log=LogWatch(tmp_path / "log"), scratch=tmp_path, notify=notify_socket)
        assert evaluate_probe(NotifyProbe(), around) == Ready(detail='notify READY=1 "serving"')
    notify_socket.close()
    notify_socket.close()
    assert notify_socket.fileno() == -1
    assert list((tmp_path / folder).iterdir()) == []


@pytest_linux
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("if os.fork(): time.sleep(60)\nsay('READY=1'); time.sleep(60)", id="a child"),
        pytest.param(
            "if os.fork(): time.sleep(60)\nos.setsid()\nif os.fork(): time.sleep(60)\nsay('READY=1'); time.sleep(60)",
            id="a grandchild in a session of its own",
        ),
        pytest.param("if os.fork(): time.sleep(60)\nsay('READY=1'); barrier(); os._exit(0)", id="a child that waits"),
    ],
)
def test_any_process_of_the_deployment_may_say_it(notify_socket: NotifySocket, code: str) -> None:
    with service(notify_socket, code) as it:
        assert not awaited(notify_socket, it, "ready").sender_unverified


@pytest_linux
def test_a_daemon_that_left_everything_but_the_supervision_may_say_it(
    notify_socket: NotifySocket, tmp_path: Path
) -> None:
    code = "if os.fork(): time.sleep(60)\nif os.fork(): os._exit(0)\nos.setsid(); say('READY=1'); time.sleep(60)"
    command = [sys.executable, "-I", "-S", "-c", f"import signal; signal.alarm(30)\n{SAY}\n{code}"]
    process = start(command, cwd=tmp_path, env=notify_socket.variables, stdout=None, stderr=None)
    try:
        assert select.select([notify_socket], [], [], 10)[0]
        assert notify_socket.read(process.tree) == NotifyState(ready_at=notify_socket.state.ready_at)
        assert notify_socket.state.ready
    finally:
        process.close()


@pytest_linux
@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "a zombie"])
def test_a_helper_that_is_gone_when_it_is_looked_for_counts_and_that_is_said(
    notify_socket: NotifySocket, tmp_path: Path, reaped: bool
) -> None:
    end = "os.waitpid(pid, 0)" if reaped else "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)"
    code = f"pid = os.fork()\nif not pid: say('READY=1'); os._exit(0)\n{end}\nprint('gone', flush=True); time.sleep(60)"
    with service(notify_socket, code) as it:
        assert it.line() == "gone"
        around = ProbeContext(tree=it.tree, log=LogWatch(tmp_path / "log"), scratch=tmp_path, notify=notify_socket)
        assert evaluate_probe(NotifyProbe(), around) == Ready(
            detail="notify READY=1, sender not checked: it was gone by then"
        )


@pytest_linux
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_helper_that_is_gone_and_was_another_user_does_not_count(tmp_path: Path) -> None:
    notify_socket = NotifySocket(tmp_path / ("x" * 150))  # abstract: anybody may send
    code = "pid = os.fork()\nif not pid: os.setuid(65534); say('READY=1'); os._exit(0)\n"
    with service(notify_socket, code + "os.waitpid(pid, 0); print('gone', flush=True); time.sleep(60)") as it:
        assert it.line() == "gone"
        state = notify_socket.read(it.tree)
        assert not state.ready
        assert state.foreign_sender.endswith("(gone)")
    notify_socket.close()


@pytest_linux
def test_a_stranger_does_not_count_whatever_it_says(notify_socket: NotifySocket, tmp_path: Path) -> None:
    shout = (
        "say('READY=1\\nWATCHDOG=trigger\\nEXTEND_TIMEOUT_USEC=99000000'); print('said', flush=True); time.sleep(60)"
    )
    with service(notify_socket, "time.sleep(60)") as it, service(notify_socket, shout) as stranger:
        assert stranger.line() == "said"
        around = ProbeContext(tree=it.tree, log=LogWatch(tmp_path / "log"), scratch=tmp_path, notify=notify_socket)
        answer = evaluate_probe(NotifyProbe(), around)
        assert isinstance(answer, NotReady)
        assert answer.reason.startswith(f'no READY=1, a message of pid {stranger.popen.pid} "{sys.executable}')
        assert answer.reason.endswith("does not count: no process of the deployment")
        assert replace(notify_socket.state, foreign_sender="") == NEW


@pytest_linux
def test_a_stopped_sender_counts_for_what_it_said_and_misses_its_watchdog(tmp_path: Path) -> None:
    notify_socket = NotifySocket(tmp_path, watchdog_s=0.4)
    assert notify_socket.variables["WATCHDOG_USEC"] == "400000"
    beat = "say('READY=1')\nwhile True: say('WATCHDOG=1'); time.sleep(0.02)"
    with service(notify_socket, beat) as it:
        awaited(notify_socket, it, "watchdog_at")
        begin = time.monotonic()
        while time.monotonic() < begin + 0.8:
            state = notify_socket.read(it.tree)
            time.sleep(0.02)
        assert not watchdog_missed(state, 0.4, state.watchdog_at + 0.3)
        assert state.watchdog_at > begin
        os.kill(it.popen.pid, signal.SIGSTOP)
        time.sleep(0.5)
        state = notify_socket.read(it.tree)
        assert state.ready
        time.sleep(0.5)
        assert watchdog_missed(notify_socket.read(it.tree), 0.4, time.monotonic())
    notify_socket.close()


@pytest_linux
def test_a_slow_service_that_asks_for_time_again_and_again_gets_it(notify_socket: NotifySocket) -> None:
    code = "for _ in range(8): say('EXTEND_TIMEOUT_USEC=1500000'); time.sleep(0.1)\nsay('READY=1'); time.sleep(60)"
    with service(notify_socket, code) as it:
        began = time.monotonic()
        limit_at = began + 0.3  # less than it takes
        state = NEW
        while not state.ready:
            assert time.monotonic() < deadline(began, 0.3, state) + 5.0 * (state == NEW)  # a slow start of Python
            select.select([notify_socket], [], [], 0.5)
            state = notify_socket.read(it.tree)
        assert deadline(began, 0.3, state) > limit_at + 0.5


@pytest_linux
def test_descriptors_that_come_along_are_closed_and_a_barrier_is_answered(notify_socket: NotifySocket) -> None:
    code = "say('FDSTORE=1', [0] * 200); say('READY=1'); print(barrier(), flush=True); time.sleep(60)"
    with service(notify_socket, code) as it:
        select.select([notify_socket], [], [], 10)
        before = psutil.Process().num_fds()
        awaited(notify_socket, it, "ready")
        while not select.select([it.popen.stdout], [], [], 0)[0]:
            select.select([notify_socket, it.popen.stdout], [], [], 5)
            notify_socket.read(it.tree)
        assert it.line() == "True"
        assert psutil.Process().num_fds() == before


@pytest_linux
def test_large_and_broken_datagrams_raise_nothing_and_what_follows_is_heard(notify_socket: NotifySocket) -> None:
    noise = random.Random(7).randbytes(1000)
    code = f"say(b'READY=1\\n' + b'x' * 70_000); say({noise!r}); say(''); say('STATUS=after'); time.sleep(60)"
    with service(notify_socket, code) as it:
        state = awaited(notify_socket, it, "status")
        assert (state.status, state.ready) == ("after", False)


@pytest_linux
def test_a_service_that_says_much_is_not_held_up_while_nobody_asks(notify_socket: NotifySocket) -> None:
    code = "for n in range(300): say(f'STATUS={n}')\nsay('READY=1'); print('done', flush=True); time.sleep(60)"
    with service(notify_socket, code) as it:
        notify_socket.start_reader(it.tree)
        assert select.select([it.popen.stdout], [], [], 20)[0]
        awaited(notify_socket, it, "ready")
        assert notify_socket.state.status == "299"
        notify_socket.close()
        assert "prodsim-notify" not in [thread.name for thread in threading.enumerate()]


@pytest_linux
@pytest.mark.skipif(shutil.which("systemd-notify") is None, reason="systemd-notify is not installed")
@pytest.mark.parametrize("options", ["", "--no-block"])
def test_systemd_notify_as_a_short_lived_helper(notify_socket: NotifySocket, options: str) -> None:
    command = [shutil.which("systemd-notify"), "--ready", "--status=up", *options.split()]
    code = f"subprocess.run({command!r}, check=True); print('done', flush=True); time.sleep(60)"
    with service(notify_socket, code) as it:
        state = awaited(notify_socket, it, "ready")
        assert state.status == "up"
        give_up_at = time.monotonic() + 10
        while not select.select([it.popen.stdout], [], [], 0.02)[0]:  # it waits for the answer to its barrier
            assert time.monotonic() < give_up_at
            notify_socket.read(it.tree)
        assert it.line() == "done"
