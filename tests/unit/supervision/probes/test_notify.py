"""What a service says by sd_notify, believed when it comes from a process of the deployment."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tox_prodsim.supervision import (
    NotifySocket,
    NotifyState,
    deadline,
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
        pytest.param(b"STATUS=\xff", NotifyState(status="\ufffd"), id="a status that is not text"),
        pytest.param(b"STATUS=" + b"busy " * 999, NotifyState(status="busy " * 39 + "…"), id="a long status"),
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
    assert deadline(10.0, 20.0, NEW) == 30.0
    assert deadline(10.0, 20.0, apply_message(NEW, b"EXTEND_TIMEOUT_USEC=1000000", 10.0)) == 30.0
    once = apply_message(NEW, b"EXTEND_TIMEOUT_USEC=10000000", 25.0)
    assert deadline(10.0, 20.0, once) == 35.0
    assert deadline(10.0, 20.0, apply_message(once, b"EXTEND_TIMEOUT_USEC=1000000", 26.0)) == 35.0
    assert deadline(10.0, 20.0, apply_message(once, b"EXTEND_TIMEOUT_USEC=10000000", 34.0)) == 44.0


@pytest.mark.parametrize("number", [10**9, 10**19, 99999999999999999999])
def test_all_extensions_together_make_a_limit_ten_times_as_long_at_most(number: int) -> None:
    state = apply_message(NEW, b"EXTEND_TIMEOUT_USEC=%d" % number, 29.0)
    assert deadline(10.0, 20.0, state) == 210.0
    assert deadline(10.0, 20.0, apply_message(state, b"EXTEND_TIMEOUT_USEC=%d" % number, 209.0)) == 210.0


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


# a real socket, and messages of this very process

pytest_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who sends a datagram")


@pytest.fixture
def notify_socket(tmp_path: Path) -> Iterator[NotifySocket]:
    notify_socket = NotifySocket(tmp_path)
    yield notify_socket
    notify_socket.close()


def ourselves() -> tuple[psutil.Process, ...]:
    return (psutil.Process(),)


def said(notify_socket: NotifySocket, *messages: bytes) -> None:
    """Send from this very process, without waiting for room."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.connect(notify_socket.variables["NOTIFY_SOCKET"])
        for message in messages:
            sender.send(message)


@pytest_linux
def test_a_flood_of_messages_is_read_in_bounded_steps(notify_socket: NotifySocket) -> None:
    wanted = MESSAGES_PER_READ + 2
    if int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text()) < wanted:
        pytest.skip("the kernel keeps fewer messages for a socket than one read takes")
    said(notify_socket, *(f"STATUS={number}".encode() for number in range(wanted)))
    assert notify_socket.read(ourselves).status == str(MESSAGES_PER_READ - 1)
    assert notify_socket.read(ourselves).status == str(wanted - 1)


@pytest_linux
def test_a_tree_that_grows_between_two_looks_is_no_stranger(notify_socket: NotifySocket) -> None:
    said(notify_socket, b"READY=1")
    looks = iter([(), ourselves()])
    assert notify_socket.read(lambda: next(looks)).ready


@pytest_linux
def test_a_file_that_a_killed_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as old:
        old.bind(str(tmp_path / "notify.sock"))
    NotifySocket(tmp_path).close()
    assert list(tmp_path.iterdir()) == []
