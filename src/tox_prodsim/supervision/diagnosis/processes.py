"""What the kernel knows about processes at this moment: the tree, what they wait on, and which signals they handle."""

from __future__ import annotations

import os
import shlex
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from tox_prodsim.supervision import procfs
from tox_prodsim.supervision.diagnosis.values import ProcessSnapshot
from tox_prodsim.supervision.diagnosis.waiting import waits_on

_COMMAND_LIMIT = 300
_ADDRESSES = 10
_PYTHONS = ("python", "pypy")


def lives(process: psutil.Process) -> bool:
    """Return whether a process is there and more than a zombie: one whose first thread alone has ended is alive."""
    with suppress(psutil.Error):
        is_zombie = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
        return process.is_running() and not is_zombie
    return False


def is_unhandled(pid: int, number: signal.Signals) -> bool | None:
    """Return whether the signal has its default action in a process; None: that cannot be known here.

    It has when it is neither caught (SigCgt of /proc/PID/status), nor ignored (SigIgn), nor blocked (SigBlk: sigwait).
    """
    masks = [_has(pid, field, number) for field in ("SigCgt", "SigIgn", "SigBlk")]
    return None if None in masks else not any(masks)


def catches(pid: int, number: int) -> bool:
    """Return whether a process is known to catch a signal; one that does not would die of it."""
    return _has(pid, "SigCgt", number) is True


def _has(pid: int, field: str, number: int) -> bool | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
        return bool(int(dict(line.split(":", 1) for line in lines)[field], 16) >> (number - 1) & 1)
    except (OSError, ValueError, KeyError):
        return None


def snapshot(process: psutil.Process, output: os.stat_result | None) -> ProcessSnapshot | None:
    """Return what is known of one process without asking it (its CPU share is not); None: it is gone."""
    with suppress(psutil.Error):
        seen = living_thread(process)
        with seen.oneshot():
            return _snapshot(process.pid, seen, output)
    return None


def _snapshot(pid: int, seen: psutil.Process, output: os.stat_result | None) -> ProcessSnapshot:
    """Return what is known of a process, which a thread of it may show."""
    sockets, holds = _files(seen.pid, output)
    listens, connected = _addresses(seen) if sockets else ((), ())
    state = seen.status()
    waiting = "" if state == psutil.STATUS_ZOMBIE else waits_on(pid, seen.pid)
    return ProcessSnapshot(
        pid=pid,
        parent=seen.ppid(),
        command=shlex.join(seen.cmdline())[:_COMMAND_LIMIT] or seen.name(),
        state=state,
        waits_on="" if state in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP} else waiting,
        cpu_share=0.0,
        memory_bytes=seen.memory_info().rss,
        threads=seen.num_threads(),
        listens=listens,
        connected=connected,
        holds_output=holds,
        is_python=_is_python(seen),
    )


def living_thread(process: psutil.Process) -> psutil.Process:
    """Return what shows the files of a process: itself, or a thread that lives if its first one has ended."""
    folder = procfs.living_folder(process.pid)
    return process if folder.name == str(process.pid) else psutil.Process(int(folder.name))


def _is_python(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return Path(process.exe()).name.startswith(_PYTHONS)
    return False


def _files(pid: int, output: os.stat_result | None) -> tuple[bool, bool]:
    """Return whether a process has sockets, and whether it has the output of the run."""
    sockets = holds = False
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                sockets = sockets or str(entry.readlink()).startswith("socket:")
                holds = holds or (output is not None and os.path.samestat(entry.stat(), output))
    return sockets, holds


def _addresses(process: psutil.Process) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the addresses that a process listens on, and its connections."""
    listens, connected = [], []
    with suppress(psutil.Error):
        for each in process.net_connections("all"):
            here, there = _address(each.laddr), _address(each.raddr)
            if each.status == psutil.CONN_LISTEN or (here and not there):
                listens.append(here)
            elif there:
                connected.append(f"{here} -> {there}" if here else there)
    return tuple(listens[:_ADDRESSES]), tuple(connected[:_ADDRESSES])


def _address(address: object) -> str:
    """Return one end of a socket: an address with a port, or the path of a Unix socket."""
    match address:
        case (str() as host, int() as port):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case str():
            return address.replace("\0", "@")
    return ""


def cpu_seconds(processes: Iterable[psutil.Process]) -> dict[int, tuple[float, float]]:
    """Return the CPU time that each process has used, and the moment at which that was so."""
    used = {}
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            used[process.pid] = (times.user + times.system, time.monotonic())
    return used


def cpu_shares(before: Mapping[int, tuple[float, float]], after: Mapping[int, tuple[float, float]]) -> dict[int, float]:
    """Return the share of one CPU that each process has used between two readings."""
    return {
        pid: round(max(0.0, used - before[pid][0]) / max(moment - before[pid][1], 0.001), 2)
        for pid, (used, moment) in after.items()
        if pid in before
    }
