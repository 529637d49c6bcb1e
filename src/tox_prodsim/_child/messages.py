"""What reaches a supervising process: messages of the host, and SIGCHLD for its children."""

from __future__ import annotations

import json
import os
import select
import signal
from contextlib import suppress

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Any


class SigchldWakeup:
    """Makes SIGCHLD visible to poll(2)."""

    def __init__(self) -> None:
        self.fileno, self._wakeup_fd = os.pipe()
        os.set_blocking(self.fileno, False)
        os.set_blocking(self._wakeup_fd, False)
        signal.set_wakeup_fd(self._wakeup_fd, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def drain(self) -> None:
        """Discard the signals that came; one check of the children answers all of them."""
        with suppress(BlockingIOError):
            os.read(self.fileno, 65536)

    def wait(self, limit_s: float) -> None:
        """Sleep until a child changes, ``limit_s`` seconds at most."""
        select.select([self.fileno], [], [], limit_s)
        self.drain()


class JsonChannel:
    """JSON messages over the control socket; ``gone`` is set when the other end has closed it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.gone = False
        self.early: list[dict[str, Any]] = []  # what came with the first message: no descriptor shows it
        self._incomplete = b""

    def first(self) -> dict[str, Any] | None:
        """Wait for one message; None when the other end is gone before it is complete."""
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
        """Return whether the other end is closed, now or within the limit, without reading."""
        poller = select.poll()
        poller.register(self.fd, select.POLLRDHUP)
        return bool(poller.poll(limit_ms))

    def send(self, **message: Any) -> None:
        """Send a message; the other end may be gone."""
        data = json.dumps(message).encode() + b"\n"
        with suppress(OSError):
            while data:
                data = data[os.write(self.fd, data) :]


def release_output() -> None:
    """Close the command's stdin, stdout and stderr in this process: only the command may hold them."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd, inheritable=False)
    os.close(null)
