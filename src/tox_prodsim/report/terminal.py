"""The run as a person reads it: a line a stage while it happens, then what was found, and the summary last.

Verbosity is tox's number: 2 is the default, 1 (``-q``) shows what went wrong and the summary, 0 (``-qq``) nothing,
3 (``-v``) more. Nothing is ever redrawn, so that a CI log reads like a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tox_prodsim.model.events import (
    Change,
    Compared,
    Event,
    Evidence,
    Found,
    Measured,
    Outcome,
    Progress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
)
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.report import units
from tox_prodsim.report.layout import NOTHING, LineWriter, Piece
from tox_prodsim.report.summary import WORDS, Conclusion

_QUIET, _NORMAL, _VERBOSE = 1, 2, 3
_CHANGES = {Change.SLOWER: "red", Change.FASTER: "green", Change.SAME: "", Change.UNKNOWN: "yellow"}
_LONG_STEPS = {Step.DEPLOY, Step.COMPARE}
"""Stages with lines of their own, shown below a heading while they happen."""


@dataclass(kw_only=True, slots=True)
class _Stage:
    """The stage that is going on: its heading was printed or not, what was found in it, what is not compared yet."""

    step: Step
    headed: bool = False
    measured: dict[str, Measured] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


class Terminal:
    """Writes whole lines, each with its line end, to ``write``; ``close`` ends a run that did not end by itself."""

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        color: bool,
        encoding: str | None,
        verbosity: int,
        width: int = 100,
        report_path: str = "",
    ) -> None:
        self._lines = LineWriter(write, color=color, encoding=encoding, width=width)
        self._verbosity = verbosity
        self._stage: _Stage | None = None
        self._finished = False
        self._conclusion = Conclusion(self._lines, verbosity=verbosity, report_path=report_path)

    def handle(self, event: Event) -> None:
        """Print what the event says, or keep it for the end."""
        if self._verbosity < _QUIET:
            return
        self._keep(event)
        if self._verbosity >= _NORMAL:
            self._show(event)
        if isinstance(event, StepFinished):
            self._stage = None
        if isinstance(event, RunFinished):
            self._finished = True
            self._conclusion.print(event)

    def close(self) -> None:
        """Say that the run was cut short, and what it had found, unless it came to its end."""
        if not self._finished:
            self.handle(self._conclusion.cut_short())

    def _keep(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._conclusion.env_name = event.env_name
            case StepStarted():
                self._stage = _Stage(step=event.step)
            case Found():
                self._conclusion.found.append((event.finding, self._stage.step if self._stage else None))
                if self._stage is not None:
                    self._stage.findings.append(event.finding)
            case Measured() if self._stage is not None:
                self._stage.measured[event.metric] = event
            case Compared() if self._stage is not None:
                self._stage.measured.pop(event.metric, None)
            case Evidence():
                self._conclusion.told.append(event)
            case StepFinished(outcome=Outcome.NOT_CHECKED):
                self._conclusion.not_checked.append(event.step)

    def _show(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._header(event)
            case StepStarted() if event.step in _LONG_STEPS and event.detail:
                self._heading(event.step, event.detail)
            case Progress():
                self._moment(event)
            case Measured() if self._verbosity >= _VERBOSE:
                self._measurement(event)
            case Compared():
                self._comparison(event)
            case StepFinished():
                self._result(event)
            case RunFinished() if self._stage is not None:
                self._lines.row([(f"  {self._stage.step:<8} ", ""), ("not finished", "yellow")])

    def _header(self, event: RunStarted) -> None:
        catalogue = f"catalogue of {units.count(event.checks, 'check')}"
        self._lines.row(
            [], f"{event.env_name}: " + _joined(f"tox-prodsim {event.version}", event.python, event.platform, catalogue)
        )
        if not event.wheel_name:
            self._lines.row([("  file     ", "")], "no wheel was built")
            return
        sha256 = event.wheel_sha256 if self._verbosity >= _VERBOSE else event.wheel_sha256[:12]
        size = units.size(event.wheel_size_bytes)
        self._lines.row([("  file     ", "")], _joined(event.wheel_name, size, f"sha256 {sha256}", event.wheel_origin))
        self._lines.row([("  contain  ", "")], _joined(event.containment, event.guarantee))

    def _heading(self, step: Step, detail: str = "") -> None:
        """Print the heading of a stage with lines of its own, once."""
        if self._stage is not None and self._stage.headed:
            return
        self._lines.row([(f"  {step:<8} ", "")], detail)
        if self._stage is not None:
            self._stage.headed = True

    def _moment(self, event: Progress) -> None:
        self._heading(event.step)
        tail = NOTHING
        if event.limit_s is not None:
            used_s = event.at_s if event.used_s is None else event.used_s
            tail = (units.limit(event.limit_s, used_s), _closeness(used_s, event.limit_s))
        self._lines.row([(f"  {event.at_s:9.3f}  ", "dim"), (f"{event.what:<10} ", "")], event.detail, tail=tail)

    def _measurement(self, event: Measured) -> None:
        self._heading(Step.COMPARE)
        control = f"control {event.control} {units.precise(event.control_s)}"
        facts = (f"ratio {event.ratio:.3f}", units.count(event.rounds, "round"), event.clock)
        measured = _joined("measured", control, *facts) if self._verbosity >= _VERBOSE else "measured"
        self._lines.row([(f"    {event.metric:<20} {units.precise(event.value_s):>8}  ", "")], measured)

    def _comparison(self, event: Compared) -> None:
        """Print what was measured, what the baseline amounts to here and now, the change, and what is tolerated."""
        self._heading(Step.COMPARE)
        color = _CHANGES[event.change]
        head: list[Piece] = [(f"    {event.metric:<20} {units.precise(event.value_s):>8}  ", "")]
        tail = NOTHING
        if event.expected_s is not None:
            head.append((f"expected {units.precise(event.expected_s):>8}  ", ""))
            tail = (f"tolerance ±{event.tolerance * 100:.3g} %", "dim")
        if event.ratio is not None:
            head.append((f"{units.change(event.ratio):>6}  ", color))
        if event.change is Change.UNKNOWN and event.expected_s is None:
            self._lines.row(head, event.detail or "not compared")
            return
        word = "inconclusive" if event.change is Change.UNKNOWN else event.change
        self._lines.row([*head, (word, color)], tail=tail)
        if event.detail and (event.change is not Change.SAME or self._verbosity >= _VERBOSE):
            self._lines.row([(" " * 35, "")], event.detail.removeprefix(f"{word}: "))

    def _result(self, event: StepFinished) -> None:
        """Print the line of a stage; one that was not checked says why, and never looks like a success."""
        stage = self._stage or _Stage(step=event.step)
        findings = stage.findings
        if self._verbosity < _VERBOSE:
            for measured in stage.measured.values():
                self._measurement(measured)
        head: list[Piece] = [(f"  {event.step:<8} ", "")]
        if event.outcome is Outcome.NOT_CHECKED:
            self._lines.row([*head, ("not checked: ", "yellow")], event.detail + _marks(findings))
            return
        word, color = _weight(event.outcome, findings)
        took = (units.duration(event.duration_s), "dim")
        self._lines.row([*head, (f"{word:<4}  ", color)], (event.detail + _marks(findings)).strip(), tail=took)
        for reason in event.not_checked if self._verbosity >= _VERBOSE else ():
            self._lines.row([(f"{'':<17}", ""), ("not checked ", "yellow")], reason)


def _joined(*facts: str) -> str:
    return " · ".join(fact for fact in facts if fact)


def _weight(outcome: Outcome, findings: Iterable[Finding]) -> Piece:
    """Return the word for a stage: the worst of what it says of itself and what was found in it."""
    levels = {finding.level for finding in findings}
    if outcome is Outcome.FAILED or Level.ERROR in levels:
        return WORDS[Level.ERROR]
    return WORDS[Level.WARNING] if Level.WARNING in levels else ("ok", "green")


def _marks(findings: Iterable[Finding]) -> str:
    """Return the codes found in a stage, such as ``  [ENT510 x2, ENT512]``."""
    codes = [finding.code for finding in findings]
    marks = [code if codes.count(code) == 1 else f"{code} x{codes.count(code)}" for code in dict.fromkeys(codes)]
    return f"  [{', '.join(marks)}]" if marks else ""


def _closeness(used_s: float, limit_s: float) -> str:
    """Return the colour for how close a limit came: from 80 % on it is a warning (RUN630)."""
    return "red" if used_s >= limit_s else "yellow" if used_s >= 0.8 * limit_s else "dim"
