"""Read the stacks of a process from outside with py-spy, where that is installed beside tox and may do it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from tox_prodsim.model.errors import PySpyRefusedError
from tox_prodsim.supervision.diagnosis.values import Frame, ThreadStack
from tox_prodsim.supervision.diagnosis.waiting import waits_on

_AT_ONCE = 4
_REFUSALS = ("permission denied", "operation not permitted")


def find_program(name: str) -> str | None:
    """Return the path of the program: beside our own Python first, because extras are installed there."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join((beside, os.environ.get("PATH", os.defpath))))


def read_stacks(
    program: str, pids: Iterable[int], is_over: Callable[[], bool]
) -> tuple[dict[int, tuple[ThreadStack, ...]], bool]:
    """Return the stacks of those processes that could be read, and whether the right to read one was refused."""
    read: dict[int, tuple[ThreadStack, ...]] = {}
    refused = False
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        jobs = {pid: pool.submit(_dump, program, pid, is_over) for pid in pids}
    for pid, job in jobs.items():
        try:
            read[pid] = job.result()
        except PySpyRefusedError:
            refused = True
    return {pid: stacks for pid, stacks in read.items() if stacks}, refused


def _dump(program: str, pid: int, is_over: Callable[[], bool]) -> tuple[ThreadStack, ...]:
    if is_over():
        return ()
    command = [program, "dump", "--json", "--pid", str(pid)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    with process:
        while process.poll() is None and not is_over():
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=0.02)
        process.kill()
        output, error = process.communicate()
    if process.returncode and any(each in error.decode(errors="replace").lower() for each in _REFUSALS):
        raise PySpyRefusedError
    with suppress(ValueError, KeyError, TypeError):
        return tuple(_stack(pid, thread) for thread in json.loads(output))
    return ()


def _stack(pid: int, thread: dict[str, Any]) -> ThreadStack:
    is_main = thread["os_thread_id"] == pid
    frames = [
        Frame(file=each["filename"], line=each["line"], function=each["name"]) for each in reversed(thread["frames"])
    ]
    return ThreadStack(
        thread=thread["thread_name"] or ("MainThread" if is_main else f"thread 0x{thread['thread_id']:x}"),
        is_main=is_main,
        daemon=False if is_main else None,
        frames=tuple(frames),
        waits_on=waits_on(pid, thread["os_thread_id"]) if thread["os_thread_id"] else "",
    )
