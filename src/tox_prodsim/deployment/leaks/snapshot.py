"""What is there just before the start of a deployment, and what is left of the run once everything of it has ended."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tox_prodsim.deployment.leaks import files, hook_records, log, shared_memory
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.leaks import Grade, Leak, LeakKind, LeakReport
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.supervision import living_folder

_INSTALLED = {"site-packages", "dist-packages"}
_MODULE = lazy_regex(r"^(?:\w+\.)+(?=\w+(?::|$))")
_PEER = lazy_regex(r"unclosed <\S+ fd=\d+,.* raddr=\('[^']*', (?P<port>\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What was there before the start."""

    temporary: files.Content
    scratch: files.Content | None
    """None: others write there meanwhile, so what is new there is not known to be its own."""
    shared_memory: shared_memory.Segments | None
    """None: the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeakEvidence:
    """What a run itself reports of its leaks, and what is known of how it came to an end."""

    lines: Iterable[bytes] = ()
    """Lines of the log, none longer than the reader wants to hold."""
    hook_folder: Path | None = None
    """Folder of the hook's records; None: there was no hook."""
    unlogged_because: str = ""
    """What ``unlogged_stderr`` returned while the main process lived."""
    ended_by: str = ""
    """Signal that ended the main process; empty when it exited by itself."""
    own_code: Sequence[Path] = ()
    """Modules and packages of the project: what another distribution does not close is a hint; empty: not known."""
    client_ports: Container[int] = ()
    """Ports of connections that we held open through the stop: a server need not close these before its end."""


def take_snapshot(
    *,
    temporary: Path,
    scratch: Path,
    shared: Path = shared_memory.SHARED,
    system_v: Path = shared_memory.SYSTEM_V,
    alone: bool = True,
) -> Snapshot:
    """Return the content of the private TMPDIR, of the scratch folder, and of the shared memory of the machine.

    The last two only of a deployment that is ``alone``: what several services leave there is looked for at their end.
    """
    return Snapshot(
        temporary=files.content(temporary),
        scratch=files.content(scratch, without=temporary) if alone else None,
        shared_memory=shared_memory.segments(shared, system_v) if alone else None,
    )


def find_leaks(snapshot: Snapshot, evidence: LeakEvidence | None = None) -> LeakReport:
    """Return what was left; to be called when everything of the run has ended."""
    evidence = LeakEvidence() if evidence is None else evidence
    reports = (
        files.left_in_temporary(snapshot.temporary),
        find_shared_leaks(snapshot),
        _reported(evidence),
    )
    return _joined(*reports)


def find_shared_leaks(snapshot: Snapshot) -> LeakReport:
    """Return what was left where several services may have left it: in the scratch folder, and as shared memory."""
    in_scratch = files.left_in_scratch(snapshot.scratch) if snapshot.scratch is not None else LeakReport()
    in_memory = shared_memory.left(snapshot.shared_memory) if snapshot.shared_memory is not None else LeakReport()
    return _joined(in_scratch, in_memory)


def _joined(*reports: LeakReport) -> LeakReport:
    return LeakReport(
        leaks=tuple(leak for report in reports for leak in report.leaks),
        not_observable=tuple(reason for report in reports for reason in report.not_observable),
    )


def unlogged_stderr(pid: int, log: Path) -> str:
    """Return why the log lacks what a live process writes to stderr; nothing when it has it, or that is not known."""
    fds = living_folder(pid) / "fd"
    stderr = fds / "2"
    try:
        if os.path.samestat(stderr.stat(), log.stat()):
            return ""
        return f"its stderr goes to {stderr.readlink()}"
    except FileNotFoundError:
        return "its stderr is closed" if fds.is_dir() else ""
    except OSError:
        return ""


def _reported(evidence: LeakEvidence) -> LeakReport:
    """Return the leaks that the log and the hook report; one that both report counts once.

    Of a task the log has more detail, of anything else the hook.
    """
    logged = tuple(log.read(evidence.lines))
    recorded = dict.fromkeys(hook_records.read(evidence.hook_folder)) if evidence.hook_folder is not None else {}
    tasks = {_identity(leak) for leak in logged if leak.kind is LeakKind.TASK}
    known = {_identity(leak) for leak in recorded} - tasks
    leaks = (
        *(leak for leak in recorded if _identity(leak) not in tasks),
        *(leak for leak in logged if _identity(leak) not in known),
    )
    return LeakReport(
        leaks=tuple(_graded(leak, evidence.own_code) for leak in leaks if not _is_held(leak, evidence.client_ports)),
        not_observable=tuple(_not_observable(evidence)),
    )


def _identity(leak: Leak) -> tuple[LeakKind, str]:
    """Return what log and hook have in common: a traceback names the module of an exception, the hook does not."""
    return leak.kind, _MODULE.sub("", leak.subject) if leak.kind is LeakKind.EXCEPTION else leak.subject


def _is_held(leak: Leak, client_ports: Container[int]) -> bool:
    """Return whether a leak is the server's end of a connection that we held open."""
    peer = _PEER.search(leak.subject) if leak.kind is LeakKind.WARNING else None
    return peer is not None and int(peer["port"]) in client_ports


def _graded(leak: Leak, own_code: Sequence[Path]) -> Leak:
    """Return a warning about another distribution's code as a hint, and any other leak as it is."""
    if leak.kind is not LeakKind.WARNING or not own_code:
        return leak
    file = Path(leak.file)
    is_own = _INSTALLED.isdisjoint(file.parts) or any(map(file.is_relative_to, own_code))
    return leak if is_own else replace(leak, grade=Grade.HINT)


def _not_observable(evidence: LeakEvidence) -> Iterator[str]:
    folder = evidence.hook_folder
    hook_ran = folder is not None and hook_records.ran(folder)
    if evidence.unlogged_because and not hook_ran:
        yield f"warnings, tasks and exceptions are not observable: {evidence.unlogged_because}"
    if evidence.ended_by:
        yield f"what an interpreter finds at its exit is not observable: {evidence.ended_by} ended it before that"
    elif folder is not None and hook_ran and not hook_records.exited(folder):
        yield "what an interpreter finds at its exit is not observable: none reached it (os._exit or exec)"
