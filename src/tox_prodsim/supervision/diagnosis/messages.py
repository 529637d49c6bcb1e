"""A diagnosis in lines for a user: where it hangs in their own code first, then what surrounds it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from tox_prodsim.model.formatting import counted, shortened
from tox_prodsim.supervision.diagnosis.advice import advice
from tox_prodsim.supervision.diagnosis.explaining import explanation, is_own, package_of
from tox_prodsim.supervision.diagnosis.serving import merely_serves, serving, waits_for_requests
from tox_prodsim.supervision.diagnosis.values import Diagnosis, Frame, ProcessSnapshot, Task, ThreadStack

_SOURCE_LIMIT = 90
_OWN_FRAMES = 12  # of one stack, at either end: a recursion is long and says the same
_GROUPS = 12
_TASKS = 20
_PROCESSES = 40


def summary(diagnosis: Diagnosis, own_code: Sequence[Path] = (), *, may_serve: bool = False) -> Iterator[str]:
    """Yield the lines that a user reads; ``own_code`` are the folders of their own code, as installed.

    ``may_serve`` says that a server that waits for requests is as it should be: then its stacks are left out, but for
    the threads and tasks in the user's own code.
    """
    idle = may_serve and merely_serves(diagnosis.processes)
    pids = serving(diagnosis.processes) if may_serve else frozenset()
    for process in diagnosis.processes:
        if idle:
            yield from _served(process, own_code)
        else:
            yield from _stacks(process, own_code, serves=process.pid in pids)
    for process in diagnosis.processes:
        yield from _tasks(_with_own_tasks(process, own_code) if idle else process, own_code)
    yield "process tree"
    for process in diagnosis.processes[:_PROCESSES]:
        yield from _tree_entry(process, diagnosis.processes)
    if len(diagnosis.processes) > _PROCESSES:
        yield f"  … {len(diagnosis.processes) - _PROCESSES} more"
    yield from (f"hint: {hint}" for hint in (*([] if idle else advice(diagnosis)), *diagnosis.hints))
    if diagnosis.gave_up:
        yield f"not every process was asked: asking ended after {diagnosis.took_s:.1f} s"


def _served(process: ProcessSnapshot, own_code: Sequence[Path]) -> Iterator[str]:
    """Yield of a server that waits for requests on what it waits, and its threads that are in the user's own code."""
    if waits_for_requests(process):
        addresses = f", listens on {', '.join(process.listens)}"
        yield f"it serves (pid {process.pid}): {process.waits_on}{addresses}"
    for stacks in _group(process.stacks, own_code):
        first = stacks[0]
        if not any(stack.is_main for stack in stacks) and any(is_own(frame, own_code) for frame in first.frames):
            yield f"  thread {_format_thread(first)}{f': {first.waits_on}' if first.waits_on else ''}"
            yield from (f"    {line}" for line in _frames(first, process, own_code))


def _with_own_tasks(process: ProcessSnapshot, own_code: Sequence[Path]) -> ProcessSnapshot:
    tasks = (task for task in process.tasks if any(is_own(frame, own_code) for frame in task.frames[1:]))
    return replace(process, tasks=tuple(tasks))


def _stacks(process: ProcessSnapshot, own_code: Sequence[Path], *, serves: bool) -> Iterator[str]:
    """Yield the threads of one process, those that do the same as one."""
    heading = "it serves" if serves else "where it hangs"
    groups = list(_group(process.stacks, own_code))
    for number, stacks in enumerate(groups[:_GROUPS]):
        first = stacks[0]
        # That of the process was seen before anybody was woken up to answer.
        doing = (process.waits_on if first.is_main else "") or first.waits_on
        state = f": {doing}" if doing else ""
        if number == 0:
            yield f"{heading} (pid {process.pid}, {_format_thread(first)}){state}{_source_note(process)}"
        else:
            yield f"  thread {_format_thread(first)}{state}"
        yield from (f"    {line}" for line in _frames(first, process, own_code))
        if len(stacks) > 1:
            names = ", ".join(stack.thread for stack in stacks[1:6])
            more = " …" if len(stacks) > 6 else ""
            yield f"    {len(stacks)} threads like this; the others are {names}{more}"
    if len(groups) > _GROUPS:
        yield f"  … {sum(map(len, groups[_GROUPS:]))} more threads"


def _source_note(process: ProcessSnapshot) -> str:
    """Return the source of the stacks, where that is not the hook, which knows all."""
    return "" if process.source == "hook" else f"   [by {process.source}]"


def _group(stacks: Iterable[ThreadStack], own_code: Sequence[Path]) -> Iterator[list[ThreadStack]]:
    """Yield the threads with the same frames together: the main thread first, then those with the user's code."""
    groups: dict[tuple[tuple[str, int, str], ...], list[ThreadStack]] = {}
    for stack in stacks:
        groups.setdefault(tuple((each.file, each.line, each.function) for each in stack.frames), []).append(stack)

    def order(group: list[ThreadStack]) -> tuple[bool, bool, bool]:
        first = group[0]
        return not first.is_main, not any(is_own(frame, own_code) for frame in first.frames), first.daemon is True

    yield from sorted((sorted(group, key=lambda stack: not stack.is_main) for group in groups.values()), key=order)


