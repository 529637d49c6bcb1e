"""The format ``junit``: a suite for each environment and step, a case for each code that was checked there."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from tox_prodsim.model.events import Event, Evidence, Outcome
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.printable import Printable
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.runs import Run, StepRun, runs
from tox_prodsim.report.wording import (
    CUT_SHORT,
    VERDICTS,
    code_and_reason,
    counts,
    origin,
    place,
    quoted,
    sentence,
    worst_first,
)

_ILLEGAL = lazy_regex("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""
_TIMESTAMP = lazy_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_MOST_OF_A_NAME = 200
_MOST_FINDINGS = 100
"""Findings of one code that a case has in full."""
_LABELS = {Level.ERROR: "FAIL", Level.WARNING: "WARN", Level.NOTE: "NOTE"}


def render(events: Iterable[Event], options: RenderOptions) -> str:
    """Return one document for all runs; it is ASCII, other characters are written as references."""
    root = Element("testsuites", name="prodsim")
    for run in runs(events):
        writer = _Writer(run, options)
        root.extend(_counted(suite) for suite in writer.suites())
    _count_all(root)
    indent(root, " ")
    text = tostring(root, encoding="us-ascii", xml_declaration=False).decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


class _Writer:
    """Writes the suites of one run."""

    def __init__(self, run: Run, options: RenderOptions) -> None:
        self._run = run
        self._options = options
        self._printable = Printable("utf-8")

    def suites(self) -> Iterator[Element]:
        """Yield a suite for each step, and one for the run if it was cut short."""
        for step in self._run.steps:
            yield self._suite(step)
        if self._run.is_cut_short:
            suite = self._new_suite("verdict", 0.0)
            case = self._case(suite, "the run ends")
            verdict = self._run.finished.verdict
            SubElement(case, "error", type=verdict, message=f"{VERDICTS[verdict]}: {CUT_SHORT}")
            yield suite

    def _suite(self, step: StepRun) -> Element:
        suite = self._new_suite(step.name, step.duration_s)
        evidence = list(step.evidence)
        skipped = self._not_checked(step)
        checked = step.finished.checked if step.finished else ()
        for code in sorted({*checked, *skipped, *(each.code for each in step.findings)}):
            findings = [each for each in step.findings if each.code == code]
            case = self._case(suite, self._name(code), findings)
            if findings:
                self._add_findings(case, code, findings, evidence)
            elif code in skipped:
                SubElement(case, "skipped", message=self._clean("; ".join(dict.fromkeys(skipped[code]))))
        self._add_step(suite, step)
        return suite

    def _add_step(self, suite: Element, step: StepRun) -> None:
        """Add a case for the step itself, where those of its codes do not say how it ended."""
        outcome = step.finished.outcome if step.finished else None
        detail = self._clean(step.finished.detail) if step.finished else ""
        has_error = any(each.level is Level.ERROR for each in step.findings)
        is_failure = outcome is Outcome.FAILED and not has_error
        if outcome is Outcome.NOT_CHECKED or step.is_cut_short or is_failure or suite.find("testcase") is None:
            case = self._case(suite, f"{step.name} step")
            if step.is_cut_short:
                SubElement(case, "error", type="unfinished", message=f"{step.name}: {CUT_SHORT}")
            elif outcome is Outcome.NOT_CHECKED:
                SubElement(case, "skipped", message=detail or "not checked")
            elif is_failure:
                SubElement(case, "failure", type="failed", message=detail or f"{step.name} failed")

    def _add_findings(self, case: Element, code: str, findings: Sequence[Finding], evidence: list[Evidence]) -> None:
        """Say what was found; an error makes the case fail, anything else is output of a case that passes."""
        found = worst_first(findings)
        text = "\n".join(self._lines(found, evidence))
        if found[0].level is not Level.ERROR:
            SubElement(case, "system-out").text = text
            return
        more = sum(each.level is Level.ERROR for each in found) - 1
        message = self._clean(sentence(found[0])) + (f" (and {more} more)" if more else "")
        SubElement(case, "failure", type=self._clean(code), message=message).text = text

    def _lines(self, findings: Sequence[Finding], evidence: list[Evidence]) -> Iterator[str]:
        for each in findings[:_MOST_FINDINGS]:
            yield f"{_LABELS[each.level]} {self._clean(each.code)} {self._clean(sentence(each))}"
            for head, text in (("at", origin(each)), ("hint:", each.hint)):
                if text:
                    yield f"  {head} {self._clean(text)}"
        if len(findings) > _MOST_FINDINGS:
            yield f"and {len(findings) - _MOST_FINDINGS} more"
        yield f"tox prodsim explain {self._clean(findings[0].code)}"
        services = {each.service for each in findings}
        for shown in [each for each in evidence if not each.service or services & {"", each.service}]:
            evidence.remove(shown)
            yield re.sub("^( *):", r"\1\\:", f"{self._clean(shown.title)}:")  # else GitHub may obey what is printed
            yield from (f"| {_legal(line)}" for line in quoted(shown, self._printable))

    def _new_suite(self, name: str, duration_s: float) -> Element:
        suite = Element("testsuite", name=self._clean(f"prodsim.{self._run.label}.{name}"))
        suite.set("time", _seconds(duration_s))
        if self._run.started and (stamp := _TIMESTAMP.match(self._run.started.started_at)):
            suite.set("timestamp", stamp[0])
        properties = SubElement(suite, "properties")
        for key, value in self._facts().items():
            SubElement(properties, "property", name=key, value=self._clean(value))
        return suite

    def _facts(self) -> dict[str, str]:
        started, finished = self._run.started, self._run.finished
        facts = {"verdict": finished.verdict.value, "counts": counts(finished)}
        if started is not None:
            facts |= {"tox-prodsim": started.version, "environment": started.env_name, "python": started.python}
            facts |= {"platform": started.platform, "wheel": started.wheel_name, "sha256": started.wheel_sha256}
        return {key: value for key, value in facts.items() if value}

    def _case(self, suite: Element, name: str, findings: Sequence[Finding] = ()) -> Element:
        case = SubElement(suite, "testcase", classname=suite.attrib["name"], name=name)
        if found := next((each for each in findings if each.file), None):
            path, line = place(found, self._options)
            case.attrib |= {"file": self._clean(path), "line": str(line)}
        return case

    def _name(self, code: str) -> str:
        text = self._options.codes.get(code)
        return self._clean(joined((code, text.title if text else ""), " "), limit=_MOST_OF_A_NAME)

    def _not_checked(self, step: StepRun) -> dict[str, list[str]]:
        reasons: dict[str, list[str]] = {}
        for code, reason in map(code_and_reason, step.finished.not_checked if step.finished else ()):
            reasons.setdefault(code, []).append(reason)
        return reasons

    def _clean(self, text: str, *, limit: int = 2000) -> str:
        return _legal(self._printable(text, limit=limit))


def _legal(text: str) -> str:
    return _ILLEGAL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _counted(suite: Element) -> Element:
    numbers = {
        "tests": "testcase",
        "failures": "testcase/failure",
        "errors": "testcase/error",
        "skipped": "testcase/skipped",
    }
    suite.attrib |= {key: str(len(suite.findall(path))) for key, path in numbers.items()}
    _share_time(suite)
    return suite


def _share_time(suite: Element) -> None:
    """Give each case its share: a step is timed as a whole, and readers add up the cases; what is skipped took none."""
    cases = suite.findall("testcase")
    ran = [case for case in cases if case.find("skipped") is None] or cases[:1]
    for case in cases:
        case.set("time", _seconds(float(suite.attrib["time"]) / len(ran) if case in ran else 0.0))


def _count_all(root: Element) -> None:
    for key, read in _TOTALS.items():
        root.set(key, read(suite.attrib[key] for suite in root))


def _seconds(duration_s: float) -> str:
    return f"{duration_s if math.isfinite(duration_s) and duration_s > 0 else 0:.3f}"


def _sum(numbers: Iterable[str]) -> str:
    return str(sum(map(int, numbers)))


def _sum_s(numbers: Iterable[str]) -> str:
    return _seconds(sum(map(float, numbers)))


_TOTALS: dict[str, Callable[[Iterable[str]], str]] = {
    "tests": _sum,
    "failures": _sum,
    "errors": _sum,
    "time": _sum_s,
}
