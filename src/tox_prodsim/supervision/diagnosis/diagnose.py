"""The order in which a tree of processes that hangs is looked at; nothing is stopped, and no signal can end anything.

1. What the kernel knows of each process. 2. The hook is asked: first its handler in Python, for stacks, names and
tasks; the one in C where that cannot run. 3. py-spy reads the stacks of those Python processes that did not answer. The
CPU share is what was used meanwhile.

SIGABRT with ``faulthandler.enable`` is not among them: it ends the process, and it tells nothing more. The end of an
interpreter takes back the handlers that were set by ``signal.signal`` and leaves that of ``faulthandler.register``, so
the hook answers during finalization too, before anything is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from tox_prodsim.model.formatting import listed
from tox_prodsim.supervision.diagnosis import pyspy
from tox_prodsim.supervision.diagnosis.hook import Answer, Hook, is_ours
from tox_prodsim.supervision.diagnosis.processes import cpu_seconds, cpu_shares, seen
from tox_prodsim.supervision.diagnosis.sources import SourceLines
from tox_prodsim.supervision.diagnosis.values import Diagnosis, Frame, Seen, ThreadStack

HOOK_LIMIT_S = 0.8
HOOK_EACH_S = 0.01  # more for each process, all of which wake up at once
CPU_WINDOW_S = 0.2
_RESERVED_S = 0.1  # of the limit: for the last read and the end of what was started
_INSTALL = "pip install 'tox-prodsim[diag]' beside tox has it read from outside"
_REFUSED = "py-spy has no ptrace rights here (it needs root, CAP_SYS_PTRACE or kernel.yama.ptrace_scope=0)"
_FAILED = "py-spy could not read it either"


def diagnose(
    tree: Sequence[psutil.Process],
    *,
    hook: Hook | None,
    output: Path | None,
    limit_s: float = 2.0,
    give_up: Callable[[], bool] = lambda: False,
    py_spy: str | None = "py-spy",
) -> Diagnosis:
    """Return what every process of a tree is doing, within ``limit_s`` and at once when ``give_up`` says so.

    ``output`` is the file (or /proc/self/fd/N) that the run writes to; ``py_spy`` is a name, a path, or None: unused.
    """
    begun = time.monotonic()

    def over(until_s: float) -> Callable[[], bool]:
        return lambda: give_up() or time.monotonic() - begun > min(until_s, limit_s - _RESERVED_S)

    before = cpu_seconds(tree)
    processes = list(_seen(tree, output, over(limit_s)))
    pids = [each.pid for each in processes if each.state != psutil.STATUS_STOPPED]
    asked_at_s = time.monotonic() - begun
    patience_s = HOOK_LIMIT_S + HOOK_EACH_S * len(pids)
    answers = hook.ask(pids, over(asked_at_s + patience_s)) if hook else {}
    silent = [each for each in processes if each.is_python and each.pid not in answers]
    outside, hints = _from_outside(silent, hook, py_spy, over(limit_s))
    answers |= outside
    while not over(CPU_WINDOW_S)():
        time.sleep(0.01)
    shares = cpu_shares(before, cpu_seconds(tree))
    sources = SourceLines()
    told = [_told(each, answers.get(each.pid), shares.get(each.pid, 0.0), sources) for each in processes]
    return Diagnosis(
        processes=tuple(told),
        took_s=time.monotonic() - begun,
        gave_up=over(limit_s)(),
        hints=hints,
    )


def _seen(tree: Sequence[psutil.Process], output: Path | None, over: Callable[[], bool]) -> Iterator[Seen]:
    file = None
    with suppress(OSError):
        file = output.stat() if output else None
    for process in tree:
        if over():
            return
        if found := seen(process, file):
            yield found


def _from_outside(
    silent: Sequence[Seen], hook: Hook | None, name: str | None, over: Callable[[], bool]
) -> tuple[dict[int, Answer], tuple[str, ...]]:
    """Return what py-spy reads, and a hint for all that nobody could read, those for the same reason together."""
    program = pyspy.found(name) if silent and name else None
    read, refused = pyspy.dumps(program, [each.pid for each in silent], over) if program else ({}, False)
    answers = {pid: Answer(source="py-spy", stacks=stacks) for pid, stacks in read.items()}
    reasons: dict[str, list[int]] = {}
    for process in silent:
        if process.pid not in answers:
            reasons.setdefault(_why_silent(process, hook), []).append(process.pid)
    outside = (_REFUSED if refused else _FAILED) if program else _INSTALL
    hints = [
        f"no Python stack of pid {listed([*map(str, pids)], 5)}: {reason}; {outside}"
        for reason, pids in reasons.items()
    ]
    return answers, tuple(hints)


def _why_silent(process: Seen, hook: Hook | None) -> str:
    if process.state == psutil.STATUS_STOPPED:
        return "it is stopped and cannot answer"
    return hook.why_silent(process.pid) if hook else "no hook is active in this run"


def _told(process: Seen, answer: Answer | None, cpu_share: float, sources: SourceLines) -> Seen:
    process = replace(process, cpu_share=cpu_share)
    if answer is None:
        return process
    folder = None
    with suppress(psutil.Error):
        folder = Path(psutil.Process(process.pid).cwd())
    stacks = tuple(replace(stack, frames=sources.of(_without_ours(stack), folder)) for stack in answer.stacks)
    tasks = tuple(replace(task, frames=sources.of(task.frames, folder)) for task in answer.tasks)
    return replace(process, source=answer.source, stacks=stacks, tasks=tasks)


def _without_ours(stack: ThreadStack) -> Iterator[Frame]:
    """Yield the frames of the program: one that is slow to answer is seen while it does."""
    return (frame for frame in stack.frames if not is_ours(frame))
