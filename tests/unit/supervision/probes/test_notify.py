"""What a service says by sd_notify, believed when it comes from a process of the deployment."""

from __future__ import annotations

import os
import random
import select
import shutil
import signal
import socket
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
from hypothesis import given
from hypothesis import strategies as st

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
from tox_prodsim.supervision.probes.notify import MESSAGES_PER_READ, apply_message

NEW = NotifyState()
UP = NotifyState(ready_at=100.0)

# what is said, without a socket


@pytest.mark.parametrize(
    ("message", "state"),
    [
        pytest.param(b"READY=1", NotifyState(ready_at=5.0), id="ready"),
        pytest.param(b"READY=1\n\0", NotifyState(ready_at=5.0), id="ready, ended as C ends its texts"),
        pytest.param(b"STATUS=loading 3 of 7", NotifyState(status="loading 3 of 7"), id="status"),
        pytest.param(b"STATUS=\xff", NotifyState(status="\ufffd"), id="a status that is no text"),
        pytest.param(b"STATUS=" + b"x" * 9999, NotifyState(status="x" * 200), id="a long status"),
        pytest.param(b"EXTEND_TIMEOUT_USEC=1500000", NotifyState(extend_until=6.5), id="more time"),
        pytest.param(b"WATCHDOG=1", NotifyState(watchdog_at=5.0), id="a sign of life"),
        pytest.param(b"WATCHDOG=trigger", NotifyState(triggered=True), id="it gives itself up"),
        pytest.param(b"WATCHDOG_USEC=200000", NotifyState(watchdog_interval_s=0.2), id="an interval of its own"),
        pytest.param(b"STOPPING=1\nERRNO=2", NotifyState(stopping=True, errno=2), id="stopping, with a reason"),
        pytest.param(b"RELOADING=1", NotifyState(reloading=True), id="reloading"),
        pytest.param(b"MAINPID=77", NotifyState(main_pid=77), id="another main process"),
        pytest.param(b"READY=1\nREADY=0\nSTATUS=a\nSTATUS=b", NotifyState(ready_at=5.0, status="a"), id="twice"),
        pytest.param(b"READY=0\nREADY\n=1\nready=1\nX_READY=1\nREADY= 1", NEW, id="nearly ready"),
        pytest.param(b"FDSTORE=1\nFDNAME=x\nBARRIER=1\nMONOTONIC_USEC=1", NEW, id="what we have no use for"),
        pytest.param("WATCHDOG_USEC=²\nEXTEND_TIMEOUT_USEC=-1\nMAINPID=1e3".encode(), NEW, id="no numbers"),
        pytest.param(b"EXTEND_TIMEOUT_USEC=" + b"9" * 5000, NEW, id="a number without an end"),
        pytest.param(b"", NEW, id="nothing"),
    ],
)
def test_a_message_is_understood(message: bytes, state: NotifyState) -> None:
    assert apply_message(NEW, message, 5.0) == state


def test_ready_is_kept_and_the_first_moment_of_it_too() -> None:
    state = apply_message(apply_message(UP, b"RELOADING=1", 101.0), b"READY=1\nSTATUS=again", 102.0)
    assert state == NotifyState(ready_at=100.0, status="again")


@given(st.binary(max_size=200) | st.binary(max_size=20).map(b"EXTEND_TIMEOUT_USEC=".__add__))
def test_garbage_raises_nothing(message: bytes) -> None:
    assert isinstance(apply_message(NEW, message, 5.0), NotifyState)


def test_more_time_moves_the_limit_out_and_never_in() -> None:
    assert deadline(30.0, NEW) == 30.0
    assert deadline(30.0, apply_message(NEW, b"EXTEND_TIMEOUT_USEC=1000000", 10.0)) == 30.0
    once = apply_message(NEW, b"EXTEND_TIMEOUT_USEC=10000000", 25.0)
    assert deadline(30.0, once) == 35.0
    assert deadline(30.0, apply_message(once, b"EXTEND_TIMEOUT_USEC=1000000", 26.0)) == 35.0
    assert deadline(30.0, apply_message(once, b"EXTEND_TIMEOUT_USEC=10000000", 34.0)) == 44.0


