"""What RUN608 says of a signal that is not handled."""

from __future__ import annotations

import signal

import pytest

from tox_prodsim.deployment.findings import no_signal_handler

PID1 = "as PID 1 of a container it ignores the signal and is killed"


@pytest.mark.parametrize(
    ("number", "runs_others", "message"),
    [
        (signal.SIGTERM, False, f": the signal ends it at once and drops requests in flight; {PID1}"),
        (signal.SIGQUIT, True, f": the signal ends it at once and leaves what it has started; {PID1}"),
        (signal.SIGWINCH, False, ", which by itself ends no process: it is killed after the stop"),
    ],
)
def test_the_message_is_true_for_the_default_action(number: signal.Signals, runs_others: bool, message: str) -> None:
    (finding,) = no_signal_handler("it", number, runs_others=runs_others)
    assert finding.message == f"has no handler for {number.name}{message}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_nobody_can_handle_these(number: signal.Signals) -> None:
    assert list(no_signal_handler("it", number, runs_others=False)) == []
