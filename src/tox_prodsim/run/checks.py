"""What is checked before anything is deployed: the files, what the installer made of them, what was there before."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager

from tox_prodsim.checks import artifact, audit, installed, resolution
from tox_prodsim.model.activity import Announce, announced_runner
from tox_prodsim.model.cores import usable_cores
from tox_prodsim.model.errors import LimitExceededError
from tox_prodsim.model.events import Event, Found, Step
from tox_prodsim.model.findings import CheckResult, Level, NothingToCheck, Policy
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.internal_imports import InternalImports
from tox_prodsim.model.scenario import LOWEST, Scenario
from tox_prodsim.run import ahead, contents, footprint, release, sdist
from tox_prodsim.run.ahead import Ahead
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
    pool = ThreadPoolExecutor(max_workers=10, thread_name_prefix="prodsim-ahead")
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
    facts = executor.submit(ahead.read_facts, context)
    sources = executor.submit(ahead.internal_imports, context, facts)
    environment = (context.subject, context.execute, context.python)
    inventory = executor.submit(installed.take_inventory, *environment)
    importing = executor.submit(_imports, scenario, context, results.known, sources, Ahead(executor, facts, inventory))
    sizes = executor.submit(footprint.sizes, scenario, context)
    survey = executor.submit(installed.check_distribution, *environment, taken=inventory.result)
    announce = ahead.AnnouncedAhead(context.announce)
    scripts = executor.submit(_scripts, context, importing, announce)
    begun = Ahead(executor, facts, inventory, importing)
    yield from _files(scenario, context, results, begun, _needed(context, sources, importing))
    yield from results.run_step(Step.INSTALL, lambda: _install(scenario, context, survey, fresh))
    yield from results.run_step(Step.IMPORT, lambda: importing.result().checked)
    yield from results.run_step(Step.SCRIPTS, lambda: announce.repeated(scripts))
    imported = importing.result()
    baselines = context.baselines.with_checks(imported, results.notes)
    yield from results.run_step(Step.CONTENTS, lambda: _contents(scenario, baselines))
    return baselines.with_footprint(sizes.result())


def check_files(scenario: Scenario, context: FileContext, results: RunResults) -> Iterator[Event]:
    """Run the steps that need no installation, and report why there is none."""
    with _executor() as executor:
        yield from _files(scenario, context, results, Ahead(executor, executor.submit(ahead.read_facts, context)))
        yield from results.run_step(Step.INSTALL, context.uninstalled)
        yield from results.run_step(Step.CONTENTS, lambda: _contents(scenario, context.baselines))


def _files(
    scenario: Scenario,
    context: RunContext | FileContext,
    results: RunResults,
    begun: Ahead,
    is_needed: Callable[[str], bool] = lambda _: False,
) -> Iterator[Event]:
    """Run the steps that read the files; the wheel need not be installed.

    ``is_needed`` tells of a module whether it imports, and without a condition.
    """
    executor, facts = begun.executor, begun.facts.result
    references = executor.submit(sdist.check_references, context.provenance, context.wheel, context.call, facts)
    check_syntax = functools.partial(artifact.check_syntax, is_needed=is_needed, tried=ahead.tried(context, begun))
    syntax = executor.submit(check_syntax, context.wheel, context.execute, context.python)
    audits, others = _begin_audits(context, executor), _begin_release(context, executor)
    yield from results.run_step(Step.SDIST, lambda: sdist.check(context.provenance, context.wheel, context.call))
    yield from results.run_step(Step.WHEEL, lambda: _wheel(scenario, context, syntax, references, facts))
    if others:
        yield from results.run_step(Step.RELEASE, others.result)
    if audits:
        yield from results.run_step(Step.AUDIT, audits.result)


def _begin_audits(context: RunContext | FileContext, executor: Executor) -> audit.Audits | None:
    if context.tools is None:
        return None
    source = context.provenance.sdist
    return audit.start(context.tools, context.wheel.path, source.path if source else None, executor)


def _begin_release(context: RunContext | FileContext, executor: Executor) -> Future[CheckResult] | None:
    """Begin to check the other files of a folder; None: there is none."""
    if context.release is None:
        return None
    return executor.submit(release.check, context.release, context.wheel, context.tested_pythons, context.call)


def _needed(
    context: RunContext, sources: Future[InternalImports], importing: Future[installed.Imported]
) -> Callable[[str], bool]:
    """Return what tells of a module whether it imports here or did so at the baseline, and without a condition."""

    def needed(module: str) -> bool:
        imports = module in context.baselines.stored_imports or module in importing.result().modules
        return imports and not sources.result().is_optional(module)

    return needed


def _wheel(
    scenario: Scenario,
    context: RunContext | FileContext,
    syntax: Future[CheckResult],
    references: Future[CheckResult],
    facts: Callable[[], artifact.PackedFacts],
) -> CheckResult:
    """Check the wheel without installing it."""
    wheel, source = context.wheel, context.provenance.sdist
    compiled_sources = source.compiled_sources if source else None
    check_native = functools.partial(artifact.check_native, wheel, scenario.extensions, compiled_sources)
    check_versions = functools.partial(artifact.check_versions, wheel, context.tested_pythons)
    return CheckResult.of(
        artifact.checked_bounded(context.call, functools.partial(artifact.check_wheel, wheel), wheel.path, facts),
        references.result(),
        artifact.checked_bounded(context.call, check_versions, wheel.path),
        syntax.result(),
        artifact.checked_bounded(context.call.with_room(wheel.largest_bytes), check_native, wheel.path, facts),
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
    try:
        return context.call(installed.check_owners, context.subject, context.site_packages, context.scripts_dir)
    except LimitExceededError as problem:
        reason = f"reading what is installed was ended: {problem}"
        return CheckResult(detail="", codes=(), not_checked=(("DEP211", reason),))


def _fresh_install(scenario: Scenario, context: RunContext) -> CheckResult:
    """Check a fresh install with the installer's own answer, unless the policy drops all findings about it."""
    if all(scenario.policy.drops(code) for code in _FRESH_INSTALL_CODES):
        return NOT_CHECKED
    if scenario.resolution == LOWEST:
        reason = NothingToCheck(f"resolution is {LOWEST}, which is not a fresh install")
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


