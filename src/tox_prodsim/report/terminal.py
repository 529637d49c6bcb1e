"""The live report on a terminal: a line for each step, then the findings, the summary last.

Its lines are never redrawn, so that a CI log reads like a terminal; ``progress`` has the one that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.events import (
    Change,
    Compared,
    Event,
    Evidence,
    FootprintCompared,
    Found,
    Measured,
    Outcome,
    Progress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    unfinished,
)
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.footprint import Growth
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.metrics import Metric
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.report import quantities, units
from tox_prodsim.report.format import NORMAL, QUIET, VERBOSE, RenderOptions
from tox_prodsim.report.layout import NOTHING, LineWriter, Piece
from tox_prodsim.report.summary import LEVEL_LABELS, Summary

_CHANGE_COLORS = {Change.SLOWER: "red", Change.FASTER: "green", Change.SAME: "", Change.UNKNOWN: "yellow"}
_MOST_NOT_CHECKED = 3
"""Number of reasons why checks of a step could not be made."""
_NOT_OBSERVABLE = lazy_regex(r" (is|are) not observable$")
_LONG_STEPS = {Step.DEPLOY, Step.COMPARE}
"""Steps with lines of their own below a heading."""


@dataclass(kw_only=True, slots=True)
class _RunningStep:
    """The step that is running."""

    step: Step
    has_heading: bool = False
    """Whether its heading is printed."""
    measured: dict[Metric, Measured] = field(default_factory=dict)
    """Measurements that are not compared yet, by metric."""
    findings: list[Finding] = field(default_factory=list)


class TerminalReporter:
    """Writes whole lines, each with its line end, to ``write``."""

    def __init__(self, write: Callable[[str], None], options: RenderOptions) -> None:
        self._lines = LineWriter(write, color=options.color, encoding=options.encoding, width=options.width)
        self._verbosity = options.verbosity
        self._running: _RunningStep | None = None
        self._finished = False
        self._containment = ""
        """What holds the processes of the deployment together, until it is printed above the first of them."""
        self._summary = Summary(self._lines, options)

    def handle(self, event: Event) -> None:
        """Print the event, or keep it for the end."""
        if self._verbosity < QUIET:
            return
        self._keep(event)
        if self._verbosity >= NORMAL:
            self._print(event)
        if isinstance(event, StepFinished):
            self._running = None
        if isinstance(event, RunFinished):
            self._finished = True
            self._summary.print(event)

    def close(self) -> None:
        """Print the end of a run that has no RunFinished: its findings, and that it was interrupted."""
        if not self._finished:
            self.handle(unfinished(finding for finding, _ in self._summary.findings))

    def _keep(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._summary.env_name, self._summary.catalogue = event.env_name, event.checks
                self._containment = _joined(event.containment, event.guarantee)
            case StepStarted():
                self._running = _RunningStep(step=event.step)
            case Found():
                self._summary.findings.append((event.finding, self._running.step if self._running else None))
                if self._running is not None:
                    self._running.findings.append(event.finding)
            case Measured() if self._running is not None:
                self._running.measured[event.metric] = event
            case Compared() if self._running is not None:
                self._running.measured.pop(event.metric, None)
            case Evidence():
                self._summary.evidence.append(event)
            case StepFinished(outcome=Outcome.NOT_CHECKED):
                self._summary.not_checked.append(event.step)

    def _print(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._print_header(event)
            case StepStarted() if event.step in _LONG_STEPS and event.detail:
                self._print_heading(event.step, event.detail)
            case Progress():
                self._print_progress(event)
            case Measured() if self._verbosity >= VERBOSE:
                self._print_measurement(event)
            case Compared():
                self._print_comparison(event)
            case FootprintCompared():
                self._print_quantity(event)
            case StepFinished():
                self._print_result(event)
            case RunFinished() if self._running is not None:
                self._lines.row([(f"  {self._running.step:<8} ", ""), ("not finished", "yellow")])

    def _print_header(self, event: RunStarted) -> None:
        version = f"tox-prodsim {event.version}"
        self._lines.row([], f"{event.env_name}: " + _joined(version, event.python, event.platform))
        if not event.wheel_name:
            self._lines.row([("  file     ", "")], "no wheel was built")
            return
        facts = (units.size(event.wheel_size_bytes), event.wheel_origin)
        self._print_file("  file     ", event.wheel_name, event.wheel_sha256, *facts)
        for file in event.files:
            if file.name != event.wheel_name:
                self._print_file("", file.name, file.sha256, units.size(file.size_bytes))

    def _print_file(self, head: str, name: str, sha256: str, *facts: str) -> None:
        """Print a file with its whole digest, which proves that another file is the same."""
        self._lines.row([(f"{head:<11}", "")], _joined(name, *facts))
        self._lines.row([(" " * 11, ""), (f"sha256 {sha256}", "dim")])

    def _print_heading(self, step: Step, detail: str = "") -> None:
        """Print the heading of a step with lines of its own, once."""
        if self._running is not None and self._running.has_heading:
            return
        if step is Step.DEPLOY and self._containment:
            self._lines.row([("  contain  ", "")], self._containment)
            self._containment = ""
        self._lines.row([(f"  {step:<8} ", "")], detail)
        if self._running is not None:
            self._running.has_heading = True

    def _print_progress(self, event: Progress) -> None:
        self._print_heading(event.step)
        tail = NOTHING
        if event.limit_s is not None:
            used_s = event.at_s if event.used_s is None else event.used_s
            tail = (units.limit(event.limit_s, used_s), _limit_color(used_s, event.limit_s))
        head: list[Piece] = [(f"  {event.at_s:9.3f}  ", "dim"), (f"{event.service:<8} " if event.service else "", "")]
        self._lines.row([*head, (f"{event.name:<10} ", "")], event.detail, tail=tail)

    def _print_measurement(self, event: Measured) -> None:
        self._print_heading(Step.COMPARE)
        control = f"control {event.control} {units.precise(event.control_s)}"
        facts = (f"ratio {event.ratio:.3f}", units.count(event.rounds, "round"), event.clock)
        measured = _joined("measured", control, *facts) if self._verbosity >= VERBOSE else "measured"
        self._lines.row([(f"    {event.metric!s:<20} {units.precise(event.value_s):>8}  ", "")], measured)

    def _print_comparison(self, event: Compared) -> None:
        """Print the measured time, the baseline scaled to this machine, the change, and the tolerance."""
        self._print_heading(Step.COMPARE)
        color = _CHANGE_COLORS[event.change]
        head: list[Piece] = [(f"    {event.metric!s:<20} {units.precise(event.value_s):>8}  ", "")]
        tail = NOTHING
        if event.expected_s is not None:
            head.append((f"baseline {units.precise(event.expected_s):>8}  ", ""))
            tail = (f"tolerance ±{event.tolerance * 100:.3g} %", "dim")
        if event.ratio is not None:
            head.append((f"{units.change(event.ratio):>6}  ", color))
        if event.change is Change.UNKNOWN and event.expected_s is None:
            self._lines.row(head, event.detail or "not compared")
            return
        label = "inconclusive" if event.change is Change.UNKNOWN else event.change
        noise = f", within the noise of ±{event.noise * 100:.0f} %" if event.noise is not None else ""
        self._lines.row([*head, (f"{label}{noise}", color)], tail=tail)
        if event.detail and (event.change is not Change.SAME or self._verbosity >= VERBOSE):
            self._lines.row([(" " * 35, "")], event.detail.removeprefix(f"{label}: "))

    def _print_quantity(self, event: FootprintCompared) -> None:
        """Print the value, the baseline, the change, and the tolerance."""
        self._print_heading(Step.COMPARE)
        color = quantities.COLORS[event.growth]
        head: list[Piece] = [(f"    {event.quantity!s:<31} {quantities.value(event):>8}  ", "")]
        if event.expected is None:
            self._lines.row(head, event.detail)
            return
        head.append((f"baseline {quantities.expected(event):>8}  {quantities.change(event):>6}  ", color))
        tail = (f"tolerance {quantities.tolerance(event)}", "dim")
        self._lines.row([*head, (event.growth, color)], tail=tail)
        if event.detail and (event.growth is not Growth.SAME or self._verbosity >= VERBOSE):
            self._lines.row([(" " * 35, "")], event.detail)

    def _print_result(self, event: StepFinished) -> None:
        """Print the line of a finished step; one that was not checked has its reason instead of a result."""
        running = self._running or _RunningStep(step=event.step)
        findings = running.findings
        if self._verbosity < VERBOSE:
            for measured in running.measured.values():
                self._print_measurement(measured)
        head: list[Piece] = [(f"  {event.step:<8} ", "")]
        if event.outcome is Outcome.NOT_CHECKED:
            self._lines.row([*head, ("not checked: ", "yellow")], event.detail + _codes(findings))
            return
        label, color = _label(event.outcome, findings)
        duration = (units.duration(event.duration_s), "dim")
        self._lines.row([*head, (f"{label:<4}  ", color)], (event.detail + _codes(findings)).strip(), tail=duration)
        for known in event.known if self._verbosity >= VERBOSE else ():
            self._lines.row([(f"{'':<17}", ""), ("known ", "dim")], known)
        for reason in self._not_checked(event):
            self._lines.row([(f"{'':<17}", ""), ("not checked ", "yellow")], reason)

    def _not_checked(self, event: StepFinished) -> Sequence[str]:
        """Return the checks that were not made, with reasons: all of them, or the first of those that could not be."""
        if self._verbosity >= VERBOSE:
            return [*_by_reason(event.not_checked)]
        reasons = [*_by_reason(event.impossible)]
        left = len(reasons) - _MOST_NOT_CHECKED
        return [*reasons[:_MOST_NOT_CHECKED], *([f"{left} more: see -v"] if left > 0 else [])]


def _by_reason(not_checked: Iterable[str]) -> Iterator[str]:
    """Yield ``CODE, CODE: reason`` for each reason why checks were not made."""
    codes: dict[str, list[str]] = {}
    for code, _, reason in (each.partition(": ") for each in not_checked):
        codes.setdefault(reason, []).append(_NOT_OBSERVABLE.sub("", code))
    yield from (joined((", ".join(same), reason), ": ") for reason, same in codes.items())


def _joined(*facts: str) -> str:
    return joined(facts, " · ")


def _label(outcome: Outcome, findings: Iterable[Finding]) -> Piece:
    """Return the label of a step: the worst of its outcome and its findings."""
    levels = {finding.level for finding in findings}
    if outcome is Outcome.FAILED or Level.ERROR in levels:
        return LEVEL_LABELS[Level.ERROR]
    return LEVEL_LABELS[Level.WARNING] if Level.WARNING in levels else ("ok", "green")


def _codes(findings: Iterable[Finding]) -> str:
    """Return the codes of the findings of a step, such as ``  [ENT510 x2, ENT512]``."""
    codes = [finding.code for finding in findings]
    counted = [code if codes.count(code) == 1 else f"{code} x{codes.count(code)}" for code in dict.fromkeys(codes)]
    return f"  [{', '.join(counted)}]" if counted else ""


def _limit_color(used_s: float, limit_s: float) -> str:
    """Return the color of a limit: a warning (RUN630) from 80 % on."""
    return "red" if used_s >= limit_s else "yellow" if used_s >= 0.8 * limit_s else "dim"
