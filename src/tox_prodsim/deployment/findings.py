"""What the facts of a deployment mean: each way it can go wrong as a finding of the RUN family."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

from tox_prodsim.model.findings import Finding, Level, error
from tox_prodsim.model.formatting import counted, joined, listed
from tox_prodsim.supervision import Cause, Ending, NotifyState, Survivor, WrongProcess

_SILENT = 0.5
"""From this share of a limit on, silence is worth a word."""


def how(ending: Ending) -> str:
    """Return in words how a process ended."""
    if ending.cause is Cause.LOST:
        return f"lost ({ending.error})"
    if ending.signal is not None:
        return f"ended by {signal_name(ending.signal)}{', core dumped' if ending.core_dumped else ''}"
    return f"exit code {ending.code}"


def signals(ending: Ending) -> str:
    """Return in words which signals were sent, and when."""
    return ", ".join(f"{sent.name} at {sent.at_s:.2f} s" for sent in ending.signals)


def signal_name(number: int) -> str:
    """Return the name of a signal, also of a real-time signal that has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def judged_end(name: str, ending: Ending, allowed: frozenset[int]) -> Iterator[Finding]:
    """Yield what speaks against an end that came in time: a lost supervisor, a forbidden code, processes left."""
    if ending.cause is Cause.LOST:
        yield error(
            "RUN613",
            name,
            f"the supervising process was lost: {ending.error}",
            "what was left of the deployment was killed; look for something that kills foreign processes",
        )
    elif ending.returncode not in allowed:
        wanted = ", ".join(str(code) for code in sorted(allowed))
        yield error(
            "RUN609",
            name,
            f"{how(ending)} is not among the allowed ends ({wanted})",
            "mend what it reports, or name the code or signal in exit_codes",
        )


def unkillable(name: str, ending: Ending) -> Iterator[Finding]:
    """Yield RUN618 for the processes that nobody could kill."""
    if ending.unkillable:
        yield error(
            "RUN618",
            name,
            f"could not kill {_count(ending.unkillable)}: {_named(ending.unkillable)}",
            "look at what they wait for and whose they are, and end them by hand",
        )


def port_taken(address: str, pid: int | None, command: str) -> Finding:
    """Return RUN601: something else listens where the deployment would."""
    who = f'pid {pid} "{command}"' if pid is not None else "a process that cannot be seen from here"
    return error(
        "RUN601",
        address,
        f"the port is taken before the start, by {who}",
        "stop that process, or write {port} in the command and the probes: it is free at every run",
    )


def socket_taken(path: str, pid: int | None, command: str) -> Finding:
    """Return RUN601: somebody listens already on the Unix socket of the deployment."""
    who = f'pid {pid} "{command}"' if pid is not None else "a process that cannot be seen from here"
    return error(
        "RUN601",
        path,
        f"somebody listens on the socket before the start: {who}",
        "stop that process, or put the socket below {scratch}: it is empty at every run",
    )


def could_not_start(name: str, reason: str) -> Finding:
    """Return RUN614: the system refused to run the command."""
    return error(
        "RUN614", name, f"could not be started: {reason}", "look at the command in deploy and at its first line (#!)"
    )


def exited_early(name: str, ending: Ending, reason: str) -> Finding:
    """Return RUN602: it ended before it was ready."""
    background = ending.returncode == 0
    hint = "run it in the foreground, without --daemon" if background else "its last output is shown below"
    message = f"{how(ending)} after {ending.duration_s:.2f} s, before it was ready (last answer: {reason})"
    return error("RUN602", name, message, hint)


def not_ready(name: str, limit_s: float, reason: str) -> Finding:
    """Return RUN603: it runs, but no probe said in time that it is ready."""
    return error(
        "RUN603",
        name,
        f"not ready within ready_timeout = {limit_s:g} s (last answer: {reason})",
        "compare the probe with what it printed; raise ready_timeout only if it was still working",
    )


def foreign(name: str, answer: WrongProcess) -> Finding:
    """Return RUN604: the answer came from somebody else's process."""
    who = f'pid {answer.pid} "{answer.command}"' if answer.pid is not None else "another process"
    since = f" ({answer.since})" if answer.since else ""
    return error(
        "RUN604",
        name,
        f"{answer.address} answered, but not by this deployment: {who}{since} listens there",
        "stop that process, or write {port} in the command and the probes: it is free at every run",
    )


def died(name: str, ending: Ending) -> Finding:
    """Return RUN606: it was ready, and ended before anybody asked it to."""
    return error(
        "RUN606",
        name,
        f"died while it should serve: {how(ending)} after {ending.duration_s:.2f} s",
        "its last output is shown below",
    )


def killed(name: str, stop_signal: str, grace_s: float) -> Finding:
    """Return RUN607: it had to be killed."""
    return error(
        "RUN607",
        name,
        f"did not stop within stop_timeout = {grace_s:g} s after {stop_signal} and was killed",
        "handle the signal, and join or stop threads and workers; or name another stop_signal",
    )


def no_handler(name: str, stop_signal: str) -> Finding:
    """Return RUN608: the stop signal has its default action."""
    message = f"has no handler for {stop_signal}: it is ended at once, requests in flight are dropped"
    return Finding(
        code="RUN608",
        level=Level.NOTE,
        subject=name,
        message=message,
        hint="install a handler that finishes the work at hand, or use a server that does",
    )


