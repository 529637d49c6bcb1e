"""What /proc and the kernel report about the processes below this one, and how to signal one of them safely.

A scan of /proc may miss what is changing; only ``no_child_left`` proves that nothing is left.
"""

from __future__ import annotations

import os
import signal
from collections import defaultdict
from contextlib import suppress
from functools import partial


def no_child_left() -> bool:
    """Reap what has ended and return whether the kernel answers ECHILD: the one proof that a tree is gone."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return False
    return True


def reaped(pid: int) -> bool:
    """Reap this child if it has ended and return whether it is gone."""
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    return True


def send(pid: int, number: int) -> None:
    """Signal a process that was just found below us, if at this moment it still is.

    Our own children keep their pid until we reap them. Any other pid may have changed hands since: the pidfd holds on
    to one process, the check of its ancestors that follows shows whether the pid's present owner is below us, and
    if the two differ, the pidfd's process is dead and the signal goes nowhere.
    """
    me = os.getpid()
    with suppress(OSError, AttributeError):  # ended; or no pidfd here: then its turn comes when it is our child
        if stat(pid)[1] == me:
            os.kill(pid, number)
            return
        handle = os.pidfd_open(pid)
        try:
            if is_below(pid, me):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def is_below(pid: int, top: int) -> bool:
    """Return whether the parents of a process lead to ``top``."""
    for _ in range(4096):
        pid = stat(pid)[1]
        if pid == top:
            return True
        if pid <= 1:
            return False
    return False


def descendants(top: int, proc: str = "/proc") -> list[int]:
    """Return the pids below ``top``, nearest first; may miss some in a tree that is changing."""
    below = partial(children, proc=proc) if LISTS_CHILDREN else by_parent(proc).__getitem__
    found: dict[int, None] = {}
    queue = list(below(top))
    while queue:
        pid = queue.pop(0)
        if pid not in found:
            found[pid] = None
            queue += below(pid)
    return list(found)


def children(pid: int, proc: str = "/proc") -> list[int]:
    """Return the children of all threads of a process; may miss some while they come and go."""
    if not LISTS_CHILDREN:
        return by_parent(proc)[pid]
    with suppress(OSError):
        tasks = os.listdir(f"{proc}/{pid}/task")
        return [int(child) for task in tasks for child in read(f"{proc}/{pid}/task/{task}/children").split()]
    return []


LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # CONFIG_PROC_CHILDREN


def by_parent(proc: str = "/proc") -> dict[int, list[int]]:
    """Return the children of every process, for a kernel that does not list them; slower, one scan of /proc."""
    found: dict[int, list[int]] = defaultdict(list)
    for pid in map(int, filter(str.isdigit, os.listdir(proc))):
        found[stat(pid, proc)[1]].append(pid)
    return found


def stat(pid: int, proc: str = "/proc") -> tuple[str, int, int]:
    """Return state, parent and process group; ("X", 0, 0) when it does not exist."""
    fields = read(f"{proc}/{pid}/stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[1]), int(fields[2])) if len(fields) > 2 else ("X", 0, 0)


def read(path: str) -> bytes:
    """Return the content of a file; nothing when it cannot be read, as when its process has ended."""
    with suppress(OSError), open(path, "rb") as file:
        return file.read()
    return b""


def queued_ns(pid: int | str) -> int:
    """Return the ns for which the first thread of a process was ready to run and queued; also of a zombie."""
    times = read(f"/proc/{pid}/schedstat").split()
    return int(times[1]) if len(times) > 1 else 0
