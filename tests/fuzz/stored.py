"""Files that another run, another version or somebody else has written: baselines, ledger, locks, event logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from fuzz.engine import Target
from fuzz.inputs import edited_lines, lines_of_json, odd_json
from support.baselines import ACME, KEY, TEXT
from support.run_events import STARTED

from tox_prodsim.model import events
from tox_prodsim.model.errors import LockError, LogVersionError, ProdsimError
from tox_prodsim.model.events import (
    Change,
    Compared,
    Evidence,
    Found,
    Measured,
    Outcome,
    Progress,
    RunFinished,
    Series,
    Step,
    StepFinished,
    StepStarted,
    UnknownReason,
)
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.metrics import START_UP
from tox_prodsim.plugin.cli import baseline_show
from tox_prodsim.report import FORMATS, RenderOptions, event_log, release, saved
from tox_prodsim.report.json import report
from tox_prodsim.run import contents
from tox_prodsim.supervision import ledger
from tox_prodsim.supervision.kernel_lock import KernelLock, LockHolder
from tox_prodsim.supervision.procfs import Identity
from tox_prodsim.timing import baseline
from tox_prodsim.timing.baseline.store import dumps, loads

HELD = {
    "version": "1.4.0",
    "created": "2026-11-22",
    "modules": ["acme"],
    "commands": ["acme"],
    "data": ["acme/x"],
    "failed": {"acme.x": "ImportError"},
    "notes": ["IMP504 acme"],
    "extensions": [],
}
OLD = json.loads(TEXT)
FULL = OLD | {
    "modules": [["acme", "", 120], ["json", "acme", 30]],
    "work": {"instructions": 150, "modules": 2, "pyc_bytes": 9},
    "contents": HELD,
    "env": "prodsim",
}


def _play_baseline(data: bytes, folder: Path) -> Iterator[str]:
    path = folder / f"{KEY}.json"
    path.write_bytes(data)
    loaded = baseline.load(path)
    if loaded is None:
        return
    for stored, now in ((loaded, ACME), (ACME, loaded), (loaded, loaded)):
        merged = baseline.merged(stored, now)
        changes = baseline.environment_changes(stored, now, project="acme")
        yield from (*changes.dists, *changes.machine)
        checked = contents.check_contents(stored, now, accepting=False)
        yield from (f"{each.subject} {each.message}" for each in checked.findings)
        yield str(baseline.outdated_days(stored, "2026-11-30"))
        again = folder / "again" / f"{merged.key}.json"
        baseline.save(again, merged)
        assert dumps(loads(again, again.read_text())) == dumps(merged)
    yield from baseline_show._lines(loaded)


def _play_ledger(data: bytes, folder: Path) -> Iterator[str]:
    inside = folder / "ledger"
    inside.mkdir(mode=0o700, exist_ok=True)
    path = inside / f"{'a1' * 16}.json"
    path.write_bytes(data)
    path.chmod(0o600)
    yield from ledger.runs_ending(inside)
    for swept in ledger.sweep(inside):
        yield from (swept.reason, swept.command)
        assert swept.killed == ()  # the boot of every record is another one
    path.unlink(missing_ok=True)


def _play_lock(data: bytes, folder: Path) -> Iterator[str]:
    path = folder / "locks" / "env.lock"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    lock = KernelLock(path)
    try:
        holder = lock.holder()
        if holder is not None:
            yield holder.command
            yield str(holder.is_ancestor)
    finally:
        lock.close()


def _play_events(data: bytes, folder: Path) -> Iterator[str]:
    path = folder / "events.jsonl"
    path.write_bytes(data)
    try:
        read = list(event_log.read(path))
    except ValueError as problem:
        assert "this is not an event" in str(problem)  # noqa: PT017 - it may be refused, and then like this
        yield str(problem)
        return
    for format_ in FORMATS.values():
        text = format_.render(read, RenderOptions(verbosity=3))
        if format_.name != "json":
            yield from text.splitlines()


def _play_report(data: bytes, _folder: Path) -> Iterator[str]:
    """Read a report of another machine, show it beside one of this machine, and read that report again."""
    try:
        each_run = saved.runs_of(data)
    except ValueError as problem:
        yield str(problem)
        return
    both = [*(event for run in each_run for event in run), *EVENTS]
    yield release.refusal([("a.json", EVENTS), *(("b.json", run) for run in each_run)])
    for format_ in FORMATS.values():
        text = format_.render(both, RenderOptions(verbosity=3))
        if format_.name != "json":
            yield from text.splitlines()
        else:
            assert len(saved.runs_of(text.encode("utf-8", "surrogatepass"))) == len(each_run) + 1


RECORD = {
    "schema": 1,
    **asdict(
        ledger.Record(
            tag="a1" * 16,
            boot="another",
            namespace="pid:[1]",
            host=Identity(pid=7, started=9),
            guard=Identity(pid=8, started=9),
            argv=("acme", "serve"),
        )
    ),
}
HOLDER = asdict(LockHolder.this_process())
FINDING = Finding(code="RUN603", level=Level.ERROR, subject="s", message="m", hint="h", file="f.py", line=3)
SERIES = Series(
    samples_s=(0.1, 0.2),
    control_samples_s=(0.1, 0.1),
    expected_ratio=1.0,
    rel_error=0.01,
    tolerance=0.05,
    change=Change.SLOWER,
    p=0.001,
)
MEASURED = Measured(
    control="stdlib-1",
    metric=START_UP,
    value_s=0.1,
    control_s=0.1,
    ratio=1.0,
    rounds=8,
    clock="wall",
    samples_s=(0.1, 0.2),
    control_samples_s=(0.1, 0.1),
)
COMPARED = Compared(
    metric=START_UP,
    change=Change.UNKNOWN,
    value_s=0.1,
    expected_s=0.1,
    ratio=1.1,
    tolerance=0.05,
    detail="no baseline",
    series=(SERIES,),
    reason=UnknownReason.NO_BASELINE,
    noise=0.1,
)
EVENTS: list[events.Event] = [
    STARTED,
    StepStarted(step=Step.DEPLOY, detail="uvicorn"),
    Progress(step=Step.DEPLOY, at_s=0.25, name="ready", limit_s=30.0),
    Evidence(step=Step.DEPLOY, title="log", lines=("\x1b[2J", "a\nb")),
    Found(finding=FINDING),
    StepFinished(step=Step.DEPLOY, outcome=Outcome.FAILED, detail="", duration_s=1.5),
    MEASURED,
    COMPARED,
    RunFinished(verdict=Verdict.FAILED, errors=1, warnings=0, notes=0, checks=9, duration_s=3.0),
]
REPORT = json.loads(json.dumps(report(EVENTS)))
LOG = json.loads(json.dumps([events.to_record(each) for each in EVENTS]))

TARGETS = (
    Target("baseline", _play_baseline, odd_json([FULL, OLD]) | edited_lines([TEXT.encode()])),
    Target("ledger", _play_ledger, odd_json([RECORD]), (ProdsimError,)),
    Target("report", _play_report, odd_json([REPORT, {**REPORT, "runs": [REPORT], "matrix": []}])),
    Target("lock", _play_lock, odd_json([HOLDER]), (LockError,)),
    Target("event_log", _play_events, lines_of_json([LOG, LOG[4:5], LOG[6:7], LOG[7:8], LOG[:1]]), (LogVersionError,)),
)
