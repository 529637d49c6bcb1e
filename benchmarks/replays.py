"""The rule of ours on recorded rounds: thousands of comparisons without a machine.

A session is a number of rounds of the control, the base and some variants, all in random order in each round. A replay
hands blocks of consecutive rounds, drawn with replacement from one session, to ``measure`` as if they were measured
now; the clock of its caps goes on by what they took. The stored ratio comes from another session.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contenders import SIDE_BY_SIDE, STORED, TOLERANCES, Told, told_of
from injected import BASE, COPY, FIFTH, TENTH
from tox_prodsim.timing import measure, stats
from tox_prodsim.timing.stats import Rounds, Sample, StoredRatio

CONTROL = "control"
BLOCK = 4
"""Rounds that stay together, so that a burst stays a burst."""
START_S = 0.06
"""What the interpreter of a sample takes beside the import that is timed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Recorded rounds: the samples of each job, item by item of the same rounds."""

    condition: str
    series: Mapping[str, Sequence[Sample]]

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Session:
        """Return the session of a record."""
        series = {name: [sample_of(figures) for figures in samples] for name, samples in record["series"].items()}
        return cls(condition=record["condition"], series=series)

    def stored(self) -> StoredRatio:
        """Return the ratio of the base that this session would have stored."""
        rounds = Rounds.of(self.series[BASE], self.series[CONTROL])
        error = stats.relative_error(rounds.target_s, rounds.control_s)
        ratio = stats.ratio(rounds.target_s, rounds.control_s)
        return StoredRatio(ratio=ratio, rel_error=error, control=measure.CONTROL, clock=rounds.clock)


def sample_of(figures: Sequence[float | None]) -> Sample:
    """Return the sample of the figures of a record: wall, run-queue delay and CPU time in seconds."""
    wall_s, queued_s, cpu_s = figures
    return Sample(wall_s=wall_s or 0.0, queued_s=queued_s, cpu_s=cpu_s or 0.0, uncompiled=0)


class Replay:
    """A sampler of ``measure`` that draws from a session, and the clock that goes with it."""

    def __init__(self, session: Session, target: str, control: str, rng: random.Random) -> None:
        self.now_s = 0.0
        self._pairs = list(zip(session.series[target], session.series[control], strict=True))
        self._rng = rng

    def __call__(self, rounds: int) -> Rounds:
        """Return so many rounds, block by block."""
        drawn: list[tuple[Sample, Sample]] = []
        while len(drawn) < rounds:
            at = self._rng.randrange(len(self._pairs))
            drawn += (self._pairs + self._pairs)[at : at + BLOCK]
        target, control = zip(*drawn[:rounds], strict=True)
        self.now_s += sum(sample.wall_s + START_S for sample in (*target, *control))
        return Rounds.of(target, control)

    def clock(self) -> float:
        """Return the seconds that the rounds drawn so far took."""
        return self.now_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one replay came to."""

    tool: str
    condition: str
    variant: str
    slower: bool
    ratio: float | None
    seconds: float
    words: str


def replay(sessions: Sequence[Session], times: int, seed: int = 4) -> list[Outcome]:
    """Return so many replays of each way of ours and each variant; half of the A/A ones have base and copy swapped."""
    rng = random.Random(seed)
    return [
        _one(tool, variant, sessions, rng)
        for tool in (SIDE_BY_SIDE, STORED)
        for variant in (COPY.name, TENTH.name, FIFTH.name)
        for _ in range(times)
    ]


def _one(tool: str, variant: str, sessions: Sequence[Session], rng: random.Random) -> Outcome:
    session = rng.choice(sessions)
    if tool == STORED:
        then = rng.choice([other for other in sessions if other is not session] or sessions).stored()
        drawn = Replay(session, variant, CONTROL, rng)
    else:
        then = StoredRatio(ratio=1.0, rel_error=0.0, control=measure.CONTROL, clock=stats.EFFECTIVE)
        names = (variant, BASE) if variant != COPY.name or rng.random() < 0.5 else (BASE, variant)
        drawn = Replay(session, *names, rng)
    tolerance = TOLERANCES[tool]
    plan = measure.Plan(least_tolerance=tolerance)
    _, compared = measure.measure("import", drawn, then, tolerance=tolerance, plan=plan, clock=drawn.clock)
    told = told_of(compared)
    return Outcome(
        tool=tool,
        condition=session.condition,
        variant=variant,
        slower=told.slower,
        ratio=told.ratio,
        seconds=drawn.now_s,
        words=told.words,
    )


def again(record: Mapping[str, Any]) -> Told:
    """Judge the samples of a comparison of ours anew, by the rule of this tree; more rounds there are not."""
    recorded = record["samples"]
    ratio, error = recorded["stored"]
    calls = [
        Rounds.of([sample_of(each) for each in target], [sample_of(each) for each in control])
        for target, control in zip(recorded["target"], recorded["control"], strict=True)
    ]
    stored = StoredRatio(ratio=ratio, rel_error=error, control=measure.CONTROL, clock=calls[0].clock)
    tape = Tape(calls)
    tolerance = TOLERANCES[record["tool"]]
    plan = measure.Plan(least_tolerance=tolerance)
    _, compared = measure.measure("import", tape, stored, tolerance=tolerance, plan=plan, clock=tape.clock)
    return told_of(compared)


class Tape:
    """A sampler of ``measure`` that gives what was recorded, in its order, and a clock that stops it at the end."""

    def __init__(self, calls: Sequence[Rounds]) -> None:
        self._calls = list(calls)

    def __call__(self, rounds: int) -> Rounds:
        """Return so many rounds; raises NotMeasured when there are no more."""
        drawn = stats.NO_ROUNDS
        while len(drawn) < rounds and self._calls:
            drawn += self._calls.pop(0)
        if len(drawn) < rounds:
            raise measure.NotMeasured("the record ends here")
        self._calls[:0] = [_part(drawn, rounds)] if len(drawn) > rounds else []
        return Rounds(
            target_s=drawn.target_s[:rounds],
            control_s=drawn.control_s[:rounds],
            clock=drawn.clock,
            queued=drawn.queued,
            uncompiled=drawn.uncompiled,
        )

    def clock(self) -> float:
        """Return no time: a record is as long as it is."""
        return 0.0


def _part(rounds: Rounds, start: int) -> Rounds:
    return Rounds(target_s=rounds.target_s[start:], control_s=rounds.control_s[start:], clock=rounds.clock)
