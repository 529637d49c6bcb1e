"""The rule of ours on recorded rounds: thousands of comparisons without a machine.

A session is a number of rounds of the control, the base and its copy, all in random order in each round. A replay hands
blocks of consecutive rounds, drawn with replacement from one session, to ``measure`` as if they were measured now; the
clock of its caps goes on by what they took. A coin decides in each round which of base and copy is the candidate:
otherwise the chance difference of the two over a session would be a real one to its replays. The times of the candidate
are scaled, so that +10 % is exactly that. The stored ratio comes from another session.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contenders import METRIC, SIDE_BY_SIDE, STORED, TOLERANCES, ToolVerdict, told_of
from injected import BASE, COPY, FIFTH, TENTH, Variant
from tox_prodsim.model.errors import MeasurementError
from tox_prodsim.model.events import Change, Compared, Measured
from tox_prodsim.timing import measure, sampling, stats
from tox_prodsim.timing.stats import Rounds, Sample, StoredRatio

CONTROL = "control"
CONFIGURED = "ours, as configured"
"""A stored ratio, and beside the base what is slower or looks it by half of the tolerance: what a run does."""
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
        return StoredRatio(ratio=ratio, rel_error=error, control=sampling.CONTROL, clock=rounds.clock)


def sample_of(figures: Sequence[float | None]) -> Sample:
    """Return the sample of the figures of a record, see ``contenders.figures_of``."""
    wall_s, queued_s, cpu_s, own_s, work = figures
    return Sample(
        wall_s=wall_s or 0.0, queued_s=queued_s, cpu_s=cpu_s or 0.0, uncompiled=0, own_s=own_s or 0.0, work=work
    )


class Replay:
    """A sampler of ``measure`` that draws from a session, and the clock that goes with it.

    The candidate is ``factor`` slower than the base; it is beside the control, or beside the base.
    """

    def __init__(self, session: Session, factor: float, rng: random.Random, *, beside_control: bool) -> None:
        self.now_s = 0.0
        names = (BASE, COPY.name, CONTROL)
        self._rounds = list(zip(*(session.series[name] for name in names), strict=True))
        self._factor = factor
        self._beside_control = beside_control
        self._rng = rng

    def __call__(self, rounds: int) -> Rounds:
        """Return so many rounds, block by block."""
        drawn: list[tuple[Sample, Sample]] = []
        while len(drawn) < rounds:
            at = self._rng.randrange(len(self._rounds))
            drawn += [self._pair(*samples) for samples in (self._rounds + self._rounds)[at : at + BLOCK]]
        target, control = zip(*drawn[:rounds], strict=True)
        self.now_s += sum(sample.wall_s + START_S for sample in (*target, *control))
        return Rounds.of([_slower(sample, self._factor) for sample in target], control)

    def _pair(self, base: Sample, copy: Sample, control: Sample) -> tuple[Sample, Sample]:
        one, other = (base, copy) if self._rng.random() < 0.5 else (copy, base)
        return one, control if self._beside_control else other

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


def _slower(sample: Sample, factor: float) -> Sample:
    """Return a sample that has done more work, and has waited for a CPU as it did."""
    queued_s = sample.queued_s or 0.0
    return replace(
        sample,
        wall_s=(sample.wall_s - queued_s) * factor + queued_s,
        cpu_s=sample.cpu_s * factor,
        own_s=sample.own_s * factor,
        work=sample.work * factor if sample.work is not None else None,
    )


def replay(sessions: Sequence[Session], times: int, seed: int = 4) -> list[Outcome]:
    """Return so many replays of each way of ours and each of three variants, in each condition."""
    rng = random.Random(seed)
    return [
        _one(tool, variant, [session for session in sessions if session.condition == condition], rng)
        for tool in (CONFIGURED, SIDE_BY_SIDE, STORED)
        for condition in dict.fromkeys(session.condition for session in sessions)
        for variant in (COPY, TENTH, FIFTH)
        for _ in range(times)
    ]


def _one(tool: str, variant: Variant, sessions: Sequence[Session], rng: random.Random) -> Outcome:
    session = rng.choice(sessions)
    if tool == SIDE_BY_SIDE:
        compared, seconds = _beside(session, variant, rng)
    else:
        compared, seconds = _stored(session, sessions, variant, rng, settled=tool == CONFIGURED)
    told = told_of(compared)
    return Outcome(
        tool=tool,
        condition=session.condition,
        variant=variant.name,
        slower=told.slower,
        ratio=told.ratio,
        seconds=seconds,
        words=told.words,
    )


def _beside(session: Session, variant: Variant, rng: random.Random) -> tuple[Compared, float]:
    """Return how the candidate compares with the base in the same rounds, and the seconds that took."""
    drawn = Replay(session, 1 + variant.share, rng, beside_control=False)
    tolerance = TOLERANCES[SIDE_BY_SIDE]
    plan = measure.Plan(least_tolerance=tolerance)
    even = measure.SIDE_BY_SIDE
    compared = measure.measure(METRIC, drawn, even, tolerance=tolerance, plan=plan, clock=drawn.clock)[1]
    return compared, drawn.now_s


def _stored(
    session: Session, sessions: Sequence[Session], variant: Variant, rng: random.Random, *, settled: bool
) -> tuple[Compared, float]:
    """Return how the candidate compares with a ratio of another session; ``settled`` beside the base, when it must."""
    drawn = Replay(session, 1 + variant.share, rng, beside_control=True)
    then = rng.choice([other for other in sessions if other is not session] or sessions).stored()

    def beside(suspected: measure.CandidateChange) -> tuple[Measured | None, Compared]:
        if suspected.judgement.outcome is Change.FASTER:
            return measure.on_fresh_rounds(suspected)
        compared, seconds = _beside(session, variant, rng)
        drawn.now_s += seconds
        return measure.measured(suspected.metric, suspected.rounds), compared

    compared = measure.measure(
        METRIC,
        drawn,
        then,
        tolerance=TOLERANCES[SIDE_BY_SIDE if settled else STORED],
        clock=drawn.clock,
        confirm=beside if settled else measure.on_fresh_rounds,
    )[1]
    return compared, drawn.now_s


def again(record: Mapping[str, Any]) -> ToolVerdict:
    """Judge the samples of a comparison of ours anew, by the rule of this tree; more rounds there are not."""
    recorded = record["samples"]
    ratio, error = recorded["stored"]
    calls = [
        Rounds.of([sample_of(each) for each in target], [sample_of(each) for each in control])
        for target, control in zip(recorded["target"], recorded["control"], strict=True)
    ]
    stored = StoredRatio(ratio=ratio, rel_error=error, control=sampling.CONTROL, clock=calls[0].clock)
    tape = Tape(calls)
    tolerance = TOLERANCES[record["tool"]]
    plan = measure.Plan(least_tolerance=tolerance)
    _, compared = measure.measure(METRIC, tape, stored, tolerance=tolerance, plan=plan, clock=tape.clock)
    return told_of(compared)


class Tape:
    """A sampler of ``measure`` that gives what was recorded, in its order, and a clock that stops it at the end."""

    def __init__(self, calls: Sequence[Rounds]) -> None:
        self._calls = list(calls)

    def __call__(self, rounds: int) -> Rounds:
        """Return so many rounds; raises MeasurementError when there are no more."""
        drawn = stats.NO_ROUNDS
        while len(drawn) < rounds and self._calls:
            drawn += self._calls.pop(0)
        if len(drawn) < rounds:
            raise MeasurementError("the record ends here")
        self._calls[:0] = [_part(drawn, rounds)] if len(drawn) > rounds else []
        return replace(drawn, target_s=drawn.target_s[:rounds], control_s=drawn.control_s[:rounds])

    def clock(self) -> float:
        """Return no time: a record is as long as it is."""
        return 0.0


def _part(rounds: Rounds, start: int) -> Rounds:
    return replace(rounds, target_s=rounds.target_s[start:], control_s=rounds.control_s[start:])
