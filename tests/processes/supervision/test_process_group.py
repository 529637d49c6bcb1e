"""The fall-back for other systems than Linux, tested where it can be tested: on Linux."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tox_prodsim.supervision import Cause

if TYPE_CHECKING:
    from conftest import Arena


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
def test_a_process_group_and_psutil_stop(arena: Arena, kind: str, processes: int, forced: bool) -> None:
    process = arena.start(kind, containment="group")
    arena.wait_ready(processes)
    assert len(process.tree()) == processes
    ending = process.stop(signal.SIGTERM, 0.4)
    assert arena.alive() == 0
    assert (ending.cause, ending.forced) == (Cause.STOPPED, forced)
    assert arena.wait_for(lambda: not arena.states()), "orphaned zombies are for process 1 to reap"


def test_a_child_that_is_left_in_the_group_is_named_and_killed(arena: Arena) -> None:
    ending = arena.start("listener_exit", containment="group").wait(10)
    assert ending
    assert (ending.cause, ending.code, len(ending.survivors), arena.alive()) == (Cause.EXITED, 0, 1, 0)
    assert ending.survivors[0].listens == (f"127.0.0.1:{arena.output.read_text().strip()}",)
    assert arena.wait_for(lambda: not arena.states())


def test_close_kills_at_once(arena: Arena) -> None:
    process = arena.start("deaf_main", containment="group")
    arena.wait_ready()
    process.close()
    ending = process.poll()
    assert ending
    assert ([sent.name for sent in ending.signals], ending.forced, arena.states()) == (["SIGKILL"], False, [])
