"""Samples of imports and starts, interleaved with those of a control, each in a process of its own.

Why effective wall time, a control and random order: ``measurement.md``. Processes are started by the runner that is
passed in, so that they are supervised.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from tox_prodsim.model.errors import MeasurementError
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
_MARK = b"@prodsim "
_TIMING = CHILD_SCRIPTS / "timing.py"


Sampler = Callable[[int], Rounds]


def import_sampler(module: str, *, python: Path, runner: Runner, seed: int | None = None) -> Sampler:
    """Return a sampler of importing ``module`` with this Python; ``seed`` fixes the order inside the rounds."""
    rng = random.Random(seed)  # noqa: S311 - statistics, no secret
    jobs = {"control": CONTROL_MODULES, "target": (module,)}
    next_series = series_of(jobs, python=python, runner=runner, rng=rng)

    def sample(rounds: int) -> Rounds:
        series = next_series(rounds)
        return Rounds.of(series["target"], series["control"])

    return sample


def first_imports(modules: Sequence[str], *, python: Path, runner: Runner) -> dict[str, Sample]:
    """Return one sample of each import with the bytecode files that are there, none is written; raises NotMeasured."""
    jobs = {name: (name,) for name in modules}
    request = {"jobs": jobs, "rounds": 1, "seed": 0, "timeout_s": SAMPLE_TIMEOUT_S, "warm_up": False}
    argv = [str(python), "-I", str(_TIMING), "drive", json.dumps(request)]
    series = _read(runner(argv, timeout_s=4 * SAMPLE_TIMEOUT_S), jobs, 1)
    return {name: samples[0] for name, samples in series.items()}


def start_sampler(start_once: Callable[[], float], *, python: Path, runner: Runner, seed: int | None = None) -> Sampler:
    """Return a sampler of real starts: ``start_once`` does one, returns its effective seconds or raises NotMeasured.

    The control is timed in fresh interpreters between the starts, neighbouring ones by one driver.
    """
    rng = random.Random(seed)  # noqa: S311 - statistics, no secret
    next_series = series_of({"control": CONTROL_MODULES}, python=python, runner=runner, rng=rng)

    def sample(rounds: int) -> Rounds:
        starts: list[Sample] = []
        controls: list[Sample] = []
        order = [name for _ in range(rounds) for name in rng.sample(("control", "start"), 2)]
        for name, group in groupby(order):
            count = len(tuple(group))
            if name == "start":
                starts += [started(start_once()) for _ in range(count)]
            else:
                controls += next_series(count)["control"]
        return Rounds.of(starts, controls)

    return sample


def started(effective_s: float) -> Sample:
    """Return the sample of one start that took so many effective seconds."""
    return Sample(wall_s=effective_s, queued_s=0.0, cpu_s=effective_s, uncompiled=0)


def series_of(
    jobs: Mapping[str, Sequence[str]],
    *,
    python: Path,
    runner: Runner,
    rng: random.Random,
    pythons: Mapping[str, Path] | None = None,
) -> Callable[[int], dict[str, list[Sample]]]:
    """Return a function that gives so many fresh samples of each job; its first run may write bytecode.

    ``pythons`` names the interpreter of a job that is not to run with ``python``.
    """
    warm = False

    def take(rounds: int) -> dict[str, list[Sample]]:
        nonlocal warm
        request = {
            "jobs": jobs,
            "pythons": {name: str(path) for name, path in (pythons or {}).items()},
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


def _read(ran: Completed, jobs: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Sample]]:
    """Return the samples that the driver printed; raises NotMeasured with the reason when some are missing."""
    series: dict[str, list[Sample]] = {name: [] for name in jobs}
    for line in ran.stdout.splitlines():
        if not line.startswith(_MARK):
            continue  # a sitecustomize may print, too
        answer: dict[str, Any] = json.loads(line[len(_MARK) :])
        if "error" in answer:
            msg = f"import {' '.join(jobs[answer['job']])}: {answer['error']}"
            raise MeasurementError(msg)
        series[answer["job"]].append(_sample(answer))
    if any(len(samples) != rounds for samples in series.values()):
        raise MeasurementError(_broken(ran))
    return series


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


def _broken(ran: Completed) -> str:
    if ran.timed_out:
        return "the timing process did not end in time"
    lines = ran.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return f"the timing process ended with {ran.returncode}: {lines[-1]}"
