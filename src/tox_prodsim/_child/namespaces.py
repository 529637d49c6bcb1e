"""Pid namespaces: when the first process of one ends, however it ends, the kernel kills the others.

The first process is the warden (``PidNamespace``), or the command, which then is PID 1 as in a container.
"""

from __future__ import annotations

import os
import signal

import kernel
from processes import descendants, read


class PidNamespace:
    """The run has pids and a /proc of its own, and cannot even name the processes that supervise it."""

    folder = ""

    def __init__(self) -> None:
        unshare()

    def place_warden(self) -> None:
        """Begin as the first process in it: dead if the guard dies, and with a /proc for what is in here."""
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        self._proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)  # from now on the only view of the host's pids
        mount_proc()

    def place_command(self) -> None:
        """Bring this process in: it is there from its fork on."""

    def host_pid(self) -> int:
        """Return the pid that this process has on the host."""
        return int(os.readlink("self", dir_fd=self._proc))

    def host_pids(self) -> dict[int, int]:
        """Return the pid on the host for each pid in here."""
        proc = f"/proc/self/fd/{self._proc}"
        lines = {
            pid: read(f"{proc}/{pid}/status").partition(b"\nNSpid:")[2] for pid in descendants(self.host_pid(), proc)
        }
        fields = {pid: line.partition(b"\n")[0].split() for pid, line in lines.items()}
        return {int(found[1]): pid for pid, found in fields.items() if len(found) > 1}

    def kill(self) -> None:
        """Do nothing: all in here are below the warden."""

    def remove(self) -> None:
        """Do nothing: it is gone with its first process."""


def mount_proc() -> None:
    """Let /proc show the pid namespace of this process, which the programs in it read; raises OSError when refused."""
    kernel.unshare(kernel.CLONE_NEWNS, "a new mount namespace")
    kernel.make_mounts_private()
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)


def unshare() -> None:
    """Let the next child be the first process of a new pid namespace; raises OSError when the kernel refuses.

    Who is not root does so in a user namespace of its own, in which every user but itself is unknown.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        kernel.unshare(kernel.CLONE_NEWPID, "a new pid namespace")
        return
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID, "new user and pid namespaces")
    for name, line in (("uid_map", f"{uid} {uid} 1"), ("setgroups", "deny"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)
