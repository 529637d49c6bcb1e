"""Supervisors that are lost, that do not answer or do not start: what is left of them is looked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from support.scripts import load_script
from support.warden import Warden

from tox_prodsim.model.errors import Cancelled
from tox_prodsim.supervision import Cancel
from tox_prodsim.supervision import process as supervisor
from tox_prodsim.supervision.process import Cause


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


def test_a_start_sends_the_command_and_takes_pid_and_moment_from_the_answer(warden: Warden) -> None:
    warden.start()
    assert warden.receive() == {"argv": ["x"]}
    assert (warden.process.pid, warden.process.spawned_at, warden.process.poll()) == (4711, 100.0, None)


def test_a_supervisor_that_goes_without_a_word_is_lost(warden: Warden) -> None:
    warden.start()
    warden.close()
    ending = warden.process.wait()
    assert ending
    assert (ending.cause, ending.error) == (Cause.LOST, "the supervising processes were killed")


def test_the_trouble_of_a_supervisor_is_told(warden: Warden) -> None:
    warden.start()
    warden.send(event="trouble", error="OSError: no more")
    warden.send(event="lost", error="the supervising process died (exit code 70)")
    warden.close()
    ending = warden.process.wait()
    assert ending
    assert (ending.cause, ending.error) == (Cause.LOST, "OSError: no more")


def test_no_grace_is_a_kill(warden: Warden) -> None:
    warden.start()
    warden.receive()
    stopping = threading.Thread(target=lambda: warden.process.stop(signal.SIGINT, 0))
    stopping.start()
    assert warden.receive() == {"signal": signal.SIGKILL, "grace_s": 0, "cause": "stopped", "to": "tree"}
    warden.close()
    stopping.join()


def test_a_hard_cancel_during_a_stop_is_a_kill_after_it(cancel: Cancel) -> None:
    warden = Warden(cancel)
    warden.start()
    warden.receive()
    stopping = threading.Thread(target=lambda: warden.process.stop(signal.SIGINT, 60))
    stopping.start()
    assert warden.receive() == {"signal": signal.SIGINT, "grace_s": 60, "cause": "stopped", "to": "tree"}
    cancel.set()
    time.sleep(0.1)
    cancel.set(hard=True)
    assert warden.receive() == {"signal": signal.SIGKILL, "grace_s": 0.0, "cause": "stopped", "to": "tree"}
    warden.close()
    stopping.join()


def test_a_cancel_ends_the_wait_for_a_start(cancel: Cancel) -> None:
    warden = Warden(cancel)
    cancel.set()
    with pytest.raises(Cancelled):
        warden.process.begin({"argv": ["x"]})
    warden.close()
    warden.process.close()


@pytest.fixture(scope="module")
def processes() -> ModuleType:
    return load_script("processes")


@pytest.mark.skipif(sys.platform != "linux", reason="the guard works on Linux, other systems have the process group")
def test_the_guard_signals_nobody_who_is_not_below_it(processes: ModuleType) -> None:
    orphan = int(subprocess.run(["sh", "-c", "sleep 20 >&2 & echo $!"], stdout=subprocess.PIPE, check=True).stdout)
    try:
        assert processes.stat(orphan)[1] != os.getpid()
        processes.send(orphan, signal.SIGKILL)
        time.sleep(0.05)
        assert processes.stat(orphan)[0] == "S"
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_supervisor_that_does_not_answer_is_given_up(warden: Warden, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MARGIN_S", 0.1)
    warden.start()
    ending = warden.process.stop(signal.SIGTERM, 0.1)
    assert (ending.cause, ending.error) == (Cause.LOST, "the supervising process did not answer")
    assert warden.process.poll() is ending


def test_a_guard_that_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    process = supervisor.start(["true"], cwd=tmp_path, env={}, stdout=None, stderr=None)
    ending = process.poll()
    assert ending
    assert (ending.cause, process.pid) == (Cause.NOT_STARTED, 0)
    assert ending.error == "the supervising process could not be started: No such file or directory"
