"""The ground of a deployment: noted just before its start, and compared once everything of it has ended."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.leakage import Kind, Looked
from tox_prodsim.leaks import folders, memory, printed, witness

_WITNESSED = {Kind.WARNING, Kind.TASK, Kind.EXCEPTION}
"""Kinds of which both the log and the hook may tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What was there before the start."""

    temporary: folders.Content
    scratch: folders.Content
    memory: memory.Segments


def before(*, temporary: Path, scratch: Path, shared: Path = memory.SHARED, system_v: Path = memory.SYSTEM_V) -> Ground:
    """Note the content of the private TMPDIR, of the scratch folder, and of the shared memory of the machine."""
    return Ground(
        temporary=folders.content(temporary),
        scratch=folders.content(scratch, without=temporary),
        memory=memory.segments(shared, system_v),
    )


def after(
    ground: Ground, *, lines: Iterable[bytes] = (), witnesses: Path | None = None, deaf_because: str = ""
) -> Looked:
    """Return what was left, to be asked when everything of the run has ended.

    ``lines`` are those of the log, none longer than the reader wants to hold; ``witnesses`` is the folder of the hook
    (None: there was none); ``deaf_because`` is what ``unheard`` said while the main process lived.
    """
    looks = (
        folders.left_in_temporary(ground.temporary),
        folders.left_in_scratch(ground.scratch),
        memory.left(ground.memory),
        _said(lines, witnesses, deaf_because),
    )
    return Looked(
        leaks=tuple(leak for look in looks for leak in look.leaks),
        not_observable=tuple(reason for look in looks for reason in look.not_observable),
    )


def unheard(pid: int, log: Path) -> str:
    """Return why the log does not hold what a live process writes to stderr; nothing when it does or nobody knows."""
    stderr = f"/proc/{pid}/fd/2"
    try:
        if os.path.samestat(os.stat(stderr), log.stat()):  # noqa: PTH116 - no path, a name of the kernel's
            return ""
        return f"its stderr goes to {Path(stderr).readlink()}"
    except FileNotFoundError:
        return "its stderr is closed" if Path(f"/proc/{pid}/fd").is_dir() else ""
    except OSError:
        return ""


def _said(lines: Iterable[bytes], witnesses: Path | None, deaf_because: str) -> Looked:
    """Put together what the log and the hook tell; what both tell counts once."""
    seen = dict.fromkeys(witness.read(witnesses)) if witnesses is not None else {}
    told = {(leak.kind, leak.subject) for leak in seen if leak.kind in _WITNESSED}
    heard = (leak for leak in printed.read(lines) if (leak.kind, leak.subject) not in told)
    return Looked(leaks=(*seen, *heard), not_observable=tuple(_unseen(witnesses, deaf_because)))


def _unseen(witnesses: Path | None, deaf_because: str) -> Iterator[str]:
    if witnesses is not None and witness.ran(witnesses):
        return
    if deaf_because:
        yield f"warnings, tasks and exceptions are not observable: {deaf_because}"
    if witnesses is None:
        yield "threads alive at the exit are not observable: there is no hook in this run"
    else:
        yield "threads alive at the exit are not observable: the hook did not run (no Python, or one started with -S)"
