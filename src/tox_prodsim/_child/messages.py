"""What reaches a supervising process: messages of the host, and SIGCHLD for its children."""

from __future__ import annotations

import json
import os
import select
import signal
from contextlib import suppress

import kernel

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Any


class SigchldWakeup:
    """Makes SIGCHLD visible to poll(2), without its delivery, which would stop a process that is traced."""

    def __init__(self) -> None:
        self.fileno = kernel.signalfd(signal.SIGCHLD)

    def drain(self) -> None:
        """Discard the signals that came; one check of the children answers all of them."""
        with suppress(BlockingIOError):
            os.read(self.fileno, 65536)

    def wait(self, limit_s: float) -> None:
        """Sleep until a child changes, ``limit_s`` seconds at most."""
        select.select([self.fileno], [], [], limit_s)
        self.drain()


class Poller:
    """Waits for file descriptors as poll(2) does, which refuses when the limit of open files was lowered meanwhile."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def add(self, fd: int, events: int = select.EPOLLIN) -> None:
        """Wait for a descriptor from now on."""
        self._epoll.register(fd, events)

    def remove(self, fd: int) -> None:
        """Do not wait for a descriptor any more."""
        self._epoll.unregister(fd)

    def close(self) -> None:
        """Wait for nothing any more."""
        self._epoll.close()

    def wait(self, limit_s: float | None) -> list[int]:
        """Return what has something to report, within ``limit_s`` seconds (None: without a limit)."""
        return [fd for fd, _ in self._epoll.poll(limit_s)]


class JsonChannel:
    """JSON messages over the control socket; ``gone`` is set when the other end has closed it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.gone = False
        self.early: list[dict[str, Any]] = []  # what came with the first message: no descriptor shows it
        self._incomplete = b""
        self._hangup: Poller | None = None

    def first(self) -> dict[str, Any] | None:
        """Wait for one message; None when the other end is gone before it is complete."""
        self._hangup = Poller()  # while files can be opened
        self._hangup.add(self.fd, select.EPOLLRDHUP)
        while not self.gone:
            messages = self.receive()
            if messages:
                self.early = messages[1:]
                return messages[0]
        return None

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages that have come; blocks when there is nothing to read."""
        if self.early:
            early, self.early = self.early, []
            return early
        try:
            chunk = os.read(self.fd, 1 << 20)
        except ConnectionError:
            chunk = b""
        self.gone = not chunk
        *lines, self._incomplete = (self._incomplete + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def hung_up(self, limit_ms: int) -> bool:
        """Return whether the other end of the host's socket is closed, now or within the limit, without reading."""
        return self._hangup is not None and bool(self._hangup.wait(limit_ms / 1000))

    def send(self, **message: Any) -> None:
        """Send a message; the other end may be gone."""
        data = json.dumps(message).encode() + b"\n"
        with suppress(OSError):
            while data:
                data = data[os.write(self.fd, data) :]


def fill_standard_files() -> None:
    """Open what is closed of 0, 1 and 2, so that no other file gets such a number; the command does not inherit it."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd < 3:
        fd = os.dup(fd)
    os.close(fd)


def release_output() -> None:
    """Close the command's stdin, stdout and stderr in this process: only the command may hold them."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd, inheritable=False)
    os.close(null)
