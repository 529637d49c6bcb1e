"""The stored baseline: one reviewable JSON file per environment and key, under version control.

The file holds ratios to a control, not times, so it serves other machines too; a canonical text and ``merged`` keep
it from changing when nothing changed. It is written whole or not at all, and a file that cannot be read is never
overwritten. Format: ``measurement.md``, section 5.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import math
import os
import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from tox_prodsim.errors import ProdsimError
from tox_prodsim.events import Measured
from tox_prodsim.timing import stats
from tox_prodsim.timing.stats import StoredRatio
from tox_prodsim.timing.work import UNITS, ModuleWork, Work, kept

SCHEMA = 2
"""Schema 1 had no work and no modules; it is read as a baseline without them."""
HISTORY = 8
"""So many accepted ratios are kept: enough for the spread between sessions, few enough to review."""
OUTDATED_DAYS = 180
_STALE_S = 3600.0
_KEY = "baseline"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """Which artefact was measured, so that it can be had again; ``commit`` may be empty, ``created`` is an ISO date."""

    version: str
    wheel_sha256: str
    commit: str
    created: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMetric:
    """One accepted metric: ``ratio`` to the control, its error as a fraction, and the accepted ratios, newest last."""

    ratio: float
    rel_error: float
    rounds: int
    value_ms: float
    control_ms: float
    clock: str
    history: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What one environment measured on one kind of Python and platform; ``dists`` are ``name==version``.

    ``work`` is None where it was not recorded; ``env`` is the name of the environment, empty in older files.
    """

    key: str
    python: str
    built: Built
    control: str
    metrics: Mapping[str, StoredMetric]
    dists: tuple[str, ...] = ()
    machine: Mapping[str, str] = field(default_factory=dict)
    work: Work | None = None
    env: str = ""
    schema: int = SCHEMA

    def stored(self, metric: str) -> StoredRatio | None:
        """Return what to compare this metric with, or None when it was never accepted."""
        found = self.metrics.get(metric)
        if found is None:
            return None
        return StoredRatio(ratio=found.ratio, rel_error=found.rel_error, control=self.control, clock=found.clock)


def key_for(*, implementation: str, version: str, platform: str, free_threaded: bool = False) -> str:
    """Return for example ``cpython-3.13t-linux-x86_64``, from facts of the environment's Python.

    ``platform`` is ``sysconfig.get_platform()``. CPU, host and patch version stay out: the control absorbs them.
    """
    short = ".".join(version.split(".")[:2]) + ("t" if free_threaded else "")
    return re.sub(r"[^a-z0-9._-]", "_", f"{implementation}-{short}-{platform}".lower())


def path_for(baseline_dir: Path, env_name: str, key: str) -> Path:
    """Return where the baseline of this environment and key is stored."""
    return baseline_dir / env_name / f"{key}.json"


def metric_from(measured: Measured) -> StoredMetric | None:
    """Return the metric as it is stored, or None when it has too few rounds to compare with later."""
    if measured.rounds < stats.MIN_ROUNDS:
        return None
    return StoredMetric(
        ratio=_significant(measured.ratio),
        rel_error=_error(stats.relative_error(measured.samples_s, measured.control_samples_s)),
        rounds=measured.rounds,
        value_ms=_significant(1000 * measured.value_s),
        control_ms=_significant(1000 * measured.control_s),
        clock=measured.clock,
        history=(_significant(measured.ratio),),
    )


def load(path: Path, *, any_name: bool = False) -> Baseline | None:
    """Return the stored baseline, or None when there is none; raises ProdsimError when the file is not usable.

    A stored one is named for its key; a candidate may have ``any_name``.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8 text"
        raise _unusable(path, f"cannot be read: {reason}") from None
    loaded = loads(path, text)
    if loaded.key != path.stem and not any_name:
        raise _unusable(path, f"is named for another key than the {loaded.key} it holds")
    return loaded


def loads(path: Path, text: str) -> Baseline:
    """Return the baseline that a text is; raises ProdsimError, which names the path, when it is none."""
    _refuse_conflicts(path, text)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as problem:
        where = f" (line {problem.lineno})" if isinstance(problem, json.JSONDecodeError) else ""
        raise _unusable(path, f"is no JSON{where}") from None
    return _parsed(path, content)


def save(path: Path, baseline: Baseline) -> None:
    """Write the baseline, whole or not at all; raises ProdsimError when it cannot be written.

    Whatever ends the process or fills the disk, the path has the old content or the new one.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(Path(os.path.realpath(path)), dumps(baseline).encode())
    except OSError as problem:
        msg = f"{path}: cannot be written: {problem.strerror}; the stored baseline is unchanged"
        raise ProdsimError(_KEY, msg) from None


