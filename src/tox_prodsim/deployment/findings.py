"""Findings of the RUN family and SIM803: one function for each way in which a deployment can fail."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

from tox_prodsim.deployment.in_flight import RequestOutcome
from tox_prodsim.model.conditions import Condition
from tox_prodsim.model.findings import Finding, Level, error, note, warning
from tox_prodsim.model.formatting import counted, joined, listed, shortened
from tox_prodsim.model.scenario import Stop
from tox_prodsim.supervision import Cause, Ending, NotifyState, Survivor, WrongProcess

SHELLS = frozenset({"sh", "bash", "dash", "ash", "busybox", "ksh", "mksh", "zsh", "fish"})
"""Programs that wait for the command they started and pass no signal on to it."""
EXEC_HINT = "write exec before the last command of the shell script, so that the server becomes the main process"
_LONG_IDLE = 0.5
"""From this share of the limit on, the finding reports for how long the job was idle."""


def describe_ending(ending: Ending) -> str:
    """Return how a process ended, as text."""
    if ending.cause is Cause.LOST:
        return f"lost ({ending.error})"
    if ending.signal is not None:
        return f"ended by {signal_name(ending.signal)}{', core dumped' if ending.core_dumped else ''}"
    return f"exit code {ending.code}"


def describe_signals(ending: Ending) -> str:
    """Return which signals were sent, and when, as text."""
    return ", ".join(f"{sent.name} at {sent.at_s:.2f} s" for sent in ending.signals)


def describe_recipients(stop: Stop, running: int) -> str:
    """Return to which of the running processes the stop signal goes, as text."""
    recipients = {"main": "the main process", "group": "the process group", "tree": "every process"}[stop.to]
    return f"to {recipients} ({counted(running, 'process')} running)"


def signal_name(number: int) -> str:
    """Return the name of a signal, also of a real-time signal that has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def without_folder(command: str) -> str:
    """Return a command line without the folder of its program, which is mostly the environment's and long."""
    program, blank, rest = command.partition(" ")
    return f"{Path(program).name}{blank}{rest}"


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
            f"could not kill {_format_count(ending.unkillable)}: {_format_processes(ending.unkillable)}",
            "look at what they wait for and whose they are, and end them by hand",
        )


def port_taken(address: str, pid: int | None, command: str) -> Finding:
    """Return RUN601: another process listens on the port of the deployment."""
    return error(
        "RUN601",
        address,
        f"the port is taken before the start, by {_format_owner(pid, command)}",
        "stop that process, or write {port} in the command and the probes: it is free at every run",
    )


def socket_taken(path: str, pid: int | None, command: str) -> Finding:
    """Return RUN601: another process listens on the Unix socket of the deployment."""
    return error(
        "RUN601",
        path,
        f"somebody listens on the socket before the start: {_format_owner(pid, command)}",
        "stop that process, or put the socket below {scratch}: it is empty at every run",
    )


def start_failed(name: str, reason: str) -> Finding:
    """Return RUN614: the system refused to run the command."""
    return error(
        "RUN614", name, f"could not be started: {reason}", "look at the command in deploy and at its first line (#!)"
    )


def exited_before_ready(name: str, ending: Ending, reason: str) -> Finding:
    """Return RUN602: it ended before it was ready."""
    background = ending.returncode == 0
    hint = "run it in the foreground, without --daemon" if background else "its last output is shown below"
    message = f"{describe_ending(ending)} after {ending.duration_s:.2f} s, before it was ready (last answer: {reason})"
    return error("RUN602", name, message, hint)


def ready_timeout_exceeded(name: str, limit_s: float, reason: str) -> Finding:
    """Return RUN603: it runs, but its probes were not satisfied in time."""
    return error(
        "RUN603",
        name,
        f"not ready within ready_timeout = {limit_s:g} s (last answer: {reason})",
        "compare the probe with what it printed; raise ready_timeout only if it was still working",
    )


def answered_by_wrong_process(name: str, answer: WrongProcess) -> Finding:
    """Return RUN604: the answer came from a process that is not part of the deployment."""
    who = f'pid {answer.pid} "{answer.command}"' if answer.pid is not None else "another process"
    since = f" ({answer.since})" if answer.since else ""
    return error(
        "RUN604",
        name,
        f"{answer.address} answered, but not by this deployment: {who}{since} listens there",
        "stop that process, or write {port} in the command and the probes: it is free at every run",
    )


def exited_while_serving(name: str, ending: Ending) -> Finding:
    """Return RUN606: it was ready, and ended before it was stopped."""
    return error(
        "RUN606",
        name,
        f"died while it should serve: {describe_ending(ending)} after {ending.duration_s:.2f} s",
        "its last output is shown below",
    )


def stop_timeout_exceeded(name: str, stop: Stop, ending: Ending, main_program: str) -> Finding:
    """Return RUN607: it did not stop in time and was killed."""
    names = [f"pid {each.pid} {_short(without_folder(each.command))}" for each in ending.unstopped]
    alive = f": {listed(names, 3, separator='; ')}" if names else ""
    return error(
        "RUN607",
        name,
        f"did not stop within stop_timeout = {stop.grace_s:g} s after {stop.signal.name} and was killed{alive}",
        EXEC_HINT
        if main_program in SHELLS
        else "handle the signal, and join or stop threads and workers; or name another stop_signal",
    )


