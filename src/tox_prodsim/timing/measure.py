"""Times imports and starts beside a control, and compares them with a stored ratio.

A sampler gives fresh interleaved rounds on demand; ``measure`` asks for as many as the rule of ``stats`` needs, within
a cap, and repeats a suspicion on fresh rounds before it is a verdict. Why effective wall time, a control and random
order: ``measurement.md``. Processes are started by the runner that is passed in, so that they are supervised.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

from tox_prodsim.events import Change, Compared, Measured
from tox_prodsim.findings import Finding, Level
from tox_prodsim.running import Ran, Runner
from tox_prodsim.timing import stats
from tox_prodsim.timing.stats import NO_ROUNDS, Judgement, Rounds, Sample, StoredRatio, percent

CONTROL = "stdlib-1"
"""The control below; another list needs another name, because a stored ratio is a ratio to exactly this one."""
CONTROL_MODULES = (
    "argparse",
    "json",
    "logging",
    "decimal",
    "http.client",
    "xml.etree.ElementTree",
    "dataclasses",
    "unittest",
    "asyncio",
)
START_UP = "start-up"
SAMPLE_TIMEOUT_S = 60.0
_RECORD_ROUNDS = 16
_MARK = b"@prodsim "
_TIMING = Path(__file__).parents[1] / "_child" / "timing.py"


class Why(StrEnum):
    """How the detail of an UNKNOWN comparison begins: what kind of "do not know" it is."""

    NO_BASELINE = "no baseline"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARED = "not compared"
    NOT_MEASURED = "not measured"


class NotMeasured(Exception):  # noqa: N818 - an ending of a measurement, not an error of ours
    """The thing to time did not do what is timed: it failed, or took too long; the text is the reason."""


Sampler = Callable[[int], Rounds]
"""Returns so many fresh rounds; raises NotMeasured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """When to look and when to stop: ``looks`` are totals of rounds, ``cap_s`` bounds one stage (there may be two).

    With ``recording`` the rounds go on until the ratio is good to store, or to the last look. ``least_tolerance`` is
    what a stored ratio can hold: at 7 % the replays between sessions had no false alarm (measurement.md 2.3).
    """

    looks: tuple[int, ...] = (8, 12, 16, 24, 32)
    cap_s: float = 20.0
    recording: bool = False
    least_tolerance: float = 0.07


def measure(
    metric: str,
    sampler: Sampler,
    stored: StoredRatio | None,
    *,
    tolerance: float,
    plan: Plan | None = None,
    clock: Callable[[], float] = time.monotonic,
    known_s: float | None = None,
) -> tuple[Measured | None, Compared]:
    """Return what was measured (None: nothing, the comparison says why) and how it compares.

    ``known_s`` is what one sample is already known to take: when too few of them fit the cap, none is started.
    """
    plan = plan or Plan()
    tolerance = max(tolerance, plan.least_tolerance)
    if known_s is not None and known_s * stats.MIN_ROUNDS > plan.cap_s:
        return None, _unknown(metric, _too_slow(known_s, plan), tolerance, known_s)
    budget = _Budget(sampler, plan, clock)
    try:
        stage = _stage(budget, stored, tolerance, first=True)
        if stage.judgement is None or stage.judgement.outcome not in {Change.SLOWER, Change.FASTER}:
            return _measured(metric, stage.rounds), _compared(metric, stage, tolerance)
        again = _stage(budget, stored, tolerance, first=False)
    except NotMeasured as problem:
        return None, _unknown(metric, f"{Why.NOT_MEASURED}: {problem}", tolerance, known_s or 0.0)
    return _measured(metric, again.rounds), _confirmed(metric, stage.judgement, again, tolerance)


def import_sampler(module: str, *, python: Path, runner: Runner, seed: int | None = None) -> Sampler:
    """Return a sampler of importing ``module`` with this Python; ``seed`` fixes the order inside the rounds."""
    rng = random.Random(seed)  # noqa: S311 - statistics, no secret
    jobs = {"control": CONTROL_MODULES, "target": (module,)}
    next_series = _series(jobs, python=python, runner=runner, rng=rng)

    def sample(rounds: int) -> Rounds:
        series = next_series(rounds)
        return Rounds.of(series["target"], series["control"])

    return sample


