"""When the answers of a probe that was satisfied are a loss of readiness, and when it is asked again."""

from __future__ import annotations

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.probes import DelayProbe, LogProbe, NotifyProbe, Probe
from tox_prodsim.supervision import Answer, NotReady, Ready, Undecided, WrongProcess

IN_A_ROW = 3
"""Answers that must be wrong one after another: the failureThreshold of Kubernetes."""
PATIENCE_S = 10.0
"""So long an answer over HTTP may take: a slow answer under load is not a loss, and no answer for so long is one."""
FIRST_PAUSE_S, LONGEST_PAUSE_S, _GROWTH = 1.0, 10.0, 1.2
"""The pause between two questions while all is well: it grows by a fifth each time."""


def can_be_asked_again(probe: Probe) -> bool:
    """Return whether another answer is possible: a line stays printed, a message stays sent, time stays passed."""
    return not isinstance(probe, LogProbe | DelayProbe | NotifyProbe)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """The readiness that a service lost."""

    probe: Probe
    began_at: float
    """The ``clock.now()`` of the first question that was not answered as it should be."""
    ended_at: float | None
    """The ``clock.now()`` of the first answer that was right again; None: there was none."""
    answer: str
    """The last wrong answer."""
    asked: int
    """How many answers in a row were wrong."""


class ProbeHistory:
    """The answers of one probe since the service was ready; ``losses`` are those that are over."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.losses: list[Loss] = []
        self.asked = 0
        self._wrong = 0
        self._is_loss = False
        self._began_at = 0.0
        self._answer = ""
        self._pause_s = FIRST_PAUSE_S

    @property
    def is_wrong(self) -> bool:
        """Return whether the last answer was wrong."""
        return self._wrong > 0

    @property
    def is_lost(self) -> bool:
        """Return whether readiness is lost now."""
        return self._is_loss

    def add(self, answer: Answer, *, began_at: float, ended_at: float) -> None:
        """Add an answer to the question that was asked between two moments of the clock."""
        self.asked += 1
        if isinstance(answer, Ready):
            self._right(ended_at)
            return
        self._began_at = self._began_at if self._wrong else began_at
        self._wrong += 1
        self._answer = _described(answer)
        self._is_loss = self._is_loss or self._wrong >= IN_A_ROW or ended_at - began_at >= PATIENCE_S
        self._pause_s = FIRST_PAUSE_S

    def _right(self, ended_at: float) -> None:
        if self._is_loss:
            self.losses.append(self._loss(ended_at))
        self._pause_s = FIRST_PAUSE_S if self._wrong else min(self._pause_s * _GROWTH, LONGEST_PAUSE_S)
        self._wrong, self._is_loss = 0, False

    def pause_s(self) -> float:
        """Return the seconds until the next question."""
        return self._pause_s

    def open_loss(self) -> Loss | None:
        """Return the loss that is not over, None when there is none."""
        return self._loss(None) if self._is_loss else None

    def _loss(self, ended_at: float | None) -> Loss:
        return Loss(
            probe=self.probe, began_at=self._began_at, ended_at=ended_at, answer=self._answer, asked=self._wrong
        )


def _described(answer: NotReady | WrongProcess | Undecided) -> str:
    """Return a wrong answer as text."""
    match answer:
        case NotReady():
            return answer.reason
        case Undecided():
            return f"the search for {answer.expression!r} was ended, {answer.reason}"
    return f"another process answered: pid {answer.pid}"
