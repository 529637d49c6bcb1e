"""Fresh rounds of two versions side by side, in two environments, with the control in the same rounds."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from tox_prodsim.model.runner import Runner
from tox_prodsim.timing import sampling
from tox_prodsim.timing.stats import Rounds, Sample

BASE, CANDIDATE, CONTROL = "base", "candidate", "control"
Draw = Callable[[int], dict[str, list[Sample]]]
"""Returns so many fresh samples of base, candidate and control, in random order in each round; raises NotMeasured."""


class Pair:
    """A sampler in which the base has the place of the control; what it drew is kept, to be judged by the control."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._drawn: dict[str, list[Sample]] = {BASE: [], CANDIDATE: [], CONTROL: []}

    def __call__(self, rounds: int) -> Rounds:
        """Return so many rounds of candidate (target) and base (control)."""
        series = self._draw(rounds)
        for name, kept in self._drawn.items():
            kept.extend(series[name])
        return Rounds.of(series[CANDIDATE], series[BASE])

    def beside_control(self, name: str) -> Rounds:
        """Return all rounds so far of one of the two, beside the control."""
        return Rounds.of(self._drawn[name], self._drawn[CONTROL])


def imports(module: str, *, python: Path, base_python: Path, runner: Runner, seed: int | None = None) -> Pair:
    """Return rounds of importing a module with two Pythons, by one driver, which runs with ``python``."""
    rng = random.Random(seed)  # noqa: S311 - statistics, no secret
    jobs = {CONTROL: sampling.CONTROL_MODULES, BASE: (module,), CANDIDATE: (module,)}
    return Pair(sampling.series_of(jobs, python=python, runner=runner, rng=rng, pythons={BASE: base_python}))


def starts(
    start_candidate: Callable[[], float],
    start_base: Callable[[], float],
    *,
    python: Path,
    runner: Runner,
    seed: int | None = None,
) -> Pair:
    """Return rounds of real starts, see ``sampling.start_sampler``; neighbouring controls are timed by one driver."""
    rng = random.Random(seed)  # noqa: S311 - statistics, no secret
    next_series = sampling.series_of({CONTROL: sampling.CONTROL_MODULES}, python=python, runner=runner, rng=rng)
    one = {CANDIDATE: start_candidate, BASE: start_base}

    def draw(rounds: int) -> dict[str, list[Sample]]:
        series: dict[str, list[Sample]] = {BASE: [], CANDIDATE: [], CONTROL: []}
        order = [name for _ in range(rounds) for name in rng.sample((BASE, CANDIDATE, CONTROL), 3)]
        for name, group in groupby(order):
            count = len(tuple(group))
            if name == CONTROL:
                series[name] += next_series(count)[CONTROL]
            else:
                series[name] += [sampling.started(one[name]()) for _ in range(count)]
        return series

    return Pair(draw)
