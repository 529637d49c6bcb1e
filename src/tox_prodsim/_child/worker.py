"""Run functions of ours in a process of their own, one after the other, each within limits of time and memory.

``supervision/worker.py`` starts it. Standard output is a socket: requests come in there, and answers go out, each a
pickle behind its length. Both ends are ours, and what a function reads is never unpickled.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import struct
import sys
import traceback
from types import FrameType
from typing import Any

_LENGTH = struct.Struct("!Q")
_AGAIN_S = 0.1
"""The exception of a timer is lost if it comes where none can be raised, as in ``__del__``: it comes again."""


class _TimeIsUp(BaseException):  # no 'except Exception' may stop it
    """The limit of CPU time has been reached."""


def main() -> None:
    """Answer requests until the other end closes."""
    channel = socket.socket(fileno=os.dup(1))
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)  # what a function prints is not an answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = _receive(channel)
    limits = _Limits()
    gc.disable()  # the first request imports much, of which nothing is garbage
    while (data := _receive_bytes(channel)) is not None:
        try:
            request = pickle.loads(data)  # noqa: S301 - of our own process
            del data  # it can be large
            if not gc.isenabled():
                gc.freeze()
                gc.enable()
        except Exception as problem:
            _send(channel, _raised(problem))
        else:
            _send(channel, limits.run(*request))


class _Limits:
    """Runs a function within limits; those of memory are above what the process had at the first of them."""

    def __init__(self) -> None:
        self._base_bytes = 0

    def run(self, function: Any, cpu_s: float, memory_bytes: int) -> tuple[str, Any]:
        """Return how it ended: a word, and the value, the exception or the text that goes with it."""
        self._base_bytes = self._base_bytes or _address_space_bytes()
        _limit_memory(self._base_bytes + memory_bytes)
        try:
            return _run(function, cpu_s)
        except MemoryError:
            return "memory", None
        finally:
            _limit_memory(None)


def _run(function: Any, cpu_s: float) -> tuple[str, Any]:
    try:
        signal.signal(signal.SIGPROF, _time_is_up)
        signal.setitimer(signal.ITIMER_PROF, cpu_s, _AGAIN_S)
        try:
            value = function()
        finally:
            signal.signal(signal.SIGPROF, signal.SIG_IGN)
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _TimeIsUp:
        return "time", None
    except MemoryError:
        raise
    except Exception as problem:
        return _raised(problem)
    return "returned", value


def _time_is_up(_number: int, _frame: FrameType | None) -> None:
    raise _TimeIsUp


def _raised(problem: Exception | None) -> tuple[str, Any]:
    """Return the exception if it can be sent, otherwise what is known of it."""
    text = "".join(traceback.format_exception(problem))
    try:
        pickle.loads(pickle.dumps(problem))  # noqa: S301 - of this process
    except Exception:
        problem = None
    return "raised", (problem, text)


def _address_space_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _limit_memory(limit_bytes: int | None) -> None:
    """Limit the address space; None: without a limit. Nothing is limited where the system does not say its size."""
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft = hard if limit_bytes is None or not _address_space_bytes() else limit_bytes
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _send(channel: socket.socket, value: object) -> None:
    try:
        data = pickle.dumps(value, protocol=4)
    except Exception as problem:
        data = pickle.dumps(("raised", (None, "".join(traceback.format_exception(problem)))), protocol=4)
    channel.sendall(_LENGTH.pack(len(data)) + data)


def _receive(channel: socket.socket) -> Any:
    """Return the next value."""
    return pickle.loads(_receive_bytes(channel) or b"")  # noqa: S301 - of our own process


def _receive_bytes(channel: socket.socket) -> bytes | None:
    """Return the next pickle; None at the end."""
    head = _read(channel, _LENGTH.size)
    return _read(channel, _LENGTH.unpack(head)[0]) if head is not None else None


def _read(channel: socket.socket, size_bytes: int) -> bytes | None:
    parts = []
    while size_bytes:
        part = channel.recv(min(size_bytes, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size_bytes -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
