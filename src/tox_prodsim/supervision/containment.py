"""How the processes of a run can be held together on this machine, by the words of the key."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.scenario import ContainmentKind
from tox_prodsim.supervision.ending import Containment

SUBREAPER = Containment(name="nested subreaper", guarantee="every descendant, also if tox is killed")
CGROUP = Containment(
    name="cgroup + nested subreaper", guarantee="every descendant in one step of the kernel, also if tox is killed"
)
PIDNS = Containment(
    name="pid namespace + nested subreaper",
    guarantee="every descendant, also if tox and the supervising processes are killed at once",
)
GROUP = Containment(name="process group + psutil", guarantee="best effort while tox lives: not what leaves its group")
KINDS: dict[ContainmentKind, Containment] = {"subreaper": SUBREAPER, "cgroup": CGROUP, "pidns": PIDNS, "group": GROUP}
_EMPTY_LIMIT_S = 2.0


def resolve(kind: ContainmentKind) -> ContainmentKind:
    """Return the kind that "auto" stands for here, any other as it is; raises ProdsimError for what cannot be."""
    if kind != "auto" and kind not in KINDS:
        raise ProdsimError("containment", f"{kind!r} is not one of auto, {', '.join(KINDS)}")
    if sees_foreign_pids():
        raise ProdsimError("containment", "/proc is that of another pid namespace: mount one of this namespace first")
    why_not = no_subreaper()
    if kind == "auto":
        return "group" if why_not else "subreaper"
    if kind != "group" and why_not:
        raise unavailable(kind, why_not)
    return kind


def unavailable(kind: str, reason: str) -> ProdsimError:
    """Return the error for a containment that is not to be had on this machine."""
    return ProdsimError("containment", f"{kind} is not available here: {reason}")


def sees_foreign_pids() -> bool:
    """Return whether the numbers in /proc are not those by which this process can signal others."""
    with suppress(OSError):
        return sys.platform == "linux" and Path("/proc/self").readlink() != Path(str(os.getpid()))
    return False


@functools.cache
def no_subreaper() -> str:
    """Return why there are no subreapers here; nothing when there are."""
    if sys.platform != "linux":
        return "it needs Linux"
    if not Path("/proc/self/task").is_dir():
        return "/proc is not mounted"
    get_child_subreaper, answer = 37, ctypes.c_int()
    supported = ctypes.CDLL(None).prctl(get_child_subreaper, ctypes.byref(answer), 0, 0, 0) == 0
    return "" if supported else "this kernel has no child subreapers"


def kill_cgroup(folder: Path) -> None:
    """SIGKILL everything in the cgroup of a run and remove it; one that is gone already is fine."""
    give_up_at = time.monotonic() + _EMPTY_LIMIT_S
    while folder.is_dir() and time.monotonic() < give_up_at:
        with suppress(OSError):
            (folder / "cgroup.kill").write_text("1", "ascii")
        for path, _, _ in os.walk(folder, topdown=False):
            with suppress(OSError):
                Path(path).rmdir()
        time.sleep(0.002)
