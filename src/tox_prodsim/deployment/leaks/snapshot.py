"""The ground of a deployment: noted just before its start, and compared once everything of it has ended."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tox_prodsim.deployment.leaks import files, hook_records, log, shared_memory
from tox_prodsim.model.leaks import Grade, Leak, LeakKind, LeakReport

_INSTALLED = {"site-packages", "dist-packages"}
_MODULE = re.compile(r"^(?:\w+\.)+(?=\w+(?::|$))")


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What was there before the start."""

    temporary: files.Content
    scratch: files.Content
    shared_memory: shared_memory.Segments


def before(
    *, temporary: Path, scratch: Path, shared: Path = shared_memory.SHARED, system_v: Path = shared_memory.SYSTEM_V
) -> Ground:
    """Note the content of the private TMPDIR, of the scratch folder, and of the shared memory of the machine."""
    return Ground(
        temporary=files.content(temporary),
        scratch=files.content(scratch, without=temporary),
        shared_memory=shared_memory.segments(shared, system_v),
    )


def after(
    ground: Ground,
    *,
    lines: Iterable[bytes] = (),
    witnesses: Path | None = None,
    deaf_because: str = "",
    ended_by: str = "",
    own_code: Sequence[Path] = (),
) -> LeakReport:
    """Return what was left, to be asked when everything of the run has ended.

    ``lines`` are those of the log, none longer than the reader wants to hold; ``witnesses`` is the folder of the hook
    (None: there was none); ``deaf_because`` is what ``unheard`` said while the main process lived; ``ended_by`` is the
    signal that ended it, empty when it came to its own exit; ``own_code`` are the modules and packages of the project:
    what another distribution does not close is a hint (without ``own_code`` nobody knows whose it is).
    """
    looks = (
        files.left_in_temporary(ground.temporary),
        files.left_in_scratch(ground.scratch),
        shared_memory.left(ground.shared_memory),
        LeakReport(
            leaks=tuple(_weighed(leak, own_code) for leak in _said(lines, witnesses)),
            not_observable=tuple(_unseen(witnesses, deaf_because, ended_by)),
        ),
    )
    return LeakReport(
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


def _said(lines: Iterable[bytes], witnesses: Path | None) -> Iterator[Leak]:
    """Yield what the log and the hook tell; what both tell counts once: tasks as the log has them, it says more."""
    heard = tuple(log.read(lines))
    seen = dict.fromkeys(hook_records.read(witnesses)) if witnesses is not None else {}
    tasks = {_told(leak) for leak in heard if leak.kind is LeakKind.TASK}
    yield from (leak for leak in seen if _told(leak) not in tasks)
    told = {_told(leak) for leak in seen} - tasks
    yield from (leak for leak in heard if _told(leak) not in told)


def _weighed(leak: Leak, own_code: Sequence[Path]) -> Leak:
    place = Path(leak.file)
    foreign = bool(own_code) and _INSTALLED.intersection(place.parts) and not any(map(place.is_relative_to, own_code))
    return replace(leak, grade=Grade.HINT) if foreign and leak.kind is LeakKind.WARNING else leak


def _told(leak: Leak) -> tuple[LeakKind, str]:
    """Return what log and hook have in common: a traceback names the module of an exception, the hook does not."""
    return leak.kind, _MODULE.sub("", leak.subject) if leak.kind is LeakKind.EXCEPTION else leak.subject


def _unseen(witnesses: Path | None, deaf_because: str, ended_by: str) -> Iterator[str]:
    hook_installed = witnesses is not None and hook_records.ran(witnesses)
    if deaf_because and not hook_installed:
        yield f"warnings, tasks and exceptions are not observable: {deaf_because}"
    if witnesses is None:
        yield "threads alive at the exit are not observable: there is no hook in this run"
    elif not hook_installed:
        yield "threads alive at the exit are not observable: the hook did not run (no Python, or one started with -S)"
    if ended_by:
        yield f"what an interpreter finds at its exit is not observable: {ended_by} ended it before that"
    elif witnesses is not None and hook_installed and not hook_records.exited(witnesses):
        yield "what an interpreter finds at its exit is not observable: none came to it (os._exit or exec)"
