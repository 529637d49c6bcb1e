"""What happens during a run: one stream, from which every report is made.

A saved report is this stream, one JSON object a line. ``to_record`` is the way there, ``from_record`` the way back.
All times named ``at_s`` are seconds since the start of the step they belong to; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from tox_prodsim.model.findings import Finding, Level, Verdict

SCHEMA_VERSION = 2
"""Version of the events and of the JSON report: raised when a field is renamed or removed."""


class Step(StrEnum):
    """The stages of a run, in their order."""

    SDIST = "sdist"
    WHEEL = "wheel"
    AUDIT = "audit"
    INSTALL = "install"
    IMPORT = "import"
    SCRIPTS = "scripts"
    CONTENTS = "contents"
    DEPLOY = "deploy"
    SIMULATE = "simulate"
    COMPARE = "compare"


class Outcome(StrEnum):
    """How a step ended; NOT_CHECKED is never a success, and its detail says why."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Change(StrEnum):
    """What a comparison with the baseline says; UNKNOWN is not "the same", and its detail says why."""

    SLOWER = "slower"
    SAME = "same"
    FASTER = "faster"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted:
    """First event: what is tested, with what, where; ``wheel_*`` are facts of the very file under test."""

    version: str
    env_name: str
    python: str
    platform: str
    checks: int
    wheel_name: str
    wheel_size_bytes: int
    wheel_sha256: str
    wheel_origin: str
    containment: str
    guarantee: str
    started_at: str
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True, slots=True)
class StepStarted:
    """A stage begins; ``detail`` is what it works on."""

    step: Step
    detail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One line of a step's timeline, such as ``0.214 ready http /health 200`` (``limit_s``: the limit it ran under).

    ``used_s`` is how much of the limit was used; None means ``at_s``, for a limit that began with the step.
    """

    step: Step
    at_s: float
    name: str
    detail: str = ""
    limit_s: float | None = None
    used_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Text to show as evidence with the findings of a step: the last lines of a log, a process tree.

    ``step`` is None for what was found between two steps, when tox runs a command.
    """

    step: Step | None
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFinished:
    """A stage ended; ``detail`` is the evidence of a success, or the reason it was not checked.

    ``not_checked`` are single checks of it that could not be made, as ``CODE: reason``.
    """

    step: Step
    outcome: Outcome
    detail: str
    duration_s: float
    not_checked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A finding, after the policy was applied."""

    finding: Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One metric of this run: effective seconds, as measured beside the control.

    ``ratio`` is estimate(samples) / estimate(control samples), the number that a baseline stores.
    """

    metric: str
    value_s: float
    control_s: float
    ratio: float
    rounds: int
    samples_s: tuple[float, ...]
    control_samples_s: tuple[float, ...]
    clock: str
    control: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Rounds as they were judged, with all that is needed to judge them once more; ``p`` is of the deciding test.

    ``expected_ratio`` is that of the samples to those beside them: the stored one beside the control, 1 beside samples
    of the baseline's own artefact. ``change`` is what this series said for itself.
    """

    samples_s: tuple[float, ...]
    control_samples_s: tuple[float, ...]
    expected_ratio: float
    rel_error: float
    tolerance: float
    change: Change
    p: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One metric against its baseline: ``ratio`` is now/then of the normalised numbers (None without a baseline).

    ``value_s`` is what was measured, ``expected_s`` what the baseline amounts to on this machine at this moment.
    ``series`` are the one or two that decided, a suspicion first; ``cause`` is what the work of an import names.
    """

    metric: str
    change: Change
    value_s: float
    expected_s: float | None
    ratio: float | None
    tolerance: float
    detail: str
    series: tuple[Series, ...] = ()
    cause: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFinished:
    """Last event; a run without it was interrupted."""

    verdict: Verdict
    errors: int
    warnings: int
    notes: int
    checks: int
    duration_s: float


def unfinished(findings: Iterable[Finding], verdict: Verdict = Verdict.INCOMPLETE) -> RunFinished:
    """Return a RunFinished for a run that has none; the number of its checks and its duration are unknown: 0."""
    levels = [finding.level for finding in findings]
    errors, warnings, notes = (levels.count(level) for level in Level)
    return RunFinished(verdict=verdict, errors=errors, warnings=warnings, notes=notes, checks=0, duration_s=0.0)


Event = RunStarted | StepStarted | Progress | Evidence | StepFinished | Found | Measured | Compared | RunFinished

_TYPES: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (RunStarted, StepStarted, Progress, Evidence, StepFinished, Found, Measured, Compared, RunFinished)
}
_ENUMS = {"step": Step, "outcome": Outcome, "verdict": Verdict, "change": Change}


def to_record(event: Event) -> dict[str, Any]:
    """Return the event as a JSON-able dict with its type under ``event``."""
    return {"event": type(event).__name__, **asdict(event)}


def from_record(record: dict[str, Any]) -> Event:
    """Return the event that ``to_record`` made this record from.

    Raises KeyError, TypeError or ValueError when it is no record of an event.
    """
    fields = {key: _restored(key, value) for key, value in record.items() if key != "event"}
    event: Event = _TYPES[record["event"]](**fields)
    return event


def _restored(key: str, value: Any) -> Any:
    if key in _ENUMS:
        return None if value is None else _ENUMS[key](value)
    if key == "finding":
        return Finding(**{**value, "level": Level(value["level"])})
    if key == "series":
        return tuple(Series(**{name: _restored(name, each) for name, each in one.items()}) for one in value)
    return tuple(value) if isinstance(value, list) else value
