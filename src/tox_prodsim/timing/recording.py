"""What an import is made of: its modules with their importers, lines, work and times, recorded in the environment.

The recording is made by ``_child/recorder.py``, run by the environment's own Python: once with the exact clock, which
names, and a few times with the stopwatch, which sizes (``measurement.md``, section 4).
"""

from __future__ import annotations

import json
import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tox_prodsim.model.answers import Each, Row, Shape, checked, marked, new_nonce
from tox_prodsim.model.answers import record as record_of
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import AnswerError, RecordingError
from tox_prodsim.model.runner import CHILD_SCRIPTS, Completed, Runner
from tox_prodsim.timing.work import ModuleWork, Work

STDLIB = "stdlib"
TIMED_RUNS = 7
RUN_TIMEOUT_S = 120.0
"""Of one run; the exact clock takes about four times as long as the import."""
_READING = Row((int, int))
_PLACE = Row((str, int))
_IMPORT = Row((str, str, bool, _READING, _PLACE, _PLACE, str, int))
_SHAPES: Mapping[str, Shape] = {
    "exact": {"clock": str, "imports": [_IMPORT], "collecting": _READING},
    "timed": {"clock": str, "imports": [Row((str, _READING))], "collecting": _READING},
    "environment": {"python": str, "stdlib": [str], "site": [str], "versions": Each(str), "owners": Each(str)},
    "error": {"error": str},
}
"""The shapes of the answers."""
_RECORDINGS = CHILD_SCRIPTS / "recordings.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceLocation:
    """A line of a file: below the folder that is on the module path, or absolute when it is elsewhere."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Times:
    """Own seconds of a module: effective wall and CPU time of its fastest runs, the median deviation of all of them."""

    wall_s: float
    cpu_s: float
    mad_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Module:
    """One imported module; costs are those of its body, without what it imports."""

    name: str
    importer: str
    """The module whose body ran; empty: the import was asked for."""
    own: int
    """Its work."""
    times: Times | None = None
    """None: it was not timed."""
    at: SourceLocation | None = None
    """Where the import stands; None: nowhere, or not known."""
    through: SourceLocation | None = None
    """The line of the importer that led to ``at``, when that is another line."""
    file: str = ""
    origin: str = ""
    """The distribution, STDLIB, or where there is neither the top-level name."""
    pyc_bytes: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """The import of one or more targets."""

    targets: tuple[str, ...]
    unit: str
    modules: tuple[Module, ...]
    """In the order of their import."""
    failed: tuple[Module, ...] = ()
    """Those whose import failed; their cost is their importer's."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the distributions and of STDLIB, which is Python."""
    collecting_s: float = 0.0
    """The time of garbage collections, which belongs to no module."""

    @classmethod
    def from_work(cls, work: Work, dists: Iterable[str], python: str) -> Recording:
        """Return what a baseline remembers, without times and locations; ``dists`` are ``name==version``."""
        versions = {name: version for name, _, version in (dist.partition("==") for dist in dists)}
        return cls(
            targets=tuple(module.name for module in work.modules if not module.importer),
            unit=work.unit,
            modules=tuple(Module(name=each.name, importer=each.importer, own=each.own) for each in work.modules),
            versions={**versions, STDLIB: python},
        )

    @classmethod
    def combined(cls, recordings: Sequence[Recording]) -> Recording:
        """Return several recordings as one, each module where it was imported first; there must be one."""
        modules: dict[str, Module] = {}
        for module in (module for recording in recordings for module in recording.modules):
            modules.setdefault(module.name, module)
        return cls(
            targets=tuple(target for recording in recordings for target in recording.targets),
            unit=recordings[0].unit,
            modules=tuple(modules.values()),
            versions=recordings[0].versions,
        )

    def restricted_to(self, names: Iterable[str]) -> Recording:
        """Return the recording without modules of other names."""
        kept = frozenset(names)
        return replace(self, modules=tuple(each for each in self.modules if each.name in kept))

    @property
    def timed(self) -> bool:
        """Return whether the modules have times."""
        return any(module.times is not None for module in self.modules)

    @property
    def wall_s(self) -> float:
        """Return the effective seconds of everything."""
        return self.collecting_s + sum(module.times.wall_s for module in self.modules if module.times is not None)

    @property
    def work(self) -> Work:
        """Return the exact work, as a baseline stores it."""
        modules = (ModuleWork(name=each.name, importer=each.importer, own=each.own) for each in self.modules)
        return Work(unit=self.unit, modules=tuple(modules), pyc_bytes=sum(each.pyc_bytes for each in self.modules))


