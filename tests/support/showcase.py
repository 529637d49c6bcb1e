"""The events of a run in which much was found: several services, an import that got slower, times with a history."""

from __future__ import annotations

import math
from dataclasses import replace

from support.run_events import STARTED
from tox_prodsim.model.events import (
    Change,
    Compared,
    Event,
    Evidence,
    Found,
    ImportedModule,
    ImportTree,
    Measured,
    Outcome,
    Progress,
    RunFinished,
    Series,
    Step,
    StepFinished,
    StepStarted,
)
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.metrics import START_UP, Metric

_IMPORT = Metric.of_import("acme")


def samples(middle_s: float, rounds: int, *, spread: float = 0.08) -> tuple[float, ...]:
    """Return samples around a middle, skewed as times are; the same in each run."""
    waves = (abs(math.sin(at * 12.9898) * 43758.5453) % 1 for at in range(rounds))
    return tuple(round(middle_s * (1 + spread * wave**3), 6) for wave in waves)


def _tree(*rows: tuple[str, str, int]) -> tuple[ImportedModule, ...]:
    return tuple(
        ImportedModule(
            name=name, importer=importer, own=own, at=f"{importer.replace('.', '/')}.py:7" if importer else ""
        )
        for name, importer, own in rows
    )


_COMMON = (
    ("acme", "", 21_000),
    ("json", "acme", 9_000),
    ("json.decoder", "json", 14_000),
    ("json.scanner", "json.decoder", 6_000),
    ("json.encoder", "json", 8_000),
    ("acme.web", "acme", 12_000),
    ("http", "acme.web", 15_000),
    ("email.message", "http", 38_000),
    ("email.utils", "email.message", 24_000),
    ("urllib.parse", "email.utils", 31_000),
    ("acme.models", "acme", 18_000),
    ("dataclasses", "acme.models", 27_000),
    ("inspect", "dataclasses", 52_000),
)
TREE = ImportTree(
    unit="bytecodes",
    now=_tree(
        *_COMMON[:10],
        ("acme.report", "acme", 7_000),
        ("pandas", "acme.report", 64_000),
        ("numpy", "pandas", 118_000),
        ("numpy.core", "numpy", 77_000),
        ("pandas.io", "pandas", 46_000),
        ("acme.models", "acme", 33_000),
        *_COMMON[11:],
    ),
    before=_tree(*_COMMON, ("decimal", "acme.models", 22_000), ("numbers", "decimal", 4_000)),
)
"""``acme.report`` brings pandas, ``acme.models`` does more and no longer imports ``decimal``."""


def _progress(at_s: float, service: str, name: str, detail: str = "", **limits: float) -> Progress:
    return Progress(step=Step.DEPLOY, at_s=at_s, name=name, detail=detail, service=service, **limits)


_DEPLOYMENT: list[Event] = [
    StepStarted(step=Step.DEPLOY, detail="db, worker, web (3 services)", began_s=8.4),
    _progress(0.006, "db", "spawn", "pid 4711"),
    _progress(0.121, "db", "listening", "127.0.0.1:40001"),
    _progress(0.164, "db", "ready", "tcp 127.0.0.1:40001", limit_s=30.0, used_s=0.158),
    _progress(0.171, "worker", "spawn", "pid 4720"),
    _progress(0.172, "web", "spawn", "pid 4722"),
    _progress(0.702, "worker", "ready", 'log "waiting for tasks"', limit_s=30.0, used_s=0.531),
    _progress(0.911, "web", "listening", "127.0.0.1:40002"),
    _progress(0.958, "web", "ready", "http /health 200", limit_s=30.0, used_s=0.786),
    _progress(2.310, "web", "commands", "3 commands ran"),
    _progress(2.330, "web", "steady", "still ready (asked again: 3)"),
    _progress(2.335, "web", "requests", "2 in flight: /slow, /stream"),
    _progress(2.340, "web", "SIGTERM", "to the main process (5 processes running)"),
    _progress(3.105, "web", "stopped", "exit code 0", limit_s=10.0, used_s=0.765),
    _progress(3.110, "worker", "SIGTERM", "to the main process (3 processes running)"),
    _progress(6.110, "worker", "stopped", "killed by SIGKILL after 3 s", limit_s=3.0, used_s=3.0),
    _progress(6.120, "db", "SIGTERM", "to the main process (1 process running)"),
    _progress(6.240, "db", "stopped", "ended by SIGTERM", limit_s=10.0, used_s=0.12),
    Evidence(
        step=Step.DEPLOY,
        title="why worker did not stop",
        service="worker",
        lines=(
            "pid 4731 python -m acme.worker, MainThread",
            '  File "acme/worker.py", line 61, in run',
            "    task = queue.get()",
            '  File "/usr/lib/python3.12/queue.py", line 171, in get',
            "    self.not_empty.wait()",
        ),
    ),
    Found(
        finding=Finding(
            code="RUN607",
            level=Level.ERROR,
            subject="worker",
            message="did not stop within 3 s of SIGTERM, so it was killed",
            hint="end the queue in the handler of SIGTERM, or raise stop_timeout",
            file="acme/worker.py",
            line=61,
            service="worker",
        )
    ),
    StepFinished(
        step=Step.DEPLOY, outcome=Outcome.FAILED, detail="", duration_s=6.4, not_checked=("RUN640: no second start",)
    ),
]
_NOW, _THEN, _CONTROL = samples(0.148, 40), samples(0.092, 40), samples(0.051, 40)
_SLOWER = Compared(
    metric=_IMPORT,
    change=Change.SLOWER,
    value_s=0.1483,
    expected_s=0.0921,
    ratio=1.61,
    tolerance=0.1,
    detail="your change; beside wheel 2.0.0, same dependencies: +61 % (p 0.001, 40 rounds)",
    series=(
        Series(
            samples_s=_NOW,
            control_samples_s=_THEN,
            expected_ratio=1.0,
            rel_error=0.0,
            tolerance=0.1,
            change=Change.SLOWER,
            p=0.001,
        ),
    ),
    cause="pandas is new, imported at acme/report.py:7, and explains 93 % of it",
    history=(1.62, 1.71, 1.58, 1.80),
)
_START = Compared(
    metric=START_UP,
    change=Change.SAME,
    value_s=0.786,
    expected_s=0.801,
    ratio=0.98,
    tolerance=0.2,
    detail="+40 % is excluded (p 0.004, 16 rounds)",
    history=(15.7,),
)


