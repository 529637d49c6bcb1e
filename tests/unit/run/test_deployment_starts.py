"""The starts of a deployment as samples: which count, with the control beside them, and what is said of the others."""

from __future__ import annotations

import random

import pytest

from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.run.deployment_starts import DeploymentStarts
from tox_prodsim.timing.stats import Sample


class Control:
    """Times nothing: notes at which start it was asked for."""

    def __init__(self) -> None:
        self.log: list[str] = []

    def __call__(self) -> Sample:
        self.log.append("control")
        return Sample(wall_s=0.1, queued_s=0.0, cpu_s=0.1, uncompiled=0)


def start(starts: DeploymentStarts, control: Control, seconds: float, why_not: str = "") -> None:
    starts.before(why_not)
    control.log.append("start")
    starts.ready(seconds)
    control.log.append("stop")
    starts.stopped()


def test_each_start_has_a_control_before_or_after_it_by_a_coin() -> None:
    control = Control()
    starts = DeploymentStarts(control, first="", rng=random.Random(1))
    for number in range(8):
        start(starts, control, 0.3 + number / 100)
    rounds = starts.rounds
    assert rounds.target_s == pytest.approx([0.3 + number / 100 for number in range(8)])
    assert rounds.control_s == (0.1,) * 8
    orders = {tuple(control.log[at : at + 3]) for at in range(0, 24, 3)}
    assert orders == {("control", "start", "stop"), ("start", "stop", "control")}
    assert str(starts) == ""


def test_what_does_not_count_is_said_with_the_reason_and_costs_no_control() -> None:
    control = Control()
    starts = DeploymentStarts(control, first="the first one may have compiled bytecode")
    start(starts, control, 0.9)
    start(starts, control, 0.3, "app.db is not as it was before the first start")
    assert "control" not in control.log
    start(starts, control, 0.3)
    assert len(starts.rounds) == 1
    assert str(starts) == (
        "1 of 3 starts of the deployment timed (the first one may have compiled bytecode; "
        "app.db is not as it was before the first start)"
    )


def test_a_start_that_did_not_become_ready_and_one_that_was_not_stopped_are_none() -> None:
    control = Control()
    starts = DeploymentStarts(control, first="")
    starts.before("")
    starts.stopped()
    starts.before("")
    starts.ready(0.3)
    assert len(starts.rounds) == 0


def test_a_control_that_fails_is_no_error_of_the_deployment() -> None:
    def fails() -> Sample:
        raise MeasurementError("the timing process ended with 1")

    starts = DeploymentStarts(fails, first="")
    for _ in range(4):
        starts.before("")
        starts.ready(0.3)
        starts.stopped()
    assert len(starts.rounds) == 0
