"""The live processes of a run, as psutil's: one may end, or become invisible, while it is read."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import psutil

from tox_prodsim.supervision import clock
from tox_prodsim.supervision.diagnosis import lives


def with_descendants(pid: int) -> tuple[psutil.Process, ...]:
    """Return a process and all below it that are alive, as far as psutil finds them."""
    with suppress(psutil.Error):
        main = psutil.Process(pid)
        return tuple(each for each in (main, *main.children(recursive=True)) if lives(each))
    return ()


def descendants(top: int) -> tuple[psutil.Process, ...]:
    """Return the processes below one that are alive, nearest first."""
    found = []
    for pid in pids_below(top):
        with suppress(psutil.Error):
            found.append(psutil.Process(pid))
    return tuple(each for each in found if lives(each))


def program_name(pid: int) -> str:
    """Return the name of the program that a process runs; empty when it is gone."""
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return ""


def unreaped(pid: int, patience_s: float) -> tuple[str, ...]:
    """Return the names of the ended children of a process that it does not reap, given so many seconds to do so."""
    give_up_at = clock.now() + patience_s
    left = _ended_children(pid)
    while left and clock.now() < give_up_at:
        time.sleep(0.02)
        now = _ended_children(pid)
        left = {each: name for each, name in left.items() if each in now}
    return tuple(sorted(left.values()))


def _ended_children(pid: int) -> dict[psutil.Process, str]:
    found = {}
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children():
            with suppress(psutil.Error):
                if child.status() == psutil.STATUS_ZOMBIE and not lives(child):
                    found[child] = child.name()
    return found


def pids_below(top: int) -> list[int]:
    """Return the pids below a process, zombies too, nearest first; with psutil where no kernel lists children."""
    if not Path(f"/proc/{top}/task/{top}/children").exists():
        with suppress(psutil.Error):
            return [each.pid for each in psutil.Process(top).children(recursive=True)]
    found: list[int] = []
    queue = [top]
    while queue:
        with suppress(OSError):
            for task in Path(f"/proc/{queue.pop(0)}/task").iterdir():
                pids = [int(pid) for pid in (task / "children").read_bytes().split() if int(pid) not in found]
                found += pids
                queue += pids
    return found
