"""Report files of other machines: the events that a saved report in the format ``json`` was made of.

Such a file is foreign data. What is not as ``schema.json`` says raises ValueError; fields that a later version added
are passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from tox_prodsim.model.events import (
    SCHEMA_VERSION,
    Compared,
    Event,
    Evidence,
    FootprintCompared,
    Found,
    ImportedModule,
    ImportTree,
    Measured,
    Progress,
    RunFinished,
    RunStarted,
    Series,
    Step,
    StepFinished,
    StepStarted,
    from_record,
)
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.release_files import ReleaseFile

MOST_BYTES = 256 << 20
"""No report is larger: its logs are bounded."""
MOST_RUNS = 1000
_CODE = lazy_regex(r"[A-Z]{3}\d{3}")
_Object = Mapping[str, Any]


def runs_of(content: bytes) -> list[list[Event]]:
    """Return the events of each run in a report; raises ValueError with the reason when it is not a report."""
    try:
        return _runs(_parsed(content))
    except (LookupError, TypeError, AttributeError, OverflowError, RecursionError) as problem:
        msg = f"a field is not as schema.json says ({type(problem).__name__}: {shortened(str(problem), 80)})"
        raise ValueError(msg) from problem


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as problem:
        msg = f"it is not JSON ({shortened(str(problem), 80)})"
        raise ValueError(msg) from problem


def _runs(document: Any) -> list[list[Event]]:
    _refuse_foreign(document)
    reports = document.get("runs", [document])
    if not isinstance(reports, list) or not 0 < len(reports) <= MOST_RUNS:
        msg = f"it does not have 1 to {MOST_RUNS} runs"
        raise ValueError(msg)
    for each in reports:
        _refuse_foreign(each)
    return [_checked([*_events(each)]) for each in reports]


def _refuse_foreign(document: Any) -> None:
    tool = document.get("tool") if isinstance(document, dict) else None
    if not isinstance(tool, dict) or tool.get("name") != "tox-prodsim":
        msg = "it is not a report of tox-prodsim in the format json"
        raise ValueError(msg)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION or isinstance(version, bool | float):
        msg = f"it is of another version of tox-prodsim: its schema_version is not {SCHEMA_VERSION}"
        raise ValueError(msg)


def _checked(events: list[Event]) -> list[Event]:
    """Return the events; raises ValueError if the verdict is not that of the findings."""
    end = events[-1] if events else None
    found = {each.finding.level for each in events if isinstance(each, Found)}
    if isinstance(end, RunFinished) and end.verdict is Verdict.PASSED and Level.ERROR in found:
        msg = "its verdict is passed, and it has an error among its findings"
        raise ValueError(msg)
    return events


def _events(report: _Object) -> Iterator[Event]:
    """Yield the events of one run in the order of its steps."""
    if report["environment"] is not None:
        yield _started(report)
    found = [(each["step"], _found(each)) for each in _list(report, "findings")]
    measured = [_event(Measured, each) for each in _list(report, "measurements")]
    measured += [_event(Compared, {**each, "series": _series(each)}) for each in _list(report, "comparisons")]
    measured += [_event(FootprintCompared, each) for each in report.get("footprint", [])]
    measured += [_imports(each) for each in [report.get("imports")] if each is not None]
    steps = _list(report, "steps")
    last = {each["step"]: at for at, each in enumerate(steps)}
    for at, each in enumerate(steps):
        of_step = [event for step, event in found if step == each["step"] and last[step] == at]
        compares = each["step"] == Step.COMPARE and last[each["step"]] == at
        yield from _step(each, [*of_step, *(measured if compares else ())])
    yield from (event for step, event in found if step not in last)
    yield from () if Step.COMPARE in last else measured
    if report["summary"]["checks"] is not None:  # a run that was killed has no end
        yield _event(RunFinished, report["summary"])


def _started(report: _Object) -> Event:
    environment, wheel = report["environment"], report["wheel"] or {}
    files = [_known(ReleaseFile, each) for each in _list(report, "files")]
    return _event(
        RunStarted,
        {**environment, **report, **report["tool"], "env_name": environment["name"], "files": files}
        | {f"wheel_{name}": wheel.get(name, "") for name in ("name", "sha256", "sources_sha256", "origin")}
        | {"wheel_size_bytes": wheel.get("size_bytes", 0), "checks": report["tool"].get("checks", 0)},
    )


def _step(entry: _Object, inside: Iterable[Event]) -> Iterator[Event]:
    """Yield a step with what happened in it; one that was only skipped has no more than its end."""
    own = {"step": entry["step"]}
    yield _event(StepStarted, {**entry, "detail": entry["subject"]})
    yield from (_event(Progress, {**each, **own}) for each in _list(entry, "timeline"))
    yield from (_event(Evidence, {**each, **own}) for each in _list(entry, "evidence"))
    yield from inside
    if entry["outcome"] is not None:
        yield _event(StepFinished, entry)


def _found(entry: _Object) -> Event:
    if not _CODE.fullmatch(entry["code"]):
        msg = "the code of a finding is not a code"
        raise ValueError(msg)
    return _event(Found, {"finding": _known(Finding, entry)})


def _imports(entry: _Object) -> Event:
    trees = {name: [_known(ImportedModule, each) for each in _list(entry, name)] for name in ("now", "before")}
    return _event(ImportTree, {**entry, **trees})


def _series(entry: _Object) -> list[dict[str, Any]]:
    return [_known(Series, each) for each in _list(entry, "series")]


def _event(kind: type[Any], values: _Object) -> Event:
    """Return the event of these fields; raises ValueError, LookupError or TypeError if they do not fit."""
    return from_record({"event": kind.__name__, **_known(kind, values)})


def _known(kind: type[Any], values: _Object) -> dict[str, Any]:
    """Return the fields that a class has; a time that was not a number was written as null."""
    return {each.name: _restored(values[each.name], str(each.type)) for each in fields(kind) if each.name in values}


def _restored(value: Any, declared: str) -> Any:
    if value is None and declared == "float":
        return math.nan
    if isinstance(value, list) and declared.startswith("tuple[float"):
        return [math.nan if each is None else each for each in value]
    return value


def _list(values: _Object, name: str) -> list[Any]:
    found = values[name]
    if not isinstance(found, list):
        msg = f"{name} is not a list"
        raise TypeError(msg)
    return found
