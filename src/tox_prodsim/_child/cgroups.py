"""A cgroup (version 2) for one run: the kernel kills what is in it in one step, whoever its parent is."""

from __future__ import annotations

import errno
import os
from contextlib import suppress


class Cgroup:
    """A cgroup below the one that the guard is in, with only the command and what it starts in it."""

    def __init__(self, name: str) -> None:
        self.folder = create(name)

    def place_warden(self) -> None:
        """Stay outside: whoever supervises must not be killed with the rest."""

    def place_command(self) -> None:
        """Move this process in; raises OSError when that is not allowed."""
        write(f"{self.folder}/cgroup.procs", "0")

    def host_pid(self) -> int:
        """Return the pid that this process has on the host."""
        return os.getpid()

    def host_pids(self) -> dict[int, int]:
        """Return the pids on the host that are others in here: none."""
        return {}

    def kill(self) -> None:
        """SIGKILL everything in it and below it: what is forked meanwhile does not get away."""
        with suppress(OSError):
            write(f"{self.folder}/cgroup.kill", "1")

    def remove(self) -> None:
        """Remove it with what the run has made below it; one with a living process stays. Idempotent."""
        for path, _, _ in os.walk(self.folder, topdown=False):
            with suppress(OSError):
                os.rmdir(path)


def create(name: str) -> str:
    """Make a cgroup below our own one and return its folder; raises OSError when that is not possible here."""
    folder = os.path.join(own_folder(), name)
    os.mkdir(folder)
    if not os.path.exists(f"{folder}/cgroup.kill"):
        os.rmdir(folder)
        raise OSError(errno.ENOSYS, "this kernel has no cgroup.kill (it came with Linux 5.14)")
    return folder


def own_folder() -> str:
    """Return the folder of the cgroup that this process is in; raises OSError when none is visible."""
    with open("/proc/self/cgroup") as groups, open("/proc/self/mountinfo") as mounts:
        path = next((line[3:].rstrip("\n") for line in groups if line.startswith("0::")), None)
        mounted = [line.split() for line in mounts if " - cgroup2 " in line]
    for mount in mounted:
        root, target = mount[3:5]
        if path is not None and f"{path}/".startswith(f"{root.rstrip('/')}/"):
            return os.path.normpath(f"{target}/{path[len(root.rstrip('/')) :]}")
    raise OSError(errno.ENOENT, "no cgroup of version 2 is mounted that this process is in")


def write(path: str, text: str) -> None:
    """Write to a file of the kernel in one step."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
