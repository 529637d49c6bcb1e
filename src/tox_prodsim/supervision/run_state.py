"""What the supervising processes have reported about a run so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.supervision import clock
from tox_prodsim.supervision.ending import Cause, Ending, SignalSent, Survivor


@dataclass(kw_only=True, slots=True)
class RunState:
    """The reports about one run, message by message."""

    pid: int = 0
    """The main process; 0: it was not started."""
    spawned_at: float = field(default_factory=clock.now)
    """The ``clock.now()`` of its exec."""
    queued_before_s: float = 0.0
    """For how long it had waited for a CPU before its exec."""
    warden: int = 0
    """The pid of the warden; 0: none."""
    cgroup: Path | None = None
    """The folder of a cgroup of its own."""
    main_exited: bool = False
    main_ending: Ending | None = None
    """How the main process ended; None also where only its end is reported."""
    ending: Ending | None = None
    """How the run ended; final only at the end of file."""
    trouble: str = ""
    """The error of a supervising process that failed."""
    not_contained: str = ""
    """Why the requested containment is not available."""

    def update(self, message: dict[str, Any]) -> None:
        """Take in one message."""
        match message.pop("event"):
            case "started":
                self.spawned_at, self.warden = clock.CLOCK.time_at(message["at"]), message["warden"]
                self.queued_before_s = message.get("queued_ns", 0) / 1e9
                self.cgroup = Path(message["cgroup"]) if message["cgroup"] else None
                self.pid = message["pid"]  # last: it says that the others are known
            case "main":
                self.main_exited = True
                if "code" in message:
                    self.main_ending = Ending(**{**message, "cause": Cause(message["cause"])})
            case "trouble":
                self.trouble = message["error"]
            case "not contained":
                self.not_contained = message["error"]
                self.ending = self.without_exit(Cause.NOT_STARTED, message["error"])
            case "not started":
                self.ending = self.without_exit(Cause.NOT_STARTED, message["error"])
            case "lost":
                lost = self.without_exit(Cause.LOST, self.trouble or message["error"])
                self.ending = self.ending or replace(lost, unkillable=_survivors(message.get("unkillable", [])))
            case "ended":
                self.ending = _ending(message)

    def final_ending(self) -> Ending:
        """Return the reported ending; without one, the supervising processes could not start the run, or are lost."""
        if self.ending:
            return self.ending
        if self.trouble and not self.pid:
            return self.without_exit(Cause.NOT_STARTED, f"the supervising process could not work: {self.trouble}")
        return self.without_exit(Cause.LOST, self.trouble or "the supervising processes were killed")

    def without_exit(self, cause: Cause, error: str) -> Ending:
        """Return the ending of a run whose main process has no known exit code."""
        duration_s = clock.now() - self.spawned_at
        return Ending(cause=cause, code=None, signal=None, duration_s=duration_s, error=error)


def _ending(message: dict[str, Any]) -> Ending:
    """Return the ending that the warden describes."""
    message["signals"] = tuple(SignalSent(**wave) for wave in message["signals"])
    for kind in ("survivors", "unstopped", "unkillable"):
        message[kind] = _survivors(message[kind])
    return Ending(**{**message, "cause": Cause(message["cause"])})


def _survivors(described: Iterable[dict[str, Any]]) -> tuple[Survivor, ...]:
    return tuple(Survivor(**{**each, "listens": tuple(each["listens"])}) for each in described)
