"""The runs in a stream of events, sorted by their steps, for formats that are not written event by event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.events import (
    Compared,
    Event,
    Evidence,
    FootprintCompared,
    Found,
    ImportTree,
    Measured,
    Progress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    unfinished,
)
from tox_prodsim.model.findings import Finding, Verdict

BETWEEN = "run"
"""Name of what happened in no step."""


@dataclass(kw_only=True, slots=True)
class StepRun:
    """One step of a run; without ``finished`` it was cut short, unless it is what happened between two steps."""

    name: str
    """The step; of a second one of the same kind with a number, so that it is unique."""
    step: Step | None
    subject: str = ""
    began_s: float | None = None
    """Seconds from the start of the run; None: not known."""
    finished: StepFinished | None = None
    timeline: list[Progress] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_cut_short(self) -> bool:
        """Return whether the step began and did not end."""
        return self.step is not None and self.finished is None

    @property
    def duration_s(self) -> float:
        """Return how long it took, as far as it is known."""
        last_s = max((each.at_s for each in self.timeline), default=0.0)
        return last_s if self.finished is None else self.finished.duration_s


@dataclass(kw_only=True, slots=True)
class Run:
    """All that is known about the run of one environment."""

    label: str = ""
    """What the report calls it: its environment, and what tells it apart from others; unique in the report."""
    started: RunStarted | None = None
    ended: RunFinished | None = None
    steps: list[StepRun] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    footprint: list[FootprintCompared] = field(default_factory=list)
    imports: ImportTree | None = None
    """None: no import was recorded."""

    @property
    def env_name(self) -> str:
        """Return the name of the environment."""
        return "prodsim" if self.started is None else self.started.env_name

    @property
    def findings(self) -> list[Finding]:
        """Return the findings of all steps."""
        return [finding for step in self.steps for finding in step.findings]

    @property
    def finished(self) -> RunFinished:
        """Return the last event; of a run that has none, what is known about it."""
        return self.ended or unfinished(self.findings)

    @property
    def is_cut_short(self) -> bool:
        """Return whether the run was interrupted."""
        return self.finished.verdict in {Verdict.CANCELLED, Verdict.INCOMPLETE}

    def add(self, event: Event) -> None:
        """Add an event to the part it belongs to."""
        match event:
            case RunStarted():
                self.started = event
            case RunFinished():
                self.ended = event
            case StepStarted():
                begun = self._begin(event.step)
                begun.subject, begun.began_s = event.detail, event.began_s
            case StepFinished():
                self._latest(event.step).finished = event
            case Progress():
                self._latest(event.step).timeline.append(event)
            case Evidence():
                self._latest(event.step).evidence.append(event)
            case Found():
                self._latest(self._open).findings.append(event.finding)
            case _:
                self._add_times(event)

    def _add_times(self, event: Event) -> None:
        match event:
            case Measured():
                self.measured.append(event)
            case Compared():
                self.compared.append(event)
            case FootprintCompared():
                self.footprint.append(event)
            case ImportTree():
                self.imports = event

    @property
    def _open(self) -> Step | None:
        """Return the last step, None if it has finished."""
        last = next((each for each in reversed(self.steps) if each.step is not None), None)
        return last.step if last is not None and last.finished is None else None

    def _begin(self, step: Step | None) -> StepRun:
        name = BETWEEN if step is None else step.value
        before = sum(each.step is step for each in self.steps)
        self.steps.append(StepRun(name=f"{name}-{before + 1}" if before else name, step=step))
        return self.steps[-1]

    def _latest(self, step: Step | None) -> StepRun:
        """Return the last one of this step, a new one if the events lack its start."""
        return next((each for each in reversed(self.steps) if each.step is step), None) or self._begin(step)


def runs(events: Iterable[Event]) -> list[Run]:
    """Return each run of a stream, at least one, with its label."""
    found = [_run(each) for each in split(events)]
    for run, label in zip(found, _labels(found), strict=True):
        run.label = label
    return found


def split(events: Iterable[Event]) -> list[list[Event]]:
    """Return the events of each run of a stream, at least one; a run begins with its RunStarted."""
    found: list[list[Event]] = [[]]
    for event in events:
        if isinstance(event, RunStarted) and found[-1]:
            found.append([])
        found[-1].append(event)
    return found


def _run(events: Iterable[Event]) -> Run:
    run = Run()
    for event in events:
        run.add(event)
    return run


_FACTS: Sequence[Callable[[RunStarted], str]] = (lambda started: started.platform, lambda started: started.python)
"""What tells runs of environments of the same name apart, in this order."""


def _labels(found: Sequence[Run]) -> list[str]:
    """Return ``prodsim``, ``prodsim (linux aarch64)`` if the platform differs, else with a number."""
    labels: list[str] = []
    for run in found:
        same = [each for each in found if each.env_name == run.env_name]
        facts = [_fact(run, read) for read in _FACTS if len({_fact(each, read) for each in same}) > 1]
        name = f"{run.env_name} ({', '.join(filter(None, facts))})" if any(facts) else run.env_name
        numbered = (f"{name} #{number}" for number in count(2))
        labels.append(name if name not in labels else next(each for each in numbered if each not in labels))
    return labels


def _fact(run: Run, read: Callable[[RunStarted], str]) -> str:
    return "" if run.started is None else read(run.started)