def merged(old: Baseline | None, new: Baseline) -> Baseline:
    """Return what to store when ``new`` is accepted over ``old``; ``old`` itself when nothing changed.

    A metric that agrees keeps its old block, one that was not measured this time is kept, one that changed continues
    its history. Ratios to another control are no use and are dropped.
    """
    if old is None:
        return new
    work = kept(old.work, new.work)
    if old.control != new.control:
        return replace(new, work=work)
    metrics = dict(old.metrics)
    for name, metric in new.metrics.items():
        metrics[name] = _merged_metric(old.metrics.get(name), metric)
    same_place = set(new.dists) == set(old.dists) and new.python == old.python
    unchanged = metrics == dict(old.metrics) and same_place and work == old.work
    return old if unchanged else replace(new, metrics=metrics, work=work)


def dumps(baseline: Baseline) -> str:
    """Return the canonical text: sorted keys, one metric, distribution or module a line, so that a diff is a review."""
    blocks = {
        "built": _line(_fields(baseline.built)),
        "control": _line(baseline.control),
        "dists": _block("[]", (_line(dist) for dist in sorted(set(baseline.dists)))),
        "key": _line(baseline.key),
        "machine": _line(dict(baseline.machine)),
        "metrics": _block(
            "{}", (f"{_line(name)}: {_line(_fields(metric))}" for name, metric in sorted(baseline.metrics.items()))
        ),
        "python": _line(baseline.python),
        "schema": _line(baseline.schema),
    }
    if baseline.env:
        blocks["env"] = _line(baseline.env)
    if baseline.work is not None:
        rows = (_line([module.name, module.importer, module.own]) for module in baseline.work.modules)
        blocks |= {"modules": _block("[]", rows), "work": _line(baseline.work.totals())}
    return "{\n" + ",\n".join(f"  {_line(name)}: {text}" for name, text in sorted(blocks.items())) + "\n}\n"


def differences(baseline: Baseline, now: Baseline) -> tuple[str, ...]:
    """Return what differs between then and now without being another key, such as ``click 8.4.2 -> 8.5.1``."""
    told = [] if baseline.python == now.python else [f"Python {baseline.python} -> {now.python}"]
    then_dists, now_dists = _versions(baseline.dists), _versions(now.dists)
    for name in sorted(then_dists.keys() | now_dists.keys()):
        told += _difference(name, then_dists.get(name), now_dists.get(name))
    for name in sorted(baseline.machine.keys() & now.machine.keys()):
        told += _difference(name, baseline.machine[name], now.machine[name])
    return tuple(told)


def outdated_days(baseline: Baseline, today: str) -> int | None:
    """Return the age in days when that is too old, None when it is not or when a date is not usable; dates are ISO."""
    try:
        days = (dt.date.fromisoformat(today) - dt.date.fromisoformat(baseline.built.created)).days
    except ValueError:
        return None
    return days if days > OUTDATED_DAYS else None


def update_refused(environ: Mapping[str, str], *, allowed: bool) -> str | None:
    """Return why no baseline may be stored here, or None; in CI it would be stored where nobody reviews it."""
    if allowed or environ.get("CI", "").strip().lower() in {"", "0", "false", "no"}:
        return None
    return "CI is set, and a baseline stored here would be lost: pass --prodsim-allow-ci-update when it is committed"


def _merged_metric(old: StoredMetric | None, new: StoredMetric) -> StoredMetric:
    if old is None or old.clock != new.clock:
        return new
    if _agree(old, new):
        return old
    return replace(new, history=(*old.history, *new.history[-1:])[-HISTORY:])


def _agree(old: StoredMetric, new: StoredMetric) -> bool:
    """Return whether two ratios differ by no more than their error, or by less time than ever counts."""
    error = max(2 * math.hypot(old.rel_error, new.rel_error), 2 * stats.SESSION_ERROR)
    difference_s = abs(new.ratio - old.ratio) * new.control_ms / 1000
    return abs(math.log(new.ratio / old.ratio)) <= error or difference_s < stats.FLOOR_S


