"""The format ``text``: a run as the terminal shows it; of several, their matrix and one verdict below them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from tox_prodsim.model.events import Event, RunStarted, Step
from tox_prodsim.model.findings import Verdict
from tox_prodsim.model.formatting import joined
from tox_prodsim.report import matrix, units
from tox_prodsim.report.format import NORMAL, QUIET, RenderOptions
from tox_prodsim.report.layout import LineWriter, Piece
from tox_prodsim.report.matrix import Result
from tox_prodsim.report.runs import Run, runs, split
from tox_prodsim.report.terminal import TerminalReporter
from tox_prodsim.report.wording import VERDICTS, counts

_COLORS = {
    Result.FAILED: "red",
    Result.CUT_SHORT: "red",
    Result.WARNING: "yellow",
    Result.OK: "green",
    Result.NOT_CHECKED: "dim",
}
_SHORT = {Result.NOT_CHECKED: "-", Result.CUT_SHORT: "CUT"}
"""Words that would make a column wide; the legend explains them."""
_MOST_OF_A_LABEL = 40


def render(events: Iterable[Event], options: RenderOptions) -> str:
    """Return what the terminal showed while the run was going on; of several runs, what it showed of each."""
    events = list(events)
    written: list[str] = []
    all_runs = runs(events)
    for run, own in zip(all_runs, split(events), strict=True):
        reporter = TerminalReporter(written.append, options)
        for event in own:
            reporter.handle(replace(event, env_name=run.label) if isinstance(event, RunStarted) else event)
        reporter.close()
    if len(all_runs) > 1:
        _Matrix(written.append, options).write(all_runs)
    return "".join(written)


class _Matrix:
    """Writes the table of environments and steps; one that is too wide has its columns in several blocks."""

    def __init__(self, write: Callable[[str], None], options: RenderOptions) -> None:
        self._options = options
        self._lines = LineWriter(write, color=options.color, encoding=options.encoding, width=options.width)

    def write(self, runs: Sequence[Run]) -> None:
        """Write the files that were tested, a row for each environment, and the verdict over all."""
        if self._options.verbosity >= NORMAL:
            self._lines.row([(f"prodsim: {len(runs)} environments", "")])
            for text in dict.fromkeys(each for run in runs for each in _files(run)):
                self._lines.row([("  file     ", "")], text)
            labels = [self._lines.clean(run.label, limit=_MOST_OF_A_LABEL) for run in runs]
            width = max(map(len, ["environment", *labels]))
            for columns in self._blocks(matrix.steps(runs), width):
                self._table(runs, labels, columns, width)
            self._lines.row([("  -: not checked", "dim"), ("   CUT: cut short", "dim")])
        if self._options.verbosity >= QUIET:
            end = matrix.summary(runs)
            color = "green" if end.verdict is Verdict.PASSED else "red"
            facts = joined((matrix.passed(runs), counts(end)), " · ")
            self._lines.row([("prodsim: ", ""), (f"{VERDICTS[end.verdict]}  ", color), (facts, "")])

    def _blocks(self, steps: Sequence[Step], width: int) -> Iterator[list[Step]]:
        """Yield the columns that fit beside each other."""
        block: list[Step] = []
        for step in steps:
            if block and width + 4 + sum(len(each) + 2 for each in [*block, step]) > self._options.width:
                yield block
                block = []
            block.append(step)
        if block:
            yield block

    def _table(self, runs: Sequence[Run], labels: Sequence[str], steps: Sequence[Step], width: int) -> None:
        self._lines.row([(f"  {'environment':<{width}}", "dim"), *((f"  {each}", "dim") for each in steps)])
        for run, label in zip(runs, labels, strict=True):
            self._lines.row([(f"  {label:<{width}}", ""), *(_piece(run, step) for step in steps)])


def _piece(run: Run, step: Step) -> Piece:
    result = matrix.cell(run, step).result
    return f"  {_SHORT.get(result, result.word):<{len(step)}}", _COLORS.get(result, "")


def _files(run: Run) -> Iterator[str]:
    """Yield the files that are to be published, or else the wheel under test, with their size and their sha256."""
    started = run.started
    if started is None:
        return
    files = [(each.name, each.size_bytes, each.sha256) for each in started.files]
    wheel = (started.wheel_name, started.wheel_size_bytes, started.wheel_sha256)
    for name, size_bytes, sha256 in files or [wheel][: bool(started.wheel_name)]:
        yield joined((name, units.size(size_bytes), f"sha256 {sha256}"), " · ")
