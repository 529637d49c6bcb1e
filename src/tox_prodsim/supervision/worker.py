"""Call functions of ours in supervised processes, where they can be ended.

A regular expression, an archive or a syntax tree of a stranger can take any time and any memory. In a thread of tox
nothing could end it, and while ``re`` searches, tox handles no signal either. A process (``_child/worker.py``) is
ended by its limits, by a cancel, and by the guard when tox is killed.
"""

from __future__ import annotations

import functools
import os
import pickle
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tox_prodsim.model.cores import usable_cores
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import Cancelled, LimitExceededError
from tox_prodsim.model.runner import CHILD_SCRIPTS, BoundedCall, P, T
from tox_prodsim.supervision import clock
from tox_prodsim.supervision.cancel import Cancel
from tox_prodsim.supervision.process import Process, start

_SCRIPT = CHILD_SCRIPTS / "worker.py"
_ROOT = CHILD_SCRIPTS.parents[1]
"""Where our package is: an editable installation need not have it on the path."""
_LENGTH = struct.Struct("!Q")
_START_LIMIT_S = 30.0
_WALL_FACTOR = 5
"""A busy machine gives a process little CPU time; beyond this multiple of its limit it is ended all the same."""
_FEWEST = 2
"""So many at a time at least: one may wait for the disk."""
_WORTH_A_START_S = 0.5
"""A call waits so long for a process that is at work: another one has to start, and to import what is called."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallLimits:
    """What one call may take."""

    cpu_s: float = 60.0
    memory_bytes: int = 256 << 20
    """Above what the process has when it begins."""


class Workers:
    """Processes that are started when they are needed and used again; methods may be called from any thread."""

    def __init__(
        self,
        *,
        cancel: Cancel | None = None,
        ledger: Callable[[], Path | None] = lambda: None,
        limits: CallLimits | None = None,
    ) -> None:
        self._cancel = cancel
        self._ledger = ledger
        self._limits = limits or CallLimits()
        self._idle: list[_Worker] = []
        self._busy = 0
        self._changed = threading.Condition()
        self._places = threading.BoundedSemaphore(max(_FEWEST, usable_cores()))

    @property
    def cancel(self) -> Cancel:
        """Return what ends every call."""
        if self._cancel is None:
            self._cancel = Cancel()
        return self._cancel

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns, or raise what it raises; raises LimitExceededError, and Cancelled."""
        return self.within(self._limits, functools.partial(function, *args, **kwargs))

    def with_room(self, largest_bytes: int) -> BoundedCall:
        """Return the same with as much memory more, for what is read as a whole."""
        limits = replace(self._limits, memory_bytes=self._limits.memory_bytes + largest_bytes)
        return _Roomy(self, limits)

    def within(self, limits: CallLimits, function: Callable[[], T]) -> T:
        """Do the same with other limits."""
        with self._places:
            worker = self._take()
            try:
                answer = worker.call(function, limits)
            except BaseException:
                self._release(None)
                worker.close()
                raise
            self._release(worker)
        result: T = _result(answer, limits)
        return result

    def prepare(self) -> None:
        """Have a process, which need not be started at the next call."""
        with self._places:
            self._release(self._take())

    def _take(self) -> _Worker:
        """Return a process that is idle, soon if others are at work, or else a new one."""
        with self._changed:
            if self._busy:
                self._changed.wait_for(lambda: self._idle, _WORTH_A_START_S)
            self._busy += 1
            if self._idle:
                return self._idle.pop()
        try:
            return _Worker(self._cancel, self._ledger())
        except BaseException:
            self._release(None)
            raise

    def _release(self, worker: _Worker | None) -> None:
        """Take back the process of a call that has ended; None: it is of no use any more."""
        with self._changed:
            self._busy -= 1
            if worker is not None:
                self._idle.append(worker)
            self._changed.notify()

    def close(self) -> None:
        """End all processes; idempotent. They are started again at the next call."""
        with self._changed:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()


def _result(answer: tuple[str, Any], limits: CallLimits) -> Any:
    match answer:
        case "returned", value:
            return value
        case "time", _:
            msg = f"it took longer than {limits.cpu_s:.3g} s"
            raise LimitExceededError(msg)
        case "memory", _:
            raise LimitExceededError(_too_much_memory(limits))
        case "raised", (Exception() as problem, text):
            problem.add_note(text)
            raise problem
    msg = f"a call in another process failed: {answer}"
    raise RuntimeError(msg)


