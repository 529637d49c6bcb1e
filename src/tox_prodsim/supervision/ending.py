"""How a supervised command ended, and how it was held together: values only."""

from __future__ import annotations

import signal
from enum import StrEnum

from tox_prodsim.model.dataclass import dataclass

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
"""The signal that cannot be refused; on Windows, which has no SIGKILL, SIGTERM is just that."""


class Cause(StrEnum):
    """Why a run is over."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    STOPPED = "stopped"
    TIMED_OUT = "timed out"
    NOT_STARTED = "not started"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignalSent:
    """One wave of a signal: ``at_s`` seconds after the spawn, to ``pids`` processes."""

    name: str
    at_s: float
    pids: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Survivor:
    """A process of the run that outlived its main process."""

    pid: int
    command: str
    listens: tuple[str, ...]
    """TCP addresses such as ``127.0.0.1:80``."""
    holds_output: bool = False
    """It has the file open that is stdout or stderr of the run."""
    state: str = ""
    """The kernel's name for it, such as ``sleeping`` or ``disk sleep``."""
    waits_on: str = ""
    """The function of the kernel in which it sleeps; empty: not known."""
    uid: int | None = None
    """Its user; None: not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How a run ended."""

    cause: Cause
    code: int | None
    """The exit code of the main process; None: it was ended by a signal, or did not end."""
    signal: int | None
    """The signal that ended the main process."""
    duration_s: float
    """From the spawn to the end of the main process."""
    signals: tuple[SignalSent, ...] = ()
    survivors: tuple[Survivor, ...] = ()
    """Processes alive when the main process had ended and the leak grace was over; only then were they signalled.

    Empty where all of them got the stop signal.
    """
    unstopped: tuple[Survivor, ...] = ()
    """Processes alive when the grace of a stop was over, the main process among them; then they were killed."""
    unkillable: tuple[Survivor, ...] = ()
    """Processes that are alive even now."""
    forced: bool = False
    """SIGKILL had to be sent because the grace of a stop ran out."""
    core_dumped: bool = False
    """The kernel wrote a core because of the signal that ended it."""
    waited_for_cpu_s: float = 0.0
    """For how long its first thread was ready to run and queued; 0 where that is not known."""
    error: str = ""
    """Why it was not started, or is lost."""

    @property
    def returncode(self) -> int | None:
        """Return the exit code, -N for signal N (as in subprocess), None when the main process did not end."""
        return self.code if self.signal is None else -self.signal

    @property
    def stopped_in_s(self) -> float | None:
        """Return the seconds from the first signal to the end of a main process that left others, otherwise None."""
        return self.duration_s - self.signals[0].at_s if self.survivors and self.signals else None

    @property
    def effective_s(self) -> float:
        """Return the duration without the wait for a CPU: what a quiet machine would have needed."""
        return self.duration_s - self.waited_for_cpu_s


@dataclass(frozen=True, kw_only=True, slots=True)
class CapturedRun:
    """A helper command and what it wrote."""

    ending: Ending
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Containment:
    """How the processes of a run are held together, and what that guarantees."""

    name: str
    guarantee: str
