from __future__ import annotations

import signal
import threading
import time

import psutil
import pytest
from support.adversaries import Adversaries

from tox_prodsim.supervision import Cause

GRACE_S = 0.3


@pytest.mark.parametrize(
    ("kind", "processes", "forced"),
    [
        pytest.param("obedient", 1, False, id="one that obeys ends by the signal"),
        pytest.param("deaf_main", 1, True, id="one that ignores SIGTERM is killed"),
        pytest.param("deaf_grandchildren", 7, True, id="deaf grandchildren"),
        pytest.param("fan_out", 51, True, id="fifty deaf children"),
        pytest.param("daemon", 3, True, id="a daemon"),
        pytest.param("ghost", 3, True, id="a daemon without environment and files"),
        pytest.param("setpgid", 2, True, id="a child that left the process group"),
        pytest.param("stopped_child", 2, False, id="a stopped child"),
        pytest.param("stopped_main", 1, False, id="a stopped main process"),
        pytest.param("hydra", 1, True, id="one that answers SIGTERM with a fork"),
        pytest.param("hopper", 2, True, id="one that changes its pid every millisecond"),
        pytest.param("forker", 2, True, id="one that forks while it is being killed"),
        pytest.param("zombies", 21, False, id="twenty zombies"),
        pytest.param("zoo", 8, True, id="the whole zoo"),
    ],
)
def test_a_stop_leaves_nothing(adversaries: Adversaries, kind: str, processes: int, forced: bool) -> None:
    process = adversaries.start(kind)
    adversaries.wait_ready(processes)
    begin = time.monotonic()
    ending = process.stop(signal.SIGTERM, GRACE_S)
    assert adversaries.states() == []
    assert time.monotonic() - begin < GRACE_S + 5
    assert (ending.cause, ending.forced) == (Cause.STOPPED, forced)
    assert [sent.name for sent in ending.signals] == ["SIGTERM", "SIGKILL"][: 1 + forced]
    assert (ending.survivors, ending.unkillable) == ((), ())
    assert process.tree() == ()


@pytest.mark.parametrize(
    ("kind", "code", "survivors"),
    [
        pytest.param("daemon_exit", 0, 1, id="a daemon is left"),
        pytest.param("pipe_holder_exit", 0, 1, id="a deaf child that holds the output is left"),
        pytest.param("ghost_exit", 0, 1, id="a ghost is left"),
        pytest.param("listener_exit", 0, 1, id="a listener is left"),
        pytest.param("late_child_exit", 0, 0, id="a child that ends within the leak grace is not a leak"),
        pytest.param("orphans", 5, 0, id="a hundred orphans that end by themselves are reaped"),
    ],
)
def test_what_outlives_an_exit_is_named_and_killed(
    adversaries: Adversaries, kind: str, code: int, survivors: int
) -> None:
    process = adversaries.start(kind)
    ending = process.wait(15)
    assert ending, "it hung"
    assert adversaries.states() == []
    assert (ending.cause, ending.code) == (Cause.EXITED, code)
    assert len(ending.survivors) == survivors
    assert {survivor.pid for survivor in ending.survivors} <= {pid for pid, _ in adversaries.registered()}
    assert all("adversary.py" in survivor.command for survivor in ending.survivors)
    assert not ending.forced


def test_a_listener_that_is_left_is_named_with_its_address(adversaries: Adversaries) -> None:
    ending = adversaries.start("listener_exit").wait(15)
    port = adversaries.output.read_text().strip()
    assert ending
    assert [survivor.listens for survivor in ending.survivors] == [(f"127.0.0.1:{port}",)]


def test_a_pid_hopper_that_is_left_is_found(adversaries: Adversaries) -> None:
    ending = adversaries.start("hopper_exit").wait(15)
    assert ending
    assert (ending.cause, adversaries.states()) == (Cause.EXITED, [])


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        pytest.param("kills_warden", Cause.LOST, id="killing the warden"),
        pytest.param("kills_guard", Cause.LOST, id="killing the guard"),
        pytest.param("stops_warden", Cause.STOPPED, id="stopping the warden"),
        pytest.param("stops_guard", Cause.STOPPED, id="stopping the guard"),
        pytest.param("stops_both", Cause.STOPPED, id="stopping both"),
        pytest.param("stops_guard_kills_warden", Cause.LOST, id="stopping the guard, then killing the warden"),
        pytest.param("terminates_both", Cause.STOPPED, id="SIGTERM and SIGHUP"),
    ],
)
def test_who_turns_against_its_supervisor_gains_nothing(adversaries: Adversaries, kind: str, cause: Cause) -> None:
    process = adversaries.start(kind)
    adversaries.wait_ready(8)
    process.wait(0.3)
    ending = process.stop(signal.SIGTERM, GRACE_S)
    assert adversaries.states() == []
    assert ending.cause is cause
    assert bool(ending.error) is (cause is Cause.LOST)


def test_who_kills_guard_and_warden_is_found_by_its_environment(adversaries: Adversaries) -> None:
    ending = adversaries.start("kills_both").wait(15)
    assert ending
    assert ending.cause is Cause.LOST
    assert ending.returncode in {None, -9}, "the warden may have seen how the kernel killed the command with it"
    assert adversaries.alive() == 0
    assert adversaries.wait_for(lambda: not adversaries.states()), "orphaned zombies are for process 1 to reap"


@pytest.mark.parametrize("kind", ["deaf_main", "zoo", "forker"])
def test_close_kills_at_once(adversaries: Adversaries, kind: str) -> None:
    process = adversaries.start(kind)
    adversaries.wait_ready()
    begin = time.monotonic()
    process.close()
    assert adversaries.states() == []
    assert time.monotonic() - begin < 5
    ending = process.poll()
    assert ending
    assert (ending.cause, [sent.name for sent in ending.signals], ending.forced) == (Cause.STOPPED, ["SIGKILL"], False)
    process.close()


def test_many_at_once_do_not_touch_one_another(adversaries: Adversaries) -> None:
    bystander = adversaries.start("obedient")
    adversaries.wait_ready()
    endings = []

    def one() -> None:
        process = adversaries.start("zoo")
        time.sleep(0.3)
        endings.append(process.stop(signal.SIGTERM, 0.1).cause)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert endings == [Cause.STOPPED] * 8
    assert bystander.poll() is None
    assert adversaries.alive() == 1
    bystander.close()
    assert [child for child in psutil.Process().children() if "guard.begin" in " ".join(child.cmdline())] == []
    assert [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE] == []
