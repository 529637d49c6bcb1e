"""The stored baseline: one reviewable JSON file per environment and key, under version control.

The file holds ratios to a control, not times, so it serves other machines too; a canonical text and ``merged`` keep
it from changing when nothing changed. It is written whole or not at all, and a file that cannot be read is never
overwritten. Format: ``measurement.md``, section 5.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from tox_prodsim.model import files
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import Measured
from tox_prodsim.model.metrics import Metric
from tox_prodsim.model.parsing import canonical
from tox_prodsim.model.scenario import Update
from tox_prodsim.timing import stats
from tox_prodsim.timing.baseline import contents_json, footprint_json
from tox_prodsim.timing.baseline.contents import Contents, merge_contents
from tox_prodsim.timing.baseline.json_reader import KEY, MOST_BYTES, RESTORE, Reader, decode, unusable
from tox_prodsim.timing.baseline.json_writer import as_block, as_line
from tox_prodsim.timing.footprint import Footprint, merge_footprint
from tox_prodsim.timing.stats import StoredRatio
from tox_prodsim.timing.work import UNITS, ModuleWork, Work, merge_work

SCHEMA = 3
"""Schema 1 had no work and no modules, schema 2 no contents; they are read as baselines without them."""
HISTORY = 8
"""So many accepted ratios are kept: enough for the spread between sessions, few enough to review."""
OUTDATED_DAYS = 180
_MOST_ROUNDS = 10**6
_OF_FEW = 1.9
"""The error of so few rounds is too small: by Student's t with 3 degrees of freedom, and by n / (n - 1)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """Which artefact was measured, so that it can be had again."""

    version: str
    wheel_sha256: str
    commit: str
    """Empty: there was none."""
    created: str
    """An ISO date."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMetric:
    """One accepted metric."""

    ratio: float
    """To the control."""
    rel_error: float
    """The standard error of the ratio, as a fraction of it."""
    rounds: int
    value_ms: float
    control_ms: float
    clock: str
    history: tuple[float, ...]
    """The accepted ratios, newest last."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What one environment measured on one kind of Python and platform."""

    key: str
    python: str
    built: Built
    """What was timed."""
    control: str
    metrics: Mapping[Metric, StoredMetric]
    dists: tuple[str, ...] = ()
    """As ``name==version``."""
    machine: Mapping[str, str] = field(default_factory=dict)
    work: Work | None = None
    """None: it was not recorded."""
    contents: Contents | None = None
    """May be of another version than ``built``; None: an older file has none."""
    footprint: Footprint | None = None
    """What it takes besides time; None: an older file has none."""
    env: str = ""
    """The name of the environment; empty: an older file has none."""
    schema: int = SCHEMA

    def stored(self, metric: Metric) -> StoredRatio | None:
        """Return what to compare this metric with, or None when it was never accepted."""
        found = self.metrics.get(metric)
        if found is None:
            return None
        return StoredRatio(
            ratio=found.ratio,
            rel_error=found.rel_error,
            control=self.control,
            clock=found.clock,
            rounds=found.rounds,
        )


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
    if measured.rounds < stats.LEAST_STORED:
        return None
    error = stats.relative_error(measured.samples_s, measured.control_samples_s)
    widened = error if measured.rounds >= stats.MIN_ROUNDS else error * _OF_FEW
    return StoredMetric(
        ratio=_significant(measured.ratio),
        rel_error=_error(widened),
        rounds=measured.rounds,
        value_ms=_significant(1000 * measured.value_s),
        control_ms=_significant(1000 * measured.control_s),
        clock=measured.clock,
        history=(_significant(measured.ratio),),
    )


def load(path: Path, *, any_name: bool = False) -> Baseline | None:
    """Return the stored baseline, or None when there is none; raises ProdsimError when the file is not valid.

    A stored one is named for its key; a candidate may have ``any_name``.
    """
    try:
        text = files.read(path, limit_bytes=MOST_BYTES).decode("utf-8")
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
    """Return the baseline that a text is; raises ProdsimError, which names the path, when it is not valid."""
    _refuse_conflicts(path, text)
    return _parsed(path, decode(path, text))


def save(path: Path, baseline: Baseline) -> None:
    """Write the baseline, whole or not at all; raises ProdsimError when it cannot be written.

    Whatever ends the process or fills the disk, the path has the old content or the new one. What could not be read
    again is not written.
    """
    text = dumps(baseline)
    _refuse_unreadable(path, text)
    try:
        with files.atomic_write(path, mode=files.SHARED, durable=True) as file:
            file.write(text.encode())
    except OSError as problem:
        msg = f"{path}: cannot be written: {problem.strerror}; the stored baseline is unchanged"
        raise ProdsimError(KEY, msg) from None


