"""What a run left behind, its processes included, and each kind of leak as a finding.

They are reported after what failed: a leak is often the consequence of a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tox_prodsim.deployment import leaks
from tox_prodsim.deployment.findings import EXEC_HINT, SHELLS, signal_name, without_folder
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import joined, listed, shortened
from tox_prodsim.model.leaks import Grade, Leak, LeakKind, LeakReport
from tox_prodsim.model.left_running import TRACKER
from tox_prodsim.supervision import Ending, Survivor

_NAMED = 3
"""Leaks of a kind that are named; the others are counted."""
_LONGEST = 160


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meaning:
    """How leaks of a kind are reported."""

    code: str
    level: Level
    one: str
    """Message for one leak."""
    several: str
    """Message for several leaks, with ``{count}``."""
    hint: str


_MEANINGS = {
    LeakKind.PROCESS: _Meaning(
        code="RUN620",
        level=Level.ERROR,
        one="left 1 process running",
        several="left {count} processes running",
        hint="end the children before the parent returns; they were killed now",
    ),
    LeakKind.OUTPUT: _Meaning(
        code="RUN620",
        level=Level.ERROR,
        one="left its output open in 1 process",
        several="left its output open in {count} processes",
        hint="redirect the child's output: a reader of this pipe blocks until the child exits",
    ),
    LeakKind.PORT: _Meaning(
        code="RUN621",
        level=Level.ERROR,
        one="left 1 address in use",
        several="left {count} addresses in use",
        hint="close the socket, or end the process that listens: the next start cannot use the address",
    ),
    LeakKind.FILE: _Meaning(
        code="RUN622",
        level=Level.WARNING,
        one="left 1 file behind",
        several="left {count} files behind",
        hint="remove it in a 'finally:' block, also on the stop signal; accept it with allow_leaks = files:NAME",
    ),
    LeakKind.WARNING: _Meaning(
        code="RUN623",
        level=Level.WARNING,
        one="1 thing was not closed or awaited",
        several="{count} things were not closed or awaited",
        hint="close or await it; with PYTHONTRACEMALLOC=10 the warning shows where it was made",
    ),
    LeakKind.SHARED_MEMORY: _Meaning(
        code="RUN625",
        level=Level.WARNING,
        one="left 1 piece of shared memory",
        several="left {count} pieces of shared memory",
        hint="call unlink() in the process that made it, in a 'finally:' block",
    ),
    LeakKind.TASK: _Meaning(
        code="RUN626",
        level=Level.WARNING,
        one="1 task was never awaited",
        several="{count} tasks were never awaited",
        hint="keep the task and await it, or cancel it and await that; asyncio.TaskGroup does both",
    ),
    LeakKind.EXCEPTION: _Meaning(
        code="RUN626",
        level=Level.WARNING,
        one="1 unhandled exception",
        several="{count} unhandled exceptions",
        hint="catch it where it is raised: no caller of a thread or of __del__ ever sees it",
    ),
}


def report_leaks(snapshot: leaks.Snapshot, ending: Ending, evidence: leaks.LeakEvidence) -> LeakReport:
    """Return everything that a run left, its processes first, and what could not be seen."""
    ended_by = "" if ending.signal is None else signal_name(ending.signal)
    report = leaks.find_leaks(snapshot, replace(evidence, ended_by=ended_by))
    return replace(report, leaks=(*survivor_leaks(ending), *report.leaks))


def survivor_leaks(ending: Ending) -> Iterator[Leak]:
    """Yield each process that outlived the run, the output that it held, and the addresses on which it listens."""
    for survivor in ending.survivors:
        if TRACKER in survivor.command:
            continue
        process = _describe_process(survivor)
        yield _certain(LeakKind.PROCESS, process, _describe_held(survivor))
        if survivor.holds_output:
            yield _certain(LeakKind.OUTPUT, process)
        for address in survivor.listens:
            yield _certain(LeakKind.PORT, address, process)


def to_findings(name: str, found: Iterable[Leak], accepts: Callable[[Leak], bool]) -> Iterator[Finding]:
    """Yield one finding for each kind of leak that is not accepted; a kind of which all are hints is a note.

    The finding of a process mentions the output that it holds, so that needs no finding of its own.
    """
    kept = [leak for leak in dict.fromkeys(found) if not accepts(leak)]
    processes = {leak.subject for leak in kept if leak.kind is LeakKind.PROCESS}
    kept = [leak for leak in kept if leak.kind is not LeakKind.OUTPUT or leak.subject not in processes]
    for kind, meaning in _MEANINGS.items():
        same_kind = [leak for leak in kept if leak.kind is kind]
        if same_kind:
            yield _to_finding(name, meaning, same_kind)


def blame_shell(finding: Finding, main_program: str) -> Finding:
    """Return the finding of left processes with the cause when the main process was a shell, any other as it is."""
    if finding.code != "RUN620" or main_program not in SHELLS:
        return finding
    message = f"{finding.message}; the main process is a shell ({main_program}), which passes no signal on"
    return replace(finding, message=message, hint=EXEC_HINT)


def _to_finding(name: str, meaning: _Meaning, same_kind: list[Leak]) -> Finding:
    summary = meaning.one if len(same_kind) == 1 else meaning.several.format(count=len(same_kind))
    named = listed([*map(_format_leak, same_kind)], _NAMED, separator="; ")
    with_place = next((leak for leak in same_kind if leak.file), same_kind[0])
    return Finding(
        code=meaning.code,
        level=Level.NOTE if all(leak.grade is Grade.HINT for leak in same_kind) else meaning.level,
        subject=name,
        message=f"{summary}: {named}",
        hint=meaning.hint,
        file=with_place.file,
        line=with_place.line,
    )


def _format_leak(leak: Leak) -> str:
    place = f"{Path(leak.file).name}:{leak.line}" if leak.file else ""
    known = joined((leak.detail, place))
    return f"{_short(leak.subject)} ({_short(known)})" if known else _short(leak.subject)


def _describe_held(survivor: Survivor) -> str:
    """Return what a survivor holds that other processes may wait for."""
    listens = f"listens on {', '.join(survivor.listens)}" if survivor.listens else ""
    return joined((listens, "holds the output open" if survivor.holds_output else ""))


def _certain(kind: LeakKind, subject: str, detail: str = "") -> Leak:
    return Leak(kind=kind, grade=Grade.CERTAIN, subject=subject, detail=detail)


def _describe_process(survivor: Survivor) -> str:
    """Return pid and command line of a survivor."""
    return f"pid {survivor.pid} {_short(without_folder(survivor.command))}"


def _short(text: str) -> str:
    return shortened(text, _LONGEST)