def start_sampler(start_once: Callable[[], float], *, python: Path, runner: Runner, seed: int | None = None) -> Sampler:
    """Return a sampler of real starts: ``start_once`` does one, returns its effective seconds or raises NotMeasured.

    The control is timed in fresh interpreters between the starts, neighbouring ones by one driver.
    """
    rng = random.Random(seed)  # noqa: S311 - statistics, no secret
    next_series = _series({"control": CONTROL_MODULES}, python=python, runner=runner, rng=rng)

    def sample(rounds: int) -> Rounds:
        starts: list[Sample] = []
        controls: list[Sample] = []
        order = [name for _ in range(rounds) for name in rng.sample(("control", "start"), 2)]
        for name, group in groupby(order):
            count = len(tuple(group))
            if name == "start":
                starts += [_started(start_once()) for _ in range(count)]
            else:
                controls += next_series(count)["control"]
        return Rounds.of(starts, controls)

    return sample


def _started(effective_s: float) -> Sample:
    return Sample(wall_s=effective_s, queued_s=0.0, cpu_s=effective_s, uncompiled=0)


def effective_since(pid: int, started_at: float, *, now: Callable[[], float] = time.monotonic) -> float | None:
    """Return the wall seconds since ``started_at`` less what the main thread of ``pid`` waited for a CPU.

    A zombie still has the figure. None where there is none (no schedstat, no such process): take the wall time then.
    """
    wall_s = now() - started_at
    try:
        on_cpu, queued = Path(f"/proc/{pid}/schedstat").read_bytes().split()[:2]
    except (OSError, ValueError):
        return None
    return wall_s - int(queued) / 1e9 if int(on_cpu) else None


def finding_for(compared: Compared) -> Finding | None:
    """Return what a comparison means for the run; None when it is the same."""
    match compared.change:
        case Change.SAME:
            return None
        case Change.SLOWER:
            return _slower(compared)
        case Change.FASTER:
            return _note(
                "PRF704",
                compared,
                f"{compared.metric} is faster than its baseline: {_against(compared)}",
                "accept it with --prodsim-update-baseline, so that the gain is kept",
            )
        case Change.UNKNOWN:
            return _unknown_finding(compared)


class _Budget:
    """Asks the sampler for rounds as long as they fit the cap of a stage; ``round_s`` is what the last ones took."""

    def __init__(self, sampler: Sampler, plan: Plan, clock: Callable[[], float]) -> None:
        self.plan = plan
        self.round_s = 0.0
        self._sampler = sampler
        self._clock = clock
        self._deadline = 0.0

    def warm_up(self) -> Rounds:
        """Discard one round and begin; a slow one may have compiled bytecode, then return one more that tells."""
        self._take(1)
        self.begin()
        return self._take(1) if self.round_s * stats.MIN_ROUNDS > self.plan.cap_s else NO_ROUNDS

    def begin(self) -> Rounds:
        """Begin a stage: its time counts from here."""
        self._deadline = self._clock() + self.plan.cap_s
        return NO_ROUNDS

    def extend(self, rounds: Rounds, look: int) -> Rounds:
        """Return the rounds and as many more, up to ``look``, as the time left is enough for."""
        while len(rounds) < look:
            room = int((self._deadline - self._clock()) / self.round_s)
            # A few at a time: the estimate of what a round takes may come from a warm-up that compiled.
            count = min(look - len(rounds), stats.MIN_ROUNDS, max(room, 0 if len(rounds) else 1))
            if count < 1:
                break
            rounds += self._take(count)
        return rounds

    def _take(self, count: int) -> Rounds:
        begun = self._clock()
        rounds = self._sampler(count)
        self.round_s = max((self._clock() - begun) / count, 1e-9)
        if len(rounds) != count:
            msg = f"the sampler gave {len(rounds)} rounds, asked for {count}"
            raise ValueError(msg)
        return rounds


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stage:
    """One series of looks; without a ``judgement`` there was nothing to decide, and ``detail`` says why."""

    rounds: Rounds
    judgement: Judgement | None
    detail: str = ""


def _stage(budget: _Budget, stored: StoredRatio | None, tolerance: float, *, first: bool) -> _Stage:
    """Take rounds from look to look until the rule decides or the cap is reached."""
    rounds = budget.warm_up() if first else budget.begin()
    judgement, missing = None, ""
    for look in budget.plan.looks:
        rounds = budget.extend(rounds, look)
        missing = _incomparable(stored, rounds.clock)
        if stored and not missing:
            judgement = _judged(rounds, stored, tolerance)
        if len(rounds) < look or _enough(rounds, judgement, budget.plan):
            break
    if len(rounds) < stats.MIN_ROUNDS:
        return _Stage(rounds=rounds, judgement=None, detail=_too_slow(budget.round_s, budget.plan))
    return _Stage(rounds=rounds, judgement=judgement, detail=missing)


