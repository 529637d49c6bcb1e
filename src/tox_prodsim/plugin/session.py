"""The life of one prodsim environment in one tox run: tox's hooks in, the verdict as tox's Fail out.

tox has an order of its own (install, before, commands_pre, commands, commands_post, after, teardown). The hooks call
the session at these points, and ``tox_commands`` advances the run for each command between them.
"""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Fail
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import frontend
from tox_prodsim.checks import artifact, resolution
from tox_prodsim.checks.artifact import build_failure
from tox_prodsim.model import files
from tox_prodsim.model.errors import BuildError, RefusedFileError
from tox_prodsim.model.events import Event, Evidence, RunStarted, Step, StepFinished
from tox_prodsim.model.findings import Verdict
from tox_prodsim.model.scenario import LOWEST, Scenario
from tox_prodsim.plugin import one_run, signals
from tox_prodsim.plugin.boundary import Boundary
from tox_prodsim.plugin.context import build, installer
from tox_prodsim.plugin.context.environment import ProductionEnv
from tox_prodsim.plugin.packages import package_env, provenance, wheel_under_test
from tox_prodsim.plugin.paths import display_path, ledger_of
from tox_prodsim.plugin.progress import ProgressDisplay
from tox_prodsim.plugin.redaction import mask_logs, one_line, redactor_of
from tox_prodsim.plugin.reporting import Reporting
from tox_prodsim.plugin.run_driver import RunDriver
from tox_prodsim.plugin.tox_commands import CommandContext, ToxCommands
from tox_prodsim.run.context import FileContext, Preparation, RunContext, ToxPhase, WheelUnderTest
from tox_prodsim.run.run import run, without_installation, without_wheel

_LOGGER = logging.getLogger(__name__)
_sessions: weakref.WeakKeyDictionary[ToxEnv, Session] = weakref.WeakKeyDictionary()


def session_of(tox_env: ToxEnv) -> Session:
    """Return the session of the environment, made at the first call."""
    if tox_env not in _sessions:
        _sessions[tox_env] = Session(cast("PythonRun", tox_env))
    return _sessions[tox_env]


