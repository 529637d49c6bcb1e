"""What a tree of processes has at this moment: memory, threads and file descriptors.

The memory is PSS, where the kernel reports it: what several processes share is divided by their number, so that a tree
of workers is not counted several times. Elsewhere it is RSS.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.supervision import procfs

PSS, RSS = "PSS", "RSS"
_KB = 1024
_BETWEEN_S, _AGREEING, _LOOKS = 0.05, 3, 20
_SAME = 0.003
"""Looks that differ by a smaller part agree."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TreeWeight:
    """What the processes of a tree have together."""

    memory: int
    """In bytes."""
    source: str
    """PSS or RSS."""
    own: int
    """Of the memory what is mapped from no file: other programs do not share it."""
    mapped: int
    """What is mapped from files, in full for each process: other programs do not change it."""
    processes: int
    threads: int
    descriptors: int
    kinds: Mapping[str, int] = field(default_factory=dict)
    """The descriptors by what they are, such as ``socket``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Weight:
    """What one process has."""

    memory: int
    source: str
    own: int
    mapped: int
    threads: int
    kinds: Mapping[str, int]


def weigh(processes: Iterable[psutil.Process]) -> TreeWeight | None:
    """Return what these processes have, without those that have ended meanwhile; None: nothing could be read."""
    found = [each for process in processes if (each := _weight(process)) is not None]
    if not found:
        return None
    kinds = sum((Counter(each.kinds) for each in found), Counter[str]())
    return TreeWeight(
        memory=sum(each.memory for each in found),
        source=RSS if any(each.source == RSS for each in found) else PSS,
        own=sum(each.own for each in found),
        mapped=sum(each.mapped for each in found),
        processes=len(found),
        threads=sum(each.threads for each in found),
        descriptors=kinds.total(),
        kinds=dict(sorted(kinds.items())),
    )


def _weight(process: psutil.Process) -> _Weight | None:
    try:
        threads = process.num_threads()
        kinds = _kinds(process)
        rollup = _rollup(process.pid)
        if "Pss" in rollup:
            shared = rollup.get("Pss_File", 0)
            mapped = max(rollup.get("Rss", 0) - rollup.get("Anonymous", 0), 0)
            own = rollup["Pss"] - shared
            return _Weight(memory=rollup["Pss"], source=PSS, own=own, mapped=mapped, threads=threads, kinds=kinds)
        rss = process.memory_info().rss
        return _Weight(memory=rss, source=RSS, own=rss, mapped=0, threads=threads, kinds=kinds)
    except (psutil.Error, OSError):
        return None


def _rollup(pid: int) -> dict[str, int]:
    """Return the sums over all mappings in bytes; nothing where the kernel does not report them."""
    text = ""
    with suppress(OSError):
        text = (procfs.PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii", errors="replace")
    rows = (line.split() for line in text.splitlines()[1:])
    return {row[0].rstrip(":"): int(row[1]) * _KB for row in rows if len(row) == 3 and row[1].isdigit()}


def _kinds(process: psutil.Process) -> dict[str, int]:
    """Return how many descriptors of each kind a process has open."""
    folder = procfs.living_folder(process.pid) / "fd"
    if not folder.is_dir():
        return {"descriptors": process.num_fds()} if hasattr(process, "num_fds") else {}
    return dict(Counter(_kind(each) for each in folder.iterdir()))


def _kind(link: Path) -> str:
    """Return ``socket``, ``pipe``, ``eventpoll`` and the like, or ``file``."""
    with suppress(OSError):
        target = str(link.readlink())
        name = target.removeprefix("anon_inode:").partition(":")[0].strip("[]")
        return "file" if target.startswith("/") else name
    return "closed"


def settled_weight(
    tree: Callable[[], Iterable[psutil.Process]], *, sleep: Callable[[float], object] = time.sleep
) -> TreeWeight | None:
    """Return what a tree has once it no longer changes: the first worker may answer while others still start.

    It has settled when three looks agree, which takes a tenth of a second. After a second the last look counts.
    """
    last, agreed = weigh(tree()), 1
    for _ in range(_LOOKS):
        if agreed == _AGREEING:
            break
        sleep(_BETWEEN_S)
        now = weigh(tree())
        agreed = agreed + 1 if _agree(last, now) else 1
        last = now if now is not None else last
    return last


def _agree(then: TreeWeight | None, now: TreeWeight | None) -> bool:
    if then is None or now is None:
        return then is now
    return then.processes == now.processes and abs(now.own - then.own) <= _SAME * then.own
