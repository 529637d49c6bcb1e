"""What a run left behind, put together from how it ended and from what lies around, and what that means as findings.

They come after what failed: a leak is often its consequence, and never the first thing to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tox_prodsim.deployment import leaks
from tox_prodsim.deployment.findings import signal_name
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import joined, listed
from tox_prodsim.model.leaks import AllowLeaks, Grade, Leak, LeakKind, LeakReport
from tox_prodsim.supervision import Ending, Survivor

_NAMED = 3
"""Leaks of a kind that are named; the others are counted."""
_LONGEST = 160
_TRACKER = "from multiprocessing.resource_tracker import main;main("
"""Python's own process: it ends when the last one that it tracks has, on a busy machine after the leak grace."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meaning:
    """What leaks of a kind come to: ``says`` is the sentence for one and for several of them."""

    code: str
    level: Level
    one: str
    several: str
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
        hint="give what runs on an output of its own: who reads a pipe to its end waits for that process",
    ),
    LeakKind.PORT: _Meaning(
        code="RUN621",
        level=Level.ERROR,
        one="left 1 address in use",
        several="left {count} addresses in use",
        hint="close the socket, or end the process that listens: the next start could not have it",
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
        hint="close or await it; with PYTHONTRACEMALLOC=10 the warning tells where it was made",
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
        one="nobody waited for 1 task",
        several="nobody waited for {count} tasks",
        hint="keep the task and await it, or cancel it and await that; asyncio.TaskGroup does both",
    ),
    LeakKind.EXCEPTION: _Meaning(
        code="RUN626",
        level=Level.WARNING,
        one="1 exception ended up nowhere",
        several="{count} exceptions ended up nowhere",
        hint="catch it where it is raised: no caller of a thread or of __del__ ever sees it",
    ),
    LeakKind.THREAD: _Meaning(
        code="RUN627",
        level=Level.NOTE,
        one="1 thread was alive at its exit",
        several="{count} threads were alive at its exit",
        hint="tell it to end, and join it, before the main thread returns",
    ),
}


def look(
    ground: leaks.Ground,
    ending: Ending,
    *,
    lines: Iterable[bytes] = (),
    witnesses: Path | None = None,
    deaf_because: str = "",
    own_code: Sequence[Path] = (),
) -> LeakReport:
    """Return everything that a run left, and what could not be seen; the arguments are those of ``leaks.after``."""
    ended_by = "" if ending.signal is None else signal_name(ending.signal)
    around = leaks.after(
        ground, lines=lines, witnesses=witnesses, deaf_because=deaf_because, ended_by=ended_by, own_code=own_code
    )
    return replace(around, leaks=(*survived(ending), *around.leaks))


def survived(ending: Ending) -> Iterator[Leak]:
    """Yield what the processes are that lived on: themselves, what they listen on, and the output that they held."""
    for survivor in ending.survivors:
        if _TRACKER in survivor.command:
            continue
        yield _certain(LeakKind.PROCESS, _process(survivor), _of(survivor))
        if survivor.holds_output:
            yield _certain(LeakKind.OUTPUT, _process(survivor))
        for address in survivor.listens:
            yield _certain(LeakKind.PORT, address, _process(survivor))


def findings(name: str, found: Iterable[Leak], allow: AllowLeaks) -> Iterator[Finding]:
    """Yield one finding for each kind of leak that is not accepted; a kind of which all are hints is a note.

    A process that is itself a finding needs no other one for the output that it held: it says so.
    """
    kept = [leak for leak in dict.fromkeys(found) if not allow.accepts(leak)]
    told = {leak.subject for leak in kept if leak.kind is LeakKind.PROCESS}
    for kind, meaning in _MEANINGS.items():
        alike = [leak for leak in kept if leak.kind is kind and not (kind is LeakKind.OUTPUT and leak.subject in told)]
        if alike:
            yield _finding(name, meaning, alike)


def _finding(name: str, meaning: _Meaning, alike: list[Leak]) -> Finding:
    says = meaning.one if len(alike) == 1 else meaning.several.format(count=len(alike))
    named = listed([*map(_named, alike)], _NAMED, separator="; ")
    place = next((leak for leak in alike if leak.file), alike[0])
    return Finding(
        code=meaning.code,
        level=Level.NOTE if all(leak.grade is Grade.HINT for leak in alike) else meaning.level,
        subject=name,
        message=f"{says}: {named}",
        hint=meaning.hint,
        file=place.file,
        line=place.line,
    )


def _named(leak: Leak) -> str:
    where = f"{Path(leak.file).name}:{leak.line}" if leak.file else ""
    known = joined((leak.detail, where))
    return f"{_short(leak.subject)} ({_short(known)})" if known else _short(leak.subject)


def _of(survivor: Survivor) -> str:
    """Return in words what a survivor has that others may wait for."""
    listens = f"listens on {', '.join(survivor.listens)}" if survivor.listens else ""
    return joined((listens, "holds the output open" if survivor.holds_output else ""))


def _certain(kind: LeakKind, subject: str, detail: str = "") -> Leak:
    return Leak(kind=kind, grade=Grade.CERTAIN, subject=subject, detail=detail)


def _process(survivor: Survivor) -> str:
    """Return pid and command line, the program without its folder, which is mostly the environment's and long."""
    program, blank, rest = survivor.command.partition(" ")
    return f"pid {survivor.pid} {_short(f'{Path(program).name}{blank}{rest}')}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
