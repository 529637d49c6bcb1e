"""Endings, signals, processes and owners as text, for findings and for the lines of the timeline."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path

from tox_prodsim.deployment.program import program_of
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.formatting import counted, joined, listed, shortened
from tox_prodsim.model.scenario import Deployment, Stop
from tox_prodsim.supervision import Cause, Ending, Survivor


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


def describe_expected(deployment: Deployment, found: Iterable[Finding]) -> str:
    """Return how many of the expected lines were seen, as text; empty when none are expected."""
    expected = len(deployment.expect_output)
    missing = sum(finding.code in {"RUN611", "RUN658"} and finding.subject == "expect_output" for finding in found)
    return f"{expected - missing} of {counted(expected, 'expected line')} seen" if expected else ""


def signal_name(number: int) -> str:
    """Return the name of a signal, also of a real-time signal that has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def without_folder(command: str) -> str:
    """Return a command line without the folders of its program and of its script, which are mostly long."""
    program, blank, rest = command.partition(" ")
    script, after, arguments = rest.partition(" ")
    if script.startswith("/") and program_of((program, script)) == Path(script).name:
        rest = f"{Path(script).name}{after}{arguments}"
    return f"{Path(program).name}{blank}{rest}"


def format_owner(pid: int | None, command: str) -> str:
    """Return the process that holds an address, as text."""
    return f'pid {pid} "{command}"' if pid is not None else "a process that cannot be seen from here"


def format_count(survivors: tuple[Survivor, ...]) -> str:
    """Return how many processes there are, as text."""
    return counted(len(survivors), "process")


def format_processes(survivors: tuple[Survivor, ...]) -> str:
    """Return the first processes with what is known of them, as text."""
    shown = [f"pid {each.pid} {short(without_folder(each.command))}{_format_state(each)}" for each in survivors]
    return listed(shown, 3, separator="; ")


def _format_state(survivor: Survivor) -> str:
    """Return what is known of a process that cannot be killed, as text."""
    user = f"user {survivor.uid}" if survivor.uid is not None else ""
    waits = f"in {survivor.waits_on}" if survivor.waits_on else ""
    known = joined((user, survivor.state, waits))
    return f" ({known})" if known else ""


def short(text: str) -> str:
    """Return the text in one line that fits a finding."""
    return shortened(text, 120)