def _judged(rounds: Rounds, stored: StoredRatio, tolerance: float) -> Judgement:
    samples = (rounds.target_s, rounds.control_s)
    return stats.judge(*samples, stored.ratio, tolerance=tolerance, rel_error=stored.rel_error)


def _enough(rounds: Rounds, judgement: Judgement | None, plan: Plan) -> bool:
    """Return whether to stop: decided, or when recording, as exact as the ratio repeats between sessions (1.5 %)."""
    if not plan.recording:
        return len(rounds) >= _RECORD_ROUNDS if judgement is None else judgement.decided
    if len(rounds) < _RECORD_ROUNDS:
        return False
    return stats.relative_error(rounds.target_s, rounds.control_s) <= stats.SESSION_ERROR


def _incomparable(stored: StoredRatio | None, clock: str) -> str:
    """Return why there is nothing to compare with, or nothing."""
    if stored is None:
        return f"{Why.NO_BASELINE} for this Python and platform"
    if stored.control != CONTROL:
        return f"{Why.NO_BASELINE} that fits: it was measured beside the control {stored.control}, now it is {CONTROL}"
    if stored.clock != clock:
        return f"{Why.NO_BASELINE} that fits: it was measured by {stored.clock}, here it is {clock}"
    return ""


def _too_slow(round_s: float, plan: Plan) -> str:
    limit = f"{stats.MIN_ROUNDS} would take more than the cap of {plan.cap_s:g} s"
    return f"{Why.NOT_COMPARED}: one round takes {_time(round_s)}, {limit}"


def _measured(metric: str, rounds: Rounds) -> Measured:
    return Measured(
        metric=metric,
        value_s=stats.fastest_quarter(rounds.target_s),
        control_s=stats.fastest_quarter(rounds.control_s),
        ratio=stats.ratio(rounds.target_s, rounds.control_s),
        rounds=len(rounds),
        samples_s=rounds.target_s,
        control_samples_s=rounds.control_s,
        clock=rounds.clock,
        control=CONTROL,
    )


def _compared(metric: str, stage: _Stage, tolerance: float) -> Compared:
    """Return the comparison that one stage came to, which is no change or no answer."""
    rounds, judgement = stage.rounds, stage.judgement
    if judgement is None:
        return _unknown(metric, stage.detail + _bytecode(rounds), tolerance, stats.fastest_quarter(rounds.target_s))
    if judgement.outcome is Change.UNKNOWN:
        return _told(metric, judgement, f"{Why.INCONCLUSIVE}: {judgement.reason}; {_loud(rounds)}", rounds)
    excluded = f"{percent(2 * judgement.tolerance)} is excluded (p {judgement.p:.3f}, {len(rounds)} rounds)"
    return _told(metric, judgement, excluded, rounds)


def _confirmed(metric: str, suspicion: Judgement, again: _Stage, tolerance: float) -> Compared:
    """Return the comparison that fresh rounds came to after a suspicion: only the same outcome again is a change."""
    judgement, first = again.judgement, f"first {percent(suspicion.ratio - 1)} in {suspicion.rounds} rounds"
    if judgement is None or judgement.outcome is Change.UNKNOWN:
        plain = _compared(metric, again, tolerance)
        return replace(plain, detail=f"{plain.detail}; {first}")
    if judgement.outcome is not suspicion.outcome:
        # What did not repeat is no change, whatever fresh rounds say in its place.
        judgement = replace(judgement, outcome=Change.SAME)
        return _told(metric, judgement, f"{first}, which did not repeat in {judgement.rounds} fresh ones", again.rounds)
    return _told(metric, judgement, f"{first}, again in {judgement.rounds} fresh ones", again.rounds)


def _told(metric: str, judgement: Judgement, detail: str, rounds: Rounds) -> Compared:
    return Compared(
        metric=metric,
        change=judgement.outcome,
        value_s=judgement.value_s,
        expected_s=judgement.expected_s,
        ratio=judgement.ratio,
        tolerance=judgement.tolerance,
        detail=detail + _bytecode(rounds),
    )


def _unknown(metric: str, detail: str, tolerance: float, value_s: float) -> Compared:
    """Return the comparison that could not be made."""
    return Compared(
        metric=metric,
        change=Change.UNKNOWN,
        value_s=value_s,
        expected_s=None,
        ratio=None,
        tolerance=tolerance,
        detail=detail,
    )


