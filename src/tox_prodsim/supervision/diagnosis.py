"""What processes are doing at this moment, for a report: the tree, and which signals they handle."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

_COMMAND_LIMIT = 300


def tree(processes: Iterable[psutil.Process]) -> Iterator[str]:
    """Yield one line for each process: pid, parent, state, memory, CPU seconds, threads and command."""
    for process in processes:
        with suppress(psutil.Error), process.oneshot():
            cpu, memory = process.cpu_times(), process.memory_info().rss / 1e6
            facts = f"{process.status():<9} {memory:4.0f} MB  cpu {cpu.user + cpu.system:.2f} s"
            threads = f"{process.num_threads()} threads"
            command = shlex.join(process.cmdline())[:_COMMAND_LIMIT]
            yield f"{process.pid:>7} of {process.ppid():<7} {facts}  {threads}  {command}"


def lives(process: psutil.Process) -> bool:
    """Return whether a process is there and more than a zombie."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def is_unhandled(pid: int, number: signal.Signals) -> bool | None:
    """Return whether the signal has its default action in a process; None: that cannot be known here.

    It has when it is neither caught (SigCgt of /proc/PID/status), nor ignored (SigIgn), nor blocked (SigBlk: sigwait).
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        masks = [int(fields[name], 16) for name in ("SigCgt", "SigIgn", "SigBlk")]
    except (OSError, ValueError, KeyError):
        return None
    return not any(mask >> (number - 1) & 1 for mask in masks)