def _replace(path: Path, content: bytes) -> None:
    """Write to a new file beside the path, then put it in its place: rename(2) is atomic within a file system."""
    _sweep(path)
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _sweep(path: Path) -> None:
    """Remove what a killed run left behind; a young file may belong to a run that is writing now."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                left.unlink()


def _refuse_conflicts(path: Path, text: str) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"(<{7}|>{7})(\s|$)|={7}$", line):
            raise _unusable(path, f"has a merge conflict in line {number}")


def _parsed(path: Path, content: object) -> Baseline:
    """Return the baseline in a decoded file; unknown fields are ignored, wrong ones are named."""
    top = _Reader(path, "", content)
    schema = top.take("schema", int)
    if schema > SCHEMA:
        msg = f"{path}: has schema {schema}, this tox-prodsim knows {SCHEMA}: upgrade tox-prodsim"
        raise ProdsimError(_KEY, msg)
    built = top.inside("built")
    metrics = top.inside("metrics")
    return Baseline(
        key=top.take("key", str),
        python=top.take("python", str),
        built=Built(**{name: built.take(name, str) for name in ("version", "wheel_sha256", "commit", "created")}),
        control=top.take("control", str),
        metrics={name: _metric(metrics.inside(name)) for name in metrics.content},
        dists=top.several("dists", str),
        machine={name: str(value) for name, value in top.inside("machine").content.items()},
        work=_work(path, top) if "work" in top.content else None,
        env=top.take("env", str) if "env" in top.content else "",
        schema=schema,
    )


def _metric(block: _Reader) -> StoredMetric:
    return StoredMetric(
        ratio=block.positive("ratio"),
        rel_error=block.positive("rel_error"),
        rounds=block.take("rounds", int),
        value_ms=block.positive("value_ms"),
        control_ms=block.positive("control_ms"),
        clock=block.take("clock", str),
        history=block.several("history", float)[-HISTORY:],
    )


def _work(path: Path, top: _Reader) -> Work:
    """Return the recorded work; the totals are for the reader, what counts are the modules."""
    totals = top.inside("work")
    unit = next((unit for unit in UNITS if unit in totals.content), "")
    if not unit:
        raise _unusable(path, f"work has none of {', '.join(UNITS)}")
    modules = []
    for row in top.several("modules", list):
        if [type(item) for item in row] != [str, str, int]:
            raise _unusable(path, f"modules has {_shown(row)}, not a name, an importer and a whole number")
        modules.append(ModuleWork(name=row[0], importer=row[1], own=row[2]))
    return Work(unit=unit, modules=tuple(modules), pyc_bytes=totals.take("pyc_bytes", int))


_T = TypeVar("_T")


class _Reader:
    """Takes checked values out of a decoded JSON object; every error names the file and the field."""

    def __init__(self, path: Path, where: str, content: object) -> None:
        if not isinstance(content, dict):
            raise _unusable(path, f"{where.rstrip('.') or 'its content'} is no JSON object")
        self.content: dict[str, Any] = content
        self._path = path
        self._where = where

    def inside(self, name: str) -> _Reader:
        """Return a reader of the object under this name."""
        return _Reader(self._path, f"{self._where}{name}.", self.take(name, dict))

    def take(self, name: str, kind: type[_T]) -> _T:
        """Return the value under this name when it is of the kind."""
        value = self.content.get(name)
        # bool is an int for isinstance, and 1 is a fine float.
        if isinstance(value, kind) and not isinstance(value, bool):
            return value
        raise _unusable(self._path, f"{self._where}{name} is {_shown(value)}, not {_KINDS[kind]}")

    def positive(self, name: str) -> float:
        """Return the number under this name when it is finite and above 0."""
        return self._number(self.content.get(name), name)

    def several(self, name: str, kind: type[_T]) -> tuple[_T, ...]:
        """Return the list under this name when all its items are of the kind."""
        items: list[Any] = self.take(name, list)
        if kind is float:
            items = [self._number(item, name) for item in items]
        if not all(isinstance(item, kind) for item in items):
            raise _unusable(self._path, f"{self._where}{name} has items that are not {_KINDS[kind]}")
        return tuple(items)

    def _number(self, value: object, name: str) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
            return float(value)
        raise _unusable(self._path, f"{self._where}{name} is {_shown(value)}, not a number above 0")


_KINDS: Mapping[type, str] = {str: "text", int: "a whole number", dict: "a JSON object", list: "a list"}


def _unusable(path: Path, what: str) -> ProdsimError:
    """Return the error for a file that is left alone, with the two ways out."""
    return ProdsimError(_KEY, f"{path}: {what}; restore it, or delete it and record it again")


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:40]


def _fields(value: Built | StoredMetric) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _line(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _block(brackets: str, lines: Iterable[str]) -> str:
    inner = ",\n".join(f"    {line}" for line in lines)
    return f"{brackets[0]}\n{inner}\n  {brackets[1]}" if inner else brackets


def _significant(value: float) -> float:
    """Return the value with 4 significant digits: an error of 0.05 %, well below what can be measured."""
    return float(f"{value:.4g}")


def _error(value: float) -> float:
    return max(float(f"{value:.2g}"), 0.0001)


def _versions(dists: Iterable[str]) -> dict[str, str]:
    return {name: version for name, _, version in (dist.partition("==") for dist in dists)}


def _difference(name: str, then: str | None, now: str | None) -> list[str]:
    if then == now:
        return []
    if then is None:
        return [f"{name} {now} is new"]
    return [f"{name} {then} is gone"] if now is None else [f"{name} {then} -> {now}"]
