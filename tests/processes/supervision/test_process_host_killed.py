from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.adversaries import Adversaries

import tox_prodsim

HOST = """if True:
    import os, sys, time
    from pathlib import Path
    from tox_prodsim import supervision

    process = supervision.start(sys.argv[1:], cwd=Path("/"), env=os.environ, stdout=None, stderr=None)
    time.sleep(60)
"""


def family(host: int) -> list[int]:
    """The pids of host, guard and warden."""
    guard = psutil.Process(host).children()[0]
    return [host, guard.pid, guard.children()[0].pid]


@pytest.mark.parametrize(
    ("to_host", "to_guard", "to_warden"),
    [
        pytest.param(signal.SIGKILL, 0, 0, id="killed"),
        pytest.param(signal.SIGTERM, 0, 0, id="terminated without a handler"),
        pytest.param(signal.SIGKILL, 0, signal.SIGKILL, id="killed with its warden"),
        pytest.param(signal.SIGKILL, signal.SIGKILL, 0, id="killed with its guard"),
        pytest.param(signal.SIGKILL, 0, signal.SIGSTOP, id="killed while the warden is stopped"),
        pytest.param(signal.SIGKILL, signal.SIGSTOP, 0, id="killed while the guard is stopped"),
        pytest.param(signal.SIGKILL, signal.SIGSTOP, signal.SIGSTOP, id="killed while both are stopped"),
    ],
)
def test_nothing_survives_a_host_that_is(adversaries: Adversaries, to_host: int, to_guard: int, to_warden: int) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(tox_prodsim.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", HOST, *adversaries.command("zoo")], env=env) as host:
        adversaries.wait_ready(8)
        pids = family(host.pid)
        supervisors = [psutil.Process(pid) for pid in pids[1:]]
        for pid, number in reversed(list(zip(pids, (to_host, to_guard, to_warden), strict=True))):
            os.kill(pid, number)
    assert adversaries.wait_for(lambda: not adversaries.states(), 8)
    assert adversaries.wait_for(lambda: not any(lives(each) for each in supervisors), 8)


def lives(process: psutil.Process) -> bool:
    """Whether it runs; an orphan's zombie is for process 1 to reap."""
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False
