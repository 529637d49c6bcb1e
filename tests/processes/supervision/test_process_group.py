"""The fall-back for other systems than Linux, tested where it can be tested: on Linux."""

from __future__ import annotations

import signal

import pytest
from support.adversaries import Adversaries

from tox_prodsim.supervision import Cause


@pytest.mark.parametrize(
    ("kind", "processes", "forced"),
    [
        pytest.param("obedient", 1, False, id="one that obeys"),
        pytest.param("deaf_main", 1, True, id="one that ignores SIGTERM"),
        pytest.param("deaf_grandchildren", 7, True, id="deaf grandchildren"),
        pytest.param("setpgid", 2, True, id="a child that left the process group"),
        pytest.param("stopped_child", 2, False, id="a stopped child"),
    ],
)
def test_a_process_group_and_psutil_stop(adversaries: Adversaries, kind: str, processes: int, forced: bool) -> None:
    process = adversaries.start(kind, containment="group")
    adversaries.wait_ready(processes)
    assert len(process.tree()) == processes
    ending = process.stop(signal.SIGTERM, 0.4)
    assert adversaries.alive() == 0
    assert (ending.cause, ending.forced) == (Cause.STOPPED, forced)
    assert adversaries.wait_for(lambda: not adversaries.states()), "orphaned zombies are for process 1 to reap"


def test_a_child_that_is_left_in_the_group_is_named_and_killed(adversaries: Adversaries) -> None:
    ending = adversaries.start("listener_exit", containment="group").wait(10)
    assert ending
    assert (ending.cause, ending.code, len(ending.survivors), adversaries.alive()) == (Cause.EXITED, 0, 1, 0)
    assert ending.survivors[0].listens == (f"127.0.0.1:{adversaries.output.read_text().strip()}",)
    assert adversaries.wait_for(lambda: not adversaries.states())


def test_close_kills_at_once(adversaries: Adversaries) -> None:
    process = adversaries.start("deaf_main", containment="group")
    adversaries.wait_ready()
    process.close()
    ending = process.poll()
    assert ending
    assert ([sent.name for sent in ending.signals], ending.forced, adversaries.states()) == (["SIGKILL"], False, [])