def job_timed_out(name: str, limit_s: float, silent_s: float) -> Finding:
    """Return RUN610: the job did not come to its end; ``silent_s`` is since when it had printed nothing."""
    silent = f", silent for the last {silent_s:.1f} s" if silent_s >= _SILENT * limit_s else ""
    return error(
        "RUN610",
        name,
        f"did not end within run_timeout = {limit_s:g} s{silent}",
        "look below at what it waits for; raising the limit helps only a job that was still working",
    )


def fell_silent(name: str, limit_s: float) -> Finding:
    """Return RUN615: it printed nothing for too long."""
    return error(
        "RUN615",
        name,
        f"printed nothing for idle_timeout = {limit_s:g} s",
        "look below at what it waits for; raise idle_timeout only for work that is silent by nature",
    )


def watchdog_missed(name: str, said: NotifyState, limit_s: float | None) -> Finding:
    """Return RUN616: it no longer says that it is alive; an interval that it set itself counts before ``limit_s``."""
    own_s = said.watchdog_interval_s
    limit = f"watchdog_timeout = {limit_s:g} s" if own_s is None else f"{own_s:g} s, the interval that it set itself"
    return error(
        "RUN616",
        name,
        "gave itself up (WATCHDOG=trigger)" if said.triggered else f"sent no WATCHDOG=1 for {limit}",
        "look below at what its main loop does; it is told the interval in WATCHDOG_USEC",
    )


def flooded(name: str, log: str, limit_bytes: int) -> Finding:
    """Return RUN617: it printed more than a log should hold."""
    return error(
        "RUN617",
        name,
        f"printed more than output_limit_mb = {limit_bytes / 1e6:g} MB into {log}",
        "look at what it repeats; the limit keeps the disk of this machine",
    )


def not_seen(log: str, pattern: re.Pattern[bytes]) -> Finding:
    """Return RUN611: an expected line did not come."""
    return error(
        "RUN611",
        "expect_output",
        f"no line of {log} matches {pattern.pattern.decode()!r}",
        "mend the deployment, or the expression",
    )


def forbidden(log: str, pattern: re.Pattern[bytes], line: str) -> Finding:
    """Return RUN612: a rejected line came."""
    return error(
        "RUN612",
        "reject_output",
        f"{log} has a line that matches {pattern.pattern.decode()!r}: {_short(line)}",
        "mend what it reports, or the expression",
    )


def suspicious(log: str, line: str, *, job: bool) -> Finding:
    """Return RUN624: the output speaks against a success; for a job a traceback is an error."""
    level = Level.ERROR if job and "Traceback (most recent call last)" in line else Level.WARNING
    return Finding(
        code="RUN624",
        level=level,
        subject=log,
        message=f"counts as a success, but printed: {_short(line)}",
        hint="let the exception end the process: no exit code 0 in a finally block",
    )


def near_limit(name: str, key: str, took_s: float, limit_s: float) -> Finding:
    """Return RUN630: it passed, but the next slow machine will not."""
    message = f"used {took_s / limit_s:.0%} of {key}: {took_s:.2f} s of {limit_s:g} s"
    return Finding(
        code="RUN630",
        level=Level.WARNING,
        subject=name,
        message=message,
        hint="find out what got slower before raising the limit",
    )


def proved_nothing(name: str) -> Finding:
    """Return RUN631: an exit code was all the evidence there is."""
    return Finding(
        code="RUN631",
        level=Level.WARNING,
        subject=name,
        message="ended without proving anything: no probe, no expected output, no commands",
        hint="say with expect_output what a success prints, or check its results in commands",
    )


def judged_command(run_id: str, command: str, ending: Ending, *, failed: bool, limit_s: float) -> Iterator[Finding]:
    """Yield what speaks against the end of one of tox's commands; ``failed`` is what tox makes of its exit code."""
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
        yield error("RUN605", run_id, f"{how(ending)}: {shown}", "its output is shown above")


def smoke_refused(run_id: str, reason: str) -> Finding:
    """Return RUN605: tox would not run one of its commands."""
    return error("RUN605", run_id, reason, "name the command in allowlist_externals, or correct it")


def _count(survivors: tuple[Survivor, ...]) -> str:
    return counted(len(survivors), "process")


def _named(survivors: tuple[Survivor, ...]) -> str:
    shown = [f"pid {each.pid} {_short(_by_name(each.command))}{_kind(each)}" for each in survivors]
    return listed(shown, 3, separator="; ")


def _kind(survivor: Survivor) -> str:
    """Return in words what is known of a process that cannot be killed."""
    user = f"user {survivor.uid}" if survivor.uid is not None else ""
    waits = f"in {survivor.waits_on}" if survivor.waits_on else ""
    known = joined((user, survivor.state, waits))
    return f" ({known})" if known else ""


def _by_name(command: str) -> str:
    """Return a command line whose program has lost its folder, which is mostly the environment's and long."""
    program, blank, rest = command.partition(" ")
    return f"{Path(program).name}{blank}{rest}"


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"
