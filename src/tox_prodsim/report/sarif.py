"""The format ``sarif``: SARIF 2.1.0 as the code scanning of GitHub reads it; a run for each environment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from tox_prodsim.model.events import Event
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.printable import Printable
from tox_prodsim.report import matrix
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.runs import Run, runs
from tox_prodsim.report.wording import CUT_SHORT, Fingerprints, origin, place, sentence, worst_first

MOST_RESULTS = 5000
"""GitHub keeps no more of a run."""
_MOST_OF_A_TEXT = 1024
"""GitHub takes no more of the descriptions of a rule."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "note"}


def render(events: Iterable[Event], options: RenderOptions) -> str:
    """Return one document with a run for each environment; it is ASCII."""
    written = [_Writer(run, options).run() for run in runs(events)]
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": written}, indent=1) + "\n"


class _Writer:
    """Writes one run."""

    def __init__(self, run: Run, options: RenderOptions) -> None:
        self._run = run
        self._options = options
        self._printable = Printable("utf-8")
        self._prints = Fingerprints()

    def run(self) -> dict[str, Any]:
        """Return the run: errors first, and how many findings are left out."""
        findings = worst_first(self._run.findings)
        kept = findings[:MOST_RESULTS]
        codes = sorted({each.code for each in kept})
        return {
            "tool": {"driver": self._driver(codes)},
            "automationDetails": {"id": f"prodsim/{self._clean(self._run.label)}/"},
            "invocations": [self._invocation(len(findings) - len(kept))],
            "results": [self._result(each, codes) for each in kept],
            "properties": self._facts(),
        }

    def _driver(self, codes: Sequence[str]) -> dict[str, Any]:
        started = self._run.started
        version = {"version": self._clean(started.version)} if started and started.version else {}
        return {"name": "tox-prodsim", **version, "rules": [self._rule(code) for code in codes]}

    def _rule(self, code: str) -> dict[str, Any]:
        text = self._options.codes.get(code)
        title, why = (text.title, text.why) if text else (code, code)
        command = f"tox prodsim explain {self._clean(code)}"
        page = text.page if text else command
        rule: dict[str, Any] = {
            "id": self._clean(code),
            "shortDescription": {"text": _cut(title)},
            "fullDescription": {"text": _cut(why)},
            "help": {"text": page, "markdown": f"```text\n{page}```\n\nAlso: `{command}`"},
        }
        return rule | ({"defaultConfiguration": {"level": _LEVELS[text.level]}} if text else {})

    def _result(self, finding: Finding, codes: Sequence[str]) -> dict[str, Any]:
        path, line = place(finding, self._options)
        texts = [sentence(finding)]
        texts += [f"at {origin(finding)}"] if finding.file and path != finding.file else []
        texts += [f"hint: {finding.hint}"] if finding.hint else []
        place_ = {"artifactLocation": {"uri": quote(path)}, "region": {"startLine": line}}
        return {
            "ruleId": self._clean(finding.code),
            "ruleIndex": codes.index(finding.code),
            "level": _LEVELS[finding.level],
            "message": {"text": "\n".join(map(self._clean, texts))},
            "locations": [{"physicalLocation": place_}],
            "partialFingerprints": {
                "primaryLocationLineHash": f"{self._prints.of(self._run.label, finding)}:1",
            },
        }

    def _invocation(self, left_out: int) -> dict[str, Any]:
        texts = [CUT_SHORT] if self._run.is_cut_short else []
        texts += [f"{left_out} more findings are left out"] if left_out else []
        said = [{"level": "error", "message": {"text": text}} for text in texts]
        return {
            "executionSuccessful": not self._run.is_cut_short,
            **({"toolExecutionNotifications": said} if said else {}),
        }

    def _facts(self) -> dict[str, Any]:
        """Return the verdict, what was tested where, and what each step came to."""
        facts = {"verdict": self._run.finished.verdict.value}
        if started := self._run.started:
            facts |= {"wheel": started.wheel_name, "sha256": started.wheel_sha256}
            facts |= {"python": started.python, "platform": started.platform}
        cells = {step.value: matrix.cell(self._run, step).result.value for step in matrix.steps([self._run])}
        return {key: self._clean(value) for key, value in facts.items() if value} | {"steps": cells}

    def _clean(self, text: str) -> str:
        return self._printable(text)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_OF_A_TEXT else f"{text[: _MOST_OF_A_TEXT - 2]} \N{HORIZONTAL ELLIPSIS}"
