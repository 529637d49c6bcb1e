"""The end of a report: findings, the worst first, each with a hint; their evidence; the summary line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tox_prodsim.model import causes
from tox_prodsim.model.causes import Fault
from tox_prodsim.model.events import Evidence, RunFinished, Step
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.formatting import joined, listed
from tox_prodsim.report.format import NORMAL, VERBOSE, RenderOptions
from tox_prodsim.report.layout import LineWriter
from tox_prodsim.report.wording import CUT_SHORT, VERDICTS, counts, last_lines, sentence

LEVEL_LABELS = {Level.ERROR: ("FAIL", "red"), Level.WARNING: ("WARN", "yellow"), Level.NOTE: ("NOTE", "dim")}
_VERDICT_COLORS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.CANCELLED: "yellow",
    Verdict.INCOMPLETE: "red",
}
_MOST_OF_ONE_CODE = 3
"""Number of findings of one code that are printed in full; the JSON report has all of them."""
_MOST_ALSO = 6
"""Number of findings of the same cause that are named."""
_EVIDENCE_LIMIT = 500
"""Number of characters of a line of evidence that are printed."""
_INDENT = " " * 5


class Summary:
    """Collects what is printed at the end; ``findings`` are paired with the step that made them."""

    def __init__(self, lines: LineWriter, options: RenderOptions) -> None:
        self._lines = lines
        self._options = options
        self.env_name = "prodsim"
        self.catalogue = 0
        """How many checks there are; 0: not known."""
        self.findings: list[tuple[Finding, Step | None]] = []
        self.evidence: list[Evidence] = []
        self.not_checked: list[Step] = []

    def print(self, event: RunFinished) -> None:
        """Print errors, warnings, notes, and the summary line; evidence follows the worst findings of its step."""
        for level in Level:
            if level is not Level.NOTE or self._options.verbosity >= NORMAL:
                self._print_level(level)
        if self._options.verbosity >= VERBOSE:
            for step in dict.fromkeys(each.step for each in self.evidence):
                self._print_evidence(step)
        self._print_summary(event)

    def _print_level(self, level: Level) -> None:
        """Print the findings of one level, step by step; what follows from another one is named below that."""
        steps = {id(finding): step for finding, step in self.findings}
        found = [each for each in causes.faults(one for one, _ in self.findings) if each.finding.level is level]
        for step in dict.fromkeys(steps[id(each.finding)] for each in found):
            self._print_faults([each for each in found if steps[id(each.finding)] is step])
            if self._is_detailed(level):
                self._print_evidence(step)

    def _is_detailed(self, level: Level) -> bool:
        return level is not Level.NOTE or self._options.verbosity >= VERBOSE

    def _print_faults(self, found: Sequence[Fault]) -> None:
        """Print findings of one level and step, those of one code together."""
        for code in dict.fromkeys(each.finding.code for each in found):
            of_code = {id(each.finding): each for each in found if each.finding.code == code}
            findings = [each.finding for each in of_code.values()]
            is_verbose = self._options.verbosity >= VERBOSE
            printed = findings if is_verbose else _distinct(findings)[:_MOST_OF_ONE_CODE]
            omitted = [finding for finding in findings if finding not in printed]
            self._print_code([of_code[id(finding)] for finding in printed], omitted)

    def _print_code(self, printed: Sequence[Fault], omitted: Sequence[Finding]) -> None:
        """Print findings of one code; a hint that several share is printed once, below the last of them."""
        hints = [each.finding.hint for each in printed]
        detailed = self._is_detailed(printed[0].finding.level)
        for at, each in enumerate(printed):
            finding = each.finding
            self._print_finding(finding)
            self._print_also(each)
            if at + 1 == len(printed) and omitted:
                names = ", ".join(dict.fromkeys(finding.subject for finding in omitted))
                self._lines.row([(_INDENT, "")], f"and {len(omitted)} more like this: {names}")
            if detailed and finding.hint and finding.hint not in hints[at + 1 :]:
                self._lines.row([(f"{_INDENT}hint: ", "")], finding.hint)
        if detailed:
            self._lines.row([(f"{_INDENT}tox prodsim explain {printed[0].finding.code}", "dim")])

    def _print_finding(self, finding: Finding) -> None:
        label, color = LEVEL_LABELS[finding.level]
        self._lines.row([(label, color), (f" {finding.code} ", "")], sentence(finding), hanging=len(_INDENT))
        if finding.file:
            place = finding.file if finding.line is None else f"{finding.file}:{finding.line}"
            self._lines.row([(f"{_INDENT}at ", "")], place)

    def _print_also(self, fault: Fault) -> None:
        """Print what follows from the same cause: the subject alone where the code is the same."""
        own = fault.finding
        names = [causes.short_subject(each) if each.code == own.code else causes.display(each) for each in fault.also]
        if names:
            most = len(names) if self._options.verbosity >= VERBOSE else _MOST_ALSO
            self._lines.row([(f"{_INDENT}also: ", "")], listed([*dict.fromkeys(names)], most))

    def _print_evidence(self, step: Step | None) -> None:
        """Print the evidence of a step, once."""
        for evidence in self.evidence:
            if evidence.step is step:
                self._lines.row([(_INDENT, "")], f"{evidence.title}:")
                for line in last_lines(evidence):
                    self._lines.quote((f"{_INDENT}| ", "dim"), line, limit=_EVIDENCE_LIMIT)
        self.evidence = [each for each in self.evidence if each.step is not step]

    def _print_summary(self, event: RunFinished) -> None:
        label, color = VERDICTS[event.verdict], _VERDICT_COLORS[event.verdict]
        facts = [counts(event, self.catalogue)]
        if event.verdict in {Verdict.CANCELLED, Verdict.INCOMPLETE}:
            facts.insert(0, CUT_SHORT)
        if self.not_checked and self._options.verbosity < NORMAL:
            facts.append("not checked: " + ", ".join(self.not_checked))
        if self._options.report_path:
            facts.append(f"report {self._options.report_path}")
        # In the head, which is never wrapped: the summary stays one line, directly above the one of tox.
        self._lines.row([(f"{self.env_name}: ", ""), (f"{label}  ", color), (joined(facts, " · "), "")])


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Return the first finding of every message."""
    first: dict[str, Finding] = {}
    for finding in findings:
        first.setdefault(finding.message, finding)
    return list(first.values())
