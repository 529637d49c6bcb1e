"""The state of processes that do not end: values only."""

from __future__ import annotations

from tox_prodsim.model.dataclass import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame of a Python stack; the last three fields are for a wait of the standard library."""

    file: str
    line: int
    function: str
    source: str = ""
    """The text of its line; empty: not readable."""
    limited: bool | None = None
    """Whether the wait ends by itself; None: not known."""
    thread: str = ""
    """The thread that it waits for."""
    child: int | None = None
    """The pid of the child process that it waits for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadStack:
    """What one thread is doing."""

    thread: str
    is_main: bool
    daemon: bool | None
    """None: not known."""
    frames: tuple[Frame, ...]
    """The outermost first."""
    waits_on: str = ""
    """What it waits for according to the kernel."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One asyncio task that is not done."""

    name: str
    coroutine: str
    frames: tuple[Frame, ...]
    """Those of its coroutines, from the outside in."""
    waits_for: str = ""
    """Empty: it is ready to run, or runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessSnapshot:
    """One process of a tree that hangs."""

    pid: int
    parent: int
    command: str
    state: str
    waits_on: str
    cpu_share: float
    """Of one CPU, over a short while; 1.0: one thread computes."""
    memory_bytes: int
    threads: int
    listens: tuple[str, ...] = ()
    connected: tuple[str, ...] = ()
    holds_output: bool = False
    is_python: bool = False
    source: str = ""
    """Where its stacks come from: hook, faulthandler or py-spy; empty: it has none."""
    stacks: tuple[ThreadStack, ...] = ()
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What a tree of processes was doing at one moment."""

    processes: tuple[ProcessSnapshot, ...]
    took_s: float
    gave_up: bool = False
    """The time ran out, or the caller gave up."""
    hints: tuple[str, ...] = ()
