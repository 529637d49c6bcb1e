"""What SIGTSTP is to do: the trees stand still and so do the clocks, and nothing stays stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.adversaries import Adversaries

import tox_prodsim
from tox_prodsim.supervision import Cause, ContainmentKind, clock, containment, resume, suspend

PAUSE_S = 0.6
KINDS: list[ContainmentKind] = ["subreaper", "group"]


@pytest.fixture(autouse=True)
def nothing_stays_suspended(adversaries: Adversaries) -> Iterator[None]:
    yield
    resume()
    clock.CLOCK._state = (None, 0.0)
    for process in adversaries.started:
        process.close()
    adversaries.wait_for(lambda: not adversaries.states())  # orphaned zombies are for process 1 to reap


def at_rest(adversaries: Adversaries) -> bool:
    return set(adversaries.states()) <= {"T", "Z"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_suspension_stops_the_tree_and_its_clock_and_a_resumption_continues_both(
    adversaries: Adversaries, kind: ContainmentKind
) -> None:
    process = adversaries.start("deaf_grandchildren", containment=kind)
    adversaries.wait_ready(7)
    suspend()
    assert adversaries.wait_for(lambda: adversaries.states() == ["T"] * 7)
    before = clock.now()
    time.sleep(PAUSE_S)
    assert clock.now() == before
    resume()
    assert adversaries.wait_for(lambda: "T" not in adversaries.states())
    at_least_s = clock.now() - process.spawned_at
    ending = process.stop(signal.SIGKILL, 0)
    at_most_s = clock.now() - process.spawned_at
    assert at_least_s - PAUSE_S / 2 <= ending.duration_s <= at_most_s + PAUSE_S / 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_had_stopped_itself_is_not_continued(adversaries: Adversaries, kind: ContainmentKind) -> None:
    adversaries.start("stopped_child", containment=kind)
    adversaries.wait_ready(2)
    assert adversaries.wait_for(lambda: adversaries.states().count("T") == 1)
    suspend()
    assert adversaries.wait_for(lambda: adversaries.states() == ["T", "T"])
    resume()
    assert adversaries.wait_for(lambda: adversaries.states().count("T") == 1)
    time.sleep(0.1)
    assert adversaries.states().count("T") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_wait_does_not_count_the_pause(adversaries: Adversaries, kind: ContainmentKind) -> None:
    process = adversaries.run(["sleep", "60"], containment=kind)
    begin = time.monotonic()
    suspend()
    threading.Timer(PAUSE_S, resume).start()
    assert process.wait(0.3) is None
    assert time.monotonic() - begin >= PAUSE_S + 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_the_grace_of_a_stop_does_not_count_the_pause(adversaries: Adversaries, kind: ContainmentKind) -> None:
    code = """if True:
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), sys.exit(4)))
        print("ready", flush=True)
        time.sleep(60)
    """
    process = adversaries.run([sys.executable, "-I", "-S", "-c", code], containment=kind)
    assert adversaries.wait_for(lambda: adversaries.output.read_text() == "ready\n")
    threading.Timer(0.1, suspend).start()
    threading.Timer(0.1 + 1.5, resume).start()
    ending = process.stop(signal.SIGTERM, 1)
    assert (ending.cause, ending.code, ending.forced) == (Cause.STOPPED, 4, False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("adversary", "number"), [("obedient", signal.SIGTERM), ("deaf_main", None)])
def test_a_suspended_tree_can_be_stopped(
    adversaries: Adversaries, kind: ContainmentKind, adversary: str, number: int | None
) -> None:
    process = adversaries.start(adversary, containment=kind)
    adversaries.wait_ready()
    suspend()
    assert adversaries.wait_for(lambda: at_rest(adversaries))
    resume_clock_only()
    ending = process.stop(signal.SIGTERM, 0.3)
    assert (ending.cause, ending.forced, adversaries.states()) == (Cause.STOPPED, number is None, [])


def resume_clock_only() -> None:
    """Let the host go on without a word to the trees, as one that is continued but has no time to say so."""
    clock.CLOCK.resume()


@pytest.mark.parametrize("kind", KINDS)
def test_a_suspended_tree_can_be_closed(adversaries: Adversaries, kind: ContainmentKind) -> None:
    process = adversaries.start("deaf_grandchildren", containment=kind)
    adversaries.wait_ready(7)
    suspend()
    process.close()
    assert adversaries.alive() == 0


def test_nothing_stays_stopped_when_a_suspended_host_is_killed(adversaries: Adversaries) -> None:
    script = """if True:
        import os, signal, sys, time
        from pathlib import Path
        from tox_prodsim.supervision import start, suspend
        process = start(sys.argv[1:], cwd=Path("/"), env=os.environ, stdout=None, stderr=None)
        while not Path(sys.argv[-1], "ready").exists():
            time.sleep(0.01)
        suspend()
        os.kill(os.getpid(), signal.SIGSTOP)
    """
    env = {**os.environ, "PYTHONPATH": str(Path(tox_prodsim.__file__).parents[1])}
    with subprocess.Popen([sys.executable, "-c", script, *adversaries.command("zoo")], env=env) as host:
        try:
            adversaries.wait_ready(8)
            assert adversaries.wait_for(lambda: at_rest(adversaries))
        finally:
            host.kill()
    begin = time.monotonic()
    assert adversaries.wait_for(lambda: not adversaries.states(), 5)
    assert time.monotonic() - begin < 2


def test_a_process_that_starts_after_a_suspension_is_told_in_the_time_of_the_clock(adversaries: Adversaries) -> None:
    suspend()
    time.sleep(PAUSE_S)
    resume()
    process = adversaries.run(["sleep", "60"])
    assert clock.now() - process.spawned_at < PAUSE_S
    assert process.containment == containment()
