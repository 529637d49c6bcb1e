"""Fresh rounds of two versions side by side, in two environments, with the control in the same rounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tox_prodsim.model.runner import Runner
from tox_prodsim.timing import sampling
from tox_prodsim.timing.stats import Rounds, Sample

BASE, CANDIDATE, CONTROL = "base", "candidate", "control"
TakeSamples = Callable[[int], dict[str, list[Sample]]]
"""Returns so many fresh samples of base, candidate and control, in random order in each round.

Raises MeasurementError.
"""


class PairedSampler:
    """A sampler in which the base has the place of the control; it keeps the samples, to be judged by the control."""

    def __init__(self, take: TakeSamples) -> None:
        self._take = take
        self._samples: dict[str, list[Sample]] = {BASE: [], CANDIDATE: [], CONTROL: []}

    def __call__(self, rounds: int) -> Rounds:
        """Return so many rounds of candidate (target) and base (control)."""
        samples = self._take(rounds)
        for name, kept in self._samples.items():
            kept.extend(samples[name])
        return Rounds.of(samples[CANDIDATE], samples[BASE])

    def against_control(self, name: str) -> Rounds:
        """Return all rounds so far of one of the two, with the control."""
        return Rounds.of(self._samples[name], self._samples[CONTROL])


def import_sampler(
    module: str, *, python: Path, base_python: Path, runner: Runner, seed: int | None = None
) -> PairedSampler:
    """Return a sampler of importing a module with two Pythons, by one driver, which runs with ``python``."""
    modules = {CONTROL: sampling.CONTROL_MODULES, BASE: (module,), CANDIDATE: (module,)}
    rng, pythons = sampling.seeded(seed), {BASE: base_python}
    return PairedSampler(sampling.Jobs(modules, python=python, runner=runner, rng=rng, pythons=pythons).take)


def start_sampler(
    start_candidate: Callable[[], float],
    start_base: Callable[[], float],
    *,
    python: Path,
    runner: Runner,
    seed: int | None = None,
) -> PairedSampler:
    """Return a sampler of real starts, see ``sampling.start_sampler``."""
    starts = {BASE: start_base, CANDIDATE: start_candidate}
    return PairedSampler(sampling.interleaved(starts, rng=sampling.seeded(seed), python=python, runner=runner))
