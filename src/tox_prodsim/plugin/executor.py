"""tox's executor that runs a command under the guard: with a deadline, and nothing left of it afterwards."""

from __future__ import annotations

import errno
import functools
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tox.execute.api import ContentHandler, ExecuteInstance, ExecuteOptions, ExecuteStatus
from tox.execute.local_sub_process import LocalSubProcessExecuteInstance, LocalSubProcessExecutor
from tox.execute.request import ExecuteRequest
from tox.execute.stream import SyncWrite
from tox.tox_env.errors import Fail

from tox_prodsim import supervision
from tox_prodsim.model.errors import Cancelled, ProdsimError
from tox_prodsim.model.scenario import Stop
from tox_prodsim.plugin.output_spool import OutputPreview, Spool

_LOGGER = logging.getLogger(__name__)
TIMED_OUT = 124
"""Exit code of a command that was stopped by a time limit, as coreutils' timeout has it."""
INTERRUPTED = -2
"""Exit code with which tox itself leaves an environment that was interrupted."""
_DRAIN_S = 1.0


Ended = Callable[[ExecuteRequest, supervision.Ending], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long a command may run (``deadline`` on ``supervision.clock``, None: for ever) and how it is stopped.

    ``log`` is the file that takes what it prints, of which tox then gets an excerpt; None: tox gets all. The guard
    removes the files ``remove_if_lost`` when tox is killed meanwhile. ``look`` is told of a command whose time is over,
    before it is stopped, and once more when it does not stop.
    """

    deadline: float | None
    stop: Stop
    log: Path | None = None
    ledger: Path | None = None
    containment: supervision.ContainmentKind = "auto"
    remove_if_lost: tuple[Path, ...] = ()
    look: Callable[[supervision.Process], None] | None = None


class SupervisedExecutor(LocalSubProcessExecutor):
    """Run commands as tox does, but below a guard; ``prepare`` turns tox's request into the one to run."""

    def __init__(
        self,
        *,
        colored: bool,
        prepare: Callable[[ExecuteRequest], tuple[ExecuteRequest, Limits]],
        ended: Ended,
        cancel: supervision.Cancel,
    ) -> None:
        super().__init__(colored)
        self._prepare = prepare
        self._ended = ended
        self._cancel = cancel

    def build_instance(
        self, request: ExecuteRequest, options: ExecuteOptions, out: SyncWrite, err: SyncWrite
    ) -> ExecuteInstance:
        """Return the instance that runs the request under the guard."""
        prepared, limits = self._prepare(request)
        instance = _Instance(prepared, options, out, err)
        instance.supervise(limits, self._ended, self._cancel)
        return instance


class _Instance(LocalSubProcessExecuteInstance):
    """A command below a guard; tox's own class resolves the executable and holds ``allowlist_externals``."""

    _capture: _Capture
    _running: _Status | None = None

    def supervise(self, limits: Limits, ended: Ended, cancel: supervision.Cancel) -> None:
        """Say how long it may run, who wants to know of its end, and what cancels it."""
        self._limits, self._on_end, self._cancel = limits, ended, cancel
        self._capture = _Capture(limits.log)

    def __enter__(self) -> ExecuteStatus:
        fds = (None, None) if self._inherits() else tuple(map(self._capture.add, (self.out_handler, self.err_handler)))
        try:
            process = self._start(*fds)
        finally:
            for fd in fds:
                if fd is not None:
                    os.close(fd)
        self._running = _Status(self.options, self._out, self._err, process=process, limits=self._limits)
        if self._running.start_error is not None:
            _LOGGER.error("%s could not be started: %s", self.cmd[0], self._running.start_error)
        return self._running

    def _inherits(self) -> bool:
        """Return whether the outputs are tox's own, as ``--no-capture`` wants it; what tox or tox-uv reads is not."""
        is_read = self._limits.log is None and not self.request.run_id.startswith("install")
        return getattr(self.options, "no_capture", False) and not is_read

    def _start(self, stdout: int | None, stderr: int | None) -> supervision.Process:
        limits = self._limits
        try:
            return supervision.start(
                self.cmd,
                cwd=Path(self.request.cwd),
                env=self.request.env,
                stdout=stdout,
                stderr=stderr,
                cancel=self._cancel,
                containment=limits.containment,
                remove_if_lost=limits.remove_if_lost,
                ledger=limits.ledger,
            )
        except ProdsimError as problem:  # what supervision needs, such as room for the record of the run
            raise Fail(str(problem)) from problem
        except Cancelled:
            raise SystemExit(INTERRUPTED) from None

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        if self._running is not None:
            self._running.process.close()
            ending = self._running.process.poll()
            if ending is not None:
                self._on_end(self.request, ending)
        if trouble := self._capture.close():
            _LOGGER.error("what %s printed could not be kept: %s", self.cmd[0], trouble)


class _Status(ExecuteStatus):
    """The state of a supervised command; what ``exit_code`` says is how the main process ended."""

    def __init__(
        self,
        options: ExecuteOptions,
        out: SyncWrite,
        err: SyncWrite,
        *,
        process: supervision.Process,
        limits: Limits,
    ) -> None:
        super().__init__(options, out, err)
        self.process = process
        self._limits = limits

    @property
    def exit_code(self) -> int | None:
        ending = self.process.poll()
        if ending is None:
            return None
        if ending.cause is supervision.Cause.NOT_STARTED:
            return errno.ENOENT
        return TIMED_OUT if ending.cause is supervision.Cause.TIMED_OUT else ending.returncode

    @property
    def start_error(self) -> BaseException | None:
        ending = self.process.poll()
        if ending is None or ending.cause is not supervision.Cause.NOT_STARTED:
            return None
        return OSError(ending.error)

    @property
    def metadata(self) -> dict[str, object]:  # type: ignore[override] # tox says JsonValue, which it does not export
        return {"pid": self.process.pid}

    def wait(self, timeout: float | None = None) -> int | None:
        deadline = self._limits.deadline
        left_s = None if deadline is None else max(0.0, deadline - supervision.clock.now())
        times = [each for each in (timeout, left_s) if each is not None]
        try:
            ending = self.process.wait(min(times, default=None))
        except Cancelled:
            self.interrupt()
            return self.exit_code
        if ending is None and left_s is not None and left_s == min(times):
            self._time_out()
        return self.exit_code

    def _time_out(self) -> None:
        """Look where it hangs, then stop it."""
        stop, look = self._limits.stop, self._limits.look
        last_look = functools.partial(look, self.process) if look is not None else None
        if last_look is not None:
            last_look()
        self.process.stop(stop.signal, stop.grace_s, cause=supervision.Cause.TIMED_OUT, before_kill=last_look)

    def interrupt(self) -> None:
        """Stop the command; tox calls this from its main thread, sometimes twice, so the first call decides."""
        self.process.stop(self._limits.stop.signal, min(self._limits.stop.grace_s, supervision.CANCEL_GRACE_S))

    def write_stdin(self, content: str) -> None:
        """Do nothing: commands read from the null device, as in production."""


class _Capture:
    """What a command prints, on its way to tox and to the log, if there is one."""

    def __init__(self, log: Path | None) -> None:
        self._spool = Spool(log) if log is not None else None
        self._excerpts: list[OutputPreview] = []
        self._pumps: list[_Pump] = []

    def add(self, show: ContentHandler) -> int:
        """Return a file descriptor to write to, whose bytes are shown to tox."""
        take: Callable[[bytes], object] = show
        if self._spool is not None:
            self._excerpts.append(OutputPreview(show, self._spool))
            take = self._excerpts[-1].take
        read_fd, write_fd = os.pipe()
        self._pumps.append(_Pump(read_fd, take))
        return write_fd

    def close(self) -> str:
        """Show the rest, and return why the log could not be kept, or nothing."""
        for pump in self._pumps:
            pump.close()
        for excerpt in self._excerpts:
            excerpt.close()
        if self._spool is None:
            return ""
        self._spool.close()
        return f"{self._spool.path}: {self._spool.trouble}" if self._spool.trouble else ""


class _Pump:
    """Hand over the bytes of a pipe until it ends; a stranger who holds it open cannot hold us."""

    def __init__(self, fd: int, take: Callable[[bytes], object]) -> None:
        self._fd, self._take = fd, take
        self._thread = threading.Thread(target=self._work, name=f"prodsim-pump-{fd}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while data := os.read(self._fd, 1 << 16):
            with suppress(OSError, ValueError):  # nobody reads tox any more; the command must not wait for that
                self._take(data)
        os.close(self._fd)

    def close(self) -> None:
        """Wait for the end, which is near: nothing of ours holds the pipe any more."""
        self._thread.join(_DRAIN_S)
