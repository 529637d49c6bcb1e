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


def check(scenario: Scenario, context: RunContext, results: RunResults) -> Generator[Event, None, BaselineFiles]:
    """Play all steps that need no deployment, and return what is to be kept of them."""
    with _ahead() as ahead:
        return (yield from _check(scenario, context, results, ahead))


@contextmanager
def _ahead() -> Iterator[Executor]:
    """Give threads for what runs beside the steps before it; none is left when times are taken."""
    pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="prodsim-ahead")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _check(
    scenario: Scenario, context: RunContext, results: RunResults, ahead: Executor
) -> Generator[Event, None, BaselineFiles]:
    """Play the steps in their order; all that starts processes and needs nothing of the others is begun at once.

    The commands wait for the imports: what they leave in HOME is to be known as theirs.
    """
    fresh = ahead.submit(_fresh_install, scenario, context)
    syntax = ahead.submit(artifact.check_syntax, context.wheel, context.execute, context.python)
    importing = ahead.submit(_imports, scenario, context)
    survey = ahead.submit(installed.check_distribution, context.subject, context.execute, context.python)
    sdist = context.provenance.sdist.path if context.provenance.sdist else None
    audits = audit.start(context.tools, context.wheel.path, sdist, ahead) if context.tools else None
    yield from results.step(Step.SDIST, lambda: sourcing.check(context.provenance, context.wheel))
    yield from results.step(Step.WHEEL, lambda: _file(scenario, context, syntax))
    if audits:
        yield from results.step(Step.AUDIT, audits.result)
    yield from results.step(Step.INSTALL, lambda: _install(scenario, context, survey, fresh))
    yield from results.step(Step.IMPORT, lambda: importing.result().checked)
    yield from results.step(Step.SCRIPTS, lambda: _scripts(context))
    imported = importing.result()
    baselines = context.baselines.having_imported(imported.modules, descriptors=imported.descriptors)
    yield from results.step(Step.CONTENTS, lambda: _contents(scenario, baselines))
    return baselines


def _file(scenario: Scenario, context: RunContext, syntax: Future[CheckResult]) -> CheckResult:
    """Check the wheel without installing it."""
    sdist = context.provenance.sdist
    return CheckResult.of(
        artifact.check_wheel(context.wheel),
        artifact.check_versions(context.wheel, context.tested),
        syntax.result(),
        artifact.check_native(
            context.wheel, required=scenario.extensions, compiled_sources=sdist.compiled_sources if sdist else None
        ),
    )


def _install(
    scenario: Scenario, context: RunContext, survey: Future[CheckResult], fresh: Future[CheckResult]
) -> CheckResult:
    """Check what is installed, and say what else an installer would take."""
    return CheckResult.of(
        survey.result(),
        _lowest(scenario, context),
        fresh.result(),
        CheckResult(detail=_since(context), codes=()),
    )


def _fresh_install(scenario: Scenario, context: RunContext) -> CheckResult:
    """Return what a fresh install would take, asked of the installer unless nobody wants to know."""
    if all(scenario.policy.drops(code) for code in _OF_FRESH):
        return _NOTHING
    if scenario.resolution == LOWEST:
        reason = f"resolution is {LOWEST}, which is no fresh install"
        return CheckResult(detail="", codes=(), not_checked=tuple((code, reason) for code in _OF_FRESH))
    return context.fresh_install()


def _lowest(scenario: Scenario, context: RunContext) -> CheckResult:
    """Return which lowest versions are installed, where that was asked for."""
    if scenario.resolution != LOWEST:
        return _NOTHING
    if context.lowered is None:
        return CheckResult(detail="", codes=(), not_checked=(("DEP208", "the environment was installed earlier"),))
    return resolution.check_lowest(context.lowered, context.baselines.now.dists)


def _since(context: RunContext) -> str:
    """Return what else is installed than when the baseline was accepted: the first thing to know of any change."""
    if context.baselines.stored is None:
        return ""
    dists, _ = baseline.changes_since(context.baselines.stored, context.baselines.now, context.wheel.name)
    return f"since the baseline: {listed(dists, _MOST_CHANGES)}" if dists else ""


def _imports(scenario: Scenario, context: RunContext) -> installed.Imported:
    """Import the top-levels, then all other modules, and hold what they import against the requirements."""
    remembered = frozenset[str]() if scenario.timing.update else context.baselines.imported_then
    within = (context.subject, context.execute, context.python)
    tops = installed.check_imports(*within, remembered=remembered)
    others = installed.check_modules(*within, imported=tops.modules, remembered=remembered)
    undeclared = installed.check_undeclared(*within, context.wheel.path, imported=others.modules)
    extensions = installed.check_extensions(*within, required=scenario.extensions)
    checked = CheckResult.of(tops.checked, others.checked, undeclared, extensions.checked)
    return installed.Imported(
        checked=checked, modules=others.modules | extensions.modules, descriptors=tops.descriptors
    )


def _scripts(context: RunContext) -> CheckResult:
    return installed.check_scripts(
        context.subject, context.execute, context.python, context.scripts_dir, folders=context.private
    )


def _contents(scenario: Scenario, baselines: BaselineFiles) -> CheckResult:
    return contents.check_contents(baselines.stored, baselines.now, accepting=scenario.timing.update)


def blamed(context: RunContext, results: RunResults) -> Iterator[Event]:
    """Yield that it is the lowest versions with which something failed."""
    failed = [finding for finding in results.errors if finding.code.startswith(_OF_VERSIONS)]
    if isinstance(context.lowered, resolution.LowestVersions) and context.lowered.pinned and failed:
        yield Found(finding=resolution.lowest_failed(context.lowered, context.baselines.now.dists, failed))
