"""What is checked before anything is deployed: the files, what the installer made of them, what was there before."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager

from tox_prodsim.checks import artifact, audit, installed, resolution
from tox_prodsim.model.events import Event, Found, Step
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.scenario import LOWEST, Scenario
from tox_prodsim.run import contents
from tox_prodsim.run import sdist as sourcing
from tox_prodsim.run.context import _NOTHING, BaselineFiles, RunContext
from tox_prodsim.run.results import RunResults
from tox_prodsim.timing import baseline

_MOST_CHANGES = 8
_OF_FRESH = ("DEP205", "DEP206")
"""What is to be said of a fresh install, where nothing is as fresh as it gets."""
_OF_VERSIONS = ("DEP203", "DEP209", "IMP", "ENT", "SIM", "RUN")
"""What another version of a dependency can be to blame for."""


def check(scenario: Scenario, bench: RunContext, tally: RunResults) -> Generator[Event, None, BaselineFiles]:
    """Play all steps that need no deployment, and return what is to be kept of them."""
    with _ahead() as ahead:
        return (yield from _check(scenario, bench, tally, ahead))


@contextmanager
def _ahead() -> Iterator[Executor]:
    """Give threads for what runs beside the steps before it; none is left when times are taken."""
    pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="prodsim-ahead")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _check(
    scenario: Scenario, bench: RunContext, tally: RunResults, ahead: Executor
) -> Generator[Event, None, BaselineFiles]:
    """Play the steps in their order; all that starts processes and needs nothing of the others is begun at once.

    The commands wait for the imports: what they leave in HOME is to be known as theirs.
    """
    fresh = ahead.submit(_fresh_install, scenario, bench)
    syntax = ahead.submit(artifact.check_syntax, bench.wheel, bench.execute, bench.python)
    importing = ahead.submit(_imports, scenario, bench)
    survey = ahead.submit(installed.check_distribution, bench.subject, bench.execute, bench.python)
    sdist = bench.provenance.sdist.path if bench.provenance.sdist else None
    audits = audit.begin(bench.tools, bench.wheel.path, sdist, ahead) if bench.tools else None
    yield from tally.step(Step.SDIST, lambda: sourcing.check(bench.provenance, bench.wheel))
    yield from tally.step(Step.WHEEL, lambda: _file(scenario, bench, syntax))
    if audits:
        yield from tally.step(Step.AUDIT, audits.heard)
    yield from tally.step(Step.INSTALL, lambda: _install(scenario, bench, survey, fresh))
    yield from tally.step(Step.IMPORT, lambda: importing.result().checked)
    yield from tally.step(Step.SCRIPTS, lambda: _scripts(bench))
    imported = importing.result()
    shelf = bench.shelf.having_imported(imported.modules, descriptors=imported.descriptors)
    yield from tally.step(Step.MEMORY, lambda: _memory(scenario, shelf))
    return shelf


def _file(scenario: Scenario, bench: RunContext, syntax: Future[CheckResult]) -> CheckResult:
    """Check the wheel without installing it."""
    sdist = bench.provenance.sdist
    return CheckResult.of(
        artifact.check_wheel(bench.wheel),
        artifact.check_versions(bench.wheel, bench.tested),
        syntax.result(),
        artifact.check_native(
            bench.wheel, required=scenario.extensions, compiled_sources=sdist.compiled_sources if sdist else None
        ),
    )


def _install(
    scenario: Scenario, bench: RunContext, survey: Future[CheckResult], fresh: Future[CheckResult]
) -> CheckResult:
    """Check what is installed, and say what else an installer would take."""
    return CheckResult.of(
        survey.result(),
        _lowest(scenario, bench),
        fresh.result(),
        CheckResult(detail=_since(bench), codes=()),
    )


def _fresh_install(scenario: Scenario, bench: RunContext) -> CheckResult:
    """Return what a fresh install would take, asked of the installer unless nobody wants to know."""
    if all(scenario.policy.drops(code) for code in _OF_FRESH):
        return _NOTHING
    if scenario.resolution == LOWEST:
        reason = f"resolution is {LOWEST}, which is no fresh install"
        return CheckResult(detail="", codes=(), not_checked=tuple((code, reason) for code in _OF_FRESH))
    return bench.fresh_install()


def _lowest(scenario: Scenario, bench: RunContext) -> CheckResult:
    """Return which lowest versions are installed, where that was asked for."""
    if scenario.resolution != LOWEST:
        return _NOTHING
    if bench.lowered is None:
        return CheckResult(detail="", codes=(), not_checked=(("DEP208", "the environment was installed earlier"),))
    return resolution.check_lowest(bench.lowered, bench.shelf.now.dists)


def _since(bench: RunContext) -> str:
    """Return what else is installed than when the baseline was accepted: the first thing to know of any change."""
    if bench.shelf.stored is None:
        return ""
    dists, _ = baseline.changes_since(bench.shelf.stored, bench.shelf.now, bench.wheel.name)
    return f"since the baseline: {listed(dists, _MOST_CHANGES)}" if dists else ""


def _imports(scenario: Scenario, bench: RunContext) -> installed.Imported:
    """Import the top-levels, then all other modules, and hold what they import against the requirements."""
    remembered = frozenset[str]() if scenario.timing.update else bench.shelf.imported_then
    within = (bench.subject, bench.execute, bench.python)
    tops = installed.check_imports(*within, remembered=remembered)
    others = installed.check_modules(*within, imported=tops.modules, remembered=remembered)
    undeclared = installed.check_undeclared(*within, bench.wheel.path, imported=others.modules)
    extensions = installed.check_extensions(*within, required=scenario.extensions)
    checked = CheckResult.of(tops.checked, others.checked, undeclared, extensions.checked)
    return installed.Imported(
        checked=checked, modules=others.modules | extensions.modules, descriptors=tops.descriptors
    )


def _scripts(bench: RunContext) -> CheckResult:
    return installed.check_scripts(bench.subject, bench.execute, bench.python, bench.scripts_dir, folders=bench.private)


def _memory(scenario: Scenario, shelf: BaselineFiles) -> CheckResult:
    return contents.check_memory(shelf.stored, shelf.now, accepting=scenario.timing.update)


def blamed(bench: RunContext, tally: RunResults) -> Iterator[Event]:
    """Yield that it is the lowest versions with which something failed."""
    failed = [finding for finding in tally.errors if finding.code.startswith(_OF_VERSIONS)]
    if isinstance(bench.lowered, resolution.Lowest) and bench.lowered.pinned and failed:
        yield Found(finding=resolution.lowest_failed(bench.lowered, bench.shelf.now.dists, failed))
