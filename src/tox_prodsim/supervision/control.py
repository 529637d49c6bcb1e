"""The host's end of the control socket: JSON messages to and from the supervising processes, one a line."""

from __future__ import annotations

import json
import selectors
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from tox_prodsim.supervision.cancel import Cancel


class ControlSocket:
    """Sends and receives messages; the lock is the caller's, ``waiters`` counts the threads that poll the socket."""

    def __init__(self, host_end: socket.socket) -> None:
        self._socket = host_end
        self._incomplete = b""
        self.waiters = 0
        self.at_end = False

    def fileno(self) -> int:
        """Return a file descriptor that is readable when a message has arrived; -1 after close."""
        return self._socket.fileno()

    def send_request(self, request: Mapping[str, Any], limit_s: float) -> None:
        """Send the first message, which may be large: wait ``limit_s`` seconds at most; then never wait again."""
        self._socket.settimeout(limit_s)
        self.send(request)
        self._socket.settimeout(0.0)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; if the other end is closed, the end of file reports it."""
        with suppress(OSError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Iterator[dict[str, Any]]:
        """Yield the messages that have arrived, without waiting; ``at_end`` is set at the end of file."""
        try:
            while chunk := self._socket.recv(1 << 16):
                *lines, self._incomplete = (self._incomplete + chunk).split(b"\n")
                yield from map(json.loads, lines)
        except BlockingIOError:
            return
        except ConnectionError:
            pass
        self.at_end = True

    def wait(self, limit_s: float, cancel: Cancel | None) -> None:
        """Wait until something arrives or a cancel is set, ``limit_s`` seconds at most."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            if cancel:
                selector.register(cancel, selectors.EVENT_READ)
            selector.select(limit_s)

    def close(self) -> None:
        """Close the socket once no thread polls it: its number could be that of another file by then."""
        if not self.waiters:
            self._socket.close()
