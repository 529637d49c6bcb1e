"""One prodsim environment of one tox run: tox's points in, the verdict as tox's Fail out.

tox goes through its own order (install, before, commands_pre, commands, commands_post, after, teardown). A Session
listens at each of these points, wraps ``execute_async`` and ``interrupt`` of its environment, and advances the run to
where tox is.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import logging
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tox.config.types import Command
from tox.execute.api import ExecuteStatus
from tox.execute.request import ExecuteRequest, StdinSource
from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Fail
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import frontend
from tox_prodsim.checks.artifact import build_failure
from tox_prodsim.deployment import LaunchContext, findings
from tox_prodsim.deployment.leaks import findings as leak_findings
from tox_prodsim.model.errors import BuildError, Cancelled, ProdsimError
from tox_prodsim.model.events import Evidence, Step
from tox_prodsim.model.findings import Finding, Verdict
from tox_prodsim.model.parsing import fill
from tox_prodsim.model.scenario import LOWEST, Scenario
from tox_prodsim.plugin import signals
from tox_prodsim.plugin.context import build, installer
from tox_prodsim.plugin.context.environment import ProductionEnv
from tox_prodsim.plugin.executor import INTERRUPTED, Limits, SupervisedExecutor
from tox_prodsim.plugin.packages import package_env, provenance, wheel_under_test
from tox_prodsim.plugin.paths import ledger_of
from tox_prodsim.plugin.reporting import Reporting
from tox_prodsim.run.context import CommandsOutcome, Paused, ToxPhase, WheelUnderTest
from tox_prodsim.run.run import Run, run, without_wheel

_LOGGER = logging.getLogger(__name__)
_COMMAND_KEYS = {"commands_pre", "commands", "commands_post"}
_sessions: weakref.WeakKeyDictionary[ToxEnv, Session] = weakref.WeakKeyDictionary()


def session_of(tox_env: ToxEnv) -> Session:
    """Return the session of the environment, made at the first call."""
    if tox_env not in _sessions:
        _sessions[tox_env] = Session(cast("PythonRun", tox_env))
    return _sessions[tox_env]


class Session:
    """Listen to tox, and play the run of one environment along with it."""

    def __init__(self, tox_env: PythonRun) -> None:
        self._env = tox_env
        self._cancel = supervision.Cancel()
        self._folder = Path(tox_env.env_dir) / "prodsim"
        self._production_env: ProductionEnv | None = None
        self._scenario: Scenario | None = None
        self._under_test: WheelUnderTest | None = None
        self._lowered: installer.Lowered | None = None
        self._reporting: Reporting | None = None
        self._run: Run | None = None
        self._waiting = Paused(until=ToxPhase.COMMANDS)
        self._place: LaunchContext | None = None
        self._heard: dict[str, tuple[Finding, ...]] = {}
        self._told: dict[str, tuple[str, ...]] = {}
        self._failed: set[str] = set()
        self._commands_ran = 0
        self._refused = False
        self._trouble = ""
        self._deadlines: dict[str, float] = {}
        self._executor = SupervisedExecutor(
            colored=tox_env.options.is_colored, prepare=self._prepare, ended=self._ended, cancel=self._cancel
        )
        self._execute_async = tox_env.execute_async
        self._signature = inspect.signature(tox_env.execute_async)
        self._interrupt = tox_env.interrupt
        tox_env.execute_async = self._supervised  # type: ignore[method-assign] # public, and the one place all commands pass
        tox_env.interrupt = self._interrupted  # type: ignore[method-assign] # tox tells nobody else of a Ctrl-C
        signals.on_first(self._cancel.set)
        signals.on_second(lambda: self._cancel.set(hard=True))
        self._origin = provenance.ProvenanceTracker(tox_env, self._folder, self._cancel, self._unbuilt)
        package_env.supervise(tox_env.package_envs, tox_env.conf, self._origin)

    # what tox calls, in its order

    def on_install(self, arguments: Any, of_type: str) -> None:
        """Refuse what cannot be tested before anything is installed, and keep the wheel when it comes by."""
        with _as_fail():
            self._read_keys()
            if of_type == "package":
                self._adopt(arguments)
                if self._read_keys().resolution == LOWEST:
                    self._lowered = installer.lower(self._env, arguments, self._folder, self._cancel)

    def _adopt(self, packages: Any) -> None:
        try:
            self._under_test = wheel_under_test.adopt(self._env, packages, self._folder, self._cancel)
        except BuildError as problem:
            python = frontend.interpreter(self._folder / "build")
            self._origin.refused(packages[0].path, problem, python)
            raise
        self._origin.adopted(self._under_test)

    def _unbuilt(self, story: build_failure.BuildFailure) -> None:
        """Report a build that failed: there is no wheel, so this is all of the run."""
        self._reporting = Reporting(self._env, self._folder)
        started = build.started(self._env, self._read_keys())
        told = Evidence(step=Step.SDIST, title=story.title, lines=story.lines)
        for event in without_wheel(started, story.checked, told):
            self._reporting.handle(event)
        _, summary = self._reporting.close()
        raise Fail(summary)

    def before_commands(self) -> None:
        """Begin the run: everything that comes before ``commands_pre``."""
        with _as_fail():
            scenario = self._read_keys()
            under_test = self._under_test or wheel_under_test.remembered(self._folder)
            self._production_env = ProductionEnv(self._env, self._cancel)
            context = build.make(
                self._env, scenario, under_test, self._folder, self._production_env, lowered=self._lowered
            )
            context = replace(context, provenance=self._origin.provenance())
            self._place = context.place
        self._reporting = Reporting(self._env, self._folder)
        self._run = run(scenario, context)
        self._waiting = Paused(until=ToxPhase.COMMANDS)
        self._play(None)
        if self._trouble:
            raise Fail(self._trouble)
        if self._cancel.is_set:
            raise SystemExit(INTERRUPTED)

    def after_commands(self, exit_code: int) -> None:
        """Come to the end; a failed verdict fails the environment, unless a command has failed it already."""
        self._come_to(ToxPhase.END)
        if self._reporting is None:
            return
        verdict, summary = self._reporting.close()
        if self._trouble:
            raise Fail(self._trouble)
        if verdict is not Verdict.PASSED and (exit_code == 0 or self._refused):
            raise Fail(summary)

    def teardown(self) -> None:
        """End whatever is left, and write the report of a run that was cut short. Never raises."""
        with contextlib.suppress(Cancelled):
            if self._run is not None:
                self._run.close()
        if self._reporting is None and self._cancel.is_set:  # it has not come as far as the run
            self._reporting = Reporting(self._env, self._folder)
        if self._reporting is not None:
            self._reporting.close(default=Verdict.CANCELLED if self._cancel.is_set else Verdict.INCOMPLETE)
        self._origin.close()
        self._cancel.close()

    # the run

    def _read_keys(self) -> Scenario:
        if self._scenario is None:
            wheel_under_test.refuse_unusable(self._env)
            self._scenario = build.scenario_of(self._env)
            _sweep(ledger_of(self._env))
        return self._scenario

    def _come_to(self, point: ToxPhase) -> None:
        """Advance the run until it waits for something that comes after ``point``."""
        while self._run is not None and self._waiting.until <= point:
            self._play(self._what_was_heard())

    def _play(self, heard: CommandsOutcome | None) -> None:
        """Let the run go on until it waits again, or is over."""
        if self._run is None or self._reporting is None:
            return
        try:
            event = next(self._run) if heard is None else self._run.send(heard)
            while not isinstance(event, Paused):
                self._reporting.handle(event)
                event = next(self._run)
            self._waiting = event
        except StopIteration:
            self._run = None
        except (ProdsimError, OSError) as problem:
            self._give_up(str(problem))

    def _give_up(self, trouble: str) -> None:
        """End the run: the machine refused something. tox still has commands_post to run before it may hear of it."""
        if self._run is not None:
            self._run.close()
        self._run, self._trouble = None, trouble
        self._waiting = replace(self._waiting, until=ToxPhase.END, go_ahead=False)

    def _what_was_heard(self) -> CommandsOutcome:
        found = tuple(finding for findings in self._heard.values() for finding in findings)
        pre_failed = any(run_id.startswith("commands_pre") for run_id in self._failed)
        told = tuple(self._told.items())
        self._heard.clear()
        self._told.clear()
        return CommandsOutcome(findings=found, evidence=told, pre_failed=pre_failed, commands_ran=self._commands_ran)

    # tox's commands

    @contextlib.contextmanager
    def _supervised(self, *args: Any, **named: Any) -> Iterator[ExecuteStatus]:
        """Bring the run to where the command belongs, then run the command below the guard."""
        call = self._signature.bind(*args, **named)
        call.apply_defaults()
        run_id: str = call.arguments["run_id"]
        call.arguments["executor"] = call.arguments["executor"] or self._executor
        kind = run_id.partition("[")[0]
        if kind == "commands":
            self._come_to(ToxPhase.COMMANDS)
            if not self._waiting.go_ahead:
                self._refused = True
                msg = "nothing is up that the commands could be run against"
                raise Fail(msg)
        elif kind == "commands_post":
            self._come_to(ToxPhase.COMMANDS_POST)
        if kind in _COMMAND_KEYS:
            call.arguments["cmd"] = [fill(str(word), self._waiting.values or {}) for word in call.arguments["cmd"]]
        try:
            with self._execute_async(*call.args, **call.kwargs) as status:
                yield status
        except Fail as problem:
            if isinstance(problem.__cause__, ProdsimError):
                self._give_up(str(problem))
            else:
                self._heard[run_id] = (findings.smoke_refused(run_id, str(problem)),)
            self._failed.add(run_id)
            raise

    def _prepare(self, request: ExecuteRequest) -> tuple[ExecuteRequest, Limits]:
        """Turn tox's request into production's: its variables, its placeholders, its deadline."""
        scenario = self._read_keys()
        kind, _, rest = request.run_id.partition("[")
        if kind not in _COMMAND_KEYS or self._production_env is None:
            return request, Limits(deadline=None, stop=scenario.stop, ledger=ledger_of(self._env))
        deadline = self._deadlines.setdefault(kind, supervision.clock.now() + scenario.run_timeout_s)
        values = self._waiting.values or {}
        prepared = copy.copy(request)
        prepared.stdin = StdinSource.OFF
        prepared.env = {**self._production_env.smoke_environ(values), **(self._waiting.variables or {})}
        log = self._folder / f"{kind}-{rest.rstrip(']')}.log"
        return prepared, Limits(
            deadline=deadline,
            stop=scenario.stop,
            log=log,
            ledger=self._production_env.ledger,
            containment=cast("supervision.ContainmentKind", scenario.containment),
            remove_if_lost=(self._production_env.hook.pth,),
            look=lambda process: self._look(request.run_id, process),
        )

    def _look(self, run_id: str, process: supervision.Process) -> None:
        """Keep what a command is doing whose time is over; what is seen again is why it does not stop."""
        if self._place is not None:
            first = f"what {run_id} was doing"
            again = first in self._told
            self._told[f"why {run_id} did not stop" if again else first] = self._place.look(process)

    def _ended(self, request: ExecuteRequest, ending: supervision.Ending) -> None:
        """Keep what a command came to; a retry that succeeds takes an earlier failure back."""
        kind, _, rest = request.run_id.partition("[")
        if kind not in _COMMAND_KEYS:
            return
        self._commands_ran += 1
        command: Command = self._env.conf[kind][int(rest.rstrip("]"))]
        failed = not command.ignore_exit_code and (ending.returncode == 0) is command.invert_exit_code
        scenario = self._read_keys()
        name, shown, limit_s = request.run_id, request.shell_cmd_redacted, scenario.run_timeout_s
        found = (
            *findings.judged_command(name, shown, ending, failed=failed, limit_s=limit_s),
            *findings.unkillable(name, ending),
            *leak_findings.findings(name, leak_findings.survived(ending), scenario.allow_leaks),
        )
        self._heard.pop(request.run_id, None)
        self._failed.discard(request.run_id)
        if failed:
            self._failed.add(request.run_id)
        if found and not self._cancel.is_set:
            self._heard[request.run_id] = found

    def _interrupted(self) -> None:
        """Pass tox's interrupt on to what runs without tox knowing: probes, the deployment, measurements."""
        self._cancel.set()
        signals.rearm()
        self._interrupt()


def _sweep(ledger: Path) -> None:
    """End what a run has left whose tox was killed together with all that supervised it, and say so."""
    for swept in supervision.sweep(ledger):
        killed = ", ".join(f"pid {pid} {command}" for pid, command in swept.killed)
        _LOGGER.warning(
            "of an earlier run (%s): %s%s", swept.command, swept.reason, f"; ended now: {killed}" if killed else ""
        )


@contextlib.contextmanager
def _as_fail() -> Iterator[None]:
    """Turn a wrong request, and what the machine refuses, into tox's own failure: one line."""
    try:
        yield
    except (ProdsimError, OSError) as problem:
        raise Fail(str(problem)) from problem
    except Cancelled:
        raise SystemExit(INTERRUPTED) from None