def no_signal_handler(name: str, stop_signal: str) -> Finding:
    """Return RUN608: the stop signal has its default action."""
    message = (
        f"has no handler for {stop_signal}: the signal ends it at once and drops requests in flight; "
        "as PID 1 of a container it ignores the signal and is killed"
    )
    return note("RUN608", name, message, "install a handler that finishes the work at hand, or use a server that does")


def request_dropped(outcome: RequestOutcome, stop_signal: str, limit_s: float) -> Finding:
    """Return RUN640: a request that was in flight at the stop was not answered in full."""
    when = f"{outcome.after_s:.2f} s after {stop_signal}" if outcome.in_flight else f"before {stop_signal}"
    return error(
        "RUN640",
        outcome.url,
        f"the request in flight failed {when}: {outcome.problem}",
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
        "gave itself up (WATCHDOG=trigger)" if state.triggered else f"sent no WATCHDOG=1 for {limit}",
        "look below at what its main loop does; it is told the interval in WATCHDOG_USEC",
    )


def output_limit_exceeded(name: str, log: str, limit_bytes: int) -> Finding:
    """Return RUN617: it printed more than the log may hold."""
    return error(
        "RUN617",
        name,
        f"printed more than output_limit_mb = {limit_bytes / 1e6:g} MB into {log}",
        "look at what it repeats; the limit keeps the disk of this machine",
    )


def expected_output_missing(log: str, pattern: re.Pattern[bytes]) -> Finding:
    """Return RUN611: no line of the log matches an expected expression."""
    return error(
        "RUN611",
        "expect_output",
        f"no line of {log} matches {pattern.pattern.decode()!r}",
        "mend the deployment, or the expression",
    )


def rejected_output(log: str, pattern: re.Pattern[bytes], line: str) -> Finding:
    """Return RUN612: a line of the log matches a rejected expression."""
    return error(
        "RUN612",
        "reject_output",
        f"{log} has a line that matches {pattern.pattern.decode()!r}: {_short(line)}",
        "mend what it reports, or the expression",
    )


def suspicious_output(log: str, line: str, *, job: bool) -> Finding:
    """Return RUN624: the output contradicts a success; for a job a traceback is an error."""
    level = Level.ERROR if job and "Traceback (most recent call last)" in line else Level.WARNING
    return Finding(
        code="RUN624",
        level=level,
        subject=log,
        message=f"counts as a success, but printed: {_short(line)}",
        hint="let the exception end the process: no exit code 0 in a finally block",
    )


def near_limit(name: str, key: str, took_s: float, limit_s: float) -> Finding:
    """Return RUN630: it passed, but it used most of a limit."""
    message = f"used {took_s / limit_s:.0%} of {key}: {took_s:.2f} s of {limit_s:g} s"
    return warning("RUN630", name, message, "find out what got slower before raising the limit")


def no_evidence(name: str) -> Finding:
    """Return RUN631: the exit code is the only evidence."""
    return warning(
        "RUN631",
        name,
        "ended without proving anything: no probe, no expected output, no commands",
        "say with expect_output what a success prints, or check its results in commands",
    )


def failed_command(run_id: str, command: str, ending: Ending, *, failed: bool, limit_s: float) -> Iterator[Finding]:
    """Yield RUN610 or RUN605 for a tox command that did not succeed; ``failed`` is tox's view of its exit code."""
    shown = _short(command)
    if ending.cause is Cause.TIMED_OUT:
        yield error(
            "RUN610",
            run_id,
            f"stopped, its commands ran longer than run_timeout = {limit_s:g} s: {shown}",
            "look at what it waits for; raising the limit helps only a command that was still working",
        )
    elif ending.cause is Cause.NOT_STARTED:
        yield error("RUN605", run_id, f"could not be started: {ending.error}", "correct the command")
    elif failed:
        yield error("RUN605", run_id, f"{describe_ending(ending)}: {shown}", "its output is shown above")


def refused_command(run_id: str, reason: str) -> Finding:
    """Return RUN605: tox would not run one of its commands."""
    return error("RUN605", run_id, reason, "name the command in allowlist_externals, or correct it")


def failed_under_condition(condition: Condition, failure: Finding, log: str, last_line: str) -> Finding:
    """Return SIM803: the deployment failed under a condition; ``last_line`` is that of its log."""
    return error(
        "SIM803",
        failure.subject if failure.subject != log else "deploy",
        f"fails with {condition.name}: {failure.message}",
        f"its last words in {log}: {last_line}" if last_line else condition.hint,
    )


def _format_owner(pid: int | None, command: str) -> str:
    return f'pid {pid} "{command}"' if pid is not None else "a process that cannot be seen from here"


def _format_count(survivors: tuple[Survivor, ...]) -> str:
    return counted(len(survivors), "process")


def _format_processes(survivors: tuple[Survivor, ...]) -> str:
    shown = [f"pid {each.pid} {_short(without_folder(each.command))}{_format_state(each)}" for each in survivors]
    return listed(shown, 3, separator="; ")


def _format_state(survivor: Survivor) -> str:
    """Return what is known of a process that cannot be killed, as text."""
    user = f"user {survivor.uid}" if survivor.uid is not None else ""
    waits = f"in {survivor.waits_on}" if survivor.waits_on else ""
    known = joined((user, survivor.state, waits))
    return f" ({known})" if known else ""


def _short(text: str) -> str:
    return shortened(text, 120)
