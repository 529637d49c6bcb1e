"""The events of three runs: one that passes, one that fails, and one in which everything foreign is hostile."""

from __future__ import annotations

from dataclasses import replace

from tox_prodsim.model.events import (
    Change,
    Compared,
    Event,
    Evidence,
    FootprintCompared,
    Found,
    ImportedModule,
    ImportTree,
    Measured,
    Outcome,
    Progress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
)
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.footprint import WHEEL_SIZE, Growth
from tox_prodsim.model.metrics import Metric
from tox_prodsim.model.release_files import FileKind, ReleaseFile
from tox_prodsim.report import CodeText, RenderOptions

STARTED = RunStarted(
    version="0.1.0",
    env_name="prodsim",
    python="CPython 3.12.4",
    platform="linux x86_64",
    checks=139,
    wheel_name="acme-2.1.0-py3-none-any.whl",
    wheel_size_bytes=84_123,
    wheel_sha256="3f" * 32,
    wheel_sources_sha256="5c" * 32,
    wheel_origin="built from the sdist",
    containment="nested subreaper",
    guarantee="every descendant",
    started_at="2026-11-22T10:00:00+00:00",
    files=(
        ReleaseFile(name="acme-2.1.0-py3-none-any.whl", kind=FileKind.WHEEL, size_bytes=84_123, sha256="3f" * 32),
        ReleaseFile(name="acme-2.1.0.tar.gz", kind=FileKind.SDIST, size_bytes=61_004, sha256="a7" * 32),
    ),
)
_WHEEL: list[Event] = [
    StepStarted(step=Step.WHEEL, began_s=0.0),
    StepFinished(
        step=Step.WHEEL,
        outcome=Outcome.OK,
        detail="RECORD and METADATA ok",
        duration_s=0.25,
        not_checked=("WHL103: the wheel has no scripts",),
        checked=("WHL101", "WHL102"),
    ),
]
_METRIC = Metric.of_import("acme")
_MEASURED = Measured(
    metric=_METRIC,
    value_s=0.5,
    control_s=0.25,
    ratio=2.0,
    rounds=2,
    samples_s=(0.5, 0.5),
    control_samples_s=(0.25, 0.25),
    clock="wall",
    control="stdlib-1",
)
_ACME = ImportedModule(name="acme", importer="", own=3000, origin="acme")
_JSON = ImportedModule(name="json", importer="acme", own=2000, at="acme/__init__.py:1", origin="stdlib")
_REPORT = ImportedModule(name="acme.report", importer="acme", own=1000, at="acme/__init__.py:2", origin="acme")
_DECODER = ImportedModule(name="json.decoder", importer="json", own=4000, at="json/__init__.py:106", origin="stdlib")
TREE = ImportTree(unit="bytecodes", now=(_ACME, _JSON, _DECODER, _REPORT), before=(_ACME, _JSON, _DECODER))
_TIMES: list[Event] = [
    StepStarted(step=Step.COMPARE, began_s=2.0),
    TREE,
    _MEASURED,
    Compared(
        metric=_METRIC,
        change=Change.SAME,
        value_s=0.5,
        expected_s=0.48,
        ratio=1.04,
        tolerance=0.1,
        detail="in bounds",
        history=(1.6, 1.92),
    ),
    FootprintCompared(
        quantity=WHEEL_SIZE,
        growth=Growth.SAME,
        value=84_123,
        expected=83_920,
        tolerance=0.1,
        detail="",
        history=(83_011, 83_920),
    ),
    StepFinished(step=Step.COMPARE, outcome=Outcome.OK, detail="candidate written", duration_s=9.0),
]
PASSING: list[Event] = [
    STARTED,
    *_WHEEL,
    StepStarted(step=Step.DEPLOY, detail="uvicorn acme.web:app", began_s=0.5),
    Progress(step=Step.DEPLOY, at_s=0.006, name="spawn", detail="pid 4711"),
    Progress(step=Step.DEPLOY, at_s=0.2, name="ready", detail="http /health 200", limit_s=30.0),
    Progress(step=Step.DEPLOY, at_s=0.5, name="stopped", detail="ended by SIGTERM", limit_s=10.0, used_s=0.1),
    StepFinished(step=Step.DEPLOY, outcome=Outcome.OK, detail="started", duration_s=1.0, checked=("RUN602", "RUN603")),
    *_TIMES,
    Found(finding=Finding(code="PRF705", level=Level.NOTE, subject="baseline", message="none yet", hint="accept it")),
    RunFinished(verdict=Verdict.PASSED, errors=0, warnings=0, notes=1, checks=4, duration_s=11.0),
]
CRASH = Finding(
    code="RUN602",
    level=Level.ERROR,
    subject="uvicorn",
    message="exit code 3 after 0.13 s, before it was ready",
    hint="its last output is shown below",
)
IMPORT = Finding(
    code="IMP501",
    level=Level.WARNING,
    subject="acme.report",
    message="does not import: ImportError: no pandas",
    hint="declare pandas",
    file="acme/report.py",
    line=7,
)
FAILING: list[Event] = [
    STARTED,
    *_WHEEL,
    StepStarted(step=Step.IMPORT),
    Found(finding=IMPORT),
    StepFinished(step=Step.IMPORT, outcome=Outcome.OK, detail="4 modules", duration_s=0.5, checked=("IMP501",)),
    StepStarted(step=Step.DEPLOY, detail="uvicorn acme.web:app"),
    Progress(step=Step.DEPLOY, at_s=0.006, name="spawn", detail="pid 4711", service="web"),
    Progress(step=Step.DEPLOY, at_s=0.02, name="spawn", detail="pid 4712", service="db"),
    Progress(step=Step.DEPLOY, at_s=0.13, name="ended", detail="exit code 3", service="web"),
    Found(finding=CRASH),
    Evidence(step=Step.DEPLOY, title="end of deploy.log", lines=("no such table: entries", "Exiting.")),
    StepFinished(step=Step.DEPLOY, outcome=Outcome.FAILED, detail="", duration_s=0.14),
    StepFinished(step=Step.COMPARE, outcome=Outcome.NOT_CHECKED, detail="the run has failed already", duration_s=0.0),
    RunFinished(verdict=Verdict.FAILED, errors=1, warnings=1, notes=0, checks=4, duration_s=2.0),
]
NASTY = (
    "\x1b[2Jx]]></system-out> ::error::owned\r\n::set-env name=A::b %0A::add-mask::b ##[error]c ##vso[task]d | `e` *f*"
)
NASTY += (
    " <script>alert(1)</script> </pre></details> \ud800 \ufffe \u202eright to left [g](http://h) \\| &amp; \x00 end"
)
"""What a package under test may print, or be named."""
LOG = ("::error::from the log", "  ::add-mask::x", "## heading", "", "</pre>", "a" * 100_000, NASTY)
_EVIL = replace(CRASH, subject=f"::error::{NASTY}", message=NASTY, hint=NASTY, file=NASTY, line=-3, service=NASTY)
_EVIL_TREE = ImportTree(
    unit=NASTY,
    now=(
        ImportedModule(name="x", importer="", own=10),
        ImportedModule(name=NASTY, importer="x", own=-(10**18), at=NASTY, origin=NASTY),
        ImportedModule(name="self", importer="self", own=10**18),
        ImportedModule(name="x", importer=NASTY, own=1),
    ),
    before=(ImportedModule(name=NASTY, importer="nowhere", own=3, at=NASTY, origin=NASTY),),
)
HOSTILE: list[Event] = [
    replace(STARTED, env_name=NASTY, wheel_name=NASTY, wheel_origin=NASTY, python=NASTY, platform=NASTY, version=NASTY),
    StepStarted(step=Step.DEPLOY, detail=NASTY),
    Progress(step=Step.DEPLOY, at_s=float("nan"), name=NASTY, detail=NASTY, limit_s=float("inf"), service=NASTY),
    Progress(step=Step.DEPLOY, at_s=2.0, name="::error::x", detail=NASTY, service=NASTY),
    *(Found(finding=replace(_EVIL, level=level)) for level in Level for _ in range(2)),
    Evidence(step=Step.DEPLOY, title=NASTY, lines=LOG, service=NASTY),
    Evidence(step=Step.DEPLOY, title="5 MB", lines=("::error::x" + "y" * 490,) * 10_000),
    StepFinished(
        step=Step.DEPLOY,
        outcome=Outcome.FAILED,
        detail=NASTY,
        duration_s=float("inf"),
        not_checked=(NASTY, f"RUN640: {NASTY}"),
        impossible=(NASTY,),
    ),
    StepStarted(step=Step.COMPARE, detail=NASTY, began_s=float("nan")),
    replace(_MEASURED, metric=Metric.of_import("x"), clock=NASTY, control=NASTY, ratio=float("nan")),
    _EVIL_TREE,
    StepFinished(step=Step.COMPARE, outcome=Outcome.OK, detail=NASTY, duration_s=-1.0),
    RunFinished(verdict=Verdict.FAILED, errors=2, warnings=2, notes=2, checks=4, duration_s=2.0),
]
CODES = {
    "WHL101": CodeText(title="RECORD is wrong", why="installers refuse it", page="WHL101: page\n", level=Level.ERROR),
    "RUN602": CodeText(title="it ended early", why="nothing serves", page="RUN602: page\n", level=Level.ERROR),
}
OPTIONS = RenderOptions(codes=CODES, report_path=".tox/prodsim/prodsim/report.json")


def named(events: list[Event], env_name: str) -> list[Event]:
    """Return the events of the same run in another environment."""
    return [replace(each, env_name=env_name) if isinstance(each, RunStarted) else each for each in events]


def found(*findings: Finding) -> list[Event]:
    """Return the events of a run with these findings, cut short."""
    return [STARTED, StepStarted(step=Step.DEPLOY), *(Found(finding=each) for each in findings)]


def commands(text: str) -> list[str]:
    """Return the lines that a runner of GitHub, of Azure or of TeamCity takes for commands."""
    return [line for line in text.splitlines() if line.lstrip().startswith("::") or "##[" in line or "##vso[" in line]