@pytest.mark.parametrize(
    ("state", "interval_s", "now", "missed"),
    [
        pytest.param(NEW, 1.0, 999.0, False, id="none is due before it is ready"),
        pytest.param(UP, 1.0, 100.9, False, id="the first is not due yet"),
        pytest.param(UP, 1.0, 101.1, True, id="the first did not come"),
        pytest.param(UP, None, 999.0, False, id="nobody asked for any"),
        pytest.param(replace(UP, watchdog_at=150.0), 1.0, 150.9, False, id="the last was in time"),
        pytest.param(replace(UP, watchdog_at=150.0), 1.0, 151.1, True, id="the next did not come"),
        pytest.param(replace(UP, watchdog_at=99.0), 1.0, 100.9, False, id="one from before counts from ready on"),
        pytest.param(replace(UP, watchdog_interval_s=5.0), 1.0, 104.0, False, id="the service wants it longer"),
        pytest.param(replace(UP, watchdog_interval_s=5.0), None, 106.0, True, id="the service wants one"),
        pytest.param(replace(UP, watchdog_interval_s=0.0), 1.0, 999.0, False, id="the service wants none"),
        pytest.param(replace(UP, extend_until=110.0), 1.0, 109.0, False, id="it asked for more time"),
        pytest.param(replace(UP, extend_until=110.0), 1.0, 111.0, True, id="it asked for more time, and used it"),
        pytest.param(replace(UP, stopping=True), 1.0, 999.0, False, id="none is due from one that stops"),
        pytest.param(replace(NEW, triggered=True), None, 0.0, True, id="it gave itself up"),
    ],
)
def test_a_sign_of_life_is_missed_when_it_is_overdue(
    state: NotifyState, interval_s: float | None, now: float, missed: bool
) -> None:
    assert watchdog_missed(state, interval_s, now) is missed


def test_a_service_that_never_says_ready_is_watched_since_it_was_seen_to_be() -> None:
    assert not watchdog_missed(NEW, 1.0, 101.1, since=None)
    assert not watchdog_missed(NEW, 1.0, 100.9, since=100.0)
    assert watchdog_missed(NEW, 1.0, 101.1, since=100.0)
    assert not watchdog_missed(UP, 1.0, 100.9, since=50.0)


# real programs

pytest_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who sends a datagram")
SAY = """
import array, os, socket, subprocess, sys, time
def say(text, fds=()):
    address = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
        mouth.connect("\\0" + address[1:] if address.startswith("@") else address)
        extras = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        mouth.sendmsg([text if isinstance(text, bytes) else text.encode()], extras)
def barrier():
    ours, theirs = os.pipe()
    say("BARRIER=1", [theirs])
    os.close(theirs)
    return os.read(ours, 1) == b""
"""


class Service:
    """A Python program that is told of a socket; ``tree`` is what is alive of it."""

    def __init__(self, ear: NotifySocket, code: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", f"import signal; signal.alarm(30)\n{SAY}\n{code}"],
            env=ear.variables,
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
def service(ear: NotifySocket, code: str) -> Iterator[Service]:
    it = Service(ear, code)
    try:
        yield it
    finally:
        with suppress(ProcessLookupError):
            os.killpg(it.popen.pid, signal.SIGKILL)
        it.popen.stdout.close()
        it.popen.wait()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[NotifySocket]:
    ear = NotifySocket(tmp_path)
    yield ear
    ear.close()


def awaited(ear: NotifySocket, it: Service, wanted: str, limit_s: float = 10.0) -> NotifyState:
    """Read whenever there is something, until an attribute of the state is true."""
    give_up_at = time.monotonic() + limit_s
    while not getattr(state := ear.read(it.tree), wanted):
        left_s = give_up_at - time.monotonic()
        assert left_s > 0, f"not {wanted}: {state}"
        select.select([ear], [], [], left_s)
    return state


@pytest_linux
@pytest.mark.parametrize("folder", ["short", "x" * 150], ids=["a file", "an abstract name for a long path"])
def test_a_service_says_that_it_is_ready(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    ear = NotifySocket(tmp_path / folder)
    assert ear.variables["NOTIFY_SOCKET"].startswith("@") is (folder != "short")
    with service(ear, "say('READY=1\\nSTATUS=serving'); time.sleep(60)") as it:
        state = awaited(ear, it, "ready")
        assert (state.status, state.sender_unverified) == ("serving", False)
        around = ProbeContext(tree=it.tree, log=LogWatch(tmp_path / "log"), scratch=tmp_path, notify=ear)
        assert evaluate_probe(NotifyProbe(), around) == Ready(detail='notify READY=1 "serving"')
    ear.close()
    ear.close()
    assert ear.fileno() == -1
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
def test_any_process_of_the_deployment_may_say_it(ear: NotifySocket, code: str) -> None:
    with service(ear, code) as it:
        assert not awaited(ear, it, "ready").sender_unverified


@pytest_linux
def test_a_daemon_that_left_everything_but_the_supervision_may_say_it(ear: NotifySocket, tmp_path: Path) -> None:
    code = "if os.fork(): time.sleep(60)\nif os.fork(): os._exit(0)\nos.setsid(); say('READY=1'); time.sleep(60)"
    command = [sys.executable, "-I", "-S", "-c", f"import signal; signal.alarm(30)\n{SAY}\n{code}"]
    process = start(command, cwd=tmp_path, env=ear.variables, stdout=None, stderr=None)
    try:
        assert select.select([ear], [], [], 10)[0]
        assert ear.read(process.tree) == NotifyState(ready_at=ear.state.ready_at)
        assert ear.state.ready
    finally:
        process.close()


@pytest_linux
@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "a zombie"])
def test_a_helper_that_is_gone_when_it_is_looked_for_counts_and_that_is_said(
    ear: NotifySocket, tmp_path: Path, reaped: bool
) -> None:
    end = "os.waitpid(pid, 0)" if reaped else "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)"
    code = f"pid = os.fork()\nif not pid: say('READY=1'); os._exit(0)\n{end}\nprint('gone', flush=True); time.sleep(60)"
    with service(ear, code) as it:
        assert it.line() == "gone"
        around = ProbeContext(tree=it.tree, log=LogWatch(tmp_path / "log"), scratch=tmp_path, notify=ear)
        assert evaluate_probe(NotifyProbe(), around) == Ready(
            detail="notify READY=1, sender not checked: it was gone by then"
        )


