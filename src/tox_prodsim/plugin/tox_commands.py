"""tox's commands as part of a run: each runs under the guard with production's variables; findings judge its end."""

from __future__ import annotations

import contextlib
import copy
import inspect
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tox.config.types import Command
from tox.execute.api import ExecuteStatus
from tox.execute.request import ExecuteRequest, StdinSource
from tox.tox_env.errors import Fail
from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.deployment import LaunchContext, findings, log_end
from tox_prodsim.deployment.leaks import findings as leak_findings
from tox_prodsim.model.activity import Activity
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.events import Step
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.formatting import joined
from tox_prodsim.model.parsing import fill
from tox_prodsim.model.scenario import Scenario, uses_port
from tox_prodsim.model.secrets import redact_argv
from tox_prodsim.plugin.context.environment import ProductionEnv
from tox_prodsim.plugin.executor import Limits, SupervisedExecutor
from tox_prodsim.plugin.paths import display_path, ledger_of
from tox_prodsim.plugin.progress import ProgressDisplay
from tox_prodsim.plugin.run_driver import RunDriver
from tox_prodsim.run.context import CommandsOutcome, ToxPhase

_KEYS = {"commands_pre", "commands", "commands_post"}
_INSTALLATIONS = {"install_package_deps", "install_package"}
"""The run ids of what tox installs for the wheel under test: its requirements, then the wheel."""
_INSTALLING = {
    "install_deps": "installing what deps names",
    "install_package_deps": "installing what the wheel requires",
    "install_package": "installing the wheel",
}
_LOG_DELAY_S = 0.1
"""A server may log an exception after it has answered."""
_PHASES = {"commands": ToxPhase.COMMANDS, "commands_post": ToxPhase.COMMANDS_POST}
"""The phase to which the run is advanced before a command of a key; ``commands_pre`` run during the first pause."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandId:
    """Which of tox's commands it is: the key that lists it, and its index there."""

    key: str
    index: int

    @classmethod
    def parse(cls, run_id: str) -> CommandId | None:
        """Return what a run id such as ``commands[0]`` names; None: it is not one of the user's commands."""
        key, _, rest = run_id.partition("[")
        return cls(key=key, index=int(rest.rstrip("]"))) if key in _KEYS else None


