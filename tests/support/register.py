"""Counts what is left of an adversary by what its processes wrote down themselves, without asking any supervisor."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SETTLED_POLLS = 15
POLL_S = 0.02


class Register:
    """A folder with a file ``pid-start`` for each process of an adversary.

    ``in_namespace``: they have a pid namespace of their own, and wrote down the pids that they have in there.
    """

    def __init__(self, folder: Path, *, in_namespace: bool = False) -> None:
        self.folder = folder
        self._in_namespace = in_namespace
        self._gone: set[str] = set()

    def registered(self) -> list[tuple[int, str]]:
        """Return pid and start time of each process that has ever been there."""
        names = (name.partition("-") for name in os.listdir(self.folder) if "-" in name)  # noqa: PTH208 - thousands of names
        return [(int(pid), begin) for pid, _, begin in names]

    def present(self) -> Iterator[tuple[int, str]]:
        """Yield pid and state of each process that still exists, those of zombies included."""
        if self._in_namespace:
            registered = set(self.registered())
            yield from ((each, state) for each, state, inner, begin in every_process() if (inner, begin) in registered)
            return
        for pid, begin in self.registered():
            if f"{pid}-{begin}" not in self._gone:
                state, began = state_of(pid)
                if began == begin:
                    yield pid, state
                else:
                    self._gone.add(f"{pid}-{begin}")

    def states(self) -> list[str]:
        """Return the states of the processes that still exist."""
        return [state for _, state in self.present()]

    def alive(self) -> int:
        """Return how many run; zombies do not."""
        return sum(state not in "ZX" for state in self.states())

    def is_quiet(self) -> bool:
        """Return whether nothing runs and nothing new appears for 0.3 s: a single look misses what changes its pid."""
        known = len(self.registered())
        for _ in range(SETTLED_POLLS):
            if self.alive() or len(self.registered()) != known:
                return False
            time.sleep(POLL_S)
        return True

    def quiet_at(self, limit_s: float) -> float | None:
        """Wait until nothing runs and return since when (time.monotonic()); None: something did to the end."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            begin = time.monotonic()
            if self.is_quiet():
                return begin
            time.sleep(POLL_S / 2)
        return None

    def clear(self, limit_s: float = 15.0) -> None:
        """End what still runs: each registered itself here, and is held by a pidfd while that is looked up again."""
        (self.folder / "stop").touch()
        until = time.monotonic() + limit_s
        while not self.is_quiet() and time.monotonic() < until:
            for pid, _ in self.present():
                kill(pid, self)


def state_of(pid: int) -> tuple[str, str]:
    """Return state and start time of a process; ("X", "") when it does not exist.

    One whose first thread has ended is a zombie to /proc while other threads of it run: it counts as sleeping.
    """
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return ("S" if fields[0] == "Z" and int(fields[17]) > 1 else fields[0]), fields[19]
    return "X", ""


def every_process() -> Iterator[tuple[int, str, int, str]]:
    """Yield pid, state, the pid in its own namespace and start time of every process."""
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):  # noqa: PTH208 - as above
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
            inner = next(line for line in lines if line.startswith("NSpid:")).split()[-1]
            state, begin = state_of(pid)
            yield pid, state, int(inner), begin


def kill(pid: int, register: Register) -> None:
    """Kill the process that has this pid if, held fast, it is one of the register."""
    with suppress(OSError):
        handle = os.pidfd_open(pid)
        try:
            if any(each == pid for each, _ in register.present()):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
