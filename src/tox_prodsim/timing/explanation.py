"""What the timed imports are made of, and which of it a regression comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import RecordingError
from tox_prodsim.model.events import Compared, ImportedModule, ImportTree
from tox_prodsim.model.runner import Runner
from tox_prodsim.timing import baseline
from tox_prodsim.timing.attribution import RegressionCause, attribute_causes
from tox_prodsim.timing.gains import gain
from tox_prodsim.timing.messages import sentence, summary_lines
from tox_prodsim.timing.recording import Module, Recording, record
from tox_prodsim.timing.work import Work

_MOST_MODULES = 5000
"""Of an import tree; the first are kept, so that each has its importer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportRecordings:
    """The exact recordings of the timed imports."""

    imports: Mapping[str, Recording]
    """By name of module."""
    missing: Mapping[str, str]
    """The reasons why others are not recorded, by name of module."""

    @property
    def combined(self) -> Recording | None:
        """Return all of them as one, as a baseline stores it; None when there is none."""
        return Recording.combined(tuple(self.imports.values())) if self.imports else None

    @property
    def complete_work(self) -> Work | None:
        """Return the work of all timed imports; None when one of them is missing."""
        combined = None if self.missing else self.combined
        return combined.work if combined is not None else None


@dataclass(frozen=True, kw_only=True, slots=True)
class CauseSummary:
    """The causes of a regression."""

    cause: RegressionCause
    """The largest one."""
    sentence: str
    """The largest one as a sentence."""
    lines: tuple[str, ...]
    """Evidence for all of them."""


def record_imports(modules: Sequence[str], *, python: Path, runner: Runner) -> ImportRecordings:
    """Return one exact recording of each import."""
    imports: dict[str, Recording] = {}
    missing: dict[str, str] = {}
    for name in modules:
        try:
            imports[name] = record((name,), python=python, runner=runner, timed=0)
        except RecordingError as problem:
            missing[name] = str(problem)
    return ImportRecordings(imports=imports, missing=missing)


def import_tree(now: ImportRecordings, stored: baseline.Baseline | None) -> ImportTree | None:
    """Return what the timed imports load now and loaded at the baseline; None when nothing was recorded."""
    combined, then = now.combined, stored_recording(stored)
    if combined is None:
        return None
    before = then.modules if then is not None and then.unit == combined.unit else ()
    return ImportTree(
        unit=combined.unit,
        now=tuple(map(_imported, combined.modules[:_MOST_MODULES])),
        before=tuple(map(_imported, before[:_MOST_MODULES])),
        left_out=max(len(combined.modules) - _MOST_MODULES, 0),
    )


def _imported(module: Module) -> ImportedModule:
    at = str(module.at) if module.at is not None else ""
    return ImportedModule(name=module.name, importer=module.importer, own=module.own, at=at, origin=module.origin)


def stored_recording(stored: baseline.Baseline | None) -> Recording | None:
    """Return what the baseline remembers of the imports, or None when it was stored without."""
    if stored is None or stored.work is None:
        return None
    return Recording.from_work(stored.work, stored.dists, stored.python)


def summarize_gain(stored: baseline.Baseline | None, now: ImportRecordings) -> str:
    """Return what the timed imports no longer do; nothing when that is not known."""
    then = stored_recording(stored)
    return "" if then is None or now.combined is None else str(gain(then, now.combined))


def summarize_cause(
    compared: Compared, stored: baseline.Baseline | None, *, python: Path, runner: Runner
) -> CauseSummary | None:
    """Return where the time of a slower import went, by recording it with times; None when that is not known."""
    then = stored_recording(stored)
    if then is None or compared.expected_s is None:
        return None
    try:
        now = record((compared.metric.module,), python=python, runner=runner)
    except RecordingError:
        return None
    # Recorded at another moment than the rounds: what they have confirmed is put into the seconds of that moment.
    pace = now.wall_s / compared.value_s
    # The baseline remembers all timed imports together.
    before = then.restricted_to(each.name for each in now.modules)
    found = attribute_causes(before, now, slower_s=(compared.value_s - compared.expected_s) * pace)
    if not found.causes:
        return None
    first = found.causes[0]
    lines = tuple(summary_lines(found, now.unit))
    return CauseSummary(cause=first, sentence=sentence(first, now.unit), lines=lines)
