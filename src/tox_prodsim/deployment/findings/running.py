"""RUN606, RUN610, RUN615 to RUN617, RUN630 and SIM803: what happens while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tox_prodsim.deployment.findings.describe import describe_ending
from tox_prodsim.model.conditions import Condition
from tox_prodsim.model.findings import Finding, error, warning
from tox_prodsim.model.formatting import counted, listed
from tox_prodsim.model.scenario import Stop
from tox_prodsim.supervision import Ending, NotifyState

_LONG_IDLE = 0.5
"""From this share of the limit on, the finding reports for how long the job was idle."""


def exited_while_serving(name: str, ending: Ending) -> Finding:
    """Return RUN606: it was ready, and ended before it was stopped."""
    return error(
        "RUN606",
        name,
        f"exited while serving: {describe_ending(ending)} after {ending.duration_s:.2f} s",
        f"its last output is shown below{_left(ending)}",
    )


def _left(ending: Ending) -> str:
    """Return how many processes outlived the main one, as the end of a sentence."""
    left = len(ending.survivors)
    return f"; {counted(left, 'process')} of it {'was' if left == 1 else 'were'} left, see RUN620" if left else ""


def run_timeout_exceeded(name: str, limit_s: float, idle_s: float) -> Finding:
    """Return RUN610: the job did not end in time; it had printed nothing for ``idle_s``."""
    idle = f", silent for the last {idle_s:.1f} s" if idle_s >= _LONG_IDLE * limit_s else ""
    return error(
        "RUN610",
        name,
        f"did not end within run_timeout = {limit_s:g} s{idle}",
        "look below at what it waits for; raising the limit helps only a job that was still working",
    )


def idle_timeout_exceeded(name: str, limit_s: float) -> Finding:
    """Return RUN615: it printed nothing for too long."""
    return error(
        "RUN615",
        name,
        f"printed nothing for idle_timeout = {limit_s:g} s",
        "look below at what it waits for; raise idle_timeout only for work that is silent by nature",
    )


def watchdog_timeout_exceeded(name: str, state: NotifyState, limit_s: float | None) -> Finding:
    """Return RUN616: it sends no more keep-alives; an interval that it set itself overrides ``limit_s``."""
    own_s = state.watchdog_interval_s
    limit = f"watchdog_timeout = {limit_s:g} s" if own_s is None else f"{own_s:g} s, the interval that it set itself"
    return error(
        "RUN616",
        name,
        "requested a watchdog restart (WATCHDOG=trigger)" if state.triggered else f"sent no WATCHDOG=1 for {limit}",
        "look below at what its main loop does; WATCHDOG_USEC has the interval",
    )


def output_limit_exceeded(name: str, log: str, limit_bytes: int) -> Finding:
    """Return RUN617: it printed more than the log may hold."""
    return error(
        "RUN617",
        name,
        f"printed more than output_limit_mb = {limit_bytes / 1e6:g} MB into {log}",
        "look at what it repeats; the limit keeps the disk of this machine",
    )


def near_limit(name: str, key: str, took_s: float, limit_s: float) -> Finding:
    """Return RUN630: it passed, but it used most of a limit."""
    message = f"used {took_s / limit_s:.0%} of {key}: {took_s:.2f} s of {limit_s:g} s"
    return warning("RUN630", name, message, "find out what got slower before raising the limit")


def ignored_as_pid1(condition: Condition, failure: Finding, stop: Stop, *, is_unhandled: bool) -> Finding:
    """Return SIM803: as PID 1 it did not stop, because the kernel ignores a signal that PID 1 does not handle."""
    ignores = "without a handler it ignores the signal"
    raises = "a handler that restores it and raises the signal again does not end the process"
    cause = f"PID 1 has no default action for {stop.signal.name}: {ignores if is_unhandled else raises}"
    return error("SIM803", failure.subject, f"fails with {condition.name}: {failure.message}; {cause}", condition.hint)


def unreaped_by_pid1(name: str, left: Sequence[str]) -> Iterator[Finding]:
    """Yield SIM803 as a warning: processes that PID 1 inherits stay as zombies when they have ended."""
    if left:
        zombies = f"{counted(len(left), 'zombie')} ({listed(left, 3)})"
        message = f"with pid1 it does not reap the processes that it inherits: {zombies}"
        hint = "start it below an init: docker run --init, init: true, or tini; or wait for all children on SIGCHLD"
        yield warning("SIM803", name, message, hint)


def failed_under_condition(condition: Condition, failure: Finding, log: str, last_line: str) -> Finding:
    """Return SIM803: the deployment failed under a condition; ``last_line`` is that of its log."""
    return error(
        "SIM803",
        failure.subject if failure.subject != log else "deploy",
        f"fails with {condition.name}: {failure.message}",
        f"its last line in {log}: {last_line}" if last_line else condition.hint,
    )
