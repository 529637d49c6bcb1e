"""What holds the processes of a run together besides their descent; the kinds have the same methods."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Union

    from cgroups import Cgroup
    from namespaces import PidNamespace

    Containment = Union["SubreaperOnly", Cgroup, PidNamespace]


class SubreaperOnly:
    """Only descent: the warden is a subreaper, and whatever the command leaves behind becomes its child."""

    folder = ""

    def place_warden(self) -> None:
        """Bring the warden to its place; raises OSError when the kernel refuses."""

    def place_command(self) -> None:
        """Bring the command to its place, before its exec; raises OSError when the kernel refuses."""

    def host_pid(self) -> int:
        """Return the pid that this process has on the host."""
        return os.getpid()

    def host_pids(self) -> dict[int, int]:
        """Return the pid on the host for each pid of the run that is another one there."""
        return {}

    def kill(self) -> None:
        """SIGKILL everything in one step, as far as that can be done."""

    def remove(self) -> None:
        """Leave nothing of it in the system; idempotent."""


def contain(kind: str, name: str) -> Containment:
    """Make the containment of a run; raises OSError when it is not available here."""
    if kind == "cgroup":
        from cgroups import Cgroup  # only who asks for it waits for its import

        return Cgroup(name)
    if kind == "pidns":
        from namespaces import PidNamespace

        return PidNamespace()
    return SubreaperOnly()