def record(modules: Sequence[str], *, python: Path, runner: Runner, timed: int = TIMED_RUNS) -> Recording:
    """Return the recording of importing the modules one after the other; raises RecordingError.

    It takes one run with the exact clock, ``timed`` with the stopwatch (0: no times), and one that warms up.
    """
    nonce = new_nonce()
    request = {"nonce": nonce, "modules": list(modules), "timed": timed, "timeout_s": RUN_TIMEOUT_S}
    argv = [str(python), "-I", str(_RECORDINGS), json.dumps(request)]
    completed = runner(argv, timeout_s=RUN_TIMEOUT_S * 3)
    try:
        answers = _answers(completed, nonce, modules, ["exact", *["timed"] * timed, "environment"])
    except AnswerError as problem:
        msg = f"the recording process: {problem}"
        raise RecordingError(msg) from problem
    exact, *timed_runs, environment = answers
    imports = [_Import(*each) for each in exact["imports"]]
    times = _times([answer["imports"] for answer in timed_runs])
    recording = _recording(tuple(modules), exact["clock"], imports, times, _Files(environment))
    collecting = [answer["collecting"][0] / 1e9 for answer in timed_runs]
    return replace(recording, collecting_s=statistics.median(collecting)) if timed_runs else recording


def _answers(completed: Completed, nonce: str, modules: Sequence[str], expected: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the driver answered; raises RecordingError with the reason when some of it is missing."""
    answers = [record_of(line) for line in marked(completed.stdout, nonce)]
    if answers and "error" in answers[-1]:
        msg = f"import {' '.join(modules)}: {checked(answers[-1], _SHAPES['error'])['error']}"
        raise RecordingError(msg)
    if len(answers) != len(expected):
        stderr = completed.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        ended = "did not end in time" if completed.timed_out else f"ended with {completed.returncode}: {stderr[-1]}"
        msg = f"the recording process {ended}"
        raise RecordingError(msg)
    return [checked(answer, _SHAPES[kind]) for answer, kind in zip(answers, expected, strict=True)]


@dataclass(frozen=True, slots=True)
class _Import:
    """One import as the recorder prints it, in its order of fields."""

    name: str
    importer: str
    """The module that imports it; empty: the recorder."""
    loaded: bool
    """Whether ``sys.modules`` has the module when the import is over."""
    own: tuple[int, int]
    """Two readings of the clock of the recorder, without those of the imports inside."""
    at: tuple[str, int]
    """File and line of the import."""
    through: tuple[str, int]
    """File and line in the body of the importer through which the import came there."""
    file: str
    """Its source, or its extension module."""
    pyc_bytes: int


class _Files:
    """Knows which distribution a file belongs to, and how the file is displayed."""

    def __init__(self, environment: Mapping[str, Any]) -> None:
        self.versions = {**environment["versions"], STDLIB: environment["python"]}
        self._owners = environment["owners"]
        self._site = _folders(environment["site"])
        self._stdlib = _folders(environment["stdlib"])

    def origin(self, file: str, name: str) -> str:
        """Return the distribution of a module, STDLIB, or its top-level name; a built-in module has no file."""
        if file in self._owners:
            return str(self._owners[file])
        in_stdlib = file.startswith(self._stdlib) and not file.startswith(self._site)
        return STDLIB if in_stdlib or not file else name.partition(".")[0]

    def location(self, file: str, line: int) -> SourceLocation | None:
        """Return a line as it is displayed, or None when there is none."""
        return SourceLocation(file=self.display(file), line=line) if file else None

    def display(self, file: str) -> str:
        """Return the path of a file below the folder of modules that it is in."""
        root = next((root for root in (*self._site, *self._stdlib) if file.startswith(root)), "")
        return file.removeprefix(root)


def _folders(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders with a separator at the end, those that symbolic links lead to included."""
    possible = (path for path in paths if "\0" not in path)
    return tuple(dict.fromkeys(f"{each}/" for path in possible for each in (path, os.path.realpath(path))))


def _recording(
    targets: tuple[str, ...], unit: str, imports: Sequence[_Import], times: Mapping[str, Times], files: _Files
) -> Recording:
    """Return the recording of these imports; what failed gives its cost and what it did load to its importer."""
    loaded = {each.name for each in imports if each.loaded}
    importers = {each.name: each.importer for each in imports if each.name not in loaded}
    shares: dict[str, list[_Import]] = defaultdict(list)
    for each in imports:
        shares[_kept_name(each.name, importers)].append(each)
    first: dict[str, _Import] = {}
    for each in sorted(imports, key=lambda each: not each.loaded):  # what failed at first may be imported later
        first.setdefault(each.name, each)
    modules = tuple(
        _module(first[name], importers, shares[name], times, files)
        for name in dict.fromkeys(each.name for each in imports if each.name in loaded)
    )
    failed = tuple(_module(first[name], importers, (first[name],), times, files) for name in importers)
    return Recording(targets=targets, unit=unit, modules=modules, failed=failed, versions=files.versions)


def _kept_name(name: str, failed: Mapping[str, str]) -> str:
    """Return the name itself or, as long as that failed, the one that imported it; none imports itself in the end."""
    passed: set[str] = set()
    while name in failed and name not in passed:
        passed.add(name)
        name = failed[name]
    return name


def _module(
    each: _Import,
    failed: Mapping[str, str],
    shares: Sequence[_Import],
    times: Mapping[str, Times],
    files: _Files,
) -> Module:
    """Return the module of this import with the cost of all its shares."""
    at, through = files.location(*each.at), files.location(*each.through)
    names = dict.fromkeys(share.name for share in shares)
    return Module(
        name=each.name,
        importer=_kept_name(each.importer, failed),
        own=sum(share.own[0] for share in shares),
        times=_sum(times[name] for name in names if name in times),
        at=at,
        through=through if through != at else None,
        file=files.display(each.file),
        origin=files.origin(each.file, each.name),
        pyc_bytes=each.pyc_bytes,
    )


def _sum(parts: Iterator[Times]) -> Times | None:
    """Return the times of all parts together, None when there are none; the largest deviation stands for all."""
    all_parts = tuple(parts)
    if not all_parts:
        return None
    return Times(
        wall_s=sum(part.wall_s for part in all_parts),
        cpu_s=sum(part.cpu_s for part in all_parts),
        mad_s=max(part.mad_s for part in all_parts),
    )


def _times(runs: Sequence[Sequence[tuple[str, tuple[int, int]]]]) -> dict[str, Times]:
    """Return the times by name of module, over the runs that have it; a name may be imported twice in one run."""
    by_name: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for run in runs:
        own: dict[str, tuple[float, float]] = {}
        for name, (wall_ns, cpu_ns) in run:
            wall_s, cpu_s = own.get(name, (0.0, 0.0))
            own[name] = (wall_s + wall_ns / 1e9, cpu_s + cpu_ns / 1e9)
        for name, reading in own.items():
            by_name[name].append(reading)
    return {name: _typical(readings) for name, readings in by_name.items()}


def _typical(readings: Sequence[tuple[float, float]]) -> Times:
    """Return the mean of the fastest third, which noise disturbs least, and the median deviation of all."""
    fastest = sorted((max(wall_s, 0.0), cpu_s) for wall_s, cpu_s in readings)[: max(1, len(readings) // 3)]
    middle = statistics.median(wall_s for wall_s, _ in readings)
    return Times(
        wall_s=statistics.fmean(wall_s for wall_s, _ in fastest),
        cpu_s=statistics.fmean(cpu_s for _, cpu_s in fastest),
        mad_s=statistics.median(abs(wall_s - middle) for wall_s, _ in readings),
    )
