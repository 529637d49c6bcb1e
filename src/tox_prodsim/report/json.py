"""The format ``json``: one document made from the events of a run, or of several; ``schema.json`` describes it.

The document is a contract: a field is never renamed or removed within one ``schema_version``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from tox_prodsim.model import causes
from tox_prodsim.model.events import (
    SCHEMA_VERSION,
    Compared,
    Event,
    Evidence,
    FootprintCompared,
    Found,
    ImportTree,
    Measured,
    Progress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    to_fields,
    unfinished,
)
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.printable import LEGACY_COMMAND
from tox_prodsim.report import matrix
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.runs import Run, runs, split


def render(events: Iterable[Event], _options: RenderOptions) -> str:
    """Return the document as text; no option applies to it."""
    each_run = split(events)
    return dumps(report(each_run[0]) if len(each_run) == 1 else combined(each_run))


def dumps(document: dict[str, Any]) -> str:
    """Return a report as the text of ``report.json``; keys are sorted.

    CI systems obey ``##[…]`` and ``##vso[…]`` anywhere in a line: JSON can write the same text in another way.
    """
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    return LEGACY_COMMAND.sub(r"\\u0023#", text) if "##" in text else text


def report(events: Iterable[Event]) -> dict[str, Any]:
    """Return the report of a run; without a RunFinished at the end the verdict is incomplete."""
    document = _Document()
    for event in events:
        document.add(event)
    return {
        "schema_version": SCHEMA_VERSION,
        **_header(document.started),
        "steps": document.steps,
        "findings": document.described_findings(),
        "measurements": document.measurements,
        "comparisons": document.comparisons,
        "footprint": document.footprint,
        "imports": document.imports,
        "summary": document.summary(),
    }


def combined(each_run: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Return the report of several runs: their matrix, their reports, and one verdict."""
    reports = [report(events) for events in each_run]
    all_runs = runs(event for events in each_run for event in events)
    versions = {document["tool"]["version"] for document in reports}
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tox-prodsim", "version": versions.pop() if len(versions) == 1 else None},
        "matrix": [_row(run, matrix.steps(all_runs)) for run in all_runs],
        "runs": reports,
        "summary": _finite(asdict(matrix.summary(all_runs))),
    }


def _row(run: Run, steps: Sequence[Step]) -> dict[str, Any]:
    """Return what the steps of one run came to; a step that it does not have is null."""
    cells = {step: matrix.cell(run, step) for step in steps}
    return {
        "label": run.label,
        "verdict": run.finished.verdict,
        "steps": {
            step.value: {"result": cell.result, "codes": list(cell.codes)} if cell.result else None
            for step, cell in cells.items()
        },
    }


class _Document:
    """The parts of the report, filled event by event."""

    def __init__(self) -> None:
        self.started: RunStarted | None = None
        self.finished: RunFinished | None = None
        self.steps: list[dict[str, Any]] = []
        self.findings: list[tuple[Finding, Step | None]] = []
        self.measurements: list[dict[str, Any]] = []
        self.comparisons: list[dict[str, Any]] = []
        self.footprint: list[dict[str, Any]] = []
        self.imports: dict[str, Any] | None = None

    def add(self, event: Event) -> None:
        """Add the event to the part it belongs to."""
        match event:
            case RunStarted():
                self.started = event
            case RunFinished():
                self.finished = event
            case StepStarted():
                self.steps.append(_step(event.step, event.detail, event.began_s))
            case Progress():
                self._latest(event.step)["timeline"].append(_finite(asdict(event), leave_out="step"))
            case Evidence():
                self._latest(event.step or Step.DEPLOY)["evidence"].append(_finite(asdict(event), leave_out="step"))
            case StepFinished():
                self._latest(event.step).update(_finite(asdict(event), leave_out="step"))
            case Found():
                self.findings.append((event.finding, self._open_step()))
            case _:
                self._add_times(event)

    def _add_times(self, event: Event) -> None:
        match event:
            case Measured():
                self.measurements.append(_finite(to_fields(event)))
            case Compared():
                self.comparisons.append(_finite(to_fields(event)))
            case FootprintCompared():
                self.footprint.append(_finite({**to_fields(event), "unit": event.quantity.unit}))
            case ImportTree():
                self.imports = asdict(event)

    def described_findings(self) -> list[dict[str, Any]]:
        """Return each finding with its step, and the one from which it follows."""
        following = causes.causes(finding for finding, _ in self.findings)
        return [
            {**asdict(finding), "step": step, "cause": cause}
            for (finding, step), cause in zip(self.findings, following, strict=True)
        ]

    def summary(self) -> dict[str, Any]:
        """Return the last event, or what is known about an interrupted run."""
        if self.finished is not None:
            return _finite(asdict(self.finished))
        return {**asdict(unfinished(finding for finding, _ in self.findings)), "checks": None, "duration_s": None}

    def _latest(self, step: Step) -> dict[str, Any]:
        """Return the last entry of this step, a new one if the events lack its start."""
        same = [entry for entry in self.steps if entry["step"] == step]
        if not same:
            same = [_step(step, "")]
            self.steps += same
        return same[-1]

    def _open_step(self) -> Step | None:
        """Return the last step, None if it has finished."""
        last = self.steps[-1] if self.steps else {"step": None, "outcome": None}
        return last["step"] if last["outcome"] is None else None


def _step(step: Step, subject: str, began_s: float | None = None) -> dict[str, Any]:
    """Return a step that has not finished: its outcome is None."""
    return {
        "step": step,
        "subject": subject,
        "began_s": _json(began_s),
        "outcome": None,
        "detail": "",
        "duration_s": None,
        "not_checked": [],
        "impossible": [],
        "known": [],
        "checked": [],
        "timeline": [],
        "evidence": [],
    }


def _header(started: RunStarted | None) -> dict[str, Any]:
    """Return what was tested, with what and where; None for all of it if the run has no RunStarted."""
    if started is None:
        return {
            "tool": {"name": "tox-prodsim", "version": None},
            "started_at": None,
            "environment": None,
            "wheel": None,
            "files": [],
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
        "files": [asdict(each) for each in started.files],
    }


def _wheel(started: RunStarted) -> dict[str, Any] | None:
    """Return the facts of the wheel under test, None if it could not be built."""
    if not started.wheel_name:
        return None
    return {
        "name": started.wheel_name,
        "size_bytes": started.wheel_size_bytes,
        "sha256": started.wheel_sha256,
        "sources_sha256": started.wheel_sources_sha256,
        "origin": started.wheel_origin,
    }


def _finite(fields: dict[str, Any], *, leave_out: str = "") -> dict[str, Any]:
    """Return the fields as JSON values: lists for tuples, null for infinite numbers and NaN."""
    return {key: _json(value) for key, value in fields.items() if key != leave_out}


def _json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
