"""Wait until a deployment is ready, or until it is known that it will not be."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.deployment.launch import LaunchContext
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.probes import DelayProbe, FileProbe, LogProbe, NotifyProbe, Probe
from tox_prodsim.model.scenario import Launch

DRAIN_S = 10.0
"""Longer than the guard needs for its leak grace, its SIGTERM and its SIGKILL to what a main process left."""


class ReadinessWait:
    """Ask the probes until all are satisfied; ``pending`` are those that are not, ``failure`` says why."""

    def __init__(
        self,
        process: supervision.Process,
        launch: Launch,
        context: LaunchContext,
        limit_s: float,
        *,
        notify: supervision.NotifySocket | None,
        longest_poll_s: float = 1.0,
    ) -> None:
        self._process = process
        self._own_network = context.own_network
        self._name = Path(launch.argv[0]).name
        self._limit_s, self._longest_poll_s = limit_s, longest_poll_s
        self._surroundings = _surroundings(process, launch, context, notify)
        self._reason = "never asked"
        self.pending: list[Probe] = list(launch.probes)
        self.failure: Finding | None = None

    def answers(self) -> Iterator[tuple[Probe, supervision.Ready]]:
        """Yield each probe with its answer as it is satisfied, until all are, or until ``failure`` is set."""
        with supervision.Network(self._process.pid) as network:
            for pause_s in supervision.poll_intervals():
                if self._process.main_exited():
                    ending = wait_for_ending(self._process)
                    self.failure = findings.exited_before_ready(self._name, ending, self._reason)
                    return
                yield from self._ask_pending(network)
                if not self.pending or self.failure is not None:
                    return
                left_s = self._left_s()
                if left_s <= 0:
                    self.failure = findings.ready_timeout_exceeded(self._name, self._limit_s, self._reason)
                    return
                self._process.wait(min(pause_s, left_s, self._longest_poll_s))

    def _ask_pending(self, network: supervision.Network) -> Iterator[tuple[Probe, supervision.Ready]]:
        """Ask each pending probe once, and yield those that are satisfied."""
        for probe in tuple(self.pending):
            match self._ask(probe, network):
                case supervision.Ready() as ready:
                    self.pending.remove(probe)
                    yield probe, ready
                case supervision.WrongProcess() as wrong_process:
                    self.failure = findings.answered_by_wrong_process(self._name, wrong_process)
                    return
                case supervision.NotReady() as not_ready:
                    self._reason = not_ready.reason

    def _ask(self, probe: Probe, network: supervision.Network) -> supervision.Answer:
        """Ask a probe in the network of the deployment; a probe that needs no network is asked from here."""
        ask = functools.partial(supervision.evaluate_probe, probe, self._surroundings, left_s=self._left_s())
        if not self._own_network or isinstance(probe, LogProbe | FileProbe | DelayProbe | NotifyProbe):
            return ask()
        return network.call(ask) or supervision.NotReady(reason="not in its own network yet")

    def _left_s(self) -> float:
        """Return the seconds until it must be ready; EXTEND_TIMEOUT_USEC prolongs them."""
        limit_at = self._process.spawned_at + self._limit_s
        if self._surroundings.notify is not None:
            limit_at = supervision.deadline(limit_at, self._surroundings.notify.state)
        return limit_at - supervision.clock.now()


def _surroundings(
    process: supervision.Process, launch: Launch, context: LaunchContext, notify: supervision.NotifySocket | None
) -> supervision.ProbeContext:
    return supervision.ProbeContext(
        tree=process.tree,
        log=supervision.LogWatch(context.log),
        scratch=context.scratch,
        spawned_at=process.spawned_at,
        notify=notify,
        execute=supervision.ExecWatch(context.runner(launch.values)),
    )


def wait_for_ending(process: supervision.Process) -> supervision.Ending:
    """Return how a process ended whose main process is gone; the guard ends meanwhile what that one left behind."""
    return process.wait(DRAIN_S) or process.stop(supervision.KILL, 0)
