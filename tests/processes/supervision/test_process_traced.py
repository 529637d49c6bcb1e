"""A tracer hides from a parent that its child has ended, or holds it for good; what cannot be reaped is reported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.adversaries import Adversaries
from torture.table import may_trace

from tox_prodsim.supervision import Cause
from tox_prodsim.supervision.ending import Ending

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not may_trace(), reason="only some users of Linux may trace their supervisors"
)
ROGUE = Path(__file__).parents[2] / "torture" / "rogue.py"
TRACER = """if True:
    import ctypes, os, signal, sys, time
    signal.alarm(60)
    assert ctypes.CDLL(None).ptrace(0x4206, int(sys.argv[1]), None, None) == 0
    print("traced", flush=True)
    time.sleep(60)
"""
LEAVES_A_CHILD = """if True:
    import os, signal, sys, time
    if os.fork() == 0:
        signal.alarm(60)
        os.setsid()
        print(os.getpid(), flush=True)
        time.sleep(60)
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.01)
"""


@pytest.fixture
def trace() -> Iterator[Callable[[int], subprocess.Popen[bytes]]]:
    """Trace a process from outside of its run."""
    tracers = []

    def start(pid: int) -> subprocess.Popen[bytes]:
        tracer = subprocess.Popen([sys.executable, "-c", TRACER, str(pid)], stdout=subprocess.PIPE)
        tracers.append(tracer)
        assert tracer.stdout
        assert tracer.stdout.readline() == b"traced\n"
        return tracer

    yield start
    for tracer in tracers:
        tracer.kill()
        tracer.communicate()


def left_by_a_job(adversaries: Adversaries, trace: Callable[[int], object]) -> tuple[Ending, int]:
    """Return how a job ended whose main process exits with 0, and the pid of its child, which is traced meanwhile."""
    go_on = adversaries.folder.with_name("go-on")
    process = adversaries.run([sys.executable, "-c", LEAVES_A_CHILD, str(go_on)])
    assert adversaries.wait_for(lambda: adversaries.output.read_bytes().endswith(b"\n"))
    child = int(adversaries.output.read_bytes())
    trace(child)
    go_on.touch()
    ending = process.wait(30)
    assert ending
    return ending, child


def test_a_tree_that_is_not_empty_at_the_kill_limit_is_never_empty(
    adversaries: Adversaries, trace: Callable[[int], subprocess.Popen[bytes]]
) -> None:
    tracers = []
    ending, child = left_by_a_job(adversaries, lambda pid: tracers.append(trace(pid)))
    assert (ending.cause, ending.code) == (Cause.EXITED, 0)
    assert [each.pid for each in ending.unkillable] == [child]
    assert ending.unkillable[0].state in {f"{state}, traced by pid {tracers[0].pid}" for state in ("zombie", "exiting")}


@pytest.mark.parametrize("kind", ["traces_the_warden", "holds_the_warden"])
def test_a_warden_whose_end_is_hidden_is_lost_and_nothing_survives(adversaries: Adversaries, kind: str) -> None:
    process = adversaries.run([sys.executable, "-I", "-S", str(ROGUE), kind, str(adversaries.folder)])
    adversaries.wait_ready(9)
    began = time.monotonic()
    if kind == "traces_the_warden":
        os.kill(process._state.warden, signal.SIGKILL)
    ending = process.wait(30)
    assert ending
    assert (ending.cause, ending.unkillable) == (Cause.LOST, ())
    assert ending.error.startswith("the supervising process died (")
    assert time.monotonic() - began < 20
    assert adversaries.states() == []


def test_a_guard_that_is_held_delays_the_end_and_hides_nothing(
    adversaries: Adversaries, trace: Callable[[int], object]
) -> None:
    process = adversaries.start("zoo")
    adversaries.wait_ready(8)
    assert process._guard
    guard = process._guard.pid
    trace(guard)
    os.kill(guard, signal.SIGSTOP)  # who is traced so stops for its tracer, which does not let it go on
    ending = process.stop(signal.SIGTERM, 0.2)
    assert (ending.cause, ending.unkillable) == (Cause.STOPPED, ())
    assert adversaries.states() == []
