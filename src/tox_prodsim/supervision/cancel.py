"""A request to end that wakes all threads that wait."""

from __future__ import annotations

import socket


class Cancel:
    """A request to end, made in another thread or in a signal handler; readable on ``fileno`` once it is made."""

    def __init__(self) -> None:
        self._recv, self._send = socket.socketpair()  # Windows cannot wait for a pipe
        self._send.settimeout(0.0)
        self._set = self._hard = self._closed = False

    def set(self, *, hard: bool = False) -> None:
        """Ask to end, ``hard``: without any grace; asking twice does no harm."""
        self._hard = self._hard or hard
        was_set, self._set = self._set, True
        if not was_set and not self._closed:
            self._send.send(b"!")

    @property
    def is_set(self) -> bool:
        """Return whether it was asked for."""
        return self._set

    @property
    def hard(self) -> bool:
        """Return whether it was asked for without any grace."""
        return self._hard

    def fileno(self) -> int:
        """Return a file descriptor that stays readable from the request on."""
        return self._recv.fileno()

    def close(self) -> None:
        """Release the file descriptors; idempotent."""
        if not self._closed:
            self._closed = True
            self._recv.close()
            self._send.close()
