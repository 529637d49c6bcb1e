"""RUN601 to RUN604, RUN614 and RUN631: a deployment that does not start, or is not ready, or proves nothing."""

from __future__ import annotations

from tox_prodsim.deployment.findings.describe import describe_ending, format_owner
from tox_prodsim.deployment.not_ready import UNKNOWN, Obstacle
from tox_prodsim.model.findings import Finding, error, warning
from tox_prodsim.model.formatting import joined
from tox_prodsim.supervision import Ending, WrongProcess


def port_taken(address: str, pid: int | None, command: str) -> Finding:
    """Return RUN601: another process listens on the port of the deployment."""
    return error(
        "RUN601",
        address,
        f"the port is taken before the start, by {format_owner(pid, command)}",
        "stop that process, or write {port} in the command and the probes: it is free at every run",
    )


def socket_taken(path: str, pid: int | None, command: str) -> Finding:
    """Return RUN601: another process listens on the Unix socket of the deployment."""
    return error(
        "RUN601",
        path,
        f"another process listens on the socket before the start: {format_owner(pid, command)}",
        "stop that process, or put the socket below {scratch}: it is empty at every run",
    )


def start_failed(name: str, reason: str) -> Finding:
    """Return RUN614: the system refused to run the command."""
    return error(
        "RUN614", name, f"could not be started: {reason}", "look at the command in deploy and at its first line (#!)"
    )


def exited_before_ready(name: str, ending: Ending, reason: str) -> Finding:
    """Return RUN602: it ended before it was ready."""
    message = f"{describe_ending(ending)} after {ending.duration_s:.2f} s, before it was ready (last answer: {reason})"
    if ending.returncode != 0:
        hint = "its last output is shown below"
    elif ending.survivors:
        hint = "run it in the foreground, without --daemon"
    else:
        hint = (
            "it returned, and no process of it is left: keep it running; a program that ends by itself needs no 'ready'"
        )
    return error("RUN602", name, message, hint)


def ready_timeout_exceeded(name: str, limit_s: float, reason: str, obstacle: Obstacle = UNKNOWN) -> Finding:
    """Return RUN603: it runs, but its probes were not satisfied in time."""
    last = f"last answer: {joined((reason, obstacle.fact), '; ')}"
    return error("RUN603", name, f"not ready within ready_timeout = {limit_s:g} s ({last})", obstacle.hint)


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


def no_evidence(name: str) -> Finding:
    """Return RUN631: the exit code is the only evidence."""
    return warning(
        "RUN631",
        name,
        "ended without proving anything: no probe, no expected output, no commands",
        "say with expect_output what a success prints, or check its results in commands",
    )
