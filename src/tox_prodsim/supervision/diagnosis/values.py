"""What was seen of processes that do not end: values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One frame of a Python stack; ``source`` is its line ("": not readable).

    The rest is what the frame's own variables say where it is a wait of the standard library: ``limited`` whether the
    wait ends by itself (None: not known), and the ``thread`` or the ``child`` (a pid) that it is about.
    """

    file: str
    line: int
    function: str
    source: str = ""
    limited: bool | None = None
    thread: str = ""
    child: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadStack:
    """What one thread is doing, outermost frame first; ``daemon`` None: not known, ``waits_on`` is for the kernel."""

    thread: str
    is_main: bool
    daemon: bool | None
    frames: tuple[Frame, ...]
    waits_on: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One asyncio task that is not done: its coroutines from the outside in; ``waits_for`` "": it is ready or runs."""

    name: str
    coroutine: str
    frames: tuple[Frame, ...]
    waits_for: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessSnapshot:
    """One process of a tree that hangs.

    ``cpu_share`` is of one CPU, over a short while (1.0: one thread computes); ``source`` says who told its stacks
    (hook, faulthandler, py-spy; "": nobody).
    """

    pid: int
    parent: int
    command: str
    state: str
    waits_on: str
    cpu_share: float
    memory_bytes: int
    threads: int
    listens: tuple[str, ...] = ()
    connected: tuple[str, ...] = ()
    holds_output: bool = False
    is_python: bool = False
    source: str = ""
    stacks: tuple[ThreadStack, ...] = ()
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """What a tree of processes was doing at one moment; ``gave_up``: the time ran out, or nobody wanted to wait."""

    processes: tuple[ProcessSnapshot, ...]
    took_s: float
    gave_up: bool = False
    hints: tuple[str, ...] = ()