@pytest_linux
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_helper_that_is_gone_and_was_another_user_does_not_count(tmp_path: Path) -> None:
    ear = NotifySocket(tmp_path / ("x" * 150))  # abstract: anybody may send
    code = "pid = os.fork()\nif not pid: os.setuid(65534); say('READY=1'); os._exit(0)\n"
    with service(ear, code + "os.waitpid(pid, 0); print('gone', flush=True); time.sleep(60)") as it:
        assert it.line() == "gone"
        state = ear.read(it.tree)
        assert not state.ready
        assert state.foreign_sender.endswith("(gone)")
    ear.close()


@pytest_linux
def test_a_stranger_does_not_count_whatever_it_says(ear: NotifySocket, tmp_path: Path) -> None:
    shout = (
        "say('READY=1\\nWATCHDOG=trigger\\nEXTEND_TIMEOUT_USEC=99000000'); print('said', flush=True); time.sleep(60)"
    )
    with service(ear, "time.sleep(60)") as it, service(ear, shout) as foreign_sender:
        assert foreign_sender.line() == "said"
        around = ProbeContext(tree=it.tree, log=LogWatch(tmp_path / "log"), scratch=tmp_path, notify=ear)
        answer = evaluate_probe(NotifyProbe(), around)
        assert isinstance(answer, NotReady)
        assert answer.reason.startswith(f'no READY=1, a message of pid {foreign_sender.popen.pid} "{sys.executable}')
        assert answer.reason.endswith("does not count: no process of the deployment")
        assert replace(ear.state, foreign_sender="") == NEW


@pytest_linux
def test_a_stopped_sender_counts_for_what_it_said_and_misses_its_watchdog(tmp_path: Path) -> None:
    ear = NotifySocket(tmp_path, watchdog_s=0.4)
    assert ear.variables["WATCHDOG_USEC"] == "400000"
    beat = "say('READY=1')\nwhile True: say('WATCHDOG=1'); time.sleep(0.02)"
    with service(ear, beat) as it:
        awaited(ear, it, "watchdog_at")
        begin = time.monotonic()
        while time.monotonic() < begin + 0.8:
            state = ear.read(it.tree)
            time.sleep(0.02)
        assert not watchdog_missed(state, 0.4, state.watchdog_at + 0.3)
        assert state.watchdog_at > begin
        os.kill(it.popen.pid, signal.SIGSTOP)
        time.sleep(0.5)
        state = ear.read(it.tree)
        assert state.ready
        time.sleep(0.5)
        assert watchdog_missed(ear.read(it.tree), 0.4, time.monotonic())
    ear.close()


