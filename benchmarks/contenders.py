"""The tools of the head to head: each times the base and the candidate as its documentation says, and gives a verdict.

A tool that has no verdict of its own is given the one that is usual: more than 10 % slower in its own figure.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from injected import BASE, InjectedApp, draw
from tox_prodsim.model.events import Change, Compared
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing import measure, sampling, stats
from tox_prodsim.timing.stats import Rounds, Sample, StoredRatio

LIMIT = 1.10
SIDE_BY_SIDE, STORED = "ours, side by side", "ours, stored ratio"
METRIC = Metric.of_import(BASE)
TOLERANCES = {SIDE_BY_SIDE: 0.05, STORED: 0.07}
"""What each way of ours can hold (measurement.md 7.2 and 2.3)."""
_TIMEOUT_S = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolVerdict:
    """What a tool said of a candidate: whether it is slower, its ratio, and the samples it took, in its own unit."""

    slower: bool
    ratio: float | None
    samples: Mapping[str, Sequence[Any]]
    words: str = ""


Tool = Callable[[InjectedApp, str], ToolVerdict]
"""Compares the base with the candidate of this name."""


def tools(stored: StoredRatio) -> dict[str, Tool]:
    """Return the tools that are here, by their names; ours compares with this stored ratio."""
    found: dict[str, Tool] = {
        SIDE_BY_SIDE: side_by_side,
        STORED: lambda place, candidate: against(stored, place, candidate),
        "pytest-benchmark mean:10%": pytest_benchmark,
        "pyperf --fast": pyperf,
        "asv timeraw": asv,
        "importtime-check": importtime_check,
    }
    return found | ({"hyperfine mean > 10 %": hyperfine} if shutil.which("hyperfine") else {})


# ours


class Recorder:
    """A sampler of ``measure`` that keeps what it has drawn; the first round is its warm-up."""

    def __init__(self, place: InjectedApp, target: Sequence[str], control: Sequence[str]) -> None:
        self.drawn: list[dict[str, list[Sample]]] = []
        self._place = place
        self._jobs = {"target": target, "control": control}

    def __call__(self, rounds: int) -> Rounds:
        """Return so many fresh rounds."""
        series = draw(self._place, self._jobs, rounds, warm=bool(self.drawn))
        self.drawn.append(series)
        return Rounds.of(series["target"], series["control"])

    def series(self) -> dict[str, list[Any]]:
        """Return what was drawn, call by call, see ``figures_of``."""
        return {name: [[figures_of(each) for each in series[name]] for series in self.drawn] for name in self._jobs}


def side_by_side(place: InjectedApp, candidate: str) -> ToolVerdict:
    """Judge the candidate against the base in the same rounds."""
    even = StoredRatio(ratio=1.0, rel_error=0.0, control=sampling.CONTROL, clock="")
    return _ours(Recorder(place, (candidate,), (BASE,)), even, TOLERANCES[SIDE_BY_SIDE])


def against(stored: StoredRatio, place: InjectedApp, candidate: str) -> ToolVerdict:
    """Judge the candidate beside the control against a stored ratio."""
    return _ours(Recorder(place, (candidate,), sampling.CONTROL_MODULES), stored, TOLERANCES[STORED])


def stored_ratio(place: InjectedApp) -> StoredRatio:
    """Return the ratio of the base, as ``--prodsim-update-baseline`` would store it now."""
    recorder = Recorder(place, (BASE,), sampling.CONTROL_MODULES)
    made, compared = measure.measure(METRIC, recorder, None, tolerance=0.1, plan=measure.Plan(recording=True))
    if made is None:
        raise SystemExit(compared.detail)
    error = stats.relative_error(made.samples_s, made.control_samples_s)
    return StoredRatio(ratio=made.ratio, rel_error=error, control=made.control, clock=made.clock)


def _ours(recorder: Recorder, stored: StoredRatio, tolerance: float) -> ToolVerdict:
    _, compared = measure.measure(
        METRIC, recorder, stored, tolerance=tolerance, plan=measure.Plan(least_tolerance=tolerance)
    )
    told = told_of(compared)
    return replace(told, samples={**recorder.series(), "stored": [stored.ratio, stored.rel_error]})


def told_of(compared: Compared) -> ToolVerdict:
    """Return a comparison of ours as a verdict; the first word says which of the four it is."""
    words = f"{compared.change.name}: {compared.detail}"
    return ToolVerdict(slower=compared.change is Change.SLOWER, ratio=compared.ratio, samples={}, words=words)


def figures_of(sample: Sample) -> tuple[float | None, ...]:
    """Return what a record keeps: wall time, run-queue delay, CPU time, that of the thread, in seconds; its work."""
    return sample.wall_s, sample.queued_s, sample.cpu_s, sample.own_s, sample.work


# the others


def pytest_benchmark(place: InjectedApp, candidate: str) -> ToolVerdict:
    """``--benchmark-compare-fail=mean:10%`` of running an interpreter that imports."""
    folder = _fresh(place.folder / "pytest-benchmark")
    test = "import os, subprocess, sys\n\ndef test_import(benchmark):\n"
    test += "    benchmark(subprocess.run, [sys.executable, '-c', 'import ' + os.environ['SHOP']], check=True)\n"
    (folder / "test_import.py").write_text(test, encoding="utf-8")
    argv = [str(place.python), "-m", "pytest", "-q", "--benchmark-save-data"]
    _run([*argv, "--benchmark-save=base"], place, folder, SHOP=BASE)
    compare = ["--benchmark-save=candidate", "--benchmark-compare=0001", "--benchmark-compare-fail=mean:10%"]
    done = _run([*argv, *compare], place, folder, SHOP=candidate, expect=(0, 1))
    saved = sorted(folder.glob(".benchmarks/*/*.json"))
    samples = [json.loads(path.read_text("utf-8"))["benchmarks"][0]["stats"]["data"] for path in saved[:2]]
    return _means(*samples, slower=done.returncode == 1)


def pyperf(place: InjectedApp, candidate: str) -> ToolVerdict:
    """``pyperf command --fast`` twice and ``compare_to``: significant, and slower."""
    folder = _fresh(place.folder / "pyperf")
    samples: list[list[float]] = []
    for module in (BASE, candidate):
        answer = folder / f"{module}.json"
        tool = [str(place.python), "-m", "pyperf", "command", "--fast", "-q", "--name", "import", "-o", str(answer)]
        _run([*tool, "--", str(place.python), "-c", f"import {module}"], place, folder)
        runs = json.loads(answer.read_text("utf-8"))["benchmarks"][0]["runs"]
        samples.append([value for run in runs for value in run.get("values", ())])
    files = [str(folder / f"{module}.json") for module in (BASE, candidate)]
    said = _run([str(place.python), "-m", "pyperf", "compare_to", *files], place, folder).stdout
    return replace(_means(*samples, slower="slower" in said), words=said.strip())


_ASV = """
import json, sys
from asv.commands.compare import _is_result_better
from asv_runner.benchmarks.timeraw import _SeparateProcessTimer
from asv_runner.statistics import compute_stats