def _refuse_unreadable(path: Path, text: str) -> None:
    """Raise ProdsimError when a text that is to be written is none that ``load`` would accept."""
    try:
        if len(text.encode()) > MOST_BYTES:
            raise unusable(path, f"is larger than {MOST_BYTES / 1e6:g} MB")
        loads(path, text)
    except ProdsimError as problem:
        what = problem.message.removeprefix(f"{path}: ").removesuffix(RESTORE)
        msg = f"{path}: not written, because it could not be read again: {what}"
        raise ProdsimError(KEY, msg) from None


def restricted(new: Baseline, part: Update) -> Baseline:
    """Return what is left of a new baseline when only a part of it is accepted."""
    match part:
        case Update.CONTENTS:
            return replace(new, metrics={}, work=None, footprint=None)
        case Update.TIMES:
            return replace(new, contents=None)
        case Update.ALL:
            return new


def merged(old: Baseline | None, new: Baseline) -> Baseline:
    """Return what to store when ``new`` is accepted over ``old``; ``old`` itself when nothing changed.

    A metric that agrees keeps its old block, one that was not measured this time is kept, one that changed continues
    its history. Ratios to another control are of no use and are dropped. When nothing was measured, all that belongs to
    the accepted times stays.
    """
    if old is None:
        return replace(new, footprint=merge_footprint(None, new.footprint))
    contents, footprint = merge_contents(old.contents, new.contents), merge_footprint(old.footprint, new.footprint)
    if old.metrics and not new.metrics:
        same = contents == old.contents and footprint == old.footprint
        return old if same else replace(old, contents=contents, footprint=footprint, schema=new.schema)
    work = merge_work(old.work, new.work)
    if old.control != new.control:
        return replace(new, work=work, contents=contents, footprint=footprint)
    metrics = {name: _merge_metric(old.metrics.get(name), metric) for name, metric in new.metrics.items()}
    result = replace(new, metrics={**old.metrics, **metrics}, work=work, contents=contents, footprint=footprint)
    return old if _holds_the_same(old, result) else result


def dumps(baseline: Baseline) -> str:
    """Return the canonical text: sorted keys, one metric, distribution, name or module a line: a diff is a review."""
    blocks = {
        "built": as_line(_fields(baseline.built)),
        "control": as_line(baseline.control),
        "dists": as_block("[]", (as_line(dist) for dist in sorted(set(baseline.dists)))),
        "key": as_line(baseline.key),
        "machine": as_line(dict(baseline.machine)),
        "metrics": as_block(
            "{}",
            (f"{as_line(str(name))}: {as_line(_fields(metric))}" for name, metric in sorted(baseline.metrics.items())),
        ),
        "python": as_line(baseline.python),
        "schema": as_line(baseline.schema),
    }
    if baseline.env:
        blocks["env"] = as_line(baseline.env)
    if baseline.contents is not None:
        blocks["contents"] = contents_json.text(baseline.contents)
    if baseline.footprint is not None:
        blocks["footprint"] = footprint_json.text(baseline.footprint)
    if baseline.work is not None:
        rows = (as_line([module.name, module.importer, module.own]) for module in baseline.work.modules)
        blocks |= {"modules": as_block("[]", rows), "work": as_line(baseline.work.totals())}
    return "{\n" + ",\n".join(f"  {as_line(name)}: {text}" for name, text in sorted(blocks.items())) + "\n}\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvironmentChanges:
    """What differs between two baselines of one key, such as ``click 8.4.2 -> 8.5.1``."""

    dists: tuple[str, ...]
    """Which other distributions are installed."""
    machine: tuple[str, ...]
    """How Python and the machine differ."""


NO_CHANGES = EnvironmentChanges(dists=(), machine=())


def environment_changes(then: Baseline, now: Baseline, *, project: str = "") -> EnvironmentChanges:
    """Return what changed; the version of the ``project`` itself is not among it."""
    own = canonical(project)
    dists = _differences(_versions(then.dists, without=own), _versions(now.dists, without=own))
    common = then.machine.keys() & now.machine.keys()
    machine = _differences({name: then.machine[name] for name in common}, {name: now.machine[name] for name in common})
    python = _differences({"Python": then.python}, {"Python": now.python})
    return EnvironmentChanges(dists=dists, machine=(*python, *machine))


def outdated_days(baseline: Baseline, today: str) -> int | None:
    """Return the age in days when that is too old, None when it is not or when a date is not usable; dates are ISO."""
    try:
        days = (date.fromisoformat(today) - date.fromisoformat(baseline.built.created)).days
    except ValueError:
        return None
    return days if days > OUTDATED_DAYS else None


