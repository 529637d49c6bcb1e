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
    """Nothing else: the warden is a subreaper, and whatever the command leaves behind becomes its child."""

    folder = ""

    def enter(self) -> None:
        """Be where the warden is to be; raises OSError when the kernel refuses."""

    def arrive(self) -> None:
        """Be where the command is to be; raises OSError when the kernel refuses."""

    def own_pid(self) -> int:
        """Return the pid that this process has on the host."""
        return os.getpid()

    def pids(self) -> dict[int, int]:
        """Return the pid on the host for each pid of the run that is another one there."""
        return {}

    def kill(self) -> None:
        """SIGKILL everything in one step, as far as that can be done."""

    def remove(self) -> None:
        """Leave nothing of it in the system; idempotent."""


def enclose(containment: str, name: str) -> Containment:
    """Make the enclosure of a run; raises OSError when it is not to be had here."""
    if containment == "cgroup":
        from cgroups import Cgroup  # only who asks for it waits for its import

        return Cgroup(name)
    if containment == "pidns":
        from namespaces import PidNamespace

        return PidNamespace()
    return SubreaperOnly()
