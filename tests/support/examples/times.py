"""PRF: what a time, a cause and a budget are reported as."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from support.baselines import ACME
from support.reference_wheels import WANTED, sources
from tox_prodsim import timing
from tox_prodsim.building import reference_wheel
from tox_prodsim.model.errors import MeasurementError, ReleaseRefusedError
from tox_prodsim.model.events import Change, Compared, UnknownReason
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.metrics import START_UP, Metric
from tox_prodsim.model.scenario import Budgets
from tox_prodsim.run import performance
from tox_prodsim.timing import budgets, measure, messages, sampling, stats
from tox_prodsim.timing.attribution import CauseKind, Link, RegressionCause
from tox_prodsim.timing.baseline.store import Baseline
from tox_prodsim.timing.explanation import ImportRecordings
from tox_prodsim.timing.recording import Module, Recording, SourceLocation
from tox_prodsim.timing.stats import Rounds

ACME_IMPORT = Metric.of_import("acme")
PANDAS = SourceLocation(file="acme/report.py", line=3)
CAUSE = RegressionCause(
    kind=CauseKind.NEW,
    module="pandas",
    work=9_000_000,
    seconds=0.054,
    share=0.97,
    origin="pandas",
    now="3.1.1",
    chain=(Link(module="pandas", at=PANDAS),),
)


def compared(metric: Metric, now_s: float, then_s: float, change: Change, cause: str = "") -> list[Finding]:
    """Return the finding of a time beside what the baseline amounts to here."""
    ratio = now_s / then_s
    return _found(
        Compared(
            metric=metric,
            change=change,
            value_s=now_s,
            expected_s=then_s,
            ratio=ratio,
            tolerance=0.1,
            detail="",
            cause=cause,
        )
    )


def _found(comparison: Compared) -> list[Finding]:
    found = timing.finding_for(comparison)
    return [found] if found is not None else []


def busy_machine() -> sampling.Sampler:
    """Return a sampler of an import that is 12 % slower than its control, and of noise that hides that."""
    rng = random.Random(2)

    def sample(count: int) -> stats.Rounds:
        target = tuple(1.12 * 0.092 * (1 + rng.expovariate(1.2)) for _ in range(count))
        control = tuple(0.092 * (1 + rng.expovariate(1.2)) for _ in range(count))
        return stats.Rounds(target_s=target, control_s=control, clock=stats.PACED, queued=0.03)

    return sample


def inconclusive(_: Path) -> Iterable[Finding]:
    stored = stats.StoredRatio(ratio=1.0, rel_error=0.0, control=sampling.CONTROL, clock=stats.PACED)
    return _found(measure.measure(ACME_IMPORT, busy_machine(), stored, tolerance=0.1)[1])


def not_compared(_: Path) -> Iterable[Finding]:
    return _found(measure.measure(START_UP, busy_machine(), None, tolerance=0.1, known_s=3.1)[1])


def contradiction(_: Path) -> Iterable[Finding]:
    def fails(_: int) -> Rounds:
        msg = "import acme: ImportError: cannot import name 'Engine' from partially initialized module 'acme'"
        raise MeasurementError(msg)

    return [timing.contradicted(measure.measure(ACME_IMPORT, fails, None, tolerance=0.1)[1])]


def refused_release(folder: Path) -> Iterable[Finding]:
    release = folder / "acme-1.0-py3-none-any.whl"
    release.write_bytes(b"another file")
    try:
        reference_wheel.obtain(WANTED, sources(folder, fetch=lambda *_: release))
    except ReleaseRefusedError as refused:
        return [timing.release_refused(str(refused))]
    return []


def recording(*modules: tuple[str, str, int]) -> Recording:
    """Return the recording of modules by name, importer and work; each is imported at line 3."""
    made = (
        Module(
            name=name,
            importer=importer,
            own=work,
            origin=name.partition(".")[0],
            at=SourceLocation(file=f"{importer.replace('.', '/')}.py", line=3) if importer else None,
        )
        for name, importer, work in modules
    )
    return Recording(targets=("acme",), unit="bytecodes", modules=tuple(made))


def broken(limits: Budgets, now: Recording, stored: Baseline | None = None) -> list[Finding]:
    """Return the findings of budgets that need no clock."""
    recorded = ImportRecordings(imports={"acme": now}, missing={})
    return [each.finding for each in budgets.broken_budgets(limits, {}, recorded, stored, str)]


def many_modules(_: Path) -> Iterable[Finding]:
    below = ((f"acme.m{number}", "acme", 1) for number in range(444))
    return broken(Budgets(modules=200), recording(("acme", "", 1), *below))


def forbidden(_: Path) -> Iterable[Finding]:
    now = recording(("acme", "", 1), ("acme.report", "acme", 1), ("pandas", "acme.report", 1))
    return broken(Budgets(forbidden=("pandas",)), now)


def more_work(_: Path) -> Iterable[Finding]:
    then, now = recording(("acme", "", 2_339_914)), recording(("acme", "", 2_625_002))
    return broken(Budgets(work_increase=0.02), now, replace(ACME, work=then.work))


def no_baseline(_: Path) -> Iterable[Finding]:
    detail = f"{UnknownReason.NO_BASELINE} for this Python and platform"
    found = Compared(
        metric=ACME_IMPORT,
        change=Change.UNKNOWN,
        value_s=0.092,
        expected_s=None,
        ratio=None,
        tolerance=0.1,
        detail=detail,
        reason=UnknownReason.NO_BASELINE,
    )
    return performance.folded(_found(found), stored=None)


EXAMPLES: Mapping[str, Callable[[Path], Iterable[Finding]]] = {
    "PRF701": lambda _: compared(ACME_IMPORT, 0.148, 0.092, Change.SLOWER, messages.sentence(CAUSE, "bytecodes")),
    "PRF702": lambda _: compared(START_UP, 0.412, 0.221, Change.SLOWER),
    "PRF703": inconclusive,
    "PRF704": lambda _: compared(ACME_IMPORT, 0.071, 0.092, Change.FASTER),
    "IMP515": contradiction,
    "PRF705": no_baseline,
    "PRF706": not_compared,
    "PRF707": lambda _: [budgets.over_time(ACME_IMPORT, budgets.MetricDuration(seconds=0.412, rounds=16), 0.3)],
    "PRF708": lambda _: [budgets.over_time(START_UP, budgets.MetricDuration(seconds=2.41, rounds=8), 2.0)],
    "PRF709": many_modules,
    "PRF710": forbidden,
    "PRF711": more_work,
    "PRF730": refused_release,
    "PRF712": lambda _: [timing.outdated(214, "2026-04-22")],
}