def _format_thread(stack: ThreadStack) -> str:
    return f"{stack.thread}, not a daemon" if stack.daemon is False and not stack.is_main else stack.thread


def _frames(stack: ThreadStack, process: ProcessSnapshot, own_code: Sequence[Path]) -> Iterator[str]:
    """Yield the frames from the outside in: the user's own each on a line, every run of others on one."""
    runs = [(own, list(run)) for own, run in groupby(stack.frames, key=lambda frame: is_own(frame, own_code))]
    for number, (own, frames) in enumerate(runs):
        if own:
            yield from _own_frames(frames)
        else:
            yield _foreign_frames(frames, stack, process, is_last=number == len(runs) - 1)


def _own_frames(frames: Sequence[Frame]) -> Iterator[str]:
    middle = range(_OWN_FRAMES, len(frames) - _OWN_FRAMES)
    for number, frame in enumerate(frames):
        if number not in middle:
            where = "" if frame.function == "<module>" else f"{frame.function}: "
            source = shortened(frame.source, _SOURCE_LIMIT)
            yield f"> {_format_place(frame)}  {where}{source}".rstrip(" :")
        elif number == middle.start:
            yield f"  … {len(middle)} more frames"


def _foreign_frames(frames: Sequence[Frame], stack: ThreadStack, process: ProcessSnapshot, *, is_last: bool) -> str:
    """Return a run of frames in one line, with the outermost of its waits that is known, or else where it ends."""
    known = ((frame, note) for frame in frames if (note := explanation(frame, stack, process)))
    frame, note = next(known, (frames[-1] if is_last else None, ""))
    if frame is None:
        return f"  {_fold(frames)}"
    before = f"{_fold(frames)}: " if len(frames) > 1 else ""
    return f"  {before}{_format_place(frame)} {frame.function}" + (f"  <- {note}" if note else "")


def _format_place(frame: Frame) -> str:
    """Return file and line, the file as short as it says which it is."""
    parts = Path(frame.file).parts
    if package_of(frame.file) and not frame.file.startswith("<"):
        below = next((at for at, part in enumerate(parts) if part in {"site-packages", "dist-packages"}), None)
        if below is None:
            below = next((at for at, part in enumerate(parts) if part.startswith(("python3.", "pypy3."))), 0)
        return f"{'/'.join(parts[below + 1 :])}:{frame.line}"
    return f"{Path(frame.file).name}:{frame.line}"


def _fold(frames: Sequence[Frame]) -> str:
    packages = list(dict.fromkeys(package_of(frame.file) or Path(frame.file).name for frame in frames))
    more = ", …" if len(packages) > 3 else ""
    return f"… {counted(len(frames), 'frame')} of {', '.join(packages[:3])}{more}"


def _tasks(process: ProcessSnapshot, own_code: Sequence[Path]) -> Iterator[str]:
    """Yield the asyncio tasks of one process, those that wait at the same place as one."""
    groups: dict[tuple[object, ...], list[Task]] = {}
    for task in sorted(process.tasks, key=lambda task: (len(task.name), task.name)):
        key = (task.coroutine, task.waits_for if "task " in task.waits_for else "", _task_places(task))
        groups.setdefault(key, []).append(task)
    if groups:
        yield f"asyncio tasks (pid {process.pid})"
    for tasks in list(groups.values())[:_TASKS]:
        task = tasks[0]
        also = f" and {len(tasks) - 1} like it" if len(tasks) > 1 else ""
        yield f"  {task.name}{also}  {task.coroutine}()  {_format_wait(task)}"
        stack = ThreadStack(thread=task.name, is_main=False, daemon=None, frames=task.frames)
        yield from (f"    {line}" for line in _frames(stack, process, own_code))
    if len(groups) > _TASKS:
        yield f"  … {sum(map(len, list(groups.values())[_TASKS:]))} more tasks"


def _task_places(task: Task) -> tuple[tuple[str, int], ...]:
    return tuple((frame.file, frame.line) for frame in task.frames)


def _format_wait(task: Task) -> str:
    return f"waits for {task.waits_for}" if task.waits_for else "ready to run, or running"


def _tree_entry(process: ProcessSnapshot, processes: Sequence[ProcessSnapshot]) -> Iterator[str]:
    """Yield what is known of one process without its stacks."""
    parents = {each.pid: each.parent for each in processes}
    depth, above = 0, process.parent
    while above in parents and depth < len(parents):
        depth, above = depth + 1, parents[above]
    branch = f"{'  ' * depth}{'└ ' if depth else ''}"
    facts = [process.waits_on or process.state]
    facts += [f"{process.memory_bytes / 1e6:.0f} MB", f"cpu {process.cpu_share:.0%}"]
    facts += [f"{process.threads} threads"] if process.threads > 1 else []
    yield f"  {branch}{process.pid} {process.command}"
    yield f"  {'  ' * depth}      {', '.join(facts)}"
    files = [f"listens on {', '.join(process.listens)}"] if process.listens else []
    files += [f"connected: {', '.join(process.connected)}"] if process.connected else []
    files += ["holds the output open"] if process.holds_output and process.parent in parents else []
    if files:
        yield f"  {'  ' * depth}      {'; '.join(files)}"
