"""What is checked before anything is deployed: the files, what the installer made of them, what was there before."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager

from tox_prodsim.checks import artifact, audit, installed, resolution
from tox_prodsim.model.events import Event, Found, Step
from tox_prodsim.model.findings import CheckResult, Level, NothingToCheck, Policy
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.scenario import LOWEST, Scenario
from tox_prodsim.run import contents, sdist
from tox_prodsim.run.context import NOT_CHECKED, BaselineFiles, FileContext, RunContext
from tox_prodsim.run.known import Known
from tox_prodsim.run.results import RunResults
from tox_prodsim.timing import baseline

_MOST_CHANGES = 8
_FRESH_INSTALL_CODES = ("DEP205", "DEP206")
_FAILS = "IMP504"
_VERSION_CODES = ("DEP203", "DEP209", "IMP", "ENT", "SIM", "RUN")
"""What another version of a dependency can be to blame for."""


def run_checks(scenario: Scenario, context: RunContext, results: RunResults) -> Generator[Event, None, BaselineFiles]:
    """Run all steps that need no deployment, and return the baselines with what was found about the release."""
    with _executor() as executor:
        return (yield from _run_checks(scenario, context, results, executor))


@contextmanager
def _executor() -> Iterator[Executor]:
    """Give threads for what runs during earlier steps; none is left when times are taken."""
    pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="prodsim-ahead")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _run_checks(
    scenario: Scenario, context: RunContext, results: RunResults, executor: Executor
) -> Generator[Event, None, BaselineFiles]:
    """Run the steps in their order; whatever starts processes and needs nothing of the others is begun at once.

    The scripts wait for the imports: what they leave in HOME must be known as theirs.
    """
    fresh = executor.submit(_fresh_install, scenario, context)
    importing = executor.submit(_imports, scenario, context, results.known)
    survey = executor.submit(installed.check_distribution, context.subject, context.execute, context.python)
    yield from _files(scenario, context, results, executor)
    yield from results.run_step(Step.INSTALL, lambda: _install(scenario, context, survey, fresh))
    yield from results.run_step(Step.IMPORT, lambda: importing.result().checked)
    yield from results.run_step(Step.SCRIPTS, lambda: _scripts(context, importing.result().modules))
    imported = importing.result()
    baselines = context.baselines.with_checks(imported, results.notes)
    yield from results.run_step(Step.CONTENTS, lambda: _contents(scenario, baselines))
    return baselines


def check_files(scenario: Scenario, context: FileContext, results: RunResults) -> Iterator[Event]:
    """Run the steps that need no installation, and report why there is none."""
    with _executor() as executor:
        yield from _files(scenario, context, results, executor)
        yield from results.run_step(Step.INSTALL, context.uninstalled)
        yield from results.run_step(Step.CONTENTS, lambda: _contents(scenario, context.baselines))


def _files(
    scenario: Scenario, context: RunContext | FileContext, results: RunResults, executor: Executor
) -> Iterator[Event]:
    """Run the steps that read the files; the wheel need not be installed."""
    references = executor.submit(sdist.check_references, context.provenance, context.wheel)
    syntax = executor.submit(artifact.check_syntax, context.wheel, context.execute, context.python)
    audits = _begin_audits(context, executor)
    yield from results.run_step(Step.SDIST, lambda: sdist.check(context.provenance, context.wheel))
    yield from results.run_step(Step.WHEEL, lambda: _wheel(scenario, context, syntax, references))
    if audits:
        yield from results.run_step(Step.AUDIT, audits.result)


def _begin_audits(context: RunContext | FileContext, executor: Executor) -> audit.Audits | None:
    if context.tools is None:
        return None
    source = context.provenance.sdist
    return audit.start(context.tools, context.wheel.path, source.path if source else None, executor)


def _wheel(
    scenario: Scenario,
    context: RunContext | FileContext,
    syntax: Future[CheckResult],
    references: Future[CheckResult],
) -> CheckResult:
    """Check the wheel without installing it."""
    source = context.provenance.sdist
    return CheckResult.of(
        artifact.check_wheel(context.wheel),
        references.result(),
        artifact.check_versions(context.wheel, context.tested_pythons),
        syntax.result(),
        artifact.check_native(
            context.wheel, required=scenario.extensions, compiled_sources=source.compiled_sources if source else None
        ),
    )


def _install(
    scenario: Scenario, context: RunContext, survey: Future[CheckResult], fresh: Future[CheckResult]
) -> CheckResult:
    """Check what is installed, and what else an installer would install."""
    return CheckResult.of(
        survey.result(),
        _owners(context),
        _lowest(scenario, context),
        fresh.result(),
        CheckResult(detail=_changes_since_baseline(context), codes=()),
    )


def _owners(context: RunContext) -> CheckResult:
    if context.site_packages is None:
        return NOT_CHECKED
    return installed.check_owners(context.subject, context.site_packages, context.scripts_dir)


def _fresh_install(scenario: Scenario, context: RunContext) -> CheckResult:
    """Check a fresh install with the installer's own answer, unless the policy drops all findings about it."""
    if all(scenario.policy.drops(code) for code in _FRESH_INSTALL_CODES):
        return NOT_CHECKED
    if scenario.resolution == LOWEST:
        reason = NothingToCheck(f"resolution is {LOWEST}, which is no fresh install")
        return CheckResult(detail="", codes=(), not_checked=tuple((code, reason) for code in _FRESH_INSTALL_CODES))
    return context.fresh_install()