def _imports(
    scenario: Scenario, context: RunContext, known: Known, sources: Future[InternalImports], begun: Ahead
) -> installed.Imported:
    """Import the top-levels, then all other modules, and compare what they import with the requirements."""
    remembered = frozenset[str]() if scenario.timing.updates_contents else context.baselines.stored_imports
    watched = installed.WatchedRunner(context.execute)
    environment = (context.subject, watched, context.python)
    behind = installed.modules_behind(context.subject, remembered)
    tops = installed.check_imports(*environment, remembered=remembered, behind=behind)
    silence = _Silence(scenario.policy, known)
    own = installed.check_own_imports(sources.result(), watched, context.python, known=tops.lacks)
    others = installed.check_modules(
        *environment,
        imported=tops.modules,
        remembered=remembered,
        silent=silence,
        reported=own.names | tops.lacks,
        own=sources.result(),
        brought=tops.brought,
        behind=behind,
        cores=usable_cores(),
        budget_s=installed.budget_for(len(context.wheel.modules)),
    )
    undeclared = ahead.undeclared(context, others.modules, begun)
    extensions = installed.check_extensions(*environment, required=scenario.extensions)
    start = installed.check_start(*environment)
    alone = installed.PlainImports(runner=context.execute, python=context.python)
    left = installed.check_left_by_imports(watched, alone, context.subject.name)
    quiet = CheckResult(detail="", codes=(), known=tuple(silence.known))
    return installed.Imported(
        checked=CheckResult.of(
            tops.checked, own.checked, others.checked, undeclared, extensions.checked, start, left, quiet
        ),
        modules=others.modules | extensions.modules if extensions.modules else others.modules,
        without_source=tops.without_source | others.without_source,
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


def _scripts(context: RunContext, importing: Future[installed.Imported], announce: Announce) -> CheckResult:
    """Try the scripts behind the imports, beside what an installer resolves."""
    imported = importing.result().modules
    runner = announced_runner(context.execute, announce, Step.SCRIPTS)
    environment = (context.subject, runner, context.python, context.scripts_dir)
    return installed.check_scripts(*environment, folders=context.private, imported=imported)


def _contents(scenario: Scenario, baselines: BaselineFiles) -> CheckResult:
    return contents.check_contents(baselines.stored, baselines.now, accepting=scenario.timing.updates_contents)


def lowest_failed(context: RunContext, results: RunResults) -> Iterator[Event]:
    """Yield that something failed with the lowest versions, when a version can be to blame."""
    failed = [finding for finding in results.errors if finding.code.startswith(_VERSION_CODES)]
    if isinstance(context.lowest, resolution.LowestVersions) and context.lowest.pinned and failed:
        yield Found(finding=resolution.lowest_failed(context.lowest, context.baselines.now.dists, failed))
