"""The format ``markdown``: the verdict, the steps, the findings and the logs, for the step summary of GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tox_prodsim.model import causes
from tox_prodsim.model.causes import Fault
from tox_prodsim.model.events import Compared, Event, Evidence, FootprintCompared, Measured, Outcome, Progress, Step
from tox_prodsim.model.findings import Level, Verdict
from tox_prodsim.model.formatting import counted, joined, listed
from tox_prodsim.model.printable import Printable
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.report import matrix, quantities, units
from tox_prodsim.report.format import RenderOptions
from tox_prodsim.report.matrix import Cell, Result
from tox_prodsim.report.runs import Run, StepRun, runs
from tox_prodsim.report.wording import CUT_SHORT, VERDICTS, counts, origin, quoted, sentence

_LABELS = {Level.ERROR: "FAIL", Level.WARNING: "WARN", Level.NOTE: "NOTE"}
_SIGNS = {
    Verdict.PASSED: "\N{WHITE HEAVY CHECK MARK}",
    Verdict.FAILED: "\N{CROSS MARK}",
    Verdict.CANCELLED: "\N{WARNING SIGN}",
    Verdict.INCOMPLETE: "\N{CROSS MARK}",
}
_MEANING = lazy_regex(r"[&<>|`*_\[\]\\~$#@]")
"""Characters that GitHub's Markdown can take for markup inside of a line."""
_LIST_OR_RULE = lazy_regex(r"^(\s*)([-+=:]|\d+(?=[.)]))")
"""The same at the begin of a line; ``::`` there is a command in the log of a workflow."""
_LINK = lazy_regex(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=&#64;)|(?<=&#35;)", re.IGNORECASE)
"""Where an address, a name behind ``@`` or a number behind ``#`` is broken that GitHub would make a link of."""
_MOST_OF_A_CELL = 400
_MOST_OF_A_TIMELINE = 200
_MOST_ALSO = 6
_MOST_FILES = 300
_MOST_CODES = 4
"""Codes of a cell of the matrix."""


def render(events: Iterable[Event], options: RenderOptions) -> str:
    """Return the summary of all runs in at most so many bytes; the verdicts first, the logs last."""
    all_runs = runs(events)
    writers = [_Writer(run, options) for run in all_runs]
    blocks = [block for part in zip(*(writer.parts() for writer in writers), strict=True) for block in part]
    head = _over_all(all_runs, writers) if len(all_runs) > 1 else ()
    return _joined([*head, *(block for some in blocks for block in some)], options.most_bytes)


def _over_all(all_runs: Sequence[Run], writers: Sequence[_Writer]) -> Iterator[str]:
    """Yield the verdict over several runs, and their matrix."""
    end = matrix.summary(all_runs)
    yield f"# {joined((writers[0].sign(end.verdict), VERDICTS[end.verdict]), ' ')}\n"
    yield joined((matrix.passed(all_runs), counts(end))) + "\n"
    steps = matrix.steps(all_runs)
    rows = [writer.row(steps) for writer in writers]
    yield _table(("environment", "verdict", *steps), rows)


def _joined(blocks: Sequence[str], most_bytes: int) -> str:
    """Return as many blocks as there is room for, and how many are left out."""
    room, kept = most_bytes - 200, list[str]()
    for block in blocks:
        room -= len(block.encode("utf-8", "replace")) + 1
        if room < 0:
            kept.append(f"*{counted(len(blocks) - len(kept), 'part')} left out: the summary would be too large.*\n")
            break
        kept.append(block)
    return "\n".join(kept)


class _Writer:
    """Writes the blocks of one run; each is Markdown that ends with a line end."""

    def __init__(self, run: Run, options: RenderOptions) -> None:
        self._run = run
        self._printable = Printable(options.encoding)

    def parts(self) -> tuple[Iterator[str], ...]:
        """Return the parts of the summary: of several runs, the first part of each comes first."""
        return self._head(), self._findings(), self._times(), self._details()

    def sign(self, verdict: Verdict) -> str:
        """Return the sign of a verdict; empty where the output cannot show it."""
        sign = self._printable(_SIGNS[verdict])
        return sign if "\\" not in sign else ""

    def row(self, steps: Sequence[Step]) -> tuple[str, ...]:
        """Return the row of the run in the matrix."""
        verdict = self._run.finished.verdict
        shown = joined((self.sign(verdict), VERDICTS[verdict]), " ")
        return (self._text(self._run.label), shown, *(self._cell(matrix.cell(self._run, step)) for step in steps))

    def _cell(self, cell: Cell) -> str:
        word = f"**{cell.result.word}**" if cell.result in {Result.FAILED, Result.CUT_SHORT} else cell.result.word
        return joined((word, self._text(listed(cell.codes, _MOST_CODES))), " ")

    def _head(self) -> Iterator[str]:
        run, finished = self._run, self._run.finished
        sign = self.sign(finished.verdict)
        yield f"## {joined((sign, f'{self._text(run.label)}: {VERDICTS[finished.verdict]}'), ' ')}\n"
        duration = units.duration(finished.duration_s) if finished.duration_s else ""
        yield joined((CUT_SHORT if run.is_cut_short else "", counts(finished), duration)) + "\n"
        yield from self._files()
        if run.steps:
            rows = [self._step(step) for step in run.steps if step.step is not None]
            yield _table(("step", "result", "", "time"), rows, right=(3,))

    def _files(self) -> Iterator[str]:
        started = self._run.started
        if started is None:
            return
        size = units.size(started.wheel_size_bytes)
        rows = [("wheel", self._text(joined((started.wheel_name, size, started.wheel_origin), ", ")))]
        if started.wheel_sha256:
            rows.append(("sha256", f"<code>{self._text(started.wheel_sha256)}</code>"))
        rows = rows if started.wheel_name else [("wheel", "no wheel was built")]
        others = [each for each in started.files if each.name != started.wheel_name]
        for file in others[:_MOST_FILES]:
            rows.append((file.kind, self._text(joined((file.name, units.size(file.size_bytes)), ", "))))
            rows.append(("sha256", f"<code>{self._text(file.sha256)}</code>"))
        if len(others) > _MOST_FILES:
            rows.append(("", f"{len(others) - _MOST_FILES} more files: see SHA256SUMS"))
        tools = (f"tox-prodsim {started.version}", started.python, started.platform)
        yield _table(("", ""), [*rows, ("tested with", self._text(joined(tools)))])

    def _step(self, step: StepRun) -> tuple[str, ...]:
        finished = step.finished
        if finished is None:
            return (step.name, "**cut short**", self._text(step.subject), "")
        levels = {each.level for each in step.findings}
        is_failed = finished.outcome is Outcome.FAILED or Level.ERROR in levels
        result = "**FAIL**" if is_failed else "warn" if Level.WARNING in levels else finished.outcome.value
        codes = ", ".join(dict.fromkeys(each.code for each in step.findings))
        skipped = finished.outcome is Outcome.NOT_CHECKED
        reasons = () if skipped else finished.impossible
        unchecked = f"not checked: {listed(reasons, 3, separator='; ')}" if reasons else ""
        detail = joined((joined((finished.detail, f"({codes})" if codes else ""), " "), unchecked), "; ")
        return (step.name, result, self._text(detail), "" if skipped else units.duration(finished.duration_s))

    def _findings(self) -> Iterator[str]:
        faults = causes.faults(self._run.findings)
        if faults:
            yield f"### Findings of {self._text(self._run.label)}\n"
        for level in Level:
            yield from (self._finding(each) for each in faults if each.finding.level is level)

    def _finding(self, fault: Fault) -> str:
        finding = fault.finding
        code = self._text(finding.code)
        lines = [f"* **{_LABELS[finding.level]} {code}** {self._text(sentence(finding), limit=2000)}"]
        if finding.file:
            lines.append(f"  * at <code>{self._text(origin(finding))}</code>")
        if finding.hint:
            lines.append(f"  * hint: {self._text(finding.hint, limit=2000)}")
        if fault.also:
            names = list(dict.fromkeys(map(causes.display, fault.also)))
            lines.append(f"  * also: {self._text(listed(names, _MOST_ALSO), limit=2000)}")
        if finding.level is not Level.NOTE:
            lines.append(f"  * <code>tox prodsim explain {code}</code>")
        return "\n".join(lines) + "\n"

    def _times(self) -> Iterator[str]:
        rows = [self._compared(each) for each in self._run.compared]
        known = {each.metric for each in self._run.compared}
        rows += [self._measured(each) for each in self._run.measured if each.metric not in known]
        if rows:
            yield f"### Times of {self._text(self._run.label)}\n"
            yield _table(("", "now", "baseline, scaled to this machine", "change", "result"), rows, right=(1, 2, 3))
        if self._run.footprint:
            yield f"### Footprint of {self._text(self._run.label)}\n"
            rows = [self._quantity(each) for each in self._run.footprint]
            yield _table(("", "now", "baseline", "change", "result"), rows, right=(1, 2, 3))

    def _quantity(self, event: FootprintCompared) -> tuple[str, ...]:
        result = joined((event.growth.value, quantities.reason(event)), ": ")
        figures = (quantities.expected(event), quantities.change(event))
        return (self._text(str(event.quantity)), self._text(quantities.value(event)), *figures, self._text(result))

    def _compared(self, event: Compared) -> tuple[str, ...]:
        expected = "" if event.expected_s is None else units.precise(event.expected_s)
        change = "" if event.ratio is None else units.change(event.ratio)
        result = joined((event.change.value, event.detail), ": ")
        return (self._text(str(event.metric)), units.precise(event.value_s), expected, change, self._text(result))

    def _measured(self, event: Measured) -> tuple[str, ...]:
        return (self._text(str(event.metric)), units.precise(event.value_s), "", "", "measured")

    def _details(self) -> Iterator[str]:
        """Yield the logs of the steps in which something was found, and the timelines."""
        for step in self._run.steps:
            if any(each.level is not Level.NOTE for each in step.findings):
                yield from map(self._evidence, step.evidence)
        for step in self._run.steps:
            if step.timeline:
                rows = [self._progress(each) for each in step.timeline[:_MOST_OF_A_TIMELINE]]
                table = _table(("seconds", "service", "event", "", "limit"), rows, right=(0,))
                yield self._folded(f"timeline of {step.name} in {self._run.label}", table)

    def _progress(self, event: Progress) -> tuple[str, ...]:
        used_s = event.at_s if event.used_s is None else event.used_s
        limit = "" if event.limit_s is None else units.limit(event.limit_s, used_s)
        return (f"{event.at_s:.3f}", self._text(event.service), self._text(event.name), self._text(event.detail), limit)

    def _evidence(self, evidence: Evidence) -> str:
        lines = [_raw(line) for line in quoted(evidence, self._printable)]
        title = joined((self._run.label, evidence.service, evidence.title))
        return self._folded(title, "\n".join(["<pre>", *lines, "</pre>\n"]))

    def _folded(self, title: str, content: str) -> str:
        return f"<details><summary>{self._text(title)}</summary>\n\n{content}\n</details>\n"

    def _text(self, text: str, *, limit: int = _MOST_OF_A_CELL) -> str:
        """Return foreign text as Markdown that means nothing but itself, also in a table and at the begin of a line."""
        escaped = _MEANING.sub(_reference, self._printable(text, limit=limit))
        inert = _LIST_OR_RULE.sub(lambda match: match[1] + "".join(map(_number, match[2])), escaped)
        return _LINK.sub("<!-- -->", inert)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    marks = ["---:" if at in right else "---" for at in range(len(heads))]
    return "".join(f"| {' | '.join(row)} |\n" for row in (heads, marks, *rows))


def _raw(line: str) -> str:
    """Return a line of a log as HTML; one that GitHub would take for a command in a log means nothing."""
    escaped = re.sub(r"[&<>]", _reference, line)
    return re.sub(r"^(\s*):", r"\1&#58;", escaped)


def _reference(match: re.Match[str]) -> str:
    return _number(match[0])


def _number(character: str) -> str:
    return f"&#{ord(character)};"
