"""The CPU time of every program that a command runs, by ptrace(2): each process, before and after each exec.

The kernel reports forks, execs and ends to this process, and nothing else is traced. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FORKED = "(fork)"
"""In the place of a command line: what a process does before its exec."""
_SEIZE, _CONT, _LISTEN = 0x4206, 7, 0x4208
_OPTIONS = 0x2 | 0x4 | 0x8 | 0x10 | 0x40
"""Report forks, vforks, new threads, execs, and ends."""
_EXEC, _EXIT, _GROUP_STOP = 4, 6, 128
_STOP_SIGNALS = {19, 20, 21, 22}
_ALL_THREADS = 0x40000000


@dataclass(kw_only=True, slots=True)
class Program:
    """What one process did between two execs."""

    command: str
    parent: int
    cpu_ms: float = 0.0


def run(argv: Sequence[str], cwd: Path, env: Mapping[str, str], output: Path) -> tuple[int, dict[int, list[Program]]]:
    """Return the wait status of a command, and its programs and those of all below it, by pid."""
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(argv, cwd, env, output, ready)
    _ptrace(_SEIZE, pid, _OPTIONS)
    os.write(go, b"g")
    os.close(ready)
    os.close(go)
    tracer = _Tracer(pid)
    return tracer.follow(), tracer.programs


def _become(argv: Sequence[str], cwd: Path, env: Mapping[str, str], output: Path, ready: int) -> None:
    try:
        os.setsid()
        os.read(ready, 1)
        os.chdir(cwd)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for number, fd in enumerate((os.open(os.devnull, os.O_RDONLY), file, file)):
            os.dup2(fd, number)
        os.execve(argv[0], list(argv), dict(env))
    finally:
        os._exit(127)


class _Tracer:
    """Lets all threads go on, and adds up what they took."""

    def __init__(self, pid: int) -> None:
        self._main = pid
        self._counted_ms: dict[int, float] = {}
        self._process_of: dict[int, int] = {}
        self.programs: dict[int, list[Program]] = {}

    def follow(self) -> int:
        """Return the wait status of the command when all below it has ended."""
        status_of_main = 0
        while True:
            try:
                thread, status = os.waitpid(-1, _ALL_THREADS)
            except ChildProcessError:
                return status_of_main
            if os.WIFSTOPPED(status):
                self._stopped(thread, status >> 16, os.WSTOPSIG(status))
            elif thread == self._main:
                status_of_main = status

    def _stopped(self, thread: int, event: int, number: int) -> None:
        pid = self._process_of.setdefault(thread, int(_status(thread).get("Tgid", thread)))
        if pid not in self.programs:
            self.programs[pid] = [Program(command=FORKED, parent=int(_status(pid).get("PPid", 0)))]
        if event in {_EXEC, _EXIT}:
            now_ms = _cpu_ms(thread)
            self.programs[pid][-1].cpu_ms += now_ms - self._counted_ms.pop(thread, 0.0)
        if event == _EXEC:
            self._counted_ms[thread] = now_ms
            self.programs[pid].append(Program(command=_command(pid), parent=self.programs[pid][-1].parent))
        elif event == _EXIT:
            self._process_of.pop(thread)
        if event == _GROUP_STOP and number in _STOP_SIGNALS:
            _ptrace(_LISTEN, thread, 0)
        else:
            _ptrace(_CONT, thread, 0 if event else number)


def _ptrace(request: int, thread: int, data: int) -> None:
    if _LIBC.ptrace(request, thread, 0, data) < 0 and request == _SEIZE:
        sys.exit(f"the command cannot be traced: {os.strerror(ctypes.get_errno())}")


def _status(thread: int) -> dict[str, str]:
    try:
        lines = Path(f"/proc/{thread}/status").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _cpu_ms(thread: int) -> float:
    """Return the CPU time of one thread."""
    try:
        return int(Path(f"/proc/{thread}/schedstat").read_text().split()[0]) / 1e6
    except OSError:
        return 0.0


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_LIBC.ptrace.restype = ctypes.c_long