def _too_much_memory(limits: CallLimits) -> str:
    return f"it needed more than {limits.memory_bytes >> 20} MB of memory"


class _Roomy:
    """The same workers with other limits."""

    def __init__(self, workers: Workers, limits: CallLimits) -> None:
        self._workers = workers
        self._limits = limits

    def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._workers.within(self._limits, functools.partial(function, *args, **kwargs))

    def with_room(self, largest_bytes: int) -> BoundedCall:
        return self._workers.with_room(largest_bytes)


class _Worker:
    """One process, and our end of its socket."""

    def __init__(self, cancel: Cancel | None, ledger: Path | None) -> None:
        self._cancel = cancel
        self._channel, its_end = socket.socketpair()
        try:
            self._process = _start(its_end, cancel, ledger)
        except BaseException:
            self._channel.close()
            raise
        finally:
            its_end.close()
        self._channel.settimeout(0.0)
        try:
            self._send([*filter(None, sys.path), str(_ROOT)], clock.now() + _START_LIMIT_S)
        except BaseException:
            self.close()
            raise

    def call(self, function: Callable[[], object], limits: CallLimits) -> tuple[str, Any]:
        """Return how the call ended; the process is of no use any more if that raises."""
        give_up_at = clock.now() + limits.cpu_s * _WALL_FACTOR + _START_LIMIT_S
        try:
            self._send((function, limits.cpu_s, limits.memory_bytes), give_up_at)
            (length,) = _LENGTH.unpack(self._read(_LENGTH.size, give_up_at))
            answer: tuple[str, Any] = pickle.loads(self._read(length, give_up_at))  # noqa: S301 - of our own process
        except TimeoutError:
            msg = f"it took longer than {limits.cpu_s * _WALL_FACTOR:.3g} s"
            raise LimitExceededError(msg) from None
        except (EOFError, OSError):
            ending = self._process.wait(1.0)
            msg = f"its process died: {ending.cause if ending else 'it closed its channel'}"
            if ending is not None and ending.returncode in {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGKILL}:
                msg = f"its process was ended by signal {-ending.returncode}"
            raise LimitExceededError(msg) from None
        return answer

    def close(self) -> None:
        """End the process; idempotent."""
        self._channel.close()
        self._process.close()

    def _send(self, value: object, give_up_at: float) -> None:
        data = pickle.dumps(value, protocol=4)
        rest = memoryview(_LENGTH.pack(len(data)) + data)
        while rest:
            self._wait(give_up_at, to_write=True)
            with suppress(BlockingIOError):
                rest = rest[self._channel.send(rest) :]

    def _read(self, size_bytes: int, give_up_at: float) -> bytes:
        data = bytearray()
        while len(data) < size_bytes:
            self._wait(give_up_at)
            with suppress(BlockingIOError):
                part = self._channel.recv(min(size_bytes - len(data), 1 << 20))
                if not part:
                    raise EOFError
                data += part
        return bytes(data)

    def _wait(self, give_up_at: float, *, to_write: bool = False) -> None:
        """Wait until the channel is ready; raises Cancelled, and TimeoutError."""
        if self._cancel is not None and self._cancel.is_set:
            raise Cancelled
        left_s = give_up_at - clock.now()
        if left_s <= 0:
            raise TimeoutError
        with selectors.DefaultSelector() as awaited:
            awaited.register(self._channel, selectors.EVENT_WRITE if to_write else selectors.EVENT_READ)
            if self._cancel is not None:
                awaited.register(self._cancel, selectors.EVENT_READ)
            awaited.select(min(left_s, 1.0))
        if self._cancel is not None and self._cancel.is_set:
            raise Cancelled


def _start(channel: socket.socket, cancel: Cancel | None, ledger: Path | None) -> Process:
    """Start a process whose standard output is the channel."""
    begin = "import sys; sys.path.append(sys.argv[1]); import worker; worker.main()"  # its bytecode is used
    return start(
        [sys.executable, "-I", "-S", "-c", begin, str(_SCRIPT.parent)],
        cwd=Path.cwd(),
        env=dict(os.environ),
        stdout=channel.fileno(),
        stderr=subprocess.DEVNULL,
        cancel=cancel,
        ledger=ledger,
    )