def _lowest(scenario: Scenario, context: RunContext) -> CheckResult:
    """Check which lowest versions are installed, where that is configured."""
    if scenario.resolution != LOWEST:
        return NOT_CHECKED
    if context.lowest is None:
        return CheckResult(detail="", codes=(), not_checked=(("DEP208", "the environment was installed earlier"),))
    return resolution.check_lowest(context.lowest, context.baselines.now.dists)


def _changes_since_baseline(context: RunContext) -> str:
    """Return which other distributions are installed than when the baseline was accepted."""
    if context.baselines.stored is None:
        return ""
    then, now = context.baselines.stored, context.baselines.now
    dists = baseline.environment_changes(then, now, project=context.wheel.name).dists
    return f"since the baseline: {listed(dists, _MOST_CHANGES)}" if dists else ""


def _imports(scenario: Scenario, context: RunContext, known: Known) -> installed.Imported:
    """Import the top-levels, then all other modules, and compare what they import with the requirements."""
    remembered = frozenset[str]() if scenario.timing.updates_contents else context.baselines.stored_imports
    environment = (context.subject, context.execute, context.python)
    tops = installed.check_imports(*environment, remembered=remembered)
    silence = _Silence(scenario.policy, known)
    others = installed.check_modules(
        *environment,
        imported=tops.modules,
        remembered=remembered,
        silent=silence,
    )
    undeclared = installed.check_undeclared(*environment, context.wheel.path, imported=others.modules)
    extensions = installed.check_extensions(*environment, required=scenario.extensions)
    start = installed.check_start(*environment)
    quiet = CheckResult(detail="", codes=(), known=tuple(silence.known))
    return installed.Imported(
        checked=CheckResult.of(tops.checked, others.checked, undeclared, extensions.checked, start, quiet),
        modules=others.modules | extensions.modules,
        descriptors=tops.descriptors,
        failed=others.failed,
    )


class _Silence:
    """Decides of what nothing is said: failures of modules that are ignored, and those in ``known``, which it keeps."""

    def __init__(self, policy: Policy, known: Known) -> None:
        self._policy = policy
        self._known = known
        self.known: list[str] = []

    def __call__(self, level: Level, module: str, reason: str) -> bool:
        """Return whether nothing is said of this one."""
        if self._policy.ignores(_FAILS, module):
            return True
        if self._known.has_failure(level, module, reason):
            self.known.append(f"{_FAILS} {module}: {reason}")
            return True
        return False


def _scripts(context: RunContext, imported: frozenset[str]) -> CheckResult:
    environment = (context.subject, context.execute, context.python, context.scripts_dir)
    return installed.check_scripts(*environment, folders=context.private, imported=imported)


def _contents(scenario: Scenario, baselines: BaselineFiles) -> CheckResult:
    return contents.check_contents(baselines.stored, baselines.now, accepting=scenario.timing.updates_contents)


def lowest_failed(context: RunContext, results: RunResults) -> Iterator[Event]:
    """Yield that something failed with the lowest versions, when a version can be to blame."""
    failed = [finding for finding in results.errors if finding.code.startswith(_VERSION_CODES)]
    if isinstance(context.lowest, resolution.LowestVersions) and context.lowest.pinned and failed:
        yield Found(finding=resolution.lowest_failed(context.lowest, context.baselines.now.dists, failed))
