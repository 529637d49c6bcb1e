"""tox's executor that runs a command under the guard: with a deadline, and without processes left at its end."""

from __future__ import annotations

import errno
import functools
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tox.execute.api import ContentHandler, ExecuteInstance, ExecuteOptions, ExecuteStatus
from tox.execute.local_sub_process import LocalSubProcessExecuteInstance, LocalSubProcessExecutor
from tox.execute.request import ExecuteRequest
from tox.execute.stream import SyncWrite
from tox.tox_env.errors import Fail

from tox_prodsim import supervision
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import Cancelled, ProdsimError
from tox_prodsim.model.scenario import Stop
from tox_prodsim.plugin.ci import job
from tox_prodsim.plugin.output_spool import OutputPreview, Spool
from tox_prodsim.plugin.redaction import one_line
from tox_prodsim.plugin.signals import INTERRUPTED

_LOGGER = logging.getLogger(__name__)
TIMED_OUT = 124
"""Exit code of a command that was stopped by a time limit, as coreutils' timeout has it."""
_DRAIN_S = 1.0
_LEFT_S = 0.5
"""What ends within this time after its command was not left on purpose."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long a command may run, how it is stopped, and what is kept of it."""

    deadline: float | None
    """On ``supervision.clock``; None: no limit."""
    stop: Stop
    """The signal and the grace when the deadline is over, and after an interrupt."""
    log: Path | None = None
    """The file with all output, of which tox shows a preview; None: tox shows all output."""
    ledger: Path | None = None
    """The folder in which the run is recorded while it lives."""
    containment: supervision.ContainmentKind = "auto"
    """How its processes are held together."""
    remove_if_lost: tuple[Path, ...] = ()
    """Files that the guard removes if tox is killed meanwhile."""
    diagnose: Callable[[supervision.Process], None] | None = None
    """Called when the deadline is over, before the stop, and once more if the command does not stop."""
    keep: Callable[[supervision.Process], None] | None = None
    """Receives a command that left processes which live on; None: they are ended with the command."""


Prepare = Callable[[ExecuteRequest], tuple[ExecuteRequest, Limits]]
"""Turns tox's request into the one to run, with the limits of its run."""
OnEnd = Callable[[ExecuteRequest, supervision.Ending], None]
"""Receives the end of each command."""


class SupervisedExecutor(LocalSubProcessExecutor):
    """Runs commands as tox does, but under a guard."""

    def __init__(
        self,
        *,
        colored: bool,
        prepare: Prepare,
        on_end: OnEnd,
        cancel: supervision.Cancel,
    ) -> None:
        super().__init__(colored)
        self._prepare = prepare
        self._on_end = on_end
        self._cancel = cancel

    def build_instance(
        self, request: ExecuteRequest, options: ExecuteOptions, out: SyncWrite, err: SyncWrite
    ) -> ExecuteInstance:
        """Return the instance that runs the request under the guard."""
        prepared, limits = self._prepare(request)
        instance = _Instance(prepared, options, out, err)
        instance.supervise(limits, self._on_end, self._cancel)
        return instance


class _Instance(LocalSubProcessExecuteInstance):
    """A command under a guard; tox's own class resolves the executable and enforces ``allowlist_externals``."""

    _capture: _Capture
    _running: _Status | None = None

    def supervise(self, limits: Limits, on_end: OnEnd, cancel: supervision.Cancel) -> None:
        """Set the limits of the command, what receives its end, and what cancels it."""
        self._limits, self._on_end, self._cancel = limits, on_end, cancel
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
            _LOGGER.error("%s", one_line(f"{self.cmd[0]} could not be started: {self._running.start_error}"))
        return self._running

    def _inherits(self) -> bool:
        """Return whether it writes to tox's own outputs (``--no-capture``); tox and tox-uv read those of installers."""
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
                keeps_left=limits.keep is not None,
            )
        except ProdsimError as problem:  # for example, the run cannot be recorded
            raise Fail(one_line(str(problem))) from problem
        except Cancelled:
            raise SystemExit(INTERRUPTED) from None

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        if self._running is not None:
            ending = self._running.keep_or_close()
            if ending is not None:
                self._on_end(self.request, ending)
        if error := self._capture.close():
            _LOGGER.error("%s", one_line(f"what {self.cmd[0]} printed could not be kept: {error}"))


