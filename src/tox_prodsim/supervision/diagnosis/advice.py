"""What can be done about a hang, where what was seen leaves little doubt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tox_prodsim.model.formatting import plural
from tox_prodsim.supervision.diagnosis.values import Diagnosis, ProcessSnapshot

_IDLE = 0.02


def advice(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield what can be done, each thing once."""
    found = [line for process in diagnosis.processes for line in _advice_for(process)]
    yield from dict.fromkeys(found)
    if diagnosis.processes and all(process.cpu_share < _IDLE for process in diagnosis.processes):
        yield "nothing of it used a CPU while it was looked at: it waits, and a longer limit alone may not help"


def _advice_for(process: ProcessSnapshot) -> Iterator[str]:
    main = next((stack for stack in process.stacks if stack.is_main), None)
    if not main:
        return
    functions = [frame.function for frame in main.frames]
    if "_python_exit" in functions:
        yield "a job of a thread pool keeps the process alive: give it a limit, or have it look for an end"
    elif functions[-1:] == ["_shutdown"] or functions[-2:-1] == ["_shutdown"]:
        yield "a thread that is not a daemon keeps the process alive: end its work and join it before the program ends"
    if process.tasks and "_run_once" in functions and functions[-1] != "select":
        where = f"{Path(main.frames[-1].file).name}:{main.frames[-1].line}"
        others = len(process.tasks) - 1
        waiting = f": {others} other {plural('task', others)} cannot run meanwhile" if others else ""
        yield f"{functions[-1]} blocks the event loop at {where}{waiting}"
