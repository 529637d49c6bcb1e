"""The other end of the control socket of a supervised process."""

from __future__ import annotations

import json
import socket
from typing import Any

from tox_prodsim.supervision import Cancel
from tox_prodsim.supervision.process import Process


class Warden:
    """The other end of the control socket, under the hand of the test."""

    def __init__(self, cancel: Cancel | None = None) -> None:
        ours, self.socket = socket.socketpair()
        self.socket.settimeout(10)
        self.lines = self.socket.makefile("rb")
        self.process = Process(ours, None, "tag", cancel)

    def send(self, **message: Any) -> None:
        self.socket.sendall(json.dumps(message).encode() + b"\n")

    def start(self) -> None:
        self.send(event="started", pid=4711, warden=4710, at=100.0, cgroup="")
        self.process.begin({"argv": ["x"]})

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.lines.readline())
        return message

    def close(self) -> None:
        self.lines.close()
        self.socket.close()