class Session:
    """Plays the run of one environment along with tox; the methods are called by the hooks, in tox's order."""

    def __init__(self, tox_env: PythonRun) -> None:
        self._env = tox_env
        self._began = time.monotonic()
        self._cancel = supervision.Cancel()
        self._folder = Path(tox_env.env_dir) / "prodsim"
        self._boundary = Boundary(self._folder)
        self.progress = ProgressDisplay(tox_env, self._boundary.redact)
        self._scenario: Scenario | None = None
        self._wheel: WheelUnderTest | None = None
        self._lowered: installer.Lowered | None = None
        self._reporting: Reporting | None = None
        self._driver: RunDriver | None = None
        self._guards = ExitStack()
        self._guards.enter_context(supervision.shared_guards())
        self._workers = supervision.Workers(cancel=self._cancel, ledger=lambda: ledger_of(tox_env))
        self._is_given_readable = False
        self._commands = ToxCommands(
            tox_env, self._read_keys, self._cancel, self._fail_uninstalled, progress=self.progress
        )
        self._interrupt = tox_env.interrupt
        vars(tox_env)["interrupt"] = self._interrupted  # tox has no hook for a Ctrl-C
        signals.on_first(self._cancel.set)
        signals.on_second(lambda: self._cancel.set(hard=True))
        signals.on_suspend(self.progress.hide)
        self._provenance = provenance.ProvenanceTracker(
            tox_env,
            self._folder,
            self._cancel,
            self._fail_without_wheel,
            self._fail_refused,
            check_given=self._check_given,
            call=self._workers,
            progress=self.progress,
        )
        package_env.supervise(tox_env.package_envs, tox_env.conf, self._provenance, self._boundary)
        self.progress.begin(Step.ENV)

    def on_install(self, arguments: Any, of_type: str) -> None:
        """Refuse what cannot be tested before anything is installed, and keep the wheel under test."""
        with self._boundary:
            scenario = self._read_keys()
            self._check_given()
            self._env.env_site_package_dir()  # tox-uv asks Python once, and cannot read what a .pth of the wheel prints
            if of_type == "package":
                self.progress.begin(Step.BUILD)
                self._adopt(arguments)
                self.progress.end(Step.BUILD)
                if scenario.resolution == LOWEST:
                    self._lowered = installer.install_lowest(self._env, arguments, self._folder, self._cancel)

    def before_commands(self) -> None:
        """Begin the run: everything that comes before ``commands_pre``."""
        with self._boundary:
            scenario = self._read_keys()
            production_env = ProductionEnv(self._env, self._workers, scenario.deployments)
            try:
                context = self._build_context(scenario, production_env)
            except RefusedFileError as problem:
                checked = artifact.unreadable_file(Path(problem.message.partition(":")[0]), problem)
                self._report(without_wheel(build.run_started(self._env, scenario), checked, step=Step.WHEEL))
                raise
        self._reporting = self._new_reporting()
        self._driver = RunDriver(
            run(scenario, context),
            self._handle,
            self._commands.records.outcome,
            describe=self._boundary.describe,
        )
        self._commands.begin(
            CommandContext(
                driver=self._driver,
                production_env=production_env,
                launch_context=context.launch_context,
                folder=self._folder,
            )
        )
        self._driver.start()
        if self._driver.problem:
            raise Fail(self._driver.problem)
        if self._cancel.is_set:
            raise SystemExit(signals.INTERRUPTED)

    def after_commands(self, exit_code: int) -> None:
        """End the run; a failed verdict fails the environment, unless a command has failed it already."""
        if self._driver is None or self._reporting is None:
            return
        with self._boundary:
            self._driver.advance_to(ToxPhase.END)
            verdict, summary = self._reporting.close()
        if self._driver.problem:
            raise Fail(self._driver.problem)
        if verdict is not Verdict.PASSED and (exit_code == 0 or self._commands.records.refused):
            raise Fail(summary)

    def teardown(self) -> None:
        """End whatever is left, and write the report of a run that was interrupted. Never raises."""
        self.progress.close()
        if self._driver is not None:
            self._driver.close()
        self._commands.end_kept()
        is_ours = one_run.owns_folder(self._env)
        if is_ours and self._reporting is None and (self._cancel.is_set or self._boundary.defect):  # before the run
            self._reporting = self._new_reporting()
        if self._reporting is not None:
            self._reporting.close(default=Verdict.CANCELLED if self._cancel.is_set else Verdict.INCOMPLETE)
        if is_ours:
            mask_logs(self._folder, self._boundary.redactor)
            if self._scenario is not None and self._scenario.report_mode != files.PRIVATE:
                files.set_modes(self._folder, self._scenario.report_mode)
        self._provenance.close()
        self._workers.close()
        self._guards.close()
        self._cancel.close()

    def _new_reporting(self) -> Reporting:
        wanted = self._scenario.reports if self._scenario is not None else ()
        return Reporting(self._env, self._folder, self._boundary.redactor, wanted, progress=self.progress)

    def _handle(self, event: Event) -> None:
        """Report an event of the run; once the deployment has stopped, what ``commands`` left is ended, too."""
        if self._reporting is not None:
            self._reporting.handle(event)
        if isinstance(event, StepFinished) and event.step is Step.DEPLOY:
            self._commands.end_kept()

    def _read_keys(self) -> Scenario:
        """Return the scenario; at the first call also end what earlier runs have left."""
        if self._scenario is None:
            wheel_under_test.refuse_unusable(self._env)
            files.refuse_foreign(self._folder, is_folder=True)
            self._scenario = build.scenario_of(self._env)
            self._boundary.redactor = redactor_of(self._env, self._scenario)
            _sweep(ledger_of(self._env))
        return self._scenario

    def _adopt(self, packages: Any) -> None:
        """Keep the wheel that tox installs, or the one that is built from the sdist in its place."""
        record = self._provenance.record
        try:
            self._wheel = wheel_under_test.adopt(
                self._env, packages, self._folder, self._cancel, record, call=self._workers
            )
        except BuildError as problem:
            python = frontend.build_python(self._folder / "build")
            self._provenance.build_failed(packages[0].path, problem, python)
            raise
        self._provenance.adopted(self._wheel)

    def _fail_without_wheel(self, failure: build_failure.BuildFailure) -> None:
        """Report a build that failed: without a wheel, this is all of the run. Raises Fail."""
        started = build.run_started(self._env, self._read_keys())
        evidence = Evidence(step=Step.SDIST, title=failure.title, lines=failure.lines)
        self._report(without_wheel(started, failure.checked, evidence))

    def _check_given(self) -> None:
        """Report a given file that cannot be read: nothing else can be checked. Raises Fail."""
        if self._is_given_readable:
            return
        started = build.run_started(self._env, self._read_keys())
        if checked := wheel_under_test.unreadable(self._env, self._workers):
            known = wheel_under_test.describe_given(self._env, started, self._workers)
            self._report(without_wheel(known, checked, step=Step.WHEEL))
        self._is_given_readable = True

    def _fail_refused(self, wheel: Path, reason: str) -> None:
        """Report a given wheel whose metadata tox cannot read. Raises Fail."""
        self._wheel = wheel_under_test.refused_by_tox(self._env, wheel, self._folder, self._workers)
        self._fail_uninstalled("install_package", reason.rpartition(f"{wheel}: ")[2])

    def _fail_uninstalled(self, run_id: str, output: str) -> None:
        """Check the files of a release that could not be installed: this is all of the run. Raises Fail."""
        if self._wheel is None:
            return
        wheel_under_test.forget(self._folder)
        log = self._folder / "install.log"
        try:
            files.write(log, output)
        except OSError as problem:
            _LOGGER.warning("the log of the installation cannot be written: %s: %s", log, problem.strerror)
        failed = resolution.FailedInstallation(
            subject=self._wheel.path.name,
            file=display_path(self._wheel.path),
            output=output,
            log=display_path(log),
            of_requirements=run_id == "install_package_deps",
        )
        with self._boundary:
            self._report(without_installation(self._read_keys(), self._file_context(self._wheel, failed)))

    def _report(self, events: Iterator[Event]) -> None:
        """Report all of a run that tox does not get to. Raises Fail."""
        self._reporting = self._new_reporting()
        for event in events:
            self._reporting.handle(event)
        _, summary = self._reporting.close()
        if self._cancel.is_set:
            raise SystemExit(signals.INTERRUPTED)
        raise Fail(summary)

    def _build_context(self, scenario: Scenario, production_env: ProductionEnv) -> RunContext:
        wheel = self._wheel or wheel_under_test.remembered(self._folder)
        context = build.build_context(self._env, scenario, wheel, self._folder, production_env, lowered=self._lowered)
        started = self._with_files(context.started)
        return replace(
            context,
            started=started,
            release=self._provenance.given.release(started.files),
            provenance=self._provenance.provenance(),
            prepared=tuple(self._prepared()),
            announce=self.progress.announce,
            launch_context=replace(context.launch_context, announce=self.progress.announce),
        )

    def _with_files(self, started: RunStarted) -> RunStarted:
        return replace(started, files=self._provenance.release_files(started))

    def _prepared(self) -> Iterator[Preparation]:
        """Yield what tox has done so far as steps of the run: the build, and the rest of it."""
        built = self._provenance.preparation()
        if built is not None:
            yield built
        rest_s = time.monotonic() - self._began - (built.duration_s if built is not None else 0.0)
        detail = "the wheel and what it requires are installed" if self._wheel else "as an earlier run installed it"
        yield Preparation(step=Step.ENV, detail=detail, duration_s=rest_s)

    def _file_context(self, wheel: WheelUnderTest, failed: resolution.FailedInstallation) -> FileContext:
        context = build.file_context(
            self._env,
            self._read_keys(),
            wheel,
            self._folder,
            production_env=ProductionEnv(self._env, self._workers, self._read_keys().deployments),
            provenance=self._provenance.provenance(),
            failed=failed,
        )
        started = self._with_files(context.started)
        return replace(context, started=started, release=self._provenance.given.release(started.files))

    def _interrupted(self) -> None:
        """Cancel also what tox does not know of: probes, the deployment, measurements. Then interrupt as tox does."""
        self._cancel.set()
        self.progress.close()
        signals.rearm()
        self._interrupt()


def _sweep(ledger: Path) -> None:
    """End and report what earlier runs have left whose tox was killed together with their supervisors."""
    for swept in supervision.sweep(ledger):
        killed = ", ".join(f"pid {pid} {command}" for pid, command in swept.killed)
        command = f" ({swept.command})" if swept.command else ""
        ended = f"; ended now: {killed}" if killed else ""
        _LOGGER.warning("%s", one_line(f"of an earlier run{command}: {swept.reason}{ended}"))
