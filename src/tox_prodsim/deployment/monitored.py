"""One start of a deployment with all that monitors it: its messages, its limits, where it hangs, what it leaves."""

from __future__ import annotations

from collections.abc import Container, Iterator

from tox_prodsim import supervision
from tox_prodsim.deployment import leaks, output, user_expressions
from tox_prodsim.deployment.environ import with_resource_warnings
from tox_prodsim.deployment.launch import LaunchContext, Start, start_variables
from tox_prodsim.deployment.leaks import findings
from tox_prodsim.deployment.monitoring import WellWatch
from tox_prodsim.deployment.program import program_of
from tox_prodsim.deployment.readiness import Questions
from tox_prodsim.deployment.watchdog import Watchdog
from tox_prodsim.model.activity import announced
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.scenario import Deployment, Launch, StopTo


class MonitoredStart:
    """A start of a deployment: its ``process``, its ``notify`` socket, the ``watchdog`` of its limits, and ``well``.

    ``stop_diagnosis`` is set by ``stop``: where it hung when its grace was nearly over, nothing when it stopped.
    ``may_serve`` says that it does not hang when it waits for requests. ``main_program`` is set by ``stop_service``:
    what the main process ran. ``not_observable`` is set by ``find_leaks``. Raises Cancelled and OSError; whoever makes
    one closes it.
    """

    def __init__(self, deployment: Deployment, launch: Launch, context: LaunchContext) -> None:
        self._deployment, self._launch, self._context = deployment, launch, context
        self._name = deployment.name or program_of(launch.argv)
        self._snapshot = leaks.take_snapshot(
            temporary=context.temporary, scratch=context.scratch, alone=not context.service
        )
        self._unlogged_because = ""
        self.stop_diagnosis: tuple[str, ...] = ()
        self.main_program = ""
        self.may_serve = deployment.is_service
        self.not_observable: tuple[str, ...] = ()
        env = {**with_resource_warnings(start_variables(launch, context)), **context.hook.variables}
        self._start = Start(deployment, launch, context, env)
        self.process, self.notify = self._start.process, self._start.notify
        try:
            self.watchdog = self._start_watchdog()
            self.well = WellWatch(self._name, self.process, is_service=deployment.is_service)
        except BaseException:  # the system refuses another thread
            self._start.close()
            raise

    def _start_watchdog(self) -> Watchdog:
        watchdog = Watchdog(
            self._name,
            self.process,
            self._deployment,
            self._context.log,
            notify=self.notify,
            diagnose=self.diagnose,
            end=self._end,
        )
        watchdog.start()
        return watchdog

    def watch_readiness(self) -> None:
        """Ask the probes again from now on; only before the stop where a question may hide that it prints nothing."""
        questions = Questions(self.process, self._launch, self._context, self.notify)
        only_at_end = self._deployment.idle_timeout_s is not None
        self.well.ready(questions, self._launch.probes, only_at_end=only_at_end)

    def end_readiness(self) -> None:
        """Ask once more whether it is ready; raises Cancelled, idempotent."""
        self.well.end_readiness(self._context.cancel)

    def end_well(self) -> None:
        """Ask and look once more whether it is well, before it is stopped; raises Cancelled."""
        self.end_readiness()
        self.well.end_children()

    def diagnose(self) -> tuple[str, ...]:
        """Return in lines what it is doing now, where it hangs first; nothing is ended for that."""
        return self._context.diagnose(self.process, may_serve=self.may_serve)

    def end_watch(self) -> Finding | None:
        """Dismiss the watchdog, and return which limit was exceeded, None when none was."""
        self._unlogged_because = self._unlogged_because or leaks.unlogged_stderr(self.process.pid, self._context.log)
        self.watchdog.dismiss()
        return self.watchdog.exceeded.finding if self.watchdog.exceeded is not None else None

    def stop_service(self) -> supervision.Ending:
        """Stop it as production does; the end of a service that does its work."""
        self.end_watch()
        self.main_program = supervision.program_name(self.process.pid)
        return self._end(supervision.Cause.STOPPED, to=self._deployment.stop.to)

    def stop(self, *, cause: supervision.Cause = supervision.Cause.STOPPED) -> supervision.Ending:
        """Stop all processes of what has failed."""
        self.end_watch()
        return self._end(cause)

    def _end(self, cause: supervision.Cause, *, to: StopTo = "tree") -> supervision.Ending:
        def diagnose() -> None:
            self.stop_diagnosis = self._context.diagnose(self.process)

        self.well.give_up()
        stop = self._deployment.stop
        with announced(self._context.announce, self._name, f"got {stop.signal.name} and ends", stop.grace_s):
            ending = self.process.stop(stop.signal, stop.grace_s, cause=cause, before_kill=diagnose, to=to)
        if not ending.forced:
            self.stop_diagnosis = ()
        return ending

    def find_leaks(self, ending: supervision.Ending, client_ports: Container[int] = ()) -> Iterator[Finding]:
        """Yield what it left behind, and keep in ``not_observable`` what could not be seen.

        ``client_ports`` are those of connections that we held open through the stop.
        """
        evidence = leaks.LeakEvidence(
            lines=output.lines_if_any(leaks.LEAK_PATTERN, self._context.log),
            hook_folder=self._context.hook.folder,
            unlogged_because=self._unlogged_because,
            own_code=self._context.own_code,
            client_ports=client_ports,
        )
        report = findings.report_leaks(self._snapshot, ending, evidence)
        self.not_observable = (*self.well.not_checked(), *report.not_observable)
        acceptance = user_expressions.Acceptance(self._context.allow_leaks, self._context.expressions)
        found = findings.to_findings(self._name, report.leaks, acceptance.accepts)
        yield from (findings.blame_shell(each, self.main_program) for each in found)
        yield from acceptance.findings

    def close(self) -> None:
        """End whatever is left of it; may be called at any time, and again."""
        self.watchdog.dismiss()
        self.well.give_up()
        stop = self._deployment.stop
        self.process.stop(stop.signal, min(stop.grace_s, supervision.CANCEL_GRACE_S))
        self._start.close()
