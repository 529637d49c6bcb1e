from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import adversary
from support.register import Register

from tox_prodsim.supervision.process import Process, start

ADVERSARY = Path(adversary.__file__)


class Arena(Register):
    """Where an adversary runs, and what is counted of it."""

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


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    folder = tmp_path / "arena"
    folder.mkdir()
    arena = Arena(folder)
    yield arena
    for process in arena.started:
        process.close()
    assert arena.states() == []


@pytest.fixture(autouse=True)
def open_files() -> Iterator[None]:
    """Nothing of a run may stay open in the host."""
    before = open_now()
    yield
    assert open_now() <= before


def open_now() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
