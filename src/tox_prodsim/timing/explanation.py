"""What the timed imports are made of, and which of it a regression comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.model.errors import RecordingError
from tox_prodsim.model.events import Compared
from tox_prodsim.model.runner import Runner
from tox_prodsim.timing import baseline
from tox_prodsim.timing.attribution import RegressionCause, explain
from tox_prodsim.timing.gains import gain
from tox_prodsim.timing.messages import sentence, told
from tox_prodsim.timing.recording import Recording, joined, only, recalled, record
from tox_prodsim.timing.work import Work


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """The exact recordings of the timed imports, by name of module; ``missing`` has the reasons why others are not."""

    imports: Mapping[str, Recording]
    missing: Mapping[str, str]

    @property
    def whole(self) -> Recording | None:
        """Return all of them as one, as a baseline stores it; None when there is none."""
        return joined(tuple(self.imports.values())) if self.imports else None

    @property
    def work(self) -> Work | None:
        """Return the work of all of them."""
        return self.whole.work if self.whole is not None else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """The largest cause of a regression, a sentence of it, and the lines about all of them."""

    cause: RegressionCause
    sentence: str
    lines: tuple[str, ...]


def recorded(modules: Sequence[str], *, python: Path, runner: Runner) -> Recorded:
    """Return one exact recording of each import."""
    imports: dict[str, Recording] = {}
    missing: dict[str, str] = {}
    for name in modules:
        try:
            imports[name] = record((name,), python=python, runner=runner, timed=0)
        except RecordingError as problem:
            missing[name] = str(problem)
    return Recorded(imports=imports, missing=missing)


def then_of(stored: baseline.Baseline | None) -> Recording | None:
    """Return what the baseline remembers of the imports, or None when it was stored without."""
    if stored is None or stored.work is None:
        return None
    return recalled(stored.work, stored.dists, stored.python)


def gained(stored: baseline.Baseline | None, now: Recorded) -> str:
    """Return what the timed imports no longer do; nothing when nothing can be said."""
    then = then_of(stored)
    return "" if then is None or now.whole is None else str(gain(then, now.whole))


def named(
    compared: Compared, stored: baseline.Baseline | None, module: str, *, python: Path, runner: Runner
) -> Named | None:
    """Return where the time of a slower import went, by recording it with times; None when nothing can be said."""
    then = then_of(stored)
    if then is None or compared.expected_s is None:
        return None
    try:
        now = record((module,), python=python, runner=runner)
    except RecordingError:
        return None
    # Recorded at another moment than the rounds: what they have confirmed is put into the seconds of that moment.
    pace = now.wall_s / compared.value_s
    # The baseline remembers all timed imports together.
    before = only(then, [each.name for each in now.modules])
    found = explain(before, now, slower_s=(compared.value_s - compared.expected_s) * pace)
    if not found.causes:
        return None
    first = found.causes[0]
    return Named(cause=first, sentence=sentence(first, now.unit), lines=tuple(told(found, now.unit)))
