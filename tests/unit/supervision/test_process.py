from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from support.scripts import load_script
from support.warden import Warden

from tox_prodsim.supervision import Cancel
from tox_prodsim.supervision import process as supervisor
from tox_prodsim.supervision.ending import Cause, Ending, SignalSent, Survivor
from tox_prodsim.supervision.guard_process import GUARD
from tox_prodsim.supervision.procfs import RUN_TAG

ENDED: dict[str, Any] = {
    "event": "ended",
    "cause": "exited",
    "code": 3,
    "signal": None,
    "duration_s": 1.5,
    "waited_for_cpu_s": 0.25,
    "signals": [{"name": "SIGTERM", "at_s": 2.0, "pids": 1}],
    "survivors": [{"pid": 7, "command": "sleep 9", "listens": ["127.0.0.1:80"]}],
    "unstopped": [],
    "unkillable": [],
    "forced": False,
    "core_dumped": False,
    "error": "",
}


@pytest.fixture
def warden() -> Iterator[Warden]:
    warden = Warden()
    yield warden
    warden.close()
    assert warden.process.poll()


@pytest.fixture
def cancel() -> Iterator[Cancel]:
    cancel = Cancel()
    yield cancel
    cancel.close()


def test_an_ending_is_final_when_the_supervisor_is_gone_and_not_before(warden: Warden) -> None:
    warden.start()
    warden.send(event="main")
    assert (warden.process.main_exited(), warden.process.poll()) == (True, None)
    warden.send(**ENDED)
    assert warden.process.poll() is None
    warden.close()
    assert warden.process.poll() == Ending(
        cause=Cause.EXITED,
        code=3,
        signal=None,
        duration_s=1.5,
        waited_for_cpu_s=0.25,
        signals=(SignalSent(name="SIGTERM", at_s=2.0, pids=1),),
        survivors=(Survivor(pid=7, command="sleep 9", listens=("127.0.0.1:80",)),),
    )
    assert warden.process.wait() is warden.process.stop(signal.SIGTERM, 1) is warden.process.poll()


def test_an_ending_that_was_told_is_kept_when_the_supervisor_dies_afterwards(warden: Warden) -> None:
    warden.start()
    warden.send(**ENDED)
    warden.send(event="lost", error="the supervising process died (signal 9)")
    warden.close()
    ending = warden.process.poll()
    assert ending
    assert (ending.cause, ending.code) == (Cause.EXITED, 3)


def test_messages_may_come_in_pieces(warden: Warden) -> None:
    warden.start()
    for byte in json.dumps(ENDED).encode() + b"\n":
        warden.socket.sendall(bytes([byte]))
        assert warden.process.poll() is None
    warden.close()
    assert warden.process.wait() is not None


def test_a_stop_says_signal_grace_and_cause(warden: Warden) -> None:
    warden.start()
    warden.receive()
    threading.Timer(0.05, lambda: (warden.send(**ENDED), warden.close())).start()
    assert warden.process.stop(signal.SIGINT, 2.5, cause=Cause.TIMED_OUT).code == 3


def test_a_last_look_comes_once_before_the_grace_runs_out(warden: Warden) -> None:
    looks: list[float] = []
    warden.start()
    begin = time.monotonic()
    threading.Timer(1.2, lambda: (warden.send(**ENDED), warden.close())).start()
    warden.process.stop(signal.SIGTERM, 1.0, before_kill=lambda: looks.append(time.monotonic() - begin))
    assert len(looks) == 1
    assert 0.5 <= looks[0] < 1.0


def test_there_is_no_last_look_at_what_has_ended_is_killed_or_was_cancelled(cancel: Cancel) -> None:
    looks: list[str] = []

    def stopped(name: str, grace_s: float, *, after_s: float) -> None:
        warden = Warden(cancel)
        warden.start()
        threading.Timer(after_s, lambda: (warden.send(**ENDED), warden.close())).start()
        warden.process.stop(signal.SIGTERM, grace_s, before_kill=lambda: looks.append(name))

    stopped("ended", 1.0, after_s=0.1)
    stopped("killed", 0.0, after_s=0.2)
    threading.Timer(0.05, cancel.set).start()
    stopped("cancelled", 0.4, after_s=0.6)
    assert looks == []


def test_an_ending_counts_more_than_a_cancel(cancel: Cancel) -> None:
    warden = Warden(cancel)
    warden.start()
    warden.send(**ENDED)
    warden.close()
    cancel.set()
    assert warden.process.wait()


@pytest.mark.parametrize(
    ("code", "number", "returncode"),
    [
        pytest.param(77, None, 77, id="an exit code"),
        pytest.param(None, 15, -15, id="a signal"),
        pytest.param(None, None, None, id="neither"),
    ],
)
def test_a_returncode_is_as_in_subprocess(code: int | None, number: int | None, returncode: int | None) -> None:
    assert Ending(cause=Cause.STOPPED, code=code, signal=number, duration_s=1).returncode == returncode


def test_effective_seconds_are_without_the_wait_for_a_cpu() -> None:
    assert Ending(cause=Cause.EXITED, code=0, signal=None, duration_s=1.5, waited_for_cpu_s=0.25).effective_s == 1.25


def test_a_cancel_is_readable_once_it_is_set(cancel: Cancel) -> None:
    assert not select.select([cancel], [], [], 0)[0]
    cancel.set()
    cancel.set()
    assert select.select([cancel], [], [], 0)[0]
    assert (cancel.is_set, cancel.hard) == (True, False)
    cancel.set(hard=True)
    cancel.set()
    assert cancel.hard


def test_a_cancel_may_be_set_after_it_is_closed() -> None:
    cancel = Cancel()
    cancel.close()
    cancel.close()
    cancel.set(hard=True)
    assert cancel.is_set


def test_a_run_inside_of_a_run_carries_both_tags() -> None:
    assert supervisor._nested_tag({}, "b") == "b"
    assert supervisor._nested_tag({RUN_TAG: "a"}, "b") == "a:b"


@pytest.fixture(scope="module")
def processes() -> ModuleType:
    return load_script("processes")


@pytest.fixture
def siblings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the scripts on the path, as it is when they run."""
    monkeypatch.syspath_prepend(str(GUARD.parent))


@pytest.mark.parametrize("lists_children", [True, False], ids=["listed by the kernel", "from all of /proc"])
@pytest.mark.skipif(sys.platform != "linux", reason="the guard works on Linux, other systems have the process group")
def test_the_guard_finds_what_is_below(
    processes: ModuleType, monkeypatch: pytest.MonkeyPatch, lists_children: bool
) -> None:
    monkeypatch.setattr(processes, "LISTS_CHILDREN", lists_children and processes.LISTS_CHILDREN)
    me = os.getpid()
    assert me in processes.children(os.getppid())
    assert me in processes.descendants(os.getppid())
    assert processes.is_below(me, os.getppid())
    assert not processes.is_below(os.getppid(), me)


@pytest.mark.usefixtures("siblings")
@pytest.mark.skipif(sys.byteorder != "little", reason="the examples are from a little-endian machine")
@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F:1F40", "127.0.0.1:8000"),
        ("00000000000000000000000001000000:1F40", "[::1]:8000"),
        ("00000000000000000000000000000000:0050", "[::]:80"),
    ],
)
def test_the_guard_reads_addresses_as_the_kernel_writes_them(text: str, address: str) -> None:
    assert load_script("description").address(text) == address
