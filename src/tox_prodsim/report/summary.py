"""The last screen: what was found, the worst first, each with what one can do; the evidence; the summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tox_prodsim.model.events import Evidence, RunFinished, Step
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.report import units
from tox_prodsim.report.layout import LineWriter

WORDS = {Level.ERROR: ("FAIL", "red"), Level.WARNING: ("WARN", "yellow"), Level.NOTE: ("NOTE", "dim")}
_VERDICTS = {
    Verdict.PASSED: ("passed", "green"),
    Verdict.FAILED: ("FAILED", "red"),
    Verdict.CANCELLED: ("CANCELLED", "yellow"),
    Verdict.INCOMPLETE: ("INCOMPLETE", "red"),
}
_NORMAL, _VERBOSE = 2, 3
_ALIKE_SHOWN = 3
"""So many findings of one code are printed in full; the report has all of them."""
_EVIDENCE_LIMIT = 500
"""So many characters of a line of evidence are printed."""
_INDENT = " " * 5


class Conclusion:
    """Collects what is said at the end; ``found`` are the findings with the stage each was made in."""

    def __init__(self, lines: LineWriter, *, verbosity: int, report_path: str) -> None:
        self._lines = lines
        self._verbosity = verbosity
        self._report_path = report_path
        self.env_name = "prodsim"
        self.found: list[tuple[Finding, Step | None]] = []
        self.told: list[Evidence] = []
        self.not_checked: list[Step] = []

    def cut_short(self) -> RunFinished:
        """Return the end of a run that did not come to its own; how many checks it made is not known."""
        levels = [finding.level for finding, _ in self.found]
        errors, warnings, notes = (levels.count(level) for level in (Level.ERROR, Level.WARNING, Level.NOTE))
        return RunFinished(
            verdict=Verdict.INCOMPLETE, errors=errors, warnings=warnings, notes=notes, checks=0, duration_s=0.0
        )

    def print(self, event: RunFinished) -> None:
        """Print errors, warnings, notes, and the summary last; evidence follows the worst findings of its stage."""
        told = list(self.told)
        for level in Level:
            if level is not Level.NOTE or self._verbosity >= _NORMAL:
                found = [(finding, step) for finding, step in self.found if finding.level is level]
                for step in dict.fromkeys(step for _, step in found):
                    self._findings([finding for finding, its in found if its is step])
                    told = self._evidence(told, step) if self._detailed(level) else told
        if self._verbosity >= _VERBOSE:
            for step in dict.fromkeys(each.step for each in told):
                self._evidence(told, step)
        self._summary(event)

    def _detailed(self, level: Level) -> bool:
        return level is not Level.NOTE or self._verbosity >= _VERBOSE

    def _findings(self, findings: Sequence[Finding]) -> None:
        """Print findings of one level and stage, those of one code together."""
        for code in dict.fromkeys(finding.code for finding in findings):
            alike = [finding for finding in findings if finding.code == code]
            shown = alike if self._verbosity >= _VERBOSE else _distinct(alike)[:_ALIKE_SHOWN]
            self._alike(shown, [finding for finding in alike if finding not in shown])

    def _alike(self, shown: Sequence[Finding], more: Sequence[Finding]) -> None:
        """Print findings of one code; a hint that several share is printed once, below the last of them."""
        hints = [finding.hint for finding in shown]
        detailed = self._detailed(shown[0].level)
        for at, finding in enumerate(shown):
            self._finding(finding)
            if at + 1 == len(shown) and more:
                names = ", ".join(dict.fromkeys(finding.subject for finding in more))
                self._lines.row([(_INDENT, "")], f"and {len(more)} more like this: {names}")
            if detailed and finding.hint and finding.hint not in hints[at + 1 :]:
                self._lines.row([(f"{_INDENT}hint: ", "")], finding.hint)
        if detailed:
            self._lines.row([(f"{_INDENT}tox prodsim explain {shown[0].code}", "dim")])

    def _finding(self, finding: Finding) -> None:
        word, color = WORDS[finding.level]
        told = finding.message.startswith(finding.subject)
        text = finding.message if told else f"{finding.subject}: {finding.message}"
        self._lines.row([(word, color), (f" {finding.code} ", "")], text, hanging=len(_INDENT))
        if finding.file:
            place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
            self._lines.row([(f"{_INDENT}at ", "")], place)

    def _evidence(self, told: Iterable[Evidence], step: Step | None) -> list[Evidence]:
        """Print the evidence of a stage, and return that of the others."""
        others = [each for each in told if each.step is not step]
        for each in told:
            if each.step is step:
                self._lines.row([(_INDENT, "")], f"{each.title}:")
                for line in each.lines:
                    self._lines.quote((f"{_INDENT}| ", "dim"), line, limit=_EVIDENCE_LIMIT)
        return others

    def _summary(self, event: RunFinished) -> None:
        word, color = _VERDICTS[event.verdict]
        counts = {"error": event.errors, "warning": event.warnings, "note": event.notes}
        tally = [units.count(number, name) for name, number in counts.items() if number]
        checks = [units.count(event.checks, "check")] if event.checks else []
        facts = [", ".join([*checks, *tally] if event.verdict is Verdict.PASSED else [*tally, *checks])]
        if event.verdict in {Verdict.CANCELLED, Verdict.INCOMPLETE}:
            facts.insert(0, "cut short, which is no pass")
        if self.not_checked and self._verbosity < _NORMAL:
            facts.append("not checked: " + ", ".join(self.not_checked))
        if self._report_path:
            facts.append(f"report {self._report_path}")
        # In the head, which is never wrapped: the summary stays one line, directly above tox's own.
        self._lines.row([(f"{self.env_name}: ", ""), (f"{word}  ", color), (" · ".join(filter(None, facts)), "")])


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Return the first finding of every message."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.message, finding)
    return list(first.values())
