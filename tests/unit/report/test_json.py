"""The JSON document: what it says, and that its schema tells the truth about it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.run_events import STARTED, named
from support.schema import SCHEMA, undescribed, violations

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
    Series,
    Step,
    StepFinished,
    StepStarted,
    UnknownReason,
)
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.footprint import WHEEL_SIZE, Growth
from tox_prodsim.model.metrics import Metric
from tox_prodsim.report import RenderOptions
from tox_prodsim.report.json import render, report

BROKEN = Finding(
    code="RUN603", level=Level.ERROR, subject="uvicorn", message="not ready", hint="wait", file="a", line=3
)
EVENTS: list[Event] = [
    STARTED,
    StepStarted(step=Step.WHEEL, began_s=0.75),
    StepFinished(
        step=Step.WHEEL,
        outcome=Outcome.OK,
        detail="RECORD ok",
        duration_s=0.25,
        not_checked=("ENT512: no console scripts",),
        checked=("WHL101", "WHL102"),
    ),
    StepStarted(step=Step.DEPLOY, detail="uvicorn acme.web:app"),
    Progress(
        step=Step.DEPLOY, at_s=0.5, name="stopped", detail="exit code 0", limit_s=10.0, used_s=0.125, service="web"
    ),
    Found(finding=BROKEN),
    Evidence(step=Step.DEPLOY, title="the log", lines=("one", "two"), service="web"),
    StepFinished(step=Step.DEPLOY, outcome=Outcome.FAILED, detail="", duration_s=30.5),
    StepFinished(step=Step.COMPARE, outcome=Outcome.NOT_CHECKED, detail="no baseline", duration_s=0.0),
    Measured(
        metric=Metric.of_import("acme"),
        value_s=0.5,
        control_s=0.25,
        ratio=2.0,
        rounds=2,
        samples_s=(0.5, float("inf")),
        control_samples_s=(0.25, 0.25),
        clock="wall",
        control="stdlib-1",
    ),
    Compared(
        metric=Metric.of_import("acme"),
        change=Change.UNKNOWN,
        value_s=0.5,
        expected_s=None,
        ratio=float("nan"),
        tolerance=0.1,
        detail="no baseline",
        series=(
            Series(
                samples_s=(0.5, 0.5),
                control_samples_s=(0.25, 0.25),
                expected_ratio=2.0,
                rel_error=0.01,
                tolerance=0.1,
                change=Change.UNKNOWN,
                p=1.0,
            ),
        ),
        reason=UnknownReason.NO_BASELINE,
    ),
    FootprintCompared(
        quantity=WHEEL_SIZE,
        growth=Growth.GROWN,
        value=84_123,
        expected=61_004,
        tolerance=0.1,
        detail="",
        cause="acme/data.bin (+23 kB, new)",
        history=(60_000, 61_004),
    ),
    ImportTree(
        unit="bytecodes",
        now=(ImportedModule(name="acme", importer="", own=7, at="", origin="acme"),),
        before=(ImportedModule(name="acme", importer="", own=6),),
    ),
    Found(finding=Finding(code="RUN605", level=Level.WARNING, subject="commands[0]", message="exit code 1")),
    RunFinished(verdict=Verdict.FAILED, errors=1, warnings=1, notes=0, checks=31, duration_s=31.0),
]


def document(*events: Event) -> dict[str, Any]:
    """Return the report as it is once it was written and read."""
    written = json.dumps(report(events), allow_nan=False)
    loaded: dict[str, Any] = json.loads(written)
    return loaded


def test_the_report_holds_all_that_the_stream_said() -> None:
    assert document(*EVENTS) == {
        "schema_version": 2,
        "tool": {"name": "tox-prodsim", "version": "0.1.0"},
        "started_at": "2026-11-22T10:00:00+00:00",
        "environment": {
            "name": "prodsim",
            "python": "CPython 3.12.4",
            "platform": "linux x86_64",
            "containment": "nested subreaper",
            "guarantee": "every descendant",
        },
        "wheel": {
            "name": "acme-2.1.0-py3-none-any.whl",
            "size_bytes": 84123,
            "sha256": "3f" * 32,
            "sources_sha256": "5c" * 32,
            "origin": "built from the sdist",
        },
        "files": [
            {"name": "acme-2.1.0-py3-none-any.whl", "kind": "wheel", "size_bytes": 84123, "sha256": "3f" * 32},
            {"name": "acme-2.1.0.tar.gz", "kind": "sdist", "size_bytes": 61004, "sha256": "a7" * 32},
        ],
        "steps": [
            {
                "step": "wheel",
                "subject": "",
                "began_s": 0.75,
                "outcome": "ok",
                "detail": "RECORD ok",
                "duration_s": 0.25,
                "not_checked": ["ENT512: no console scripts"],
                "impossible": [],
                "known": [],
                "checked": ["WHL101", "WHL102"],
                "timeline": [],
                "evidence": [],
            },
            {
                "step": "deploy",
                "subject": "uvicorn acme.web:app",
                "began_s": None,
                "outcome": "failed",
                "detail": "",
                "duration_s": 30.5,
                "not_checked": [],
                "impossible": [],
                "known": [],
                "checked": [],
                "timeline": [
                    {
                        "at_s": 0.5,
                        "name": "stopped",
                        "detail": "exit code 0",
                        "limit_s": 10.0,
                        "used_s": 0.125,
                        "service": "web",
                    }
                ],
                "evidence": [{"title": "the log", "lines": ["one", "two"], "service": "web"}],
            },
            {
                "step": "compare",
                "subject": "",
                "began_s": None,
                "outcome": "not checked",
                "detail": "no baseline",
                "duration_s": 0.0,
                "not_checked": [],
                "impossible": [],
                "known": [],
                "checked": [],
                "timeline": [],
                "evidence": [],
            },
        ],
        "findings": [
            {
                "code": "RUN603",
                "level": "error",
                "subject": "uvicorn",
                "message": "not ready",
                "hint": "wait",
                "file": "a",
                "line": 3,
                "reason": "",
                "service": "",
                "cause": "",
                "step": "deploy",
            },
            {
                "code": "RUN605",
                "level": "warning",
                "subject": "commands[0]",
                "message": "exit code 1",
                "hint": "",
                "file": "",
                "line": None,
                "reason": "",
                "service": "",
                "cause": "",
                "step": None,
            },
        ],
        "measurements": [
            {
                "metric": "import acme",
                "value_s": 0.5,
                "control_s": 0.25,
                "ratio": 2.0,
                "rounds": 2,
                "samples_s": [0.5, None],
                "control_samples_s": [0.25, 0.25],
                "clock": "wall",
                "control": "stdlib-1",
            }
        ],
        "comparisons": [
            {
                "metric": "import acme",
                "change": "unknown",
                "value_s": 0.5,
                "expected_s": None,
                "ratio": None,
                "tolerance": 0.1,
                "detail": "no baseline",
                "series": [
                    {
                        "samples_s": [0.5, 0.5],
                        "control_samples_s": [0.25, 0.25],
                        "expected_ratio": 2.0,
                        "rel_error": 0.01,
                        "tolerance": 0.1,
                        "change": "unknown",
                        "p": 1.0,
                    }
                ],
                "cause": "",
                "reason": "no baseline",
                "noise": None,
                "history": [],
            }
        ],
        "footprint": [
            {
                "quantity": "wheel size",
                "unit": "bytes",
                "growth": "grown",
                "value": 84123,
                "expected": 61004,
                "tolerance": 0.1,
                "detail": "",
                "cause": "acme/data.bin (+23 kB, new)",
                "source": "",
                "samples": 1,
                "history": [60000, 61004],
            }
        ],
        "imports": {
            "unit": "bytecodes",
            "now": [{"name": "acme", "importer": "", "own": 7, "at": "", "origin": "acme"}],
            "before": [{"name": "acme", "importer": "", "own": 6, "at": "", "origin": ""}],
            "left_out": 0,
        },
        "summary": {
            "verdict": "failed",
            "errors": 1,
            "warnings": 1,
            "notes": 0,
            "checks": 31,
            "duration_s": 31.0,
        },
    }


@pytest.mark.parametrize("length", range(len(EVENTS)))
def test_a_stream_that_was_cut_short_anywhere_is_incomplete_and_counts_what_it_has(length: int) -> None:
    summary = document(*EVENTS[:length])["summary"]
    found = [event.finding.level for event in EVENTS[:length] if isinstance(event, Found)]
    assert summary["verdict"] == "incomplete"
    assert (summary["errors"], summary["warnings"]) == (found.count(Level.ERROR), found.count(Level.WARNING))
    assert summary["checks"] is None


def test_a_cancelled_run_says_so() -> None:
    cancelled = RunFinished(verdict=Verdict.CANCELLED, errors=0, warnings=0, notes=0, checks=3, duration_s=1.0)
    assert document(*EVENTS[:4], cancelled)["summary"]["verdict"] == "cancelled"


def test_a_step_that_never_ended_has_no_outcome() -> None:
    assert document(*EVENTS[:6])["steps"][1]["outcome"] is None


@pytest.mark.parametrize("length", range(len(EVENTS) + 1))
def test_every_report_is_as_the_schema_says(length: int) -> None:
    assert list(violations(document(*EVENTS[:length]), SCHEMA)) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param(("schema_version",), 1, id="another version"),
        pytest.param(("summary", "verdict"), "fine", id="a verdict that does not exist"),
        pytest.param(("summary", "errors"), -1, id="fewer than no errors"),
        pytest.param(("summary", "errors"), True, id="a truth for a number"),
        pytest.param(("steps", 0, "step"), "dance", id="an unknown step"),
        pytest.param(("steps", 1, "timeline", 0, "at_s"), "soon", id="a word for a number"),
        pytest.param(("findings", 0, "code"), "run603", id="a code that is none"),
        pytest.param(("wheel",), {}, id="a wheel without facts"),
        pytest.param(("files", 1, "kind"), "egg", id="a kind of file that no index takes"),
    ],
)
def test_the_schema_refuses_what_a_report_never_says(path: tuple[Any, ...], value: object) -> None:
    changed = document(*EVENTS)
    *way, last = path
    place: Any = changed
    for key in way:
        place = place[key]
    place[last] = value
    assert list(violations(changed, SCHEMA))


def test_the_schema_describes_every_field_of_the_report() -> None:
    assert list(undescribed(document(*EVENTS), SCHEMA)) == []


def test_several_runs_are_one_document_with_their_matrix() -> None:
    both = json.loads(render([*named(EVENTS, "a"), *named(EVENTS[:6], "b")], RenderOptions()))
    assert list(violations(both, SCHEMA)) == []
    assert list(undescribed(both, SCHEMA)) == []
    assert [run["environment"]["name"] for run in both["runs"]] == ["a", "b"]
    assert both["runs"][0] == document(*named(EVENTS, "a"))
    assert both["matrix"][1] == {
        "label": "b",
        "verdict": "incomplete",
        "steps": {
            "wheel": {"result": "ok", "codes": []},
            "deploy": {"result": "failed", "codes": ["RUN603"]},
            "compare": None,
        },
    }
    assert (both["summary"]["verdict"], both["summary"]["errors"]) == ("failed", 2)
