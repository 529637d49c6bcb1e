"""The events of a run: one stream, from which every report is made.

The event log is this stream, one JSON object a line: ``to_record`` makes it, ``from_record`` reads it.
``at_s`` is seconds since the start of the step; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from enum import StrEnum
from typing import Any, get_args

from tox_prodsim.model import causes
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.footprint import Growth, Quantity
from tox_prodsim.model.metrics import Metric
from tox_prodsim.model.release_files import FileKind, ReleaseFile
from tox_prodsim.model.typed import wrong_field

SCHEMA_VERSION = 2
"""Version of the events and of the JSON report: raised when a field is renamed or removed."""


class Step(StrEnum):
    """The steps of a run, in their order."""

    BUILD = "build"
    ENV = "env"
    SDIST = "sdist"
    WHEEL = "wheel"
    RELEASE = "release"
    AUDIT = "audit"
    INSTALL = "install"
    IMPORT = "import"
    SCRIPTS = "scripts"
    CONTENTS = "contents"
    DEPLOY = "deploy"
    COMMANDS = "commands"
    SIMULATE = "simulate"
    COMPARE = "compare"


class Outcome(StrEnum):
    """How a step ended; NOT_CHECKED is never a success, and its detail is the reason."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


class Change(StrEnum):
    """The result of a comparison; UNKNOWN is not "the same", and has a reason."""

    SLOWER = "slower"
    SAME = "same"
    FASTER = "faster"
    UNKNOWN = "unknown"


