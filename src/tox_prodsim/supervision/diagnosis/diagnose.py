"""The order in which a tree of processes that hangs is read; nothing is stopped, and no signal can end anything.

1. What the kernel knows of each process. 2. The hook is asked: first its handler in Python, for stacks, names and
tasks; the one in C where that cannot run. 3. py-spy reads the stacks of those Python processes that did not answer. The
CPU share is what was used meanwhile.

SIGABRT with ``faulthandler.enable`` is not among them: it ends the process, and it adds nothing. The end of an
interpreter takes back the handlers that were set by ``signal.signal`` and leaves that of ``faulthandler.register``, so
the hook answers during finalization too, before anything is killed.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from tox_prodsim.model.formatting import listed
from tox_prodsim.supervision.diagnosis import pyspy
from tox_prodsim.supervision.diagnosis.hook import Hook, StackReport, is_hook_frame
from tox_prodsim.supervision.diagnosis.processes import cpu_seconds, cpu_shares, living_thread, snapshot
from tox_prodsim.supervision.diagnosis.sources import SourceLines
from tox_prodsim.supervision.diagnosis.values import Diagnosis, Frame, ProcessSnapshot, ThreadStack

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
    """Return what every process of a tree is doing, within ``limit_s`` and at once when ``give_up`` returns True.

    ``output`` is the file (or /proc/self/fd/N) that the run writes to; ``py_spy`` is a name, a path, or None: unused.
    """
    timer = _Timer(limit_s, give_up)
    before = cpu_seconds(tree)
    processes = list(_snapshots(tree, output, timer.is_over))
    reports, hints = _read_stacks(processes, hook, py_spy, timer)
    while not timer.is_over(CPU_WINDOW_S):
        time.sleep(0.01)
    shares = cpu_shares(before, cpu_seconds(tree))
    sources = SourceLines()
    found = [_with_stacks(each, reports.get(each.pid), shares.get(each.pid, 0.0), sources) for each in processes]
    return Diagnosis(processes=tuple(found), took_s=timer.elapsed_s(), gave_up=timer.is_over(), hints=hints)


class _Timer:
    """The time of one diagnosis; ``give_up`` ends it at once."""

    def __init__(self, limit_s: float, give_up: Callable[[], bool]) -> None:
        self._begun = time.monotonic()
        self._usable_s = limit_s - _RESERVED_S
        self._give_up = give_up

    def elapsed_s(self) -> float:
        """Return the seconds since its begin."""
        return time.monotonic() - self._begun

    def is_over(self, until_s: float = math.inf) -> bool:
        """Return whether the diagnosis, or the part of it that may last until ``until_s``, is to end."""
        return self._give_up() or self.elapsed_s() > min(until_s, self._usable_s)


def _read_stacks(
    processes: Sequence[ProcessSnapshot], hook: Hook | None, py_spy: str | None, timer: _Timer
) -> tuple[dict[int, StackReport], tuple[str, ...]]:
    """Return the stacks of each process that has any, by its pid, and hints for the others."""
    pids = [each.pid for each in processes if each.state != psutil.STATUS_STOPPED]
    until_s = timer.elapsed_s() + HOOK_LIMIT_S + HOOK_EACH_S * len(pids)
    reports = hook.read_stacks(pids, functools.partial(timer.is_over, until_s)) if hook else {}
    unread = [each for each in processes if each.is_python and each.pid not in reports]
    outside, hints = _read_with_pyspy(unread, hook, py_spy, timer.is_over)
    return reports | outside, hints


def _snapshots(
    tree: Sequence[psutil.Process], output: Path | None, is_over: Callable[[], bool]
) -> Iterator[ProcessSnapshot]:
    file = None
    with suppress(OSError):
        file = output.stat() if output else None
    for process in tree:
        if is_over():
            return
        if found := snapshot(process, file):
            yield found


def _read_with_pyspy(
    unread: Sequence[ProcessSnapshot], hook: Hook | None, name: str | None, is_over: Callable[[], bool]
) -> tuple[dict[int, StackReport], tuple[str, ...]]:
    """Return what py-spy reads, and a hint for all that could not be read, those for the same reason together."""
    program = pyspy.find_program(name) if unread and name else None
    read, refused = pyspy.read_stacks(program, [each.pid for each in unread], is_over) if program else ({}, False)
    answers = {pid: StackReport(source="py-spy", stacks=stacks) for pid, stacks in read.items()}
    reasons: dict[str, list[int]] = {}
    for process in unread:
        if process.pid not in answers:
            reasons.setdefault(_why_unread(process, hook), []).append(process.pid)
    outside = (_REFUSED if refused else _FAILED) if program else _INSTALL
    hints = [
        f"no Python stack of pid {listed([*map(str, pids)], 5)}: {reason}; {outside}"
        for reason, pids in reasons.items()
    ]
    return answers, tuple(hints)


def _why_unread(process: ProcessSnapshot, hook: Hook | None) -> str:
    if process.state == psutil.STATUS_STOPPED:
        return "it is stopped and cannot answer"
    return hook.why_unread(process.pid) if hook else "no hook is active in this run"


def _with_stacks(
    process: ProcessSnapshot, answer: StackReport | None, cpu_share: float, sources: SourceLines
) -> ProcessSnapshot:
    process = replace(process, cpu_share=cpu_share)
    if answer is None:
        return process
    folder = None
    with suppress(psutil.Error):
        folder = Path(living_thread(psutil.Process(process.pid)).cwd())
    stacks = tuple(replace(stack, frames=sources.of(_program_frames(stack), folder)) for stack in answer.stacks)
    tasks = tuple(replace(task, frames=sources.of(task.frames, folder)) for task in answer.tasks)
    return replace(process, source=answer.source, stacks=stacks, tasks=tasks)


def _program_frames(stack: ThreadStack) -> Iterator[Frame]:
    """Yield the frames of the program: one that is slow to answer is seen while it does."""
    return (frame for frame in stack.frames if not is_hook_frame(frame))
