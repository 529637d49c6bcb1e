"""What production would run, as a whole: one deployment, or several services in the order of what they depend on.

A ServicesRun is one step of the run. It starts all, is up while tox runs its commands, stops all in the reverse order,
and starts the services once more. Whoever makes one closes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import leaks, user_expressions
from tox_prodsim.deployment.deploy import DeploymentRun
from tox_prodsim.deployment.in_order import InOrder
from tox_prodsim.deployment.launch import LaunchContext, free_ports
from tox_prodsim.deployment.leaks import findings as leak_findings
from tox_prodsim.deployment.restart import AFTER_CRASH, AFTER_STOP, SecondStart, rounds_of
from tox_prodsim.deployment.service_context import context_of
from tox_prodsim.model import services
from tox_prodsim.model.events import Event, Found, Outcome, Progress, Step, StepFinished, StepStarted
from tox_prodsim.model.formatting import counted, joined
from tox_prodsim.model.scenario import Deployment


class ServicesRun:
    """Run what production would run, once.

    ``ready_for_commands`` says whether the smoke commands may run, and ``start_s`` how long the start took, None when
    it did not come that far, or when there are several services.
    """

    def __init__(self, deployments: Sequence[Deployment], context: LaunchContext) -> None:
        self._deployments = {deployment.name: deployment for deployment in deployments}
        self._context = context
        self._began_at = supervision.clock.now()
        self._runs: dict[str, DeploymentRun] = {}
        self._not_checked: list[str] = []
        self._has_begun = False
        self._snapshot: leaks.Snapshot | None = None
        ports = free_ports(len(self._deployments))
        for (name, deployment), port in zip(self._deployments.items(), ports, strict=True):
            self._runs[name] = DeploymentRun(deployment, self._context_of(deployment), port)
        self._order = InOrder(self._runs, {name: each.depends for name, each in self._deployments.items()})

    def _context_of(self, deployment: Deployment) -> LaunchContext:
        """Return where one of several services runs, with what it may know of the others."""
        name = deployment.name
        if not name:
            return self._context
        return context_of(
            deployment,
            self._context,
            stand_ins=services.stand_ins(other for other in self._deployments if other != name),
            known=lambda: self._known(without=name),
            has_begun=lambda: self._has_begun,
            trees=lambda: {run.port: run.tree for other, run in self._runs.items() if other != name and run.port},
        )

    def _known(self, without: str = "") -> dict[str, str]:
        """Return what is known of the services, such as ``db_port``, but nothing of one of them."""
        runs = ((name, run) for name, run in self._runs.items() if name != without)
        facts = {name: {"port": run.port, "url": run.url, "pid": run.pid} for name, run in runs}
        return {
            services.placeholder(name, kind): str(value)
            for name, of_service in facts.items()
            for kind, value in of_service.items()
            if value
        }

    @property
    def _only(self) -> DeploymentRun | None:
        """Return the deployment that is the only one; None: there are services."""
        return self._runs.get("")

    @property
    def values(self) -> Mapping[str, str]:
        """Return what the placeholders in commands and ``set_env`` stand for."""
        if self._only is not None:
            return self._only.values
        return {"scratch": str(self._context.scratch), **self._known()}

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables for the smoke commands, such as PRODSIM_URL, or PRODSIM_DB_URL for a service."""
        if self._only is not None:
            return self._only.variables
        return {f"PRODSIM_{name.upper()}": value for name, value in self.values.items()}

    @property
    def ready_for_commands(self) -> bool:
        """Return whether all services are up, and all jobs have ended well."""
        return all(run.ready_for_commands for run in self._runs.values()) and not self._order.first_failed

    @property
    def logs(self) -> tuple[Path, ...]:
        """Return the logs of the services that are up; that of a job is complete, and was judged."""
        return tuple(run.context.log for run in self._runs.values() if run.is_up)

    @property
    def start_s(self) -> float | None:
        """Return how long the start took; None: it did not come that far, or there are several services."""
        return self._only.start_s if self._only is not None else None

    @property
    def _failed(self) -> bool:
        return any(run.failed for run in self._runs.values())

    def start(self) -> Iterator[Event]:
        """Start all: a service until it is ready, a job until it has ended."""
        self._began_at = supervision.clock.now()
        if self._only is None:
            self._snapshot = leaks.take_snapshot(temporary=self._context.temporary, scratch=self._context.scratch)
        self._has_begun = True
        yield StepStarted(step=Step.DEPLOY, detail=self._heading())
        for name, run in self._runs.items():
            run.progress.step_began_at = self._began_at if name else None
        yield from self._order.start()

    def _heading(self) -> str:
        if self._only is not None:
            return f"{self._only.command} ({'service' if self._deployments[''].is_service else 'job'})"
        jobs = [name for name, each in self._deployments.items() if not each.is_service]
        kinds = (counted(len(self._deployments) - len(jobs), "service"), counted(len(jobs), "job") if jobs else "")
        return f"{', '.join(self._deployments)} ({joined(kinds)})"

    def find_deaths(self) -> Iterator[Event]:
        """Report the services that should be up and have ended, while commands ran; then the others are stopped."""
        yield from self._order.find_deaths()

    def commands_ended(self, ran: int, took_s: float) -> Iterator[Event]:
        """Report that the user's commands have run against the deployment."""
        if ran:
            now_s = supervision.clock.now() - self._step_began_at
            detail = f"{counted(ran, 'command')} ran in {took_s:.2f} s"
            yield Progress(step=Step.DEPLOY, at_s=now_s, name="commands", detail=detail)

    @property
    def _step_began_at(self) -> float:
        return self._only.progress.began_at if self._only is not None else self._began_at

    def stop(self, *, commands_ran: bool) -> Iterator[Event]:
        """Stop all in the reverse order, check how they ended, start the services once more, and finish the step."""
        yield from self.find_deaths()
        for run in self._runs.values():  # all of them, before the first that another one may need is stopped
            run.ask_once_more()
        yield from self._order.stop(lambda name: self._stop_one(name, commands_ran=commands_ran))
        yield from self._find_shared_leaks()
        if not self._failed:
            yield from self._start_again()
        self.close()
        not_observable = tuple(self._not_observable())
        yield StepFinished(
            step=Step.DEPLOY,
            outcome=Outcome.FAILED if self._failed else Outcome.OK,
            detail=self._expected() if self._failed else self._evidence(),
            not_checked=not_observable,
            impossible=() if self._failed else not_observable,
            duration_s=self._duration_s(),
        )

    def _stop_one(self, name: str, *, commands_ran: bool) -> Iterator[Event]:
        run = self._runs[name]
        if not self._order.first_failed or run.failed:
            yield from run.stop(commands_ran=commands_ran)

    def _find_shared_leaks(self) -> Iterator[Event]:
        """Report what the services have left in the folder that they share, once all have stopped."""
        if self._snapshot is not None and not self._order.first_failed:
            found = leaks.find_shared_leaks(self._snapshot)
            self._not_checked += found.not_observable
            name = ", ".join(self._runs)
            acceptance = user_expressions.Acceptance(self._context.allow_leaks, self._context.expressions)
            shared = leak_findings.to_findings(name, found.leaks, acceptance.accepts)
            yield from (Found(finding=finding) for finding in (*shared, *acceptance.findings))

    def _duration_s(self) -> float:
        now = supervision.clock.now()
        return self._only.progress.elapsed_s if self._only is not None else now - self._began_at

    def _start_again(self) -> Iterator[Event]:
        """Start the services again, in their order, as often as they want; end with the first that fails."""
        rounds = {name: rounds_of(deployment) for name, deployment in self._deployments.items()}
        for number in range(max(map(len, rounds.values()))):
            again = InOrder(*self._round(number, rounds))
            try:
                yield from again.start()
                if not self._failed:
                    yield from again.stop_all()
            finally:
                again.close()
            if self._failed:
                return
            for name in again.members:
                self._runs[name].was_started_again = True

    def _round(
        self, number: int, rounds: Mapping[str, Sequence[str]]
    ) -> tuple[dict[str, SecondStart], dict[str, set[str]]]:
        """Return the services of one round, and what each waits for; what they need is started with them."""
        depends = {name: each.depends for name, each in self._deployments.items()}
        running = {name for name, each in self._deployments.items() if each.is_service}
        needs = {name: services.all_needed(depends, name) & running for name in rounds}
        started: set[str] = set()
        for name in (name for name, own in rounds.items() if len(own) > number):
            lacking = sorted(other for other in needs[name] if not rounds[other])
            if lacking:
                reason = f"{name}: a second start is not made, because {lacking[0]} has restarts = 0"
                self._not_checked += [reason] if reason not in self._not_checked else []
            else:
                started |= {name, *needs[name]}
        members = {name: self._second_start(name, rounds[name][number:]) for name in self._runs if name in started}
        return members, {name: needs[name] for name in members}

    def _second_start(self, name: str, left: Sequence[str]) -> SecondStart:
        """Return one more start of a service; ``left`` is after what this start and those after it are made."""
        run = self._runs[name]
        return SecondStart(
            self._deployments[name],
            run.launch,
            run.context,
            run.progress,
            after=left[0] if left else AFTER_STOP,
            kill=list(left[1:]) == [AFTER_CRASH],
        )

    def _evidence(self) -> str:
        """Return what the success consists of; services of which the same is true are named together."""
        if self._only is not None:
            return self._only.evidence
        by_evidence: dict[str, list[str]] = {}
        for name, run in self._runs.items():
            by_evidence.setdefault(run.evidence, []).append(name)
        facts = (f"{', '.join(names)}: {'each ' * (len(names) > 1)}{each}" for each, names in by_evidence.items())
        return joined(facts, "; ")

    def _expected(self) -> str:
        """Return how many of the expected lines each one has printed."""
        seen = ((name, run.expected) for name, run in self._runs.items() if run.expected)
        return joined((f"{name}: {expected}" if name else expected for name, expected in seen), "; ")

    def _not_observable(self) -> Iterator[str]:
        """Yield what was not checked, with the reason, and of which service."""
        first = self._order.first_failed
        for name, run in self._runs.items():
            yield from (f"{name}: {reason}" if name else reason for reason in run.not_observable)
            if first and run.pid is None and not run.failed:
                yield f"{name}: not started, because {first} has failed"
            elif first and self._deployments[name].is_service and not run.failed:
                yield f"{name}: how it stops is not judged, because {first} has failed"
        yield from self._not_checked

    def close(self) -> None:
        """End whatever is left; may be called at any time, and again."""
        self._order.close()
