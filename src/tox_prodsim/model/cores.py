"""How many processors this process may use: those of its affinity, as far as its control groups give it their time.

The number of processors of the machine misleads in a container, and so does ``os.process_cpu_count``, which knows the
affinity alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_MOUNTED = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Return how many processors may be used, at least 1; a quota of half a processor is one of them."""
    quota = min(_quotas(Path("/proc/self/cgroup"), _MOUNTED), default=math.inf)
    return max(1, math.ceil(min(float(_in_affinity()), quota)))


def _in_affinity() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows
        return os.cpu_count() or 1


def _quotas(groups: Path, mounted: Path) -> Iterator[float]:
    """Yield the processors that the groups of this process, and those above them, may have."""
    with suppress(OSError, UnicodeDecodeError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _limits(mounted, path, "cpu.max")
            elif "cpu" in controllers.split(","):
                yield from _limits(mounted / "cpu", path, "cpu.cfs_quota_us", "cpu.cfs_period_us")


def _limits(mounted: Path, path: str, *names: str) -> Iterator[float]:
    """Yield the quota of each group from this one up: time in a period; there is none where it says ``max`` or -1."""
    inner = Path(path.strip("/"))
    for group in (mounted / inner, *(mounted / above for above in inner.parents)):
        with suppress(OSError, ValueError):
            quota_us, period_us = " ".join((group / name).read_text() for name in names).split()
            if quota_us != "max" and int(quota_us) > 0 and int(period_us) > 0:
                yield int(quota_us) / int(period_us)
