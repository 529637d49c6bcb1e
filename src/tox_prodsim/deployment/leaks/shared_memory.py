"""Shared memory and semaphores that outlive a run: POSIX ones in /dev/shm, segments of System V in the kernel's table.

Other programs of the same user may make some meanwhile. What a live process still holds is theirs, because everything
of the run has ended by now; so is a System V segment whose creator lives.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from tox_prodsim.deployment.leaks.files import LIMIT, format_size, printable
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.leaks import Grade, Leak, LeakKind, LeakReport
from tox_prodsim.supervision import living_folder

SHARED = Path("/dev/shm")  # noqa: S108 - that is where the C library puts it
SYSTEM_V = Path("/proc/sysvipc/shm")
_SEMAPHORE = "sem."
"""How the C library begins the name of a semaphore's file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segments:
    """The shared memory of the machine."""

    shared: Path
    """Folder of POSIX shared memory."""
    table: Path
    """The kernel's table of System V segments."""
    posix: frozenset[tuple[str, int]] | None
    """Names and inodes; None: there is no such folder."""
    system_v: frozenset[int]
    """Ids of segments."""


def segments(shared: Path, table: Path) -> Segments:
    """Return what there is now."""
    posix = _posix_entries(shared)
    return Segments(
        shared=shared,
        table=table,
        posix=None if posix is None else frozenset(posix),
        system_v=frozenset(_system_v_rows(table)),
    )


def left(before: Segments) -> LeakReport:
    """Return what is new, belongs to this user, and is held by no process."""
    posix = _posix_entries(before.shared)
    if posix is None or before.posix is None:
        reason = f"shared memory is not observable: there is no {before.shared}"
        return LeakReport(leaks=tuple(_left_in_system_v(before)), not_observable=(reason,))
    new = {name: status for (name, inode), status in posix.items() if (name, inode) not in before.posix}
    own = {name: status for name, status in new.items() if status.st_uid == os.getuid()}
    orphans = set(own) - (_held_names(before.shared, set(own)) if own else set())
    return LeakReport(leaks=(*(_leak(name, own[name]) for name in sorted(orphans)), *_left_in_system_v(before)))


def _leak(name: str, status: os.stat_result) -> Leak:
    what = "semaphore" if name.startswith(_SEMAPHORE) else "shared memory"
    return Leak(
        kind=LeakKind.SHARED_MEMORY,
        grade=Grade.FIRM,
        subject=printable(name),
        detail=f"{what}, {format_size(status.st_size)}, made by this user during the run",
    )


def _posix_entries(shared: Path) -> dict[tuple[str, int], os.stat_result] | None:
    """Return what is in the folder of shared memory, LIMIT entries at most; None when there is no such folder."""
    found: dict[tuple[str, int], os.stat_result] = {}
    try:
        with os.scandir(shared) as entries:
            for entry in entries:
                if len(found) >= LIMIT:
                    break
                with suppress(OSError):
                    found[entry.name, entry.inode()] = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return found


def _held_names(shared: Path, names: set[str]) -> set[str]:
    """Return the names that some live process has mapped or open, as far as this user may see that."""
    by_path = {str(shared / name): name for name in names}
    return {by_path[path] for process in _processes() for path in _paths(process) if path in by_path}


def _processes() -> Iterator[Path]:
    with suppress(OSError):
        yield from (process for process in Path("/proc").iterdir() if process.name.isdigit())


def _paths(process: Path) -> Iterator[str]:
    """Yield the paths of the files that a process has mapped and open."""
    process = living_folder(int(process.name))
    with suppress(OSError), (process / "maps").open("rb") as maps:
        for line in maps:
            yield os.fsdecode(line.split(maxsplit=5)[-1].rstrip(b"\n"))
    with suppress(OSError):
        for fd in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(fd.readlink())


def _left_in_system_v(before: Segments) -> Iterator[Leak]:
    for number, row in _system_v_rows(before.table).items():
        creator = row["cpid"]
        if (
            number in before.system_v
            or row["cuid"] != os.getuid()
            or row["nattch"]
            or Path(f"/proc/{creator}").exists()
        ):
            continue
        size = format_size(row["size"])
        yield Leak(
            kind=LeakKind.SHARED_MEMORY,
            grade=Grade.FIRM,
            subject=f"shmid {number}",
            detail=f"System V segment, {size}, made during the run by pid {creator}, which has ended",
        )


def _system_v_rows(table: Path) -> dict[int, Mapping[str, int]]:
    """Return the rows of the kernel's table by their id; none where there is no such table."""
    with suppress(OSError, ValueError, KeyError), table.open("r", encoding="ascii") as file:
        titles = file.readline().split()
        rows = (dict(zip(titles, map(int, line.split()), strict=False)) for line in islice(file, LIMIT))
        return {row["shmid"]: row for row in rows if {"size", "cpid", "cuid", "nattch"} <= row.keys()}
    return {}
