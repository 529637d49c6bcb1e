"""Who gets the stop signal, and what the others did until the clean-up reached them."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from support.adversaries import Adversaries

from tox_prodsim.supervision import Cause


@pytest.mark.parametrize("containment", ["subreaper", "group"])
@pytest.mark.parametrize(
    ("kind", "processes", "to", "survivors", "unstopped"),
    [
        pytest.param("obedient", 1, "main", 0, 0, id="one that obeys"),
        pytest.param("deaf_main", 1, "main", 0, 1, id="one that ignores the signal"),
        pytest.param("setpgid", 2, "main", 1, 0, id="the main process leaves a child"),
        pytest.param("setpgid", 2, "group", 1, 0, id="a child that left the process group"),
        pytest.param("setpgid", 2, "tree", 0, 1, id="a deaf child gets the signal as well"),
    ],
)
def test_what_is_alive_is_reported_before_it_is_signalled(
    adversaries: Adversaries, kind: str, processes: int, to: Any, survivors: int, unstopped: int, containment: Any
) -> None:
    process = adversaries.start(kind, containment=containment)
    adversaries.wait_ready(processes)
    ending = process.stop(signal.SIGTERM, 1, to=to)
    assert ending.cause is Cause.STOPPED
    assert (len(ending.survivors), len(ending.unstopped), ending.forced) == (survivors, unstopped, unstopped > 0)
    assert adversaries.alive() == 0
    assert adversaries.wait_for(lambda: not adversaries.states()), "orphaned zombies are for process 1 to reap"


def test_a_signal_to_the_main_process_reaches_no_other(adversaries: Adversaries) -> None:
    process = adversaries.start("setpgid")
    adversaries.wait_ready(2)
    first = process.stop(signal.SIGTERM, 1, to="main").signals[0]
    assert (first.name, first.pids) == ("SIGTERM", 1)
