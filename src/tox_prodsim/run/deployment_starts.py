"""The starts that the deployment makes anyway, as samples of its start-up: each with one of the control beside it."""

from __future__ import annotations

import random
from collections.abc import Callable

from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.formatting import counted, listed
from tox_prodsim.timing import sampling
from tox_prodsim.timing.stats import NO_ROUNDS, Rounds, Sample

_MOST_REASONS = 2


class DeploymentStarts:
    """Keeps the starts that count. A coin decides whether the control is timed before a start or after its end.

    That is what the test of a comparison needs of each round.
    """

    def __init__(self, take_control: Callable[[], Sample], *, first: str, rng: random.Random | None = None) -> None:
        """Take what times the control once, and why the first start does not count; empty: it does."""
        self._take_control = take_control
        self._first = first
        self._rng = rng or sampling.seeded(None)
        self._pairs: list[tuple[Sample, Sample]] = []
        self._control: Sample | None = None
        self._start: Sample | None = None
        self._counts = False
        self._made = 0
        self._reasons: list[str] = []

    def before(self, why_not: str) -> None:
        """Take note that a start is made now; ``why_not`` is why it does not count, empty: it does."""
        self._made += 1
        reason = why_not or (self._first if self._made == 1 else "")
        self._control = self._start = None
        self._counts = not reason
        self._reasons += [reason] if reason and reason not in self._reasons else []
        if self._counts and self._rng.random() < 0.5:
            self._time_control()

    def ready(self, effective_s: float) -> None:
        """Take note that a start has come as far as a timed one does, after so many effective seconds."""
        self._start = sampling.start_sample(effective_s) if self._counts and effective_s > 0 else None

    def stopped(self) -> None:
        """Take note that it has been stopped: now it counts."""
        if self._start is None:
            return
        if self._control is None:
            self._time_control()
        if self._control is not None:
            self._pairs.append((self._start, self._control))
        self._control = self._start = None

    def _time_control(self) -> None:
        try:
            self._control = self._take_control()
        except MeasurementError:  # the step that compares reports it
            self._counts = False
            self._start = None

    @property
    def rounds(self) -> Rounds:
        """Return the starts that count as rounds."""
        if not self._pairs:
            return NO_ROUNDS
        starts, controls = zip(*self._pairs, strict=True)
        return Rounds.of(starts, controls)

    def __str__(self) -> str:
        """Return how many count as samples, and why others do not; nothing where all do."""
        if not self._reasons:
            return ""
        reasons = listed(self._reasons, _MOST_REASONS, separator="; ")
        return f"{len(self._pairs)} of {counted(self._made, 'start')} of the deployment timed ({reasons})"