def _measured(metric: Metric, seen: tuple[float, ...], value_s: float) -> Measured:
    return Measured(
        metric=metric,
        value_s=value_s,
        control_s=0.0512,
        ratio=value_s / 0.0512,
        rounds=len(seen),
        samples_s=seen,
        control_samples_s=_CONTROL[: len(seen)],
        clock="effective wall",
        control="stdlib-1",
    )


def _step(step: Step, began_s: float, duration_s: float, detail: str, **more: tuple[str, ...]) -> list[Event]:
    finished = StepFinished(step=step, outcome=Outcome.OK, detail=detail, duration_s=duration_s, **more)
    return [StepStarted(step=step, began_s=began_s), finished]


SHOWCASE: list[Event] = [
    replace(STARTED, env_name="py312-prodsim"),
    *_step(Step.BUILD, 0.0, 3.1, "no warnings of the build back end"),
    *_step(Step.ENV, 3.1, 2.8, "the wheel and what it requires are installed"),
    *_step(Step.SDIST, 5.9, 0.29, "acme-2.1.0.tar.gz, 44 files, builds the same wheel as the source tree"),
    *_step(Step.WHEEL, 6.2, 0.41, "RECORD and METADATA ok, 41 modules, 2 console scripts"),
    *_step(Step.INSTALL, 6.6, 0.55, "acme 2.1.0, requirements of 8 distributions met"),
    *_step(Step.IMPORT, 7.2, 0.62, "acme from site-packages, no side effects, 41 of 41 modules import"),
    *_step(Step.SCRIPTS, 7.8, 0.57, "2 scripts load and answer --help", known=("ENT514 acme-old: deprecated",)),
    *_DEPLOYMENT,
    StepStarted(step=Step.COMPARE, began_s=14.8, detail="with .prodsim/baselines/py312-prodsim/cpython-3.12.json"),
    Progress(
        step=Step.COMPARE, at_s=0.311, name="first", detail="import acme as installed: 12 modules have no bytecode"
    ),
    TREE,
    _measured(_IMPORT, _NOW, 0.1483),
    Evidence(
        step=Step.COMPARE,
        title="import acme, slower by",
        lines=(
            "+52.3 ms  new  pandas  [pandas 2.2.2]  4 modules",
            "    acme > acme.report > pandas",
            "explained 52.3 of 56.2 ms",
        ),
    ),
    _SLOWER,
    _measured(START_UP, samples(0.786, 16), 0.786),
    _START,
    Found(
        finding=Finding(
            code="PRF701",
            level=Level.ERROR,
            subject="import acme",
            message="is slower than its baseline: 148 ms, expected 92.1 ms here (+61 %, limit +10 %)",
            hint="if it is meant to be, accept it with --prodsim-update-baseline",
            file="acme/report.py",
            line=7,
        )
    ),
    Found(
        finding=Finding(
            code="PRF704",
            level=Level.NOTE,
            subject="baseline",
            message="was accepted 201 days ago",
            hint="accept this run with --prodsim-update-baseline",
        )
    ),
    StepFinished(step=Step.COMPARE, outcome=Outcome.OK, detail="", duration_s=21.3),
    RunFinished(verdict=Verdict.FAILED, errors=2, warnings=0, notes=1, checks=104, duration_s=36.4),
]
