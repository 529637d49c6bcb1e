"""A host is killed while its guard and warden are stopped: the next run wakes them, or ends them with the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.adversaries import Adversaries
from torture.table import may_trace

import tox_prodsim
from tox_prodsim.supervision import ledger, procfs, sweep

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a ledger is kept on Linux only")

ROGUE = Path(__file__).parents[2] / "torture" / "rogue.py"
ENV = {**os.environ, "PYTHONPATH": str(Path(tox_prodsim.__file__).parents[1])}
HOST = """if True:
    import os, sys, time
    from pathlib import Path
    from tox_prodsim.supervision import start

    folder, *command = sys.argv[1:]
    process = start(command, cwd=Path("/"), env=os.environ, stdout=None, stderr=None, ledger=Path(folder))
    print("started", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def reaped(adversaries: Adversaries) -> Iterator[None]:
    """Process 1 may take its time to reap what it adopted."""
    yield
    adversaries.clear()
    assert adversaries.wait_for(lambda: not adversaries.states(), 20)


def without_host(adversaries: Adversaries, kind: str, processes: int, folder: Path) -> ledger.Record:
    """Start a run, kill its host, stop guard and warden, and return its record."""
    command = [sys.executable, "-I", "-S", str(ROGUE), kind, str(adversaries.folder)]
    words = [sys.executable, "-c", HOST, str(folder), *command]
    with subprocess.Popen(words, env=ENV, stdout=subprocess.PIPE, start_new_session=True) as host:
        assert host.stdout
        assert host.stdout.readline() == b"started\n"
        assert adversaries.wait_for(lambda: len(adversaries.registered()) >= processes)
        assert adversaries.wait_for((adversaries.folder / "ready").exists)
        (path,) = folder.glob("*.json")
        record = ledger.read(path)
        host.kill()
    for each in (record.guard, record.warden):
        assert each
        os.kill(each.pid, signal.SIGSTOP)
        supervisor = psutil.Process(each.pid)
        while supervisor.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}:  # it must run for that
            time.sleep(0.005)
    return record


def test_stopped_supervisors_are_woken_and_end_the_run(adversaries: Adversaries, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    record = without_host(adversaries, "zoo", 8, folder)
    alive = adversaries.alive()
    assert alive
    (swept,) = sweep(folder)
    assert swept.reason == ledger.STOPPED
    assert {pid for pid, _ in swept.killed} <= {pid for pid, _ in adversaries.registered()}
    assert len(swept.killed) == alive
    assert adversaries.alive() == 0
    assert not any(each and procfs.lives(each) for each in (record.guard, record.warden))
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not may_trace(), reason="this user may not trace its supervisors")
def test_supervisors_that_cannot_be_woken_are_ended_with_the_rest(adversaries: Adversaries, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    record = without_host(adversaries, "holds_the_warden", 9, folder)
    assert record.guard
    os.kill(record.guard.pid, signal.SIGKILL)
    (swept,) = sweep(folder)
    assert swept.reason == ledger.STOPPED
    assert adversaries.alive() == 0
    assert not any(each and procfs.lives(each) for each in (record.guard, record.warden))
    assert list(folder.iterdir()) == []


def test_a_stopped_process_that_is_no_supervisor_of_the_run_stays_stopped(tmp_path: Path) -> None:
    """Its pid and start time are right; it has no mark."""
    with subprocess.Popen(["sleep", "60"]) as foreign, subprocess.Popen(["true"]) as ended:
        ended.wait()
        foreign.send_signal(signal.SIGSTOP)
        process = psutil.Process(foreign.pid)
        while process.status() != psutil.STATUS_STOPPED:
            time.sleep(0.005)
        now = procfs.read_status(foreign.pid)
        assert now
        gone = procfs.Identity(pid=ended.pid, started=now.identity.started)
        tag, mark = "a" * 32, (1 << 59) + 5
        record = ledger.Record(
            tag=tag, boot=procfs.boot(), namespace=procfs.namespace(), host=gone, mark=mark, guard=now.identity
        )
        ledger.write(tmp_path / f"{tag}.json", record)
        assert sweep(tmp_path) == ()
        assert process.status() == psutil.STATUS_STOPPED
        foreign.kill()
