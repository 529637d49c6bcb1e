"""Ask the probes of a service again while it is up, and once more before its stop."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from tox_prodsim import supervision
from tox_prodsim.deployment.monitoring.lost_readiness import (
    FIRST_PAUSE_S,
    PATIENCE_S,
    Loss,
    ProbeHistory,
    can_be_asked_again,
)
from tox_prodsim.deployment.readiness import Questions
from tox_prodsim.model.errors import Cancelled
from tox_prodsim.model.probes import ExecProbe, HttpProbe, Probe

_LONGEST_BEFORE_STOP_S = 5.0
"""The longest pause between two commands of a probe that fails before the stop."""


class ReadinessWatch(threading.Thread):
    """Asks in a thread of its own, because tox runs the smoke commands meanwhile.

    ``only_at_end``: ask nothing until the stop. A question that is under way is not broken off: a server that is late
    would write to a closed connection, and complain.
    """

    def __init__(
        self, process: supervision.Process, questions: Questions, probes: Sequence[Probe], *, only_at_end: bool
    ) -> None:
        super().__init__(name="prodsim-readiness", daemon=True)
        self._process, self._questions, self._only_at_end = process, questions, only_at_end
        self._histories = [ProbeHistory(probe) for probe in probes if can_be_asked_again(probe)]
        self._next_at = dict.fromkeys(range(len(self._histories)), supervision.clock.now() + FIRST_PAUSE_S)
        self._ending, self._given_up = threading.Event(), threading.Event()

    @property
    def asks(self) -> bool:
        """Return whether there is a probe that can be asked again."""
        return bool(self._histories)

    @property
    def asked(self) -> int:
        """Return how often it asked."""
        return sum(history.asked for history in self._histories)

    def run(self) -> None:
        """Ask until the end, then each probe once more; a command that was cancelled ends it."""
        try:
            with self._questions:
                while not self._is_over() and not self._ending.wait(self._pause_s()):
                    self._ask_due()
                self._ask_at_end()
        except Cancelled:
            return

    def end(self, cancel: supervision.Cancel) -> None:
        """Ask each probe once more, and end; raises Cancelled when that is asked for meanwhile."""
        self._ending.set()
        while self.is_alive():
            if cancel.is_set:
                self.give_up()
                raise Cancelled
            self.join(0.05)

    def give_up(self) -> None:
        """End without another question; does not wait for one that is under way."""
        self._given_up.set()
        self._ending.set()

    def losses(self, *, died: bool) -> list[Loss]:
        """Return the readiness that was lost; what is lost when it died is the same fault."""
        over = [loss for history in self._histories for loss in history.losses]
        still = [] if died else [loss for history in self._histories if (loss := history.open_loss())]
        return [*over, *still]

    def _is_over(self) -> bool:
        return self._given_up.is_set() or self._process.main_exited()

    def _pause_s(self) -> float:
        if self._only_at_end or not self._histories:
            return FIRST_PAUSE_S
        return max(0.0, min(min(self._next_at.values()) - supervision.clock.now(), FIRST_PAUSE_S))

    def _ask_due(self) -> None:
        for at, history in enumerate(self._histories):
            if not self._only_at_end and supervision.clock.now() >= self._next_at[at] and not self._is_over():
                self._ask(history)
                every_s = history.probe.every_s if isinstance(history.probe, ExecProbe) else 0.0
                self._next_at[at] = supervision.clock.now() + max(history.pause_s(), every_s)

    def _ask_at_end(self) -> None:
        """Ask each once; one that is wrong is asked until it is lost, or right again."""
        for history in self._histories:
            every_s = history.probe.every_s if isinstance(history.probe, ExecProbe) else 0.0
            pause_s = max(FIRST_PAUSE_S, min(every_s, _LONGEST_BEFORE_STOP_S))
            while not self._is_over():
                self._ask(history)
                if not history.is_wrong or history.is_lost or self._given_up.wait(pause_s):
                    break

    def _ask(self, history: ProbeHistory) -> None:
        began_at = supervision.clock.now()
        answer = self._questions.ask(_patient(history.probe))
        if not self._process.main_exited():  # it does not answer because it has ended
            history.add(answer, began_at=began_at, ended_at=supervision.clock.now())


def _patient(probe: Probe) -> Probe:
    """Return the probe with more time for its answer; the pace of a command is ours."""
    match probe:
        case HttpProbe(timeout_s=timeout_s):
            return replace(probe, timeout_s=max(timeout_s, PATIENCE_S))
        case ExecProbe():
            return replace(probe, every_s=0.0)
    return probe