@dataclass(kw_only=True, slots=True)
class CommandRecords:
    """What tox's commands came to: findings and evidence since the run was last resumed, the rest since its start."""

    findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    """By run id: a retry replaces what the attempt before it came to."""
    evidence: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Lines by title."""
    failed: set[str] = field(default_factory=set)
    """The run ids of the commands that failed."""
    ran: int = 0
    """How many commands have ended."""
    refused: bool = False
    """Whether tox was kept from running a command, because no deployment is up."""

    def outcome(self) -> CommandsOutcome:
        """Return what is known since the last call."""
        outcome = CommandsOutcome(
            findings=tuple(finding for found in self.findings.values() for finding in found),
            evidence=tuple(self.evidence.items()),
            pre_failed=any(run_id.startswith("commands_pre") for run_id in self.failed),
            commands_ran=self.ran,
        )
        self.findings.clear()
        self.evidence.clear()
        return outcome

    def add_end(self, run_id: str, found: tuple[Finding, ...], *, failed: bool) -> None:
        """Add the end of a command; a retry that succeeds removes an earlier failure."""
        self.ran += 1
        self.findings.pop(run_id, None)
        self.failed.discard(run_id)
        self.evidence = {title: lines for title, lines in self.evidence.items() if f" when {run_id} " not in title}
        if failed:
            self.failed.add(run_id)
        if found:
            self.findings[run_id] = found

    def add_diagnosis(self, run_id: str, lines: tuple[str, ...]) -> None:
        """Add what a command does whose time is over; the second diagnosis shows why it does not stop."""
        first = f"what {run_id} was doing"
        self.evidence[f"why {run_id} did not stop" if first in self.evidence else first] = lines

    def add_log(self, run_id: str, name: str, lines: tuple[str, ...]) -> None:
        """Add how the log of a service ends when a command fails."""
        self.evidence[f"end of {name} when {run_id} failed"] = lines or ("it has printed nothing",)


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandContext:
    """What commands are run with once the run has begun."""

    driver: RunDriver
    production_env: ProductionEnv
    launch_context: LaunchContext
    folder: Path
    """The folder of the logs."""


class ToxCommands:
    """Takes the place of ``execute_async`` of one environment, through which all of its commands pass.

    ``scenario`` returns the scenario of the environment. Until ``begin`` only installers run; of one that fails,
    ``on_failed_installation`` receives the run id and the output.
    """

    def __init__(
        self,
        tox_env: PythonRun,
        scenario: Callable[[], Scenario],
        cancel: supervision.Cancel,
        on_failed_installation: Callable[[str, str], None],
        *,
        progress: ProgressDisplay,
    ) -> None:
        self._env = tox_env
        self._progress = progress
        self._scenario = scenario
        self._on_failed_installation = on_failed_installation
        self._cancel = cancel
        self._context: CommandContext | None = None
        self._deadlines: dict[str, float] = {}
        self._kept: list[supervision.Process] = []
        self.records = CommandRecords()
        self._executor = SupervisedExecutor(
            colored=tox_env.options.is_colored, prepare=self._prepare, on_end=self._judge, cancel=cancel
        )
        self._execute_async = tox_env.execute_async
        self._signature = inspect.signature(tox_env.execute_async)
        vars(tox_env)["execute_async"] = self._supervised  # public, and all commands pass it

    def begin(self, context: CommandContext) -> None:
        """Run commands as part of a run from now on."""
        self._context = context

    def end_kept(self) -> None:
        """End what ``commands`` have left to live through the stop: it is asked to, and killed after the grace."""
        while self._kept:
            grace_s = min(self._scenario().stop.grace_s, supervision.CANCEL_GRACE_S)
            ending = self._kept.pop().stop(signal.SIGTERM, grace_s)
            self.records.findings["commands"] = tuple(findings.unkillable_processes("commands", ending))

    @contextlib.contextmanager
    def _supervised(self, *args: Any, **kwargs: Any) -> Iterator[ExecuteStatus]:
        """Advance the run to the phase of the command, then run the command under the guard."""
        call = self._signature.bind(*args, **kwargs)
        call.apply_defaults()
        run_id: str = call.arguments["run_id"]
        call.arguments["executor"] = call.arguments["executor"] or self._executor
        if self._context is not None and (command := CommandId.parse(run_id)) is not None:
            self._advance(self._context.driver, command)
            values = self._context.driver.paused.values or {}
            call.arguments["cmd"] = [fill(str(argument), values) for argument in call.arguments["cmd"]]
        self._show(run_id, call.arguments["cmd"])
        try:
            with self._execute_async(*call.args, **call.kwargs) as status:
                yield status
        except Fail as problem:
            self._add_refusal(run_id, problem)
            raise
        finally:
            self._progress.end(Step.COMMANDS)
        if run_id in _INSTALLATIONS and status.exit_code not in {None, 0} and not self._cancel.is_set:
            outcome = status.outcome
            self._on_failed_installation(run_id, f"{outcome.out}\n{outcome.err}" if outcome is not None else "")

    def _show(self, run_id: str, argv: Sequence[object]) -> None:
        """Show what tox runs; a command that writes to the terminal by itself has all of it."""
        if CommandId.parse(run_id) is None:
            self._progress.announce(Activity(step=Step.ENV, text=_INSTALLING.get(run_id, "installing")))
        elif not getattr(self._env.options, "no_capture", False):
            text, limit_s = joined([run_id, *redact_argv(map(str, argv))], " "), self._scenario().run_timeout_s
            self._progress.begin(Step.COMMANDS, text, limit_s if self._context is not None else None)

    def _advance(self, driver: RunDriver, command: CommandId) -> None:
        """Advance the run; raises Fail for a command that needs the deployment, which is not up."""
        if command.key in _PHASES:
            driver.advance_to(_PHASES[command.key])
        if command.key == "commands" and not driver.paused.go_ahead:
            self.records.refused = True
            msg = "the deployment is not running, so the commands were not run"
            raise Fail(msg)

    def _add_refusal(self, run_id: str, problem: Fail) -> None:
        """Keep why tox or the machine would not run a command."""
        self.records.failed.add(run_id)
        if not isinstance(problem.__cause__, ProdsimError):
            self.records.findings[run_id] = (findings.refused_command(run_id, str(problem)),)
        elif self._context is not None:
            self._context.driver.give_up(str(problem))

    def _prepare(self, request: ExecuteRequest) -> tuple[ExecuteRequest, Limits]:
        """Turn tox's request into that of production: its variables, its placeholders, its deadline."""
        scenario, command = self._scenario(), CommandId.parse(request.run_id)
        if command is None or self._context is None:
            return request, Limits(deadline=None, stop=scenario.stop, ledger=ledger_of(self._env))
        paused, env = self._context.driver.paused, self._context.production_env
        prepared = copy.copy(request)
        prepared.stdin = StdinSource.OFF
        variables = env.smoke_environ(paused.values or {})
        if any(deployment.name for deployment in scenario.deployments):
            variables = {name: value for name, value in variables.items() if not self._is_of_a_service(name, value)}
        prepared.env = {**variables, **(paused.variables or {})}
        return prepared, Limits(
            deadline=self._deadlines.setdefault(command.key, supervision.clock.now() + scenario.run_timeout_s),
            stop=scenario.stop,
            log=self._context.folder / f"{command.key}-{command.index}.log",
            ledger=env.ledger,
            containment=scenario.containment,
            remove_if_lost=(env.hook.pth,),
            diagnose=partial(self._diagnose, self._context.launch_context, request.run_id),
            keep=self._kept.append if command.key == "commands" and scenario.allow_leaks.keeps_commands else None,
        )

    def _is_of_a_service(self, name: str, value: str) -> bool:
        """Return whether a variable of ``set_env`` names the port of each service: a command has none."""
        return uses_port([value]) and name in self._env.conf["set_env"]

    def _diagnose(self, launch_context: LaunchContext, run_id: str, process: supervision.Process) -> None:
        self.records.add_diagnosis(run_id, launch_context.diagnose(process))

    def _judge(self, request: ExecuteRequest, ending: supervision.Ending) -> None:
        """Keep what a command came to, and what speaks against its end."""
        command = CommandId.parse(request.run_id)
        if command is None:
            return
        configured: Command = self._env.conf[command.key][command.index]
        failed = not configured.ignore_exit_code and (ending.returncode == 0) is configured.invert_exit_code
        name, shown = request.run_id, request.shell_cmd_redacted
        failures = self._failures(command, name, shown, ending, failed=failed)
        found = (
            *failures,
            *findings.unkillable_processes(name, ending),
            *self._leaks(name, ending),
        )
        self.records.add_end(name, () if self._cancel.is_set else found, failed=failed)
        if failures and not self._cancel.is_set:
            self._add_logs(command, name)

    def _failures(
        self, command: CommandId, name: str, shown: str, ending: supervision.Ending, *, failed: bool
    ) -> tuple[Finding, ...]:
        logs = [display_path(log) for log in self._service_logs(command)]
        limit_s = self._scenario().run_timeout_s
        return tuple(findings.failed_command(name, shown, ending, failed=failed, limit_s=limit_s, logs=logs))

    def _service_logs(self, command: CommandId) -> tuple[Path, ...]:
        """Return the logs of the services that are up while this command runs."""
        if self._context is None or command.key != "commands":
            return ()
        return self._context.driver.paused.logs

    def _add_logs(self, command: CommandId, name: str) -> None:
        """Keep how the logs of the services end at this moment."""
        logs = self._service_logs(command)
        if self._context is not None and logs:
            time.sleep(_LOG_DELAY_S)
            own_code = self._context.launch_context.own_code
            for log in logs:
                self.records.add_log(name, log.name, log_end.excerpt(log, own_code))

    def _leaks(self, name: str, ending: supervision.Ending) -> Iterator[Finding]:
        """Yield what a command left; no expression of ``allow_leaks`` is about processes."""
        allow = self._scenario().allow_leaks
        survivors = leak_findings.survivor_leaks(ending)
        yield from leak_findings.to_findings(name, survivors, lambda leak: allow.accepts(leak, lambda *_: False))
