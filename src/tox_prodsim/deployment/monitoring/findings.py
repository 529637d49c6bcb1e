"""RUN645 to RUN647: what happens to a service that was ready, while it is up."""

from __future__ import annotations

from pathlib import Path

from tox_prodsim.deployment.findings import signal_name, without_folder
from tox_prodsim.deployment.monitoring.crashes import Crashes
from tox_prodsim.deployment.monitoring.lost_readiness import Loss
from tox_prodsim.deployment.monitoring.zombies import Pile
from tox_prodsim.deployment.program import program_of
from tox_prodsim.model.findings import Finding, error
from tox_prodsim.model.formatting import counted, listed, shortened
from tox_prodsim.model.probes import describe_probe
from tox_prodsim.supervision import DescendantEnding

_SHOWN = 3
_LENGTH = 80


def readiness_lost(name: str, loss: Loss, spawned_at: float) -> Finding:
    """Return RUN645: a probe that was satisfied was satisfied no longer."""
    at_s = loss.began_at - spawned_at
    lasted = f"for {loss.ended_at - loss.began_at:.1f} s" if loss.ended_at is not None else "until the stop"
    times = f", {loss.asked} times in a row" if loss.asked > 1 else ""
    said = f"{describe_probe(loss.probe)} said {shortened(loss.answer, _LENGTH)!r}{times}"
    return error(
        "RUN645",
        name,
        f"lost its readiness at {at_s:.2f} s, {lasted}: {said}",
        "read its log of that time; an orchestrator sends it no more requests, or restarts it",
    )


def children_crashed(name: str, crashes: Crashes, spawned_at: float) -> Finding:
    """Return RUN646: children of the service crashed, all of them of one program and one parent."""
    first = crashes.endings[0]
    number = len(crashes.endings)
    count = "1 child" if number == 1 else f"{number} children"
    by = f" of {_parent(first.parent.pid, first.parent_command)}" if first.parent_command else ""
    again = f" and {'was' if number == 1 else 'were'} started again" if crashes.was_replaced else ""
    shown = [_format_ending(each, spawned_at) for each in crashes.endings]
    return Finding(
        code="RUN646",
        level=crashes.level,
        subject=name,
        message=f"{count}{by} crashed{again}: {_brief(first.command)}, {listed(shown, _SHOWN, separator='; ')}",
        hint=_hint(first),
    )


def _hint(ending: DescendantEnding) -> str:
    if ending.signal is None:
        return "read its log for the exception; a master that starts it again and again hides the fault"
    if signal_name(ending.signal) == "SIGKILL":
        return "its master killed it (a timeout of a worker), or the kernel did (out of memory): read its log and dmesg"
    return "read its log; for a fault in an extension module set PYTHONFAULTHANDLER=1 in set_env to see where"


def _format_ending(ending: DescendantEnding, spawned_at: float) -> str:
    if ending.signal is not None:
        how = f"ended by {signal_name(ending.signal)}{', core dumped' if ending.core_dumped else ''}"
    else:
        how = f"exit code {ending.code}"
    return f"pid {ending.pid} {how} at {ending.ended_at - spawned_at:.2f} s"


def zombies_pile_up(name: str, pile: Pile) -> Finding:
    """Return RUN647: a process of the service does not wait for its children."""
    first = pile.zombies[0]
    shown = [f"pid {each.pid} {_brief(each.command)}" for each in pile.zombies]
    return error(
        "RUN647",
        name,
        f"{counted(len(shown), 'zombie')} of {_parent(first.parent.pid, first.parent_command)}, "
        f"which does not wait for its children: {listed(shown, _SHOWN, separator='; ')}",
        "wait for each child (subprocess.run, Popen.wait, os.waitpid): each zombie keeps a place in the process table",
    )


def _parent(pid: int, command: str) -> str:
    return f"{program_of(command.split())} (pid {pid})"


def _brief(command: str) -> str:
    """Return a command line without folders and without the interpreter of a script, as far as it fits."""
    if "multiprocessing" in command:
        return "a process of multiprocessing"
    interpreter, _, rest = command.partition(" ")
    script = rest if rest.startswith("/") and Path(interpreter).name.startswith(("python", "pypy")) else command
    return shortened(without_folder(script), _LENGTH)
