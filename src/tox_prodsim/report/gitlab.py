"""The format ``gitlab``: the findings as a report of code quality, which GitLab shows in a merge request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from tox_prodsim.model.events import Event
from tox_prodsim.model.findings import Level
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.printable import Printable
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.runs import Run, runs
from tox_prodsim.report.wording import Fingerprints, origin, place, sentence, worst_first

_SEVERITIES = {Level.ERROR: "major", Level.WARNING: "minor", Level.NOTE: "info"}


def render(events: Iterable[Event], options: RenderOptions) -> str:
    """Return one array for all runs; GitLab refuses a byte order mark."""
    prints = Fingerprints()
    issues = [issue for run in runs(events) for issue in _issues(run, options, prints)]
    return json.dumps(issues, indent=1) + "\n"


def _issues(run: Run, options: RenderOptions, prints: Fingerprints) -> Iterator[dict[str, Any]]:
    clean = Printable("utf-8")
    steps = {id(finding): step.name for step in run.steps for finding in step.findings}
    for finding in worst_first(run.findings):
        path, line = place(finding, options)
        at = f"at {origin(finding)}" if finding.file and path != finding.file else ""
        text = joined((f"{finding.code} {sentence(finding)}", at, f"({run.label}, {steps[id(finding)]})"), " ")
        yield {
            "description": clean(text),
            "check_name": clean(finding.code),
            "fingerprint": prints.of(run.label, finding),
            "severity": _SEVERITIES[finding.level],
            "location": {"path": clean(path), "lines": {"begin": line}},
        }
