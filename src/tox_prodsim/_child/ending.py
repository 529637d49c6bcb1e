"""How a run ends, noted as it happens: the message that the warden sends to the host at last."""

from __future__ import annotations

import os
import signal

from processes import queued_ns

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Any


class EndingReport:
    """The fields of the message ``ended``, and the moments that they are counted from."""

    def __init__(self) -> None:
        self.spawned_at = self.ended_at = 0.0  # ended_at 0: the main process is alive
        self.queued_before_ns = 0  # before its exec
        self.killed: set[int] = set()
        self.fields: dict[str, Any] = {"cause": "", "code": None, "signal": None, "duration_s": 0.0, "error": ""}
        self.fields |= {"core_dumped": False, "forced": False, "waited_for_cpu_s": 0.0, "signals": []}
        self.fields |= {"survivors": [], "unstopped": [], "unkillable": []}

    def note_main_end(self, main: int, how: os.waitid_result, now: float) -> None:
        """Note when and how the main process ended, which is not reaped yet."""
        self.ended_at = now
        by_itself = how.si_code == os.CLD_EXITED
        self.fields["core_dumped"] = how.si_code == os.CLD_DUMPED
        self.fields["cause"] = self.fields["cause"] or ("exited" if by_itself else "signalled")
        self.fields["code" if by_itself else "signal"] = how.si_status
        self.fields["duration_s"] = self.ended_at - self.spawned_at
        self.fields["waited_for_cpu_s"] = max(0.0, (queued_ns(main) - self.queued_before_ns) / 1e9)

    def of_main(self) -> dict[str, Any]:
        """Return how the main process ended, while others may still run."""
        return {name: self.fields[name] for name in ("cause", "code", "signal", "duration_s", "core_dumped")}

    def note_signal(self, number: int, pids: int, now: float) -> None:
        """Note that so many processes get a signal."""
        at_s = now - self.spawned_at
        self.fields["signals"].append({"name": signal.Signals(number).name, "at_s": at_s, "pids": pids})

    def note_kill(self, alive: list[int], now: float) -> None:
        """Note who gets SIGKILL: all rounds of it are one signal to all of their processes."""
        if not self.killed:
            self.note_signal(signal.SIGKILL, 0, now)
        self.killed.update(alive)
        self.fields["signals"][-1]["pids"] = len(self.killed)
