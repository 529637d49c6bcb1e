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
from typing import Any

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import Measured
from tox_prodsim.model.parsing import canonical
from tox_prodsim.timing import stats
from tox_prodsim.timing.baseline import contents_json
from tox_prodsim.timing.baseline.contents import Contents
from tox_prodsim.timing.baseline.contents import kept as kept_contents
from tox_prodsim.timing.baseline.json_reader import KEY, Reader, shown, unusable
from tox_prodsim.timing.baseline.json_writer import as_block, as_line
from tox_prodsim.timing.stats import StoredRatio
from tox_prodsim.timing.work import UNITS, ModuleWork, Work, kept

SCHEMA = 3
"""Schema 1 had no work and no modules, schema 2 no contents; they are read as baselines without them."""
HISTORY = 8
"""So many accepted ratios are kept: enough for the spread between sessions, few enough to review."""
OUTDATED_DAYS = 180
_STALE_S = 3600.0


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

    ``work`` is None where it was not recorded, ``contents`` None in older files; ``env`` is the name of the
    environment, empty in older files. ``built`` is what was timed, and ``contents`` may be of another version.
    """

    key: str
    python: str
    built: Built
    control: str
    metrics: Mapping[str, StoredMetric]
    dists: tuple[str, ...] = ()
    machine: Mapping[str, str] = field(default_factory=dict)
    work: Work | None = None
    contents: Contents | None = None
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
        raise unusable(path, f"cannot be read: {reason}") from None
    loaded = loads(path, text)
    if loaded.key != path.stem and not any_name:
        raise unusable(path, f"is named for another key than the {loaded.key} it holds")
    return loaded


def loads(path: Path, text: str) -> Baseline:
    """Return the baseline that a text is; raises ProdsimError, which names the path, when it is none."""
    _refuse_conflicts(path, text)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as problem:
        where = f" (line {problem.lineno})" if isinstance(problem, json.JSONDecodeError) else ""
        raise unusable(path, f"is no JSON{where}") from None
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
        raise ProdsimError(KEY, msg) from None


def merged(old: Baseline | None, new: Baseline) -> Baseline:
    """Return what to store when ``new`` is accepted over ``old``; ``old`` itself when nothing changed.

    A metric that agrees keeps its old block, one that was not measured this time is kept, one that changed continues
    its history. Ratios to another control are no use and are dropped. When nothing was measured, all that belongs to
    the accepted times stays.
    """
    if old is None:
        return new
    contents = kept_contents(old.contents, new.contents)
    if old.metrics and not new.metrics:
        return old if contents == old.contents else replace(old, contents=contents, schema=new.schema)
    work = kept(old.work, new.work)
    if old.control != new.control:
        return replace(new, work=work, contents=contents)
    metrics = dict(old.metrics)
    for name, metric in new.metrics.items():
        metrics[name] = _merged_metric(old.metrics.get(name), metric)
    same_place = set(new.dists) == set(old.dists) and new.python == old.python
    unchanged = metrics == dict(old.metrics) and same_place and work == old.work and contents == old.contents
    return old if unchanged else replace(new, metrics=metrics, work=work, contents=contents)


def dumps(baseline: Baseline) -> str:
    """Return the canonical text: sorted keys, one metric, distribution, name or module a line: a diff is a review."""
    blocks = {
        "built": as_line(_fields(baseline.built)),
        "control": as_line(baseline.control),
        "dists": as_block("[]", (as_line(dist) for dist in sorted(set(baseline.dists)))),
        "key": as_line(baseline.key),
        "machine": as_line(dict(baseline.machine)),
        "metrics": as_block(
            "{}", (f"{as_line(name)}: {as_line(_fields(metric))}" for name, metric in sorted(baseline.metrics.items()))
        ),
        "python": as_line(baseline.python),
        "schema": as_line(baseline.schema),
    }
    if baseline.env:
        blocks["env"] = as_line(baseline.env)
    if baseline.contents is not None:
        blocks["contents"] = contents_json.text(baseline.contents)
    if baseline.work is not None:
        rows = (as_line([module.name, module.importer, module.own]) for module in baseline.work.modules)
        blocks |= {"modules": as_block("[]", rows), "work": as_line(baseline.work.totals())}
    return "{\n" + ",\n".join(f"  {as_line(name)}: {text}" for name, text in sorted(blocks.items())) + "\n}\n"


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
            raise unusable(path, f"has a merge conflict in line {number}")


def _parsed(path: Path, content: object) -> Baseline:
    """Return the baseline in a decoded file; unknown fields are ignored, wrong ones are named."""
    top = Reader(path, "", content)
    schema = top.take("schema", int)
    if schema > SCHEMA:
        msg = f"{path}: has schema {schema}, this tox-prodsim knows {SCHEMA}: upgrade tox-prodsim"
        raise ProdsimError(KEY, msg)
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
        contents=contents_json.read(top.inside("contents")) if "contents" in top.content else None,
        env=top.take("env", str) if "env" in top.content else "",
        schema=schema,
    )


def _metric(block: Reader) -> StoredMetric:
    return StoredMetric(
        ratio=block.positive("ratio"),
        rel_error=block.positive("rel_error"),
        rounds=block.take("rounds", int),
        value_ms=block.positive("value_ms"),
        control_ms=block.positive("control_ms"),
        clock=block.take("clock", str),
        history=block.several("history", float)[-HISTORY:],
    )


def _work(path: Path, top: Reader) -> Work:
    """Return the recorded work; the totals are for the reader, what counts are the modules."""
    totals = top.inside("work")
    unit = next((unit for unit in UNITS if unit in totals.content), "")
    if not unit:
        raise unusable(path, f"work has none of {', '.join(UNITS)}")
    modules = []
    for row in top.several("modules", list):
        if [type(item) for item in row] != [str, str, int]:
            raise unusable(path, f"modules has {shown(row)}, not a name, an importer and a whole number")
        modules.append(ModuleWork(name=row[0], importer=row[1], own=row[2]))
    return Work(unit=unit, modules=tuple(modules), pyc_bytes=totals.take("pyc_bytes", int))


def _fields(value: Built | StoredMetric) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


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


def changes_since(stored: Baseline, now: Baseline, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which other distributions changed since the baseline, and how Python and the machine differ."""
    then_dists, now_dists = (replace(each, dists=_without(each.dists, name)) for each in (stored, now))
    dists = differences(replace(then_dists, python=now.python, machine={}), now_dists)
    return dists, differences(replace(stored, dists=now.dists), now)


def _without(dists: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(dist for dist in dists if canonical(dist.partition("==")[0]) != canonical(name))
