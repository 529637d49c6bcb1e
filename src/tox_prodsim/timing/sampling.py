"""Samples of imports and starts, interleaved with those of a control, each in a process of its own.

Why effective wall time, a control and random order: ``measurement.md``. Processes are started by the runner that is
passed in, so that they are supervised.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tox_prodsim.model.answers import Shape, checked, marked, new_nonce, record
from tox_prodsim.model.errors import AnswerError, MeasurementError, SampleError
from tox_prodsim.model.runner import CHILD_SCRIPTS, Completed, Runner
from tox_prodsim.timing.stats import Rounds, Sample

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
SAMPLE_TIMEOUT_S = 60.0
LATE = "took longer than"
"""What the reason of a sample says that did not end in time: it is that of ``_child/timing.py``."""
_ERROR: Shape = {"job": str, "error": str}
_SAMPLE: Shape = {
    **dict.fromkeys(("wall_ns", "cpu_ns", "own_ns", "uncompiled"), int),
    "job": str,
    **dict.fromkeys(("queued_ns", "base_kb", "peak_kb"), (None, int)),
    "work": (None, float),
}
_TIMING = CHILD_SCRIPTS / "timing.py"

Sampler = Callable[[int], Rounds]
"""Returns so many fresh rounds; raises MeasurementError."""


def import_sampler(module: str, *, python: Path, runner: Runner, seed: int | None = None) -> Sampler:
    """Return a sampler of importing ``module`` with this Python; ``seed`` fixes the order inside the rounds."""
    jobs = Jobs({"control": CONTROL_MODULES, "target": (module,)}, python=python, runner=runner, rng=seeded(seed))

    def sample(rounds: int) -> Rounds:
        samples = jobs.take(rounds)
        return Rounds.of(samples["target"], samples["control"])

    return sample


def control_sampler(*, python: Path, runner: Runner) -> Callable[[], Sample]:
    """Return a function that times the control once; it raises MeasurementError."""
    jobs = Jobs({"control": CONTROL_MODULES}, python=python, runner=runner, rng=seeded(None))
    return lambda: jobs.take(1)["control"][0]


def first_imports(modules: Sequence[str], *, python: Path, runner: Runner) -> dict[str, Sample]:
    """Return one sample of each import with the bytecode files that are there, none is written.

    Raises MeasurementError.
    """
    jobs = {name: (name,) for name in modules}
    request = {"jobs": jobs, "rounds": 1, "seed": 0, "timeout_s": SAMPLE_TIMEOUT_S, "warm_up": False}
    samples = _drive(request, python=python, runner=runner)
    return {name: taken[0] for name, taken in samples.items()}


def start_sampler(start_once: Callable[[], float], *, python: Path, runner: Runner, seed: int | None = None) -> Sampler:
    """Return a sampler of real starts; ``start_once`` does one and returns its effective seconds.

    It raises MeasurementError when the start fails. The control is timed in fresh interpreters between the starts,
    neighbouring ones by one driver.
    """
    rng = seeded(seed)
    take = interleaved({"start": start_once}, rng=rng, python=python, runner=runner)

    def sample(rounds: int) -> Rounds:
        samples = take(rounds)
        return Rounds.of(samples["start"], samples["control"])

    return sample


def interleaved(
    starts: Mapping[str, Callable[[], float]], *, rng: random.Random, python: Path, runner: Runner
) -> Callable[[int], dict[str, list[Sample]]]:
    """Return a function that takes so many samples of each start and of the control, in random order in each round."""
    control = Jobs({"control": CONTROL_MODULES}, python=python, runner=runner, rng=rng)
    names = ("control", *starts)

    def take(rounds: int) -> dict[str, list[Sample]]:
        samples: dict[str, list[Sample]] = {name: [] for name in names}
        order = [name for _ in range(rounds) for name in rng.sample(names, len(names))]
        for name, group in groupby(order):
            count = len(tuple(group))
            if name == "control":
                samples[name] += control.take(count)[name]
            else:
                samples[name] += [start_sample(starts[name]()) for _ in range(count)]
        return samples

    return take


def seeded(seed: int | None) -> random.Random:
    """Return a generator for the order inside the rounds; None: another order each time."""
    return random.Random(seed)  # noqa: S311 - statistics, not a secret


def start_sample(effective_s: float) -> Sample:
    """Return the sample of one start that took so many effective seconds."""
    return Sample(wall_s=effective_s, queued_s=0.0, cpu_s=effective_s, uncompiled=0)


class Jobs:
    """Imports that are timed in the same rounds by one driver; the first run may write bytecode."""

    def __init__(
        self,
        modules: Mapping[str, Sequence[str]],
        *,
        python: Path,
        runner: Runner,
        rng: random.Random,
        pythons: Mapping[str, Path] | None = None,
    ) -> None:
        """Take the modules by name of the job; ``pythons`` has the interpreters of jobs that do not run ``python``."""
        self._modules = modules
        self._request = {"pythons": {name: str(path) for name, path in (pythons or {}).items()}}
        self._python = python
        self._runner = runner
        self._rng = rng
        self._warm = False

    def take(
        self, rounds: int, *, only: Collection[str] | None = None, limit_s: float | None = None
    ) -> dict[str, list[Sample]]:
        """Return so many fresh samples of each job, or only of some, in random order in each round.

        One sample may take ``limit_s``, by default SAMPLE_TIMEOUT_S. Raises MeasurementError; it is a SampleError when
        one job is the cause.
        """
        jobs = {name: modules for name, modules in self._modules.items() if only is None or name in only}
        changing = {
            "jobs": jobs,
            "rounds": rounds,
            "seed": self._rng.getrandbits(32),
            "warm_up": not self._warm,
            "timeout_s": SAMPLE_TIMEOUT_S if limit_s is None else limit_s,
        }
        samples = _drive(self._request | changing, python=self._python, runner=self._runner)
        self._warm = True
        return samples


class SharedImports:
    """Imports of modules that are timed in the same rounds, beside one control for all of them."""

    def __init__(self, modules: Sequence[str], *, python: Path, runner: Runner, seed: int | None = None) -> None:
        # A module may be named as the control is: jobs of modules have a blank, which no module has.
        self._names = {module: f"import {module}" for module in modules}
        jobs = {"control": CONTROL_MODULES, **{name: (module,) for module, name in self._names.items()}}
        self._jobs = Jobs(jobs, python=python, runner=runner, rng=seeded(seed))

    def take(self, modules: Sequence[str], rounds: int, limit_s: float | None = None) -> dict[str, Rounds]:
        """Return so many fresh rounds of each of the modules; raises MeasurementError, of one module SampleError."""
        jobs = {"control", *(self._names[module] for module in modules)}
        try:
            samples = self._jobs.take(rounds, only=jobs, limit_s=limit_s)
        except SampleError as problem:
            raise SampleError(str(problem), problem.job.removeprefix("import ")) from problem
        return {module: Rounds.of(samples[self._names[module]], samples["control"]) for module in modules}

    def sampler(self, module: str) -> Sampler:
        """Return a sampler of one of them."""
        return lambda rounds: self.take((module,), rounds)[module]


def _drive(request: Mapping[str, Any], *, python: Path, runner: Runner) -> dict[str, list[Sample]]:
    """Return the samples of a driver that is given this request; raises MeasurementError."""
    nonce = new_nonce()
    argv = [str(python), "-I", str(_TIMING), "drive", json.dumps({**request, "nonce": nonce})]
    # The cap keeps a series far below this limit; it is for a driver that hangs.
    completed = runner(argv, timeout_s=4 * SAMPLE_TIMEOUT_S)
    try:
        return _read(completed, nonce, request["jobs"], request["rounds"])
    except AnswerError as problem:
        msg = f"the timing process: {problem}"
        raise MeasurementError(msg) from problem


def _read(completed: Completed, nonce: str, jobs: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Sample]]:
    """Return the samples that the driver printed; raises MeasurementError with the reason when some are missing."""
    samples: dict[str, list[Sample]] = {name: [] for name in jobs}
    for answer in map(record, marked(completed.stdout, nonce)):
        if answer.get("job") not in list(jobs):  # it may be of any type
            raise AnswerError("it answers what was not asked")
        if "error" in checked(answer, _ERROR if "error" in answer else _SAMPLE):
            msg = f"import {' '.join(jobs[answer['job']])}: {answer['error']}"
            raise SampleError(msg, answer["job"])
        samples[answer["job"]].append(_sample(answer))
    if any(len(taken) != rounds for taken in samples.values()):
        raise MeasurementError(_failure(completed))
    return samples


def _sample(answer: Mapping[str, Any]) -> Sample:
    queued_ns = answer["queued_ns"]
    return Sample(
        wall_s=answer["wall_ns"] / 1e9,
        queued_s=None if queued_ns is None else queued_ns / 1e9,
        cpu_s=answer["cpu_ns"] / 1e9,
        uncompiled=answer["uncompiled"],
        own_s=answer["own_ns"] / 1e9,
        work=answer["work"],
    )


def _failure(completed: Completed) -> str:
    if completed.timed_out:
        return f"the timing process {LATE} it may"
    lines = completed.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return f"the timing process ended with {completed.returncode}: {lines[-1]}"