class _Status(ExecuteStatus):
    """The state of a supervised command; ``exit_code`` is that of its main process."""

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
        ending = self.process.main_ending() if self._limits.keep is not None else self.process.poll()
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
    def metadata(self) -> dict[str, Any]:
        return {"pid": self.process.pid}

    def wait(self, timeout: float | None = None) -> int | None:
        deadline = self._limits.deadline
        left_s = None if deadline is None else max(0.0, deadline - supervision.clock.now())
        times = [each for each in (timeout, left_s) if each is not None]
        try:
            ending = self.process.wait(min(times, default=None), for_main=self._limits.keep is not None)
        except Cancelled:
            self.interrupt()
            return self.exit_code
        if ending is None and left_s is not None and left_s == min(times) and not self.process.main_exited():
            self._time_out()
        return self.exit_code

    def keep_or_close(self) -> supervision.Ending | None:
        """Return how it ended; what it left is kept if it may live on, and ended otherwise."""
        main = self.process.main_ending() if self._limits.keep is not None else None
        if self._limits.keep is not None and main is not None and self._outlives(_LEFT_S):
            self._limits.keep(self.process)
            return main
        self.process.close()
        return self.process.poll()

    def _outlives(self, limit_s: float) -> bool:
        """Return whether something of it is alive after this time; not when the run is cancelled meanwhile."""
        try:
            return self.process.wait(limit_s) is None
        except Cancelled:
            return False

    def _time_out(self) -> None:
        """Diagnose the command, then stop it."""
        stop, diagnose = self._limits.stop, None
        if self._limits.diagnose is not None:
            diagnose = functools.partial(self._limits.diagnose, self.process)
            diagnose()
        self.process.stop(stop.signal, stop.grace_s, cause=supervision.Cause.TIMED_OUT, before_kill=diagnose)

    def interrupt(self) -> None:
        """Stop the command; tox calls this from its main thread, sometimes twice: the first call decides."""
        self.process.stop(self._limits.stop.signal, min(self._limits.stop.grace_s, supervision.CANCEL_GRACE_S))

    def write_stdin(self, content: str) -> None:
        """Do nothing: commands read from the null device, as in production."""


class _Capture:
    """Passes the output of a command to tox, and to the log if there is one."""

    def __init__(self, log: Path | None) -> None:
        self._spool = Spool(log) if log is not None else None
        self._previews: list[OutputPreview] = []
        self._pumps: list[_Pump] = []

    def add(self, show: ContentHandler) -> int:
        """Return a file descriptor to write to; tox shows what is written there."""
        write: Callable[[bytes], object] = show
        if self._spool is not None:
            self._previews.append(OutputPreview(job.shown(show), self._spool))
            write = self._previews[-1].write
        read_fd, write_fd = os.pipe()
        self._pumps.append(_Pump(read_fd, write))
        return write_fd

    def close(self) -> str:
        """Show the rest; return why the log could not be written, or an empty text."""
        for pump in self._pumps:
            pump.close()
        for preview in self._previews:
            preview.close()
        if self._spool is None:
            return ""
        self._spool.close()
        return f"{self._spool.path}: {self._spool.error}" if self._spool.error else ""


class _Pump:
    """Reads a pipe to its end in a thread; a foreign process that keeps the pipe open does not delay ``close``."""

    def __init__(self, fd: int, write: Callable[[bytes], object]) -> None:
        self._fd, self._write = fd, write
        self._thread = threading.Thread(target=self._work, name=f"prodsim-pump-{fd}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while data := os.read(self._fd, 1 << 16):
            # If nobody reads tox's output any more, the command must not wait for that.
            with suppress(OSError, ValueError):
                self._write(data)
        os.close(self._fd)

    def close(self) -> None:
        """Wait for the end of the pipe, which is near: the command and its guard have ended."""
        self._thread.join(_DRAIN_S)
