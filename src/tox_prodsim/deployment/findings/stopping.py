"""RUN607 to RUN609, RUN613, RUN618, RUN640 and RUN641: how it ends, and starts again."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from tox_prodsim.deployment.findings.describe import (
    describe_ending,
    format_count,
    format_processes,
    short,
    without_folder,
)
from tox_prodsim.deployment.in_flight import RequestOutcome
from tox_prodsim.model.findings import Finding, error, note
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.scenario import Stop
from tox_prodsim.supervision import Cause, Ending


def _signals(*names: str) -> frozenset[signal.Signals]:
    """Return those of the signals that exist on this system."""
    return frozenset(each for each in signal.Signals if each.name in names)


SHELLS = frozenset({"sh", "bash", "dash", "ash", "busybox", "ksh", "mksh", "zsh", "fish"})
"""Programs that wait for the command they started and pass no signal on to it."""
_UNCATCHABLE = _signals("SIGKILL", "SIGSTOP")
_GOES_ON_AFTER = _signals("SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGTSTP", "SIGTTIN", "SIGTTOU")
"""Signals whose default action does not end a process."""
EXEC_HINT = "write exec before the last command of the shell script, so that the server becomes the main process"


def unexpected_ending(name: str, ending: Ending, allowed: frozenset[int]) -> Iterator[Finding]:
    """Yield RUN613 when the supervisor was lost, and RUN609 when the exit code is not allowed."""
    if ending.cause is Cause.LOST:
        yield error(
            "RUN613",
            name,
            f"the supervising process was lost: {ending.error}",
            "what was left of the deployment was killed; look for something that kills foreign processes",
        )
    elif ending.returncode not in allowed:
        allowed_codes = ", ".join(str(code) for code in sorted(allowed))
        yield error(
            "RUN609",
            name,
            f"{describe_ending(ending)} is not among the allowed ends ({allowed_codes})",
            "mend what it reports, or name the code or signal in exit_codes",
        )


def unkillable_processes(name: str, ending: Ending) -> Iterator[Finding]:
    """Yield RUN618 for the processes that could not be killed."""
    if ending.unkillable:
        yield error(
            "RUN618",
            name,
            f"could not kill {format_count(ending.unkillable)}: {format_processes(ending.unkillable)}",
            "look at what they wait for and whose they are, and end them by hand",
        )


def stop_timeout_exceeded(name: str, stop: Stop, ending: Ending, main_program: str, main_pid: int = 0) -> Finding:
    """Return RUN607: it did not stop in time and was killed; ``main_pid`` is that of its main process, 0: not known."""
    names = [f"pid {each.pid} {short(without_folder(each.command))}" for each in ending.unstopped]
    alive = f": {listed(names, 3, separator='; ')}" if names else ""
    return error(
        "RUN607",
        name,
        f"did not stop within stop_timeout = {stop.grace_s:g} s after {stop.signal.name} and was killed{alive}",
        EXEC_HINT if main_program in SHELLS else f"{_to_stop(ending, main_pid)}; or name another stop_signal",
    )


def _to_stop(ending: Ending, main_pid: int) -> str:
    """Return what a program must do to stop, by what of it was alive when its time was over."""
    alive = {each.pid for each in ending.unstopped}
    others = len(alive - {main_pid})
    if main_pid not in alive:
        return "handle the signal, and join or stop threads and workers"
    if not others:
        return "handle the signal, and join or stop its threads (no child of it is left)"
    left = "the child process that is left" if others == 1 else f"the {others} child processes that are left"
    return f"handle the signal, stop {left}, and wait for {'it' if others == 1 else 'them'} with a limit"


def no_signal_handler(name: str, stop_signal: signal.Signals, *, runs_others: bool) -> Iterator[Finding]:
    """Yield RUN608: the stop signal has its default action; no process can handle SIGKILL and SIGSTOP.

    ``runs_others`` says whether it has started others, which the signal does not reach.
    """
    if stop_signal in _UNCATCHABLE:
        return
    if stop_signal in _GOES_ON_AFTER:
        message = f"has no handler for {stop_signal.name}, which by itself ends no process: it is killed after the stop"
        yield note("RUN608", name, message, "install a handler that ends it, or name another stop_signal")
        return
    effect = "leaves what it has started" if runs_others else "drops requests in flight"
    message = (
        f"has no handler for {stop_signal.name}: the signal ends it at once and {effect}; "
        "as PID 1 of a container it ignores the signal and is killed"
    )
    yield note("RUN608", name, message, "install a handler that finishes the work at hand, or use a server that does")


def request_dropped(outcome: RequestOutcome, stop_signal: str, limit_s: float) -> Finding:
    """Return RUN640: a request that was in flight at the stop was not answered in full."""
    if not outcome.in_flight:
        return error(
            "RUN640",
            outcome.url,
            f"the request failed before {stop_signal} was sent: {outcome.problem}",
            "correct the URL in drain, or what answers it: this is not a consequence of the stop",
        )
    return error(
        "RUN640",
        outcome.url,
        f"the request in flight failed {outcome.after_s:.2f} s after {stop_signal}: {outcome.problem}",
        f"stop accepting, answer what was accepted, then end, all within stop_timeout = {limit_s:g} s",
    )


def second_start_failed(failure: Finding, log: str, *, after: str) -> Finding:
    """Return RUN641: it ran, and could not be started once more where it had run."""
    return error(
        "RUN641",
        failure.subject,
        f"the second start fails, {after}: {failure.message}",
        f"read {log}; remove pid files and sockets at the start, set SO_REUSEADDR, make migrations repeatable",
    )
