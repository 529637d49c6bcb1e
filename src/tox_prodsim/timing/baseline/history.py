"""How stored baselines have changed over the git history of their files."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.footprint import Quantity
from tox_prodsim.model.metrics import Metric
from tox_prodsim.timing.baseline.json_reader import MOST_BYTES
from tox_prodsim.timing.baseline.store import Baseline, load, loads

NOT_COMMITTED = "not committed"
_GIT_TIMEOUT_S = 60.0
_KEY = "history"


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryPoint:
    """One accepted value."""

    date: str
    """That of the commit, ISO 8601."""
    commit: str
    """NOT_COMMITTED for what only the working tree has."""
    version: str
    """Of the release."""
    ratio: float
    """Of two points it is what their change is computed from."""
    value: float
    """Milliseconds: the ratio, scaled to the newest control, so that machines do not matter. Or bytes, or a number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryLine:
    """One metric of one file."""

    title: str
    """The path of the file."""
    metric: Metric | Quantity
    control: str
    """Of a time; empty: it is not a time."""
    points: tuple[HistoryPoint, ...]
    """Oldest first."""

    def display(self, value: float) -> str:
        """Return a value as people read it."""
        return self.metric.display(int(value)) if isinstance(self.metric, Quantity) else f"{value:.1f} ms"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Commit:
    """One version of a file: the commit, its date, and the name of the file then."""

    commit: str
    date: str
    name: str


def history_of(path: Path, title: str) -> tuple[HistoryLine, ...]:
    """Return the metrics of a stored baseline over the git history of its file; raises ProdsimError without git."""
    versions = list(_versions(path))
    now = load(path)
    if now is None:
        return ()
    if not versions or versions[-1][1] != now:
        versions.append((_Commit(commit=NOT_COMMITTED, date=now.built.created, name=""), now))
    times = (_line(title, metric, now, versions) for metric in sorted(now.metrics))
    quantities = sorted(now.footprint.quantities) if now.footprint is not None else ()
    return (*times, *(_quantity_line(title, quantity, versions) for quantity in quantities))


def is_shallow(folder: Path) -> bool:
    """Return whether the clone has only a part of the history."""
    return _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"


def _line(title: str, metric: Metric, now: Baseline, versions: Sequence[tuple[_Commit, Baseline]]) -> HistoryLine:
    control_ms = now.metrics[metric].control_ms
    points = [
        HistoryPoint(
            date=commit.date,
            commit=commit.commit,
            version=then.built.version,
            ratio=then.metrics[metric].ratio,
            value=then.metrics[metric].ratio * control_ms,
        )
        for commit, then in versions
        if metric in then.metrics and then.control == now.control
    ]
    return HistoryLine(title=title, metric=metric, control=now.control, points=tuple(points))


def _quantity_line(title: str, quantity: Quantity, versions: Sequence[tuple[_Commit, Baseline]]) -> HistoryLine:
    points = [
        HistoryPoint(
            date=commit.date,
            commit=commit.commit,
            version=then.built.version,
            ratio=then.footprint.quantities[quantity].value,
            value=then.footprint.quantities[quantity].value,
        )
        for commit, then in versions
        if then.footprint is not None and quantity in then.footprint.quantities
    ]
    return HistoryLine(title=title, metric=quantity, control="", points=tuple(points))


def _versions(path: Path) -> Iterator[tuple[_Commit, Baseline]]:
    """Yield the versions of the file, oldest first; one that is not a valid baseline (a merge conflict) is skipped."""
    for each in reversed(_commits(path)):
        blob = f"{each.commit}:{each.name}"
        try:
            if int(_git(path.parent, "cat-file", "-s", blob)) <= MOST_BYTES:
                yield each, loads(path, _git(path.parent, "show", blob))
        except ProdsimError:
            continue


def _commits(path: Path) -> list[_Commit]:
    """Return the commits that changed the file, newest first."""
    log = _git(path.parent, "log", "--follow", "--diff-filter=d", "--name-only", "--format=@%h %cs", "--", path.name)
    commits: list[_Commit] = []
    head = ""
    for line in filter(None, log.splitlines()):
        if line.startswith("@"):
            head = line[1:]
        else:
            commit, _, date = head.partition(" ")
            commits.append(_Commit(commit=commit, date=date, name=line))
    return commits


def _git(folder: Path, *arguments: str) -> str:
    """Return what git prints in this folder; raises ProdsimError with the first line of its error when it fails."""
    git = shutil.which("git")
    if git is None:
        msg = "git is not installed, and the history of a baseline is that of its file"
        raise ProdsimError(_KEY, msg)
    argv = [git, "-C", str(folder), "-c", "core.quotePath=false", *arguments]
    git_run = subprocess.run(argv, capture_output=True, check=False, timeout=_GIT_TIMEOUT_S, stdin=subprocess.DEVNULL)
    if git_run.returncode:
        lines = git_run.stderr.decode(errors="replace").strip().splitlines()
        reason = next(iter(lines), f"it ended with {git_run.returncode}")
        msg = f"git knows nothing of {folder}: {reason}"
        raise ProdsimError(_KEY, msg)
    return git_run.stdout.decode(errors="replace")
