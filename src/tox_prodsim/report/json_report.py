"""The report: one JSON document made of the stream of events; ``schema.json`` describes it.

The document is a contract: a field is never renamed or removed while ``schema_version`` stays the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from tox_prodsim.model.events import (
    Compared,
    Event,
    Evidence,
    Found,
    Measured,
    Progress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
)
from tox_prodsim.model.findings import Level, Verdict

SCHEMA_VERSION = 1


def report(events: Iterable[Event]) -> dict[str, Any]:
    """Return the report of a run; a stream without its last event, RunFinished, was cut short: incomplete."""
    document = _Document()
    for event in events:
        document.add(event)
    return {
        "schema_version": SCHEMA_VERSION,
        **_origin(document.started),
        "steps": document.steps,
        "findings": document.findings,
        "measurements": document.measurements,
        "comparisons": document.comparisons,
        "summary": _summary(document.finished, document.findings),
    }


class _Document:
    """The lists of the report while they grow."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.finished: RunFinished | None = None
        self.steps: list[dict[str, Any]] = []
        self.findings: list[dict[str, Any]] = []
        self.measurements: list[dict[str, Any]] = []
        self.comparisons: list[dict[str, Any]] = []

    def add(self, event: Event) -> None:
        """Put the event where it belongs."""
        match event:
            case RunStarted():
                self.started = event
            case RunFinished():
                self.finished = event
            case StepStarted():
                self.steps.append(_step(event.step, event.detail))
            case Progress():
                self._latest(event.step)["timeline"].append(_finite(asdict(event), leave_out="step"))
            case Evidence():
                self._latest(event.step or Step.DEPLOY)["evidence"].append(
                    {"title": event.title, "lines": list(event.lines)}
                )
            case StepFinished():
                self._latest(event.step).update(_finite(asdict(event), leave_out="step"))
            case Found():
                self.findings.append({**asdict(event.finding), "step": self._open_step()})
            case Measured():
                self.measurements.append(_finite(asdict(event)))
            case Compared():
                self.comparisons.append(_finite(asdict(event)))

    def _latest(self, step: Step) -> dict[str, Any]:
        """Return the last entry of this step; a stream may lack its start."""
        same = [entry for entry in self.steps if entry["step"] == step]
        if not same:
            same = [_step(step, "")]
            self.steps += same
        return same[-1]

    def _open_step(self) -> Step | None:
        """Return the step that a finding belongs to: the last one, unless it has ended."""
        last = self.steps[-1] if self.steps else {"step": None, "outcome": None}
        return last["step"] if last["outcome"] is None else None


def _step(step: Step, subject: str) -> dict[str, Any]:
    """Return a step that has begun and not ended: its outcome is None."""
    return {
        "step": step,
        "subject": subject,
        "outcome": None,
        "detail": "",
        "duration_s": None,
        "not_checked": [],
        "timeline": [],
        "evidence": [],
    }


def _origin(started: RunStarted | None) -> dict[str, Any]:
    """Return what was tested, with what and where; all None when the run ended before it could tell."""
    if started is None:
        return {
            "tool": {"name": "tox-prodsim", "version": None},
            "started_at": None,
            "environment": None,
            "wheel": None,
        }
    return {
        "tool": {"name": "tox-prodsim", "version": started.version},
        "started_at": started.started_at,
        "environment": {
            "name": started.env_name,
            "python": started.python,
            "platform": started.platform,
            "containment": started.containment,
            "guarantee": started.guarantee,
        },
        "wheel": _wheel(started),
    }


def _wheel(started: RunStarted) -> dict[str, Any] | None:
    """Return the facts of the file under test, None: there is none, it could not be built."""
    if not started.wheel_name:
        return None
    return {
        "name": started.wheel_name,
        "size_bytes": started.wheel_size_bytes,
        "sha256": started.wheel_sha256,
        "origin": started.wheel_origin,
    }


def _summary(finished: RunFinished | None, findings: list[dict[str, Any]]) -> dict[str, Any]:
    if finished is not None:
        return _finite(asdict(finished))
    levels = [finding["level"] for finding in findings]
    return {
        "verdict": Verdict.INCOMPLETE,
        "errors": levels.count(Level.ERROR),
        "warnings": levels.count(Level.WARNING),
        "notes": levels.count(Level.NOTE),
        "checks": None,
        "duration_s": None,
    }


def _finite(fields: dict[str, Any], *, leave_out: str = "") -> dict[str, Any]:
    """Return the fields as JSON has them: lists for tuples, null for what is no finite number."""
    return {key: _json(value) for key, value in fields.items() if key != leave_out}


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
