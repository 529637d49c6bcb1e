"""Run adversaries under supervision, and count what is left of them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from support.register import Register
from tox_prodsim.supervision.process import Process, start

ADVERSARY = Path(__file__).with_name("adversary.py")


class Adversaries(Register):
    """Adversaries that run in a folder, and what is counted of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.output = folder.with_name("output")
        self.started: list[Process] = []

    def command(self, kind: str) -> list[str]:
        return [sys.executable, "-I", "-S", str(ADVERSARY), kind, str(self.folder)]

    def start(self, kind: str, **options: object) -> Process:
        return self.run(self.command(kind), **options)

    def run(self, command: list[str], **options: object) -> Process:
        with self.output.open("wb") as output:
            fd = output.fileno()
            process = start(command, cwd=self.folder, env=os.environ, stdout=fd, stderr=fd, **options)
        self.started.append(process)
        return process

    def wait_for(self, what: Callable[[], bool], limit_s: float = 10.0) -> bool:
        end = time.monotonic() + limit_s
        while not what():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def wait_ready(self, processes: int = 1) -> None:
        is_ready = (self.folder / "ready").exists
        assert self.wait_for(lambda: is_ready() and len(self.registered()) >= processes), self.output.read_text()