def update_refused(environ: Mapping[str, str], *, allowed: bool) -> str | None:
    """Return why no baseline may be stored here, or None; in CI it would be stored where nobody reviews it."""
    if allowed or environ.get("CI", "").strip().lower() in {"", "0", "false", "no"}:
        return None
    return "CI is set, and a baseline stored here would be lost: pass --prodsim-allow-ci-update when it is committed"


def _holds_the_same(old: Baseline, new: Baseline) -> bool:
    """Return whether two baselines differ in nothing that a comparison needs."""
    same_environment = set(new.dists) == set(old.dists) and new.python == old.python
    same_work = (new.work, new.contents, new.footprint) == (old.work, old.contents, old.footprint)
    return same_environment and same_work and dict(new.metrics) == dict(old.metrics)


def _merge_metric(old: StoredMetric | None, new: StoredMetric) -> StoredMetric:
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


def _refuse_conflicts(path: Path, text: str) -> None:
    found = re.search(r"^(?:[<>]{7}(?:\s|$)|={7}$)", text, re.MULTILINE)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise unusable(path, f"has a merge conflict in line {line}")


def _parsed(path: Path, content: object) -> Baseline:
    """Return the baseline in a decoded file; unknown fields are ignored, wrong ones are named."""
    top = Reader(path, "", content)
    schema = top.whole("schema", least=1)
    if schema > SCHEMA:
        msg = f"{path}: has schema {schema}, this tox-prodsim knows {SCHEMA}: upgrade tox-prodsim"
        raise ProdsimError(KEY, msg)
    built = top.nested("built")
    metrics, machine = top.nested("metrics"), top.nested("machine")
    return Baseline(
        key=top.key("key"),
        python=top.version("python"),
        built=Built(
            version=built.version("version"),
            wheel_sha256=built.sha256("wheel_sha256"),
            commit=built.commit("commit"),
            created=built.date("created"),
        ),
        control=top.take("control", str),
        metrics={_parsed_metric(path, name): _metric(metrics.nested(name)) for name in metrics.content},
        dists=top.distributions("dists"),
        machine={name: machine.take(name, str) for name in machine.content},
        work=_work(path, top) if "work" in top.content else None,
        contents=contents_json.read(top.nested("contents")) if "contents" in top.content else None,
        footprint=footprint_json.read(top.nested("footprint")) if "footprint" in top.content else None,
        env=top.env_name("env") if "env" in top.content else "",
        schema=schema,
    )


def _parsed_metric(path: Path, name: str) -> Metric:
    try:
        return Metric.parse(name)
    except ValueError as problem:
        raise unusable(path, f"metrics: {problem}") from None


def _metric(block: Reader) -> StoredMetric:
    return StoredMetric(
        ratio=block.number("ratio"),
        rel_error=block.number("rel_error"),
        rounds=block.whole("rounds", _MOST_ROUNDS, least=1),
        value_ms=block.number("value_ms"),
        control_ms=block.number("control_ms"),
        clock=block.take("clock", str),
        history=block.numbers("history")[-HISTORY:],
    )


def _work(path: Path, top: Reader) -> Work:
    """Return the recorded work; the totals are for the reader, what counts are the modules."""
    totals = top.nested("work")
    unit = next((unit for unit in UNITS if unit in totals.content), "")
    if not unit:
        raise unusable(path, f"work has none of {', '.join(UNITS)}")
    for name in (unit, "modules"):
        totals.whole(name)
    rows = top.rows("modules", [str, str, int], "a name, an importer and a whole number")
    modules = tuple(ModuleWork(name=name, importer=importer, own=own) for name, importer, own in rows)
    return Work(unit=unit, modules=modules, pyc_bytes=totals.whole("pyc_bytes"))


def _fields(value: Built | StoredMetric) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}


def _significant(value: float) -> float:
    """Return the value with 4 significant digits: an error of 0.05 %, well below what can be measured."""
    return float(f"{value:.4g}")


def _error(value: float) -> float:
    return max(float(f"{value:.2g}"), 0.0001)


def _versions(dists: Iterable[str], *, without: str) -> dict[str, str]:
    """Return the versions by name of distribution, but for that of the project."""
    pairs = (dist.partition("==") for dist in dists)
    return {name: version for name, _, version in pairs if canonical(name) != without}


def _differences(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    names = sorted(then.keys() | now.keys())
    return tuple(_difference(name, then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name))


def _difference(name: str, then: str | None, now: str | None) -> str:
    if then is None:
        return f"{name} {now} is new"
    return f"{name} {then} is gone" if now is None else f"{name} {then} -> {now}"
