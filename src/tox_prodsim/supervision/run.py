"""Run a short helper command under supervision and keep what it wrote."""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tox_prodsim.model.errors import Cancelled
from tox_prodsim.model.runner import Completed, LeftProcess
from tox_prodsim.model.scenario import ContainmentKind
from tox_prodsim.supervision.cancel import Cancel
from tox_prodsim.supervision.ending import CapturedRun, Cause, Ending
from tox_prodsim.supervision.process import Process, start

HELPER_GRACE_S = 1.0


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    cancel: Cancel | None = None,
    containment: ContainmentKind = "auto",
    stdout_limit_bytes: int = 8 << 20,
    ledger: Path | None = None,
) -> CapturedRun:
    """Run a short helper command and return what it wrote, up to ``stdout_limit_bytes`` of each stream.

    When the time runs out it is stopped and the cause of its ending is TIMED_OUT; raises Cancelled.
    """
    stdout, stderr = _Reader(stdout_limit_bytes), _Reader(stdout_limit_bytes)
    begin = functools.partial(start, cancel=cancel, containment=containment, ledger=ledger)
    try:
        process = begin(argv, cwd=cwd, env=env, stdout=stdout.write_end, stderr=stderr.write_end)
    finally:
        os.close(stdout.write_end)
        os.close(stderr.write_end)
    ending = _wait(process, timeout_s)
    return CapturedRun(ending=ending, stdout=stdout.content(), stderr=stderr.content())


def _wait(process: Process, timeout_s: float) -> Ending:
    """Return how it ended, stopped if the time ran out; raises Cancelled once it is stopped."""
    try:
        return process.wait_in_time(timeout_s) or process.stop(signal.SIGTERM, HELPER_GRACE_S, cause=Cause.TIMED_OUT)
    except Cancelled:
        process.stop(signal.SIGTERM, HELPER_GRACE_S)
        raise
    finally:
        process.close()


class _Reader(threading.Thread):
    """Reads a pipe to its end, so that neither a flood nor a full pipe delays anything; keeps the beginning."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(daemon=True)
        self._read_end, self.write_end = os.pipe()
        self._limit_bytes = limit_bytes
        self._kept = bytearray()
        self.start()

    def run(self) -> None:
        """Read until no process holds the write end."""
        while chunk := os.read(self._read_end, 1 << 16):
            self._kept += chunk[: self._limit_bytes - len(self._kept)]
        os.close(self._read_end)

    def content(self) -> bytes:
        """Return what was kept; the end of file may never come when a foreign process has got the pipe."""
        self.join(1.0)
        return bytes(self._kept)


def outcome(done: CapturedRun) -> Completed:
    """Return how a helper program ended, as a value of the model."""
    return Completed(
        returncode=done.ending.returncode,
        timed_out=done.ending.cause is Cause.TIMED_OUT,
        stdout=done.stdout,
        stderr=done.stderr,
        left=tuple(_left(done.ending)),
    )


def _left(ending: Ending) -> Iterator[LeftProcess]:
    withstand = {each.pid for each in ending.unkillable}
    found = {each.pid: each for each in (*ending.survivors, *ending.unkillable)}
    yield from (
        LeftProcess(pid=each.pid, command=each.command, withstands=each.pid in withstand) for each in found.values()
    )