samples, results = [], []
for module in sys.argv[1:]:
    timer = _SeparateProcessTimer(lambda: "import " + module)
    samples.append([timer.timeit(1) for _ in range(10)])
    results.append(compute_stats(samples[-1], 1))
(base, base_stats), (new, new_stats) = results
worse = _is_result_better(base, new, (base_stats, samples[0]), (new_stats, samples[1]), 1.1)
print(json.dumps({"samples": samples, "ratio": new / base, "slower": bool(worse)}))
"""


def asv(place: InjectedApp, candidate: str) -> ToolVerdict:
    """Compare by the timer of ``timeraw_`` and the rule of ``asv continuous``: Mann-Whitney and a factor of 1.1."""
    answer = json.loads(_run([str(place.python), "-c", _ASV, BASE, candidate], place, place.folder).stdout)
    base, new = answer["samples"]
    return ToolVerdict(slower=answer["slower"], ratio=answer["ratio"], samples={"base": base, "candidate": new})


def hyperfine(place: InjectedApp, candidate: str) -> ToolVerdict:
    """Its defaults; it has no verdict, so it is a mean that is more than 10 % longer."""
    answer = _fresh(place.folder / "hyperfine") / "answer.json"
    commands = [f"{place.python} -c 'import {module}'" for module in (BASE, candidate)]
    _run([str(shutil.which("hyperfine")), "--style=none", f"--export-json={answer}", *commands], place, place.folder)
    base, new = (result["times"] for result in json.loads(answer.read_text("utf-8"))["results"])
    return _means(base, new)


def importtime_check(place: InjectedApp, candidate: str) -> ToolVerdict:
    """Record a baseline of a module that imports the base, with 10 % and 1 ms; check it with the candidate instead."""
    folder = _fresh(place.folder / "importtime-check")
    tool = [str(place.python.with_name("importtime-check"))]
    module = place.site_packages / "subject.py"
    baseline = ["--output=base.json", "--max-increase-us=1000", "--max-increase-percent=10"]
    module.write_text(f"import {BASE}\n", encoding="utf-8")
    _run([*tool, "baseline", "record", "--module=subject", *baseline], place, folder)
    module.write_text(f"import {candidate}\n", encoding="utf-8")
    done = _run([*tool, "check", "--baseline=base.json", "--format=json"], place, folder, expect=(0, 1))
    return ToolVerdict(slower=done.returncode == 1, ratio=None, samples={}, words=done.stdout.strip())


def _means(base: Sequence[float], new: Sequence[float], *, slower: bool | None = None) -> ToolVerdict:
    """Return a verdict of the means, where the tool has none of its own."""
    ratio = statistics.fmean(new) / statistics.fmean(base)
    said = ratio > LIMIT if slower is None else slower
    return ToolVerdict(slower=said, ratio=ratio, samples={"base": list(base), "candidate": list(new)})


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _run(
    argv: Sequence[str], place: InjectedApp, cwd: Path, *, expect: Sequence[int] = (0,), **variables: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        argv, cwd=cwd, env=place.environ(**variables), capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
    )
    if done.returncode not in expect:
        raise SystemExit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done