@pytest_linux
def test_a_slow_service_that_asks_for_time_again_and_again_gets_it(ear: NotifySocket) -> None:
    code = "for _ in range(8): say('EXTEND_TIMEOUT_USEC=1500000'); time.sleep(0.1)\nsay('READY=1'); time.sleep(60)"
    with service(ear, code) as it:
        limit_at = time.monotonic() + 0.3  # less than it takes
        state = NEW
        while not state.ready:
            assert time.monotonic() < deadline(limit_at, state) + 5.0 * (state == NEW)  # a slow start of Python
            select.select([ear], [], [], 0.5)
            state = ear.read(it.tree)
        assert deadline(limit_at, state) > limit_at + 0.5


@pytest_linux
def test_descriptors_that_come_along_are_closed_and_a_barrier_is_answered(ear: NotifySocket) -> None:
    code = "say('FDSTORE=1', [0] * 200); say('READY=1'); print(barrier(), flush=True); time.sleep(60)"
    with service(ear, code) as it:
        select.select([ear], [], [], 10)
        before = psutil.Process().num_fds()
        awaited(ear, it, "ready")
        while not select.select([it.popen.stdout], [], [], 0)[0]:
            select.select([ear, it.popen.stdout], [], [], 5)
            ear.read(it.tree)
        assert it.line() == "True"
        assert psutil.Process().num_fds() == before


@pytest_linux
def test_large_and_broken_datagrams_raise_nothing_and_what_follows_is_heard(ear: NotifySocket) -> None:
    noise = random.Random(7).randbytes(1000)
    code = f"say(b'READY=1\\n' + b'x' * 70_000); say({noise!r}); say(''); say('STATUS=after'); time.sleep(60)"
    with service(ear, code) as it:
        state = awaited(ear, it, "status")
        assert (state.status, state.ready) == ("after", False)


@pytest_linux
def test_a_service_that_says_much_is_not_held_up_while_nobody_asks(ear: NotifySocket) -> None:
    code = "for n in range(300): say(f'STATUS={n}')\nsay('READY=1'); print('done', flush=True); time.sleep(60)"
    with service(ear, code) as it:
        ear.start_reader(it.tree)
        assert select.select([it.popen.stdout], [], [], 20)[0]
        awaited(ear, it, "ready")
        assert ear.state.status == "299"
        ear.close()
        assert "prodsim-notify" not in [thread.name for thread in threading.enumerate()]


def ourselves() -> tuple[psutil.Process, ...]:
    return (psutil.Process(),)


def said(ear: NotifySocket, *messages: bytes) -> None:
    """Send from this very process, without waiting for room."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
        mouth.setblocking(False)
        mouth.connect(ear.variables["NOTIFY_SOCKET"])
        for message in messages:
            mouth.send(message)


@pytest_linux
def test_a_flood_of_messages_is_read_in_bounded_steps(ear: NotifySocket) -> None:
    wanted = MESSAGES_PER_READ + 2
    if int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text()) < wanted:
        pytest.skip("the kernel keeps fewer messages for a socket than one read takes")
    said(ear, *(f"STATUS={number}".encode() for number in range(wanted)))
    assert ear.read(ourselves).status == str(MESSAGES_PER_READ - 1)
    assert ear.read(ourselves).status == str(wanted - 1)


@pytest_linux
def test_a_tree_that_grows_between_two_looks_is_no_stranger(ear: NotifySocket) -> None:
    said(ear, b"READY=1")
    looks = iter([(), ourselves()])
    assert ear.read(lambda: next(looks)).ready


@pytest_linux
@pytest.mark.skipif(shutil.which("systemd-notify") is None, reason="systemd-notify is not installed")
@pytest.mark.parametrize("options", ["", "--no-block"])
def test_systemd_notify_as_a_short_lived_helper(ear: NotifySocket, options: str) -> None:
    command = [shutil.which("systemd-notify"), "--ready", "--status=up", *options.split()]
    code = f"subprocess.run({command!r}, check=True); print('done', flush=True); time.sleep(60)"
    with service(ear, code) as it:
        state = awaited(ear, it, "ready")
        assert state.status == "up"
        give_up_at = time.monotonic() + 10
        while not select.select([it.popen.stdout], [], [], 0.02)[0]:  # it waits for the answer to its barrier
            assert time.monotonic() < give_up_at
            ear.read(it.tree)
        assert it.line() == "done"


@pytest_linux
def test_a_file_that_a_killed_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as old:
        old.bind(str(tmp_path / "notify.sock"))
    NotifySocket(tmp_path).close()
    assert list(tmp_path.iterdir()) == []
