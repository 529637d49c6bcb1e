"""Shared memory and semaphores that outlive a run: POSIX ones in /dev/shm, segments of System V in the kernel's table.

Others of the same user may make some meanwhile. What a live process still holds is theirs, because everything of the
run has ended by now; so is a System V segment whose creator lives.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tox_prodsim.deployment.leaks.files import LIMIT, printable, size
from tox_prodsim.model.leaks import Grade, Leak, LeakKind, LeakReport

SHARED = Path("/dev/shm")  # noqa: S108 - that is where the C library puts it
SYSTEM_V = Path("/proc/sysvipc/shm")
_SEMAPHORE = "sem."
"""How the C library begins the name of a semaphore's file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Segments:
    """The shared memory of the machine: ``posix`` by name and inode (None: there is no folder), ``system_v`` by id."""

    shared: Path
    table: Path
    posix: frozenset[tuple[str, int]] | None
    system_v: frozenset[int]


def segments(shared: Path, table: Path) -> Segments:
    """Return what there is now."""
    there = _posix(shared)
    return Segments(
        shared=shared,
        table=table,
        posix=None if there is None else frozenset(there),
        system_v=frozenset(_system_v(table)),
    )


def left(known: Segments) -> LeakReport:
    """Return what this user has more of than before, and nobody holds."""
    there = _posix(known.shared)
    if there is None or known.posix is None:
        reason = f"shared memory is not observable: there is no {known.shared}"
        return LeakReport(leaks=tuple(_left_of_system_v(known)), not_observable=(reason,))
    new = {name: status for (name, inode), status in there.items() if (name, inode) not in known.posix}
    own_code = {name: status for name, status in new.items() if status.st_uid == os.getuid()}
    orphans = set(own_code) - (_held(known.shared, set(own_code)) if own_code else set())
    return LeakReport(leaks=(*(_leak(name, own_code[name]) for name in sorted(orphans)), *_left_of_system_v(known)))


def _leak(name: str, status: os.stat_result) -> Leak:
    what = "semaphore" if name.startswith(_SEMAPHORE) else "shared memory"
    return Leak(
        kind=LeakKind.SHARED_MEMORY,
        grade=Grade.FIRM,
        subject=printable(name),
        detail=f"{what}, {size(status.st_size)}, made by this user during the run",
    )


def _posix(shared: Path) -> dict[tuple[str, int], os.stat_result] | None:
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


def _held(shared: Path, names: set[str]) -> set[str]:
    """Return the names that some live process has mapped or open, as far as this user may see that."""
    by_path = {str(shared / name): name for name in names}
    return {by_path[path] for process in _processes() for path in _paths(process) if path in by_path}


def _processes() -> Iterator[Path]:
    with suppress(OSError):
        yield from (process for process in Path("/proc").iterdir() if process.name.isdigit())


def _paths(process: Path) -> Iterator[str]:
    """Yield the paths of the files that a process has mapped and open."""
    with suppress(OSError), (process / "maps").open("rb") as maps:
        for line in maps:
            yield os.fsdecode(line.split(maxsplit=5)[-1].rstrip(b"\n"))
    with suppress(OSError):
        for fd in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(fd.readlink())


def _left_of_system_v(known: Segments) -> Iterator[Leak]:
    for number, row in _system_v(known.table).items():
        creator = row["cpid"]
        if number in known.system_v or row["cuid"] != os.getuid() or row["nattch"] or Path(f"/proc/{creator}").exists():
            continue
        yield Leak(
            kind=LeakKind.SHARED_MEMORY,
            grade=Grade.FIRM,
            subject=f"shmid {number}",
            detail=f"System V segment, {size(row['size'])}, made during the run by pid {creator}, which has ended",
        )


def _system_v(table: Path) -> dict[int, Mapping[str, int]]:
    """Return the rows of the kernel's table by their id; none where there is no such table."""
    with suppress(OSError, ValueError, KeyError), table.open("r", encoding="ascii") as file:
        titles = file.readline().split()
        rows = (dict(zip(titles, map(int, line.split()), strict=False)) for line in islice(file, LIMIT))
        return {row["shmid"]: row for row in rows if {"size", "cpid", "cuid", "nattch"} <= row.keys()}
    return {}
