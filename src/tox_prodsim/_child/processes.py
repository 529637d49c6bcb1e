"""What /proc and the kernel report about the processes below this one, and how to signal one of them safely.

A scan of /proc may miss what is changing; only ``no_child_left`` proves that nothing is left. A process whose first
thread has ended is a zombie to /proc until its other threads have ended: it is alive, and has its files below one of
them. No file may have to be opened for the kill: the limit of open files may be used up, or lowered by others.
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


def is_child(pid: int) -> bool:
    """Return whether the process is our child, alive or not reaped yet."""
    with suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, _PEEK)
        return True
    return False


def is_reported(pid: int) -> bool:
    """Return whether the kernel reports that this child has ended; not for one whose tracer has not let it go."""
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, _PEEK) is not None
    return False


def lives(pid: int) -> bool:
    """Return whether a process is alive; a child of which nothing can be read is until the kernel reports its end."""
    state = stat(pid)[0]
    if state == "X":
        with suppress(ChildProcessError):
            return os.waitid(os.P_PID, pid, _PEEK) is None
    return state not in "ZX"


def send(pid: int, number: int) -> None:
    """Signal a process that was just found below us, if at this moment it still is.

    Our own children keep their pid until we reap them, and no file is opened for them. Any other pid may have changed
    hands since: the pidfd holds on to one process, the check of its ancestors that follows shows whether the pid's
    present owner is below us, and if the two differ, the pidfd's process is dead and the signal goes nowhere.
    """
    me = os.getpid()
    with suppress(OSError, AttributeError):  # ended; or no pidfd here: then its turn comes when it is our child
        if is_child(pid):
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
    if pid in _own_list:
        return [int(child) for child in reread(_own_list[pid]).split()]
    if not LISTS_CHILDREN:
        return by_parent(proc)[pid]
    with suppress(OSError):
        tasks = os.listdir(f"{proc}/{pid}/task")
        return [int(child) for task in tasks for child in read(f"{proc}/{pid}/task/{task}/children").split()]
    return []


LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # CONFIG_PROC_CHILDREN
_PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT
_own_list: dict[int, int] = {}  # the open file with the children of this process, which has one thread


def keep_list_of_children() -> None:
    """Keep the list of our own children open from now on, so that it can be read when no file can be opened."""
    _own_list.clear()
    me = os.getpid()
    with suppress(OSError):
        _own_list[me] = os.open(f"/proc/{me}/task/{me}/children", os.O_RDONLY | os.O_CLOEXEC)


def reread(fd: int) -> bytes:
    """Return what a file of /proc that is open holds now."""
    content = b""
    with suppress(OSError):
        os.lseek(fd, 0, os.SEEK_SET)
        while chunk := os.read(fd, 1 << 16):
            content += chunk
    return content


def by_parent(proc: str = "/proc") -> dict[int, list[int]]:
    """Return the children of every process, for a kernel that does not list them; slower, one scan of /proc."""
    found: dict[int, list[int]] = defaultdict(list)
    for pid in map(int, filter(str.isdigit, os.listdir(proc))):
        found[stat(pid, proc)[1]].append(pid)
    return found


def stat(pid: int, proc: str = "/proc") -> tuple[str, int, int]:
    """Return state, parent and process group; ("X", 0, 0) when it does not exist, or cannot be read.

    The state of a process whose first thread has ended is that of a thread that lives.
    """
    fields = stat_fields(f"{proc}/{pid}")
    if len(fields) < STAT_FIELDS:
        return "X", 0, 0
    state = fields[0]
    if first_thread_ended(fields):
        rest = stat_fields(living_folder(pid, proc))[:1]
        state = b"S" if rest in ([], [b"Z"], [b"X"]) else rest[0]  # b"S": no thread stayed for long enough to be read
    return state.decode(), int(fields[1]), int(fields[2])


def living_folder(pid: int, proc: str = "/proc") -> str:
    """Return the folder of a process in /proc, or that of a thread that lives if the first one has ended.

    Command line, environment, open files and namespaces are empty for a thread that has ended.
    """
    folder = f"{proc}/{pid}"
    if first_thread_ended(stat_fields(folder)):
        with suppress(OSError):
            for task in os.listdir(f"{folder}/task"):
                if stat_fields(f"{folder}/task/{task}")[:1] not in ([], [b"Z"], [b"X"]):
                    return f"{folder}/task/{task}"
    return folder


def stat_fields(folder: str) -> list[bytes]:
    """Return the fields of the file ``stat`` that follow the name: state, parent, process group and so on."""
    return read(f"{folder}/stat").rpartition(b")")[2].split()


def first_thread_ended(fields: list[bytes]) -> bool:
    """Return whether the first thread of a process has ended, and others have not."""
    return len(fields) >= STAT_FIELDS and fields[0] in {b"Z", b"X"} and int(fields[STAT_FIELDS - 1]) > 1


STAT_FIELDS = 18  # up to num_threads, which counts a first thread that has ended


def read(path: str) -> bytes:
    """Return the content of a file; nothing when it cannot be read, as when its process has ended."""
    with suppress(OSError), open(path, "rb") as file:
        return file.read()
    return b""


def queued_ns(pid: int | str) -> int:
    """Return the ns for which the first thread of a process was ready to run and queued; also of a zombie."""
    times = read(f"/proc/{pid}/schedstat").split()
    return int(times[1]) if len(times) > 1 else 0
