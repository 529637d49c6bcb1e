"""The section of findings: the worst first, each with its hint, its command and its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tox_prodsim.model import causes
from tox_prodsim.model.causes import Fault
from tox_prodsim.model.events import Evidence
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import counted, joined, listed
from tox_prodsim.model.printable import Printable
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.html.markup import Markup, escaped, folded, isolated, tag
from tox_prodsim.report.runs import Run
from tox_prodsim.report.wording import origin, quoted, sentence

_MOST_ALSO = 12
_OPEN_LINES = 30
"""Longer evidence is folded."""
_SIGNS = {Level.ERROR: "\N{BALLOT X}", Level.WARNING: "!", Level.NOTE: "i"}


class FindingsSection:
    """Writes the findings of one run, each piece of evidence at the first finding that it supports."""

    def __init__(self, run: Run, options: RenderOptions, prefix: str, level: int) -> None:
        self._run, self._options, self._prefix = run, options, prefix
        self._heading = f"h{level}"
        self._left = [(step.name, each) for step in run.steps for each in step.evidence]
        self._steps = {id(finding): step.name for step in run.steps for finding in step.findings}

    def write(self) -> Iterator[Markup]:
        """Yield an article for each cause, errors first."""
        faults = causes.faults(self._run.findings)
        if not faults:
            yield tag("p", "No findings.")
        ordered = [fault for level in Level for fault in faults if fault.finding.level is level]
        evidence = self._assigned(ordered)
        for at, fault in enumerate(ordered):
            yield self._article(fault, f"{self._prefix}-finding-{at}", evidence[at])

    def rest(self) -> Iterator[Markup]:
        """Yield the evidence that supports no finding."""
        for _, each in self._left:
            yield _evidence(each, is_open=False)

    def _assigned(self, faults: Sequence[Fault]) -> list[list[Evidence]]:
        """Return the evidence of each finding: what names it, then what its step has left."""
        found: list[list[Evidence]] = [[] for _ in faults]
        for fits in (_names, _is_of_service):
            for at, fault in enumerate(faults):
                step = self._steps.get(id(fault.finding), "")
                own = [pair for pair in self._left if pair[0] == step and fits(pair[1], fault.finding)]
                found[at] += [each for _, each in own]
                self._left = [pair for pair in self._left if pair not in own]
        return found

    def _article(self, fault: Fault, name: str, evidence: Sequence[Evidence]) -> Markup:
        finding = fault.finding
        code = self._options.codes.get(finding.code)
        sign = tag("span", _SIGNS[finding.level], aria_hidden="true", class_="sign")
        title = [sign, " ", tag("span", finding.level.value, class_="level"), " ", tag("code", finding.code)]
        title += [" ", tag("span", code.title)] if code is not None else []
        parts = [tag(self._heading, title, id=name), tag("p", isolated(sentence(finding)), class_="what")]
        if finding.file:
            parts.append(tag("p", "at ", tag("code", origin(finding))))
        if finding.hint:
            parts.append(tag("p", tag("strong", "Hint: "), isolated(finding.hint)))
        if fault.also:
            names = listed(list(dict.fromkeys(map(causes.display, fault.also))), _MOST_ALSO)
            parts.append(tag("p", tag("strong", "From the same cause: "), isolated(names)))
        parts.append(tag("p", tag("code", f"tox prodsim explain {finding.code}"), class_="command"))
        parts += [_evidence(each, is_open=len(each.lines) <= _OPEN_LINES) for each in evidence]
        if code is not None and code.why:
            parts.append(folded("Why it matters", tag("p", code.why)))
        return tag("article", parts, class_=f"finding {finding.level.value}", aria_labelledby=name)


def _names(evidence: Evidence, finding: Finding) -> bool:
    title, subject = evidence.title, finding.subject
    return title == subject or title.startswith((f"{subject},", f"{subject}:")) or finding.code in title


def _is_of_service(evidence: Evidence, finding: Finding) -> bool:
    return finding.level is not Level.NOTE and (not evidence.service or evidence.service == finding.service)


def _evidence(evidence: Evidence, *, is_open: bool) -> Markup:
    title = joined((evidence.service, evidence.title), ": ")
    lines = [escaped(line) for line in quoted(evidence, Printable("utf-8"))]
    number = counted(len(evidence.lines), "line")
    return folded([isolated(title), f" ({number})"], tag("pre", Markup("\n".join(lines) + "\n")), is_open=is_open)