def _loud(rounds: Rounds) -> str:
    """Return what made the rounds hard to read: on a quiet machine both medians are within a few % of the fastest."""
    own, control = (f"{100 * stats.spread(samples):.0f} %" for samples in (rounds.target_s, rounds.control_s))
    waited = f"{100 * rounds.queued:.0f} % of the time was waiting for a CPU"
    return f"{len(rounds)} rounds spread by {own}, the control by {control}, {waited}"


def _bytecode(rounds: Rounds) -> str:
    return f"; {rounds.uncompiled} modules have no bytecode, their folder may be read-only" if rounds.uncompiled else ""


def _slower(compared: Compared) -> Finding:
    start = compared.metric == START_UP
    name = compared.metric.removeprefix("import ")
    where = "" if start else f"look at what it imports: python -X importtime -c 'import {name}'; "
    return Finding(
        code="PRF702" if start else "PRF701",
        level=Level.ERROR,
        subject=compared.metric,
        message=f"{compared.metric} is slower than its baseline: {_against(compared)}",
        hint=f"{where}if it is meant to be, accept it with --prodsim-update-baseline",
    )


def _unknown_finding(compared: Compared) -> Finding:
    """Return the note for a comparison that could not be made, by how its detail begins."""
    metric, detail = compared.metric, compared.detail
    if detail.startswith(Why.NO_BASELINE):
        return _note(
            "PRF705",
            compared,
            f"{metric}: {_time(compared.value_s)}, {detail}",
            "accept this run with --prodsim-update-baseline",
        )
    if detail.startswith(Why.INCONCLUSIVE):
        return _note("PRF703", compared, f"{metric}: {detail}", "run it again when the machine is quieter")
    if detail.startswith(Why.NOT_COMPARED):
        return _note("PRF706", compared, f"{metric}: {detail}", "time a part of it with measure_imports")
    return replace(_note("PRF706", compared, f"{metric}: {detail}", ""), level=Level.WARNING)


def _note(code: str, compared: Compared, message: str, hint: str) -> Finding:
    return Finding(code=code, level=Level.NOTE, subject=compared.metric, message=message, hint=hint)


def _against(compared: Compared) -> str:
    """Return for example ``148 ms, 92 ms expected here (+61 %, limit +10 %)``."""
    ratio, expected_s = compared.ratio or 1.0, compared.expected_s or 0.0
    within = f"{percent(ratio - 1)}, limit {percent(compared.tolerance)}"
    return f"{_time(compared.value_s)}, expected {_time(expected_s)} here ({within})"


def _time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{1000 * seconds:.3g} ms"


def _series(
    jobs: Mapping[str, Sequence[str]], *, python: Path, runner: Runner, rng: random.Random
) -> Callable[[int], dict[str, list[Sample]]]:
    """Return a function that gives so many fresh samples of each job; its first run may write bytecode."""
    warm = False

    def take(rounds: int) -> dict[str, list[Sample]]:
        nonlocal warm
        request = {
            "jobs": jobs,
            "rounds": rounds,
            "seed": rng.getrandbits(32),
            "timeout_s": SAMPLE_TIMEOUT_S,
            "warm_up": not warm,
        }
        argv = [str(python), "-I", str(_TIMING), "drive", json.dumps(request)]
        # The cap keeps a series far below this limit; it is for a driver that hangs.
        series = _read(runner(argv, timeout_s=4 * SAMPLE_TIMEOUT_S), jobs, rounds)
        warm = True
        return series

    return take


def _read(ran: Ran, jobs: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Sample]]:
    """Return the samples that the driver printed; raises NotMeasured with the reason when some are missing."""
    series: dict[str, list[Sample]] = {name: [] for name in jobs}
    for line in ran.stdout.splitlines():
        if not line.startswith(_MARK):
            continue  # a sitecustomize may print, too
        answer: dict[str, Any] = json.loads(line[len(_MARK) :])
        if "error" in answer:
            msg = f"import {' '.join(jobs[answer['job']])}: {answer['error']}"
            raise NotMeasured(msg)
        series[answer["job"]].append(_sample(answer))
    if any(len(samples) != rounds for samples in series.values()):
        raise NotMeasured(_broken(ran))
    return series


def _sample(answer: Mapping[str, Any]) -> Sample:
    queued_ns = answer["queued_ns"]
    return Sample(
        wall_s=answer["wall_ns"] / 1e9,
        queued_s=None if queued_ns is None else queued_ns / 1e9,
        cpu_s=answer["cpu_ns"] / 1e9,
        uncompiled=answer["uncompiled"],
    )


def _broken(ran: Ran) -> str:
    if ran.timed_out:
        return "the timing process did not end in time"
    lines = ran.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return f"the timing process ended with {ran.returncode}: {lines[-1]}"
