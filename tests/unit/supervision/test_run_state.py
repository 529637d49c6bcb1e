"""What the supervising processes report about a run, message by message."""

from __future__ import annotations

import pytest

from tox_prodsim.supervision import Cause
from tox_prodsim.supervision.run_state import RunState

STARTED = {
    "event": "started",
    "pid": 7,
    "warden": 6,
    "at": 100.0,
    "queued_ns": 2 * 10**9,
    "cgroup": "/sys/fs/cgroup/run",
}


def state(*messages: dict[str, object]) -> RunState:
    state = RunState()
    for message in messages:
        state.update(dict(message))
    return state


def test_a_start_brings_pid_moment_warden_and_cgroup() -> None:
    started = state(STARTED)
    assert started.queued_before_s == 2.0
    assert (started.pid, started.warden, str(started.cgroup)) == (7, 6, "/sys/fs/cgroup/run")
    assert (started.ending, started.main_exited) == (None, False)


def test_the_end_of_the_main_process_may_bring_how_it_ended() -> None:
    end = {"event": "main", "cause": "exited", "code": 3, "signal": None, "duration_s": 0.5, "core_dumped": False}
    ended, unknown = state(STARTED, end), state(STARTED, {"event": "main"})
    assert (ended.main_exited, unknown.main_exited, unknown.main_ending) == (True, True, None)
    assert ended.main_ending is not None
    assert (ended.main_ending.code, ended.main_ending.duration_s, ended.ending) == (3, 0.5, None)


@pytest.mark.parametrize(
    ("messages", "cause", "error"),
    [
        pytest.param([], Cause.LOST, "the supervising processes were killed", id="nothing"),
        pytest.param([STARTED], Cause.LOST, "the supervising processes were killed", id="a start"),
        pytest.param(
            [{"event": "trouble", "error": "OSError: no more"}],
            Cause.NOT_STARTED,
            "the supervising process could not work: OSError: no more",
            id="trouble before the start",
        ),
        pytest.param([STARTED, {"event": "trouble", "error": "x"}], Cause.LOST, "x", id="trouble after the start"),
        pytest.param([{"event": "not started", "error": "x: y"}], Cause.NOT_STARTED, "x: y", id="no start"),
        pytest.param([{"event": "not contained", "error": "no"}], Cause.NOT_STARTED, "no", id="no containment"),
        pytest.param([STARTED, {"event": "lost", "error": "gone"}], Cause.LOST, "gone", id="a loss"),
    ],
)
def test_an_end_without_an_ending_is_explained_by(messages: list[dict[str, object]], cause: Cause, error: str) -> None:
    ending = state(*messages).final_ending()
    assert (ending.cause, ending.error, ending.code) == (cause, error, None)
