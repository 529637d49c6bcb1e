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
from typing import TYPE_CHECKING

import pytest

import tox_prodsim
from tox_prodsim.supervision import Cause, ContainmentKind, clock, containment, resume, suspend

if TYPE_CHECKING:
    from conftest import Arena

PAUSE_S = 0.6
KINDS: list[ContainmentKind] = ["subreaper", "group"]


@pytest.fixture(autouse=True)
def nothing_stays_suspended(arena: Arena) -> Iterator[None]:
    yield
    resume()
    clock.CLOCK._state = (None, 0.0)
    for process in arena.started:
        process.close()
    arena.wait_for(lambda: not arena.states())  # orphaned zombies are for process 1 to reap


def at_rest(arena: Arena) -> bool:
    return set(arena.states()) <= {"T", "Z"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_suspension_stops_the_tree_and_its_clock_and_a_resumption_continues_both(
    arena: Arena, kind: ContainmentKind
) -> None:
    process = arena.start("deaf_grandchildren", containment=kind)
    arena.wait_ready(7)
    suspend()
    assert arena.wait_for(lambda: arena.states() == ["T"] * 7)
    before = clock.now()
    time.sleep(PAUSE_S)
    assert clock.now() == before
    resume()
    assert arena.wait_for(lambda: "T" not in arena.states())
    at_least_s = clock.now() - process.spawned_at
    ending = process.stop(signal.SIGKILL, 0)
    at_most_s = clock.now() - process.spawned_at
    assert at_least_s - PAUSE_S / 2 <= ending.duration_s <= at_most_s + PAUSE_S / 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_had_stopped_itself_is_not_continued(arena: Arena, kind: ContainmentKind) -> None:
    arena.start("stopped_child", containment=kind)
    arena.wait_ready(2)
    assert arena.wait_for(lambda: arena.states().count("T") == 1)
    suspend()
    assert arena.wait_for(lambda: arena.states() == ["T", "T"])
    resume()
    assert arena.wait_for(lambda: arena.states().count("T") == 1)
    time.sleep(0.1)
    assert arena.states().count("T") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_wait_does_not_count_the_pause(arena: Arena, kind: ContainmentKind) -> None:
    process = arena.run(["sleep", "60"], containment=kind)
    begin = time.monotonic()
    suspend()
    threading.Timer(PAUSE_S, resume).start()
    assert process.wait(0.3) is None
    assert time.monotonic() - begin >= PAUSE_S + 0.3


@pytest.mark.parametrize("kind", KINDS)
def test_the_grace_of_a_stop_does_not_count_the_pause(arena: Arena, kind: ContainmentKind) -> None:
    code = """if True:
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.3), sys.exit(4)))
        print("ready", flush=True)
        time.sleep(60)
    """
    process = arena.run([sys.executable, "-I", "-S", "-c", code], containment=kind)
    assert arena.wait_for(lambda: arena.output.read_text() == "ready\n")
    threading.Timer(0.1, suspend).start()
    threading.Timer(0.1 + 1.5, resume).start()
    ending = process.stop(signal.SIGTERM, 1)
    assert (ending.cause, ending.code, ending.forced) == (Cause.STOPPED, 4, False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("adversary", "number"), [("obedient", signal.SIGTERM), ("deaf_main", None)])
def test_a_suspended_tree_can_be_stopped(
    arena: Arena, kind: ContainmentKind, adversary: str, number: int | None
) -> None:
    process = arena.start(adversary, containment=kind)
    arena.wait_ready()
    suspend()
    assert arena.wait_for(lambda: at_rest(arena))
    resume_clock_only()
    ending = process.stop(signal.SIGTERM, 0.3)
    assert (ending.cause, ending.forced, arena.states()) == (Cause.STOPPED, number is None, [])


def resume_clock_only() -> None:
    """Let the host go on without a word to the trees, as one that is continued but has no time to say so."""
    clock.CLOCK.resume()


@pytest.mark.parametrize("kind", KINDS)
def test_a_suspended_tree_can_be_closed(arena: Arena, kind: ContainmentKind) -> None:
    process = arena.start("deaf_grandchildren", containment=kind)
    arena.wait_ready(7)
    suspend()
    process.close()
    assert arena.alive() == 0


def test_nothing_stays_stopped_when_a_suspended_host_is_killed(arena: Arena) -> None:
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
    with subprocess.Popen([sys.executable, "-c", script, *arena.command("zoo")], env=env) as host:
        try:
            arena.wait_ready(8)
            assert arena.wait_for(lambda: at_rest(arena))
        finally:
            host.kill()
    begin = time.monotonic()
    assert arena.wait_for(lambda: not arena.states(), 5)
    assert time.monotonic() - begin < 2


def test_a_process_that_starts_after_a_suspension_is_told_in_the_time_of_the_clock(arena: Arena) -> None:
    suspend()
    time.sleep(PAUSE_S)
    resume()
    process = arena.run(["sleep", "60"])
    assert clock.now() - process.spawned_at < PAUSE_S
    assert process.containment == containment()
