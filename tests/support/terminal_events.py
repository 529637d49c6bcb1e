"""Events of a run in few words, and what the terminal shows of them."""

from __future__ import annotations

from dataclasses import replace
from textwrap import dedent

from support.run_events import STARTED
from tox_prodsim.model.events import (
    Change,
    Compared,
    Event,
    Found,
    Outcome,
    Progress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
)
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.metrics import Metric
from tox_prodsim.report import RenderOptions
from tox_prodsim.report.terminal import TerminalReporter

REPORT = ".tox/prodsim/prodsim/report.json"


def shown(*events: Event, color: bool = False, encoding: str | None = "utf-8", verbosity: int = 2) -> str:
    written: list[str] = []
    options = RenderOptions(color=color, encoding=encoding, verbosity=verbosity, report_path=REPORT)
    terminal = TerminalReporter(written.append, options)
    for event in events:
        terminal.handle(event)
    terminal.close()
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in written)
    return "".join(written)


def text(expected: str) -> str:
    return dedent(expected).lstrip("\n")


def started(**fields: str) -> RunStarted:
    return replace(STARTED, checks=43, wheel_sha256="3f2a1c9b0d4e" + "5" * 52, **fields)


def step(name: Step, detail: str, *findings: Finding, took_s: float = 0.2) -> list[Event]:
    bad = any(finding.level is Level.ERROR for finding in findings)
    return [
        StepStarted(step=name),
        *(Found(finding=finding) for finding in findings),
        StepFinished(step=name, outcome=Outcome.FAILED if bad else Outcome.OK, detail=detail, duration_s=took_s),
    ]


def not_checked(name: Step, reason: str) -> StepFinished:
    return StepFinished(step=name, outcome=Outcome.NOT_CHECKED, detail=reason, duration_s=0.0)


def progress(
    at_s: float, name: str, detail: str = "", *, limit_s: float | None = None, used_s: float | None = None
) -> Event:
    return Progress(step=Step.DEPLOY, at_s=at_s, name=name, detail=detail, limit_s=limit_s, used_s=used_s)


def deployed(outcome: Outcome, detail: str = "", *, took_s: float = 1.0) -> Event:
    return StepFinished(step=Step.DEPLOY, outcome=outcome, detail=detail, duration_s=took_s)


def finished(verdict: Verdict, *, errors: int = 0, warnings: int = 0, notes: int = 0, checks: int = 20) -> RunFinished:
    return RunFinished(verdict=verdict, errors=errors, warnings=warnings, notes=notes, checks=checks, duration_s=6.0)


def compared(
    metric: str, change: Change, value_s: float, expected_s: float | None, ratio: float | None, detail: str = ""
) -> Compared:
    return Compared(
        metric=Metric.parse(metric),
        change=change,
        value_s=value_s,
        expected_s=expected_s,
        ratio=ratio,
        tolerance=0.1,
        detail=detail,
    )


def error(code: str, subject: str, message: str, hint: str = "") -> Finding:
    return Finding(code=code, level=Level.ERROR, subject=subject, message=message, hint=hint)


def warning(code: str, subject: str, message: str, hint: str = "") -> Finding:
    return Finding(code=code, level=Level.WARNING, subject=subject, message=message, hint=hint)


def note(code: str, subject: str, message: str, hint: str = "") -> Finding:
    return Finding(code=code, level=Level.NOTE, subject=subject, message=message, hint=hint)