class UnknownReason(StrEnum):
    """Why a comparison is UNKNOWN; its detail begins with this text."""

    NO_BASELINE = "no baseline"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARED = "not compared"
    NOT_MEASURED = "not measured"
    TOO_SHORT = "too short to compare"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunStarted:
    """First event: what is tested, with what, where."""

    version: str
    """Version of tox-prodsim."""
    env_name: str
    python: str
    """Interpreter of the environment."""
    platform: str
    checks: int
    """Number of checks in the catalogue."""
    wheel_name: str
    """File name of the wheel under test; empty: it could not be built."""
    wheel_size_bytes: int
    wheel_sha256: str
    wheel_origin: str
    """Where the wheel comes from, as a sentence."""
    containment: str
    """How the processes of the deployment are contained."""
    guarantee: str
    """What the containment guarantees."""
    started_at: str
    """Wall clock, ISO 8601."""
    schema_version: int = SCHEMA_VERSION
    wheel_sources_sha256: str = ""
    """SHA-256 of the Python sources in the wheel: the same for two builds of one source tree; empty: not known."""
    files: tuple[ReleaseFile, ...] = ()
    """The files that are to be published, the wheel under test first; empty: they are not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepStarted:
    """A step starts; ``detail`` is what it works on."""

    step: Step
    detail: str = ""
    began_s: float | None = None
    """Seconds from the start of the run, its preparations included; None: not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """One line of the timeline of a step, such as ``0.214 ready http /health 200``."""

    step: Step
    at_s: float
    name: str
    """What happened: ``spawn``, ``ready``, ``SIGTERM``, ``stopped``, …"""
    detail: str = ""
    limit_s: float | None = None
    """The limit that applies; None: there is none."""
    used_s: float | None = None
    """How much of the limit is used; None: ``at_s``, the limit started with the step."""
    service: str = ""
    """The service that it is about; empty: there are not several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """Text shown with the findings of a step: the last lines of a log, a process tree."""

    step: Step | None
    """None: made between two steps, while tox runs a command."""
    title: str
    lines: tuple[str, ...]
    service: str = ""
    """The service that it is about; empty: there are not several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFinished:
    """A step ended."""

    step: Step
    outcome: Outcome
    detail: str
    """The evidence of a success, or the reason why the step was not checked."""
    duration_s: float
    not_checked: tuple[str, ...] = ()
    """Single checks of the step that were not made, as ``CODE: reason``."""
    known: tuple[str, ...] = ()
    """What was found and is not reported, because the baseline knows it."""
    impossible: tuple[str, ...] = ()
    """Those of them that could not be made, although there was something to check."""
    checked: tuple[str, ...] = ()
    """The codes that were checked; empty for times, and for a deployment that failed: only its findings are known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A finding, after the policy was applied."""

    finding: Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One metric of this run, measured beside the control."""

    metric: Metric
    value_s: float
    """Estimate from the samples, in seconds of ``clock``."""
    control_s: float
    """Estimate from the samples of the control."""
    ratio: float
    """``value_s / control_s``, the number that a baseline stores."""
    rounds: int
    samples_s: tuple[float, ...]
    control_samples_s: tuple[float, ...]
    clock: str
    """Name of the clock that was read."""
    control: str
    """Name of the control."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Rounds as they were tested, with everything that is needed to repeat the test."""

    samples_s: tuple[float, ...]
    control_samples_s: tuple[float, ...]
    expected_ratio: float
    """Of the samples to the control samples: the stored one, or 1 for samples of the wheel of the baseline."""
    rel_error: float
    """Standard error of the expected ratio, as a fraction of it."""
    tolerance: float
    change: Change
    """The result of this series alone."""
    p: float
    """p-value of the test that decided."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """One metric compared with its baseline."""

    metric: Metric
    change: Change
    value_s: float
    expected_s: float | None
    """The baseline, scaled to this machine; None: there is none."""
    ratio: float | None
    """Now / then of the normalised numbers; None: there is no baseline."""
    tolerance: float
    """0.1 is 10 %."""
    detail: str
    series: tuple[Series, ...] = ()
    """The series that decided: one, or a candidate change and its confirmation."""
    cause: str = ""
    """The cause of a slower import; empty: unknown."""
    reason: UnknownReason | None = None
    """Why the change is UNKNOWN; None: it is not."""
    noise: float | None = None
    """The difference that noise can make, where the same looks like more than the tolerance; 0.1 is 10 %."""
    history: tuple[float, ...] = ()
    """The ratios that the baseline has accepted, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FootprintCompared:
    """A size, a number of modules, memory, threads or descriptors, compared with the baseline."""

    quantity: Quantity
    growth: Growth
    value: int
    """Bytes, or a number."""
    expected: int | None
    """The accepted value; None: there is none."""
    tolerance: float
    """0.1 is 10 %."""
    detail: str
    cause: str = ""
    """What has grown; empty: unknown, or nothing has."""
    source: str = ""
    """What reports the value, such as PSS; empty: it is counted exactly."""
    samples: int = 1
    """How often it was measured."""
    history: tuple[int, ...] = ()
    """The values that the baseline has accepted, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportedModule:
    """One module of an import tree."""

    name: str
    importer: str
    """The module whose body imported it; empty: its import was timed."""
    own: int
    """The work of its own body, in the unit of the tree."""
    at: str = ""
    """File and line of the import; empty: not known."""
    origin: str = ""
    """The distribution that it belongs to, ``stdlib`` for Python itself; empty: not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportTree:
    """What the timed imports load, each module where it was imported first, in the order of the imports."""

    unit: str
    """What the work is counted in, such as ``bytecodes``."""
    now: tuple[ImportedModule, ...]
    before: tuple[ImportedModule, ...] = ()
    """At the baseline; empty: not known."""
    left_out: int = 0
    """So many modules of ``now`` are left out, because there are too many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFinished:
    """Last event; a run without it was interrupted."""

    verdict: Verdict
    errors: int
    warnings: int
    notes: int
    checks: int
    """Number of codes that were checked."""
    duration_s: float


def unfinished(findings: Iterable[Finding], verdict: Verdict = Verdict.INCOMPLETE) -> RunFinished:
    """Return a RunFinished for a run that has none; the number of its checks and its duration are unknown: 0."""
    return RunFinished(verdict=verdict, **asdict(causes.counted(findings)), checks=0, duration_s=0.0)


Event = (
    RunStarted
    | StepStarted
    | Progress
    | Evidence
    | StepFinished
    | Found
    | Measured
    | Compared
    | FootprintCompared
    | ImportTree
    | RunFinished
)

_TYPES: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}
_ENUMS: dict[str, type[StrEnum]] = {
    "step": Step,
    "outcome": Outcome,
    "verdict": Verdict,
    "change": Change,
    "reason": UnknownReason,
    "growth": Growth,
}


def to_fields(event: Event) -> dict[str, Any]:
    """Return the fields of the event as JSON-able values; a metric or a quantity is its text."""
    match event:
        case Measured() | Compared():
            return asdict(event) | {"metric": str(event.metric)}
        case FootprintCompared():
            return asdict(event) | {"quantity": str(event.quantity)}
    return asdict(event)


def to_record(event: Event) -> dict[str, Any]:
    """Return the event as a JSON-able dict with its type under ``event``."""
    return {"event": type(event).__name__, **to_fields(event)}


def from_record(record: dict[str, Any]) -> Event:
    """Return the event that ``to_record`` made this record from.

    Raises KeyError, TypeError or ValueError if it is not the record of an event.
    """
    fields = {key: _restored(key, value) for key, value in record.items() if key != "event"}
    event: Event = _TYPES[record["event"]](**fields)
    wrong = wrong_field(event)
    if wrong is not None:
        msg = f"{wrong} is not of its type"
        raise TypeError(msg)
    return event


def _restored(key: str, value: Any) -> Any:
    if key in _ENUMS:
        return None if value is None else _ENUMS[key](value)
    if key in _RESTORED:
        return _RESTORED[key](value)
    return tuple(value) if isinstance(value, list) else value


_RESTORED: dict[str, Callable[[Any], Any]] = {
    "metric": lambda value: Metric.parse(str(value)),
    "quantity": lambda value: Quantity.parse(str(value)),
    "finding": lambda value: Finding(**{**value, "level": Level(value["level"])}),
    "files": lambda value: tuple(ReleaseFile(**{**each, "kind": FileKind(each["kind"])}) for each in value),
    "series": lambda value: tuple(
        Series(**{name: _restored(name, each) for name, each in one.items()}) for one in value
    ),
    "now": lambda value: tuple(ImportedModule(**each) for each in value),
    "before": lambda value: tuple(ImportedModule(**each) for each in value),
}
"""How the fields that are not plain values are made anew."""
