"""Wait until a deployment is ready, or until it is known that it will not be."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.deployment.place import LaunchContext
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.probes import FileProbe, LogProbe, NotifyProbe, Probe
from tox_prodsim.model.scenario import Launch

DRAIN_S = 10.0
"""Longer than the guard needs for its leak grace, its SIGTERM and its SIGKILL to what a main process left."""


class ReadinessWait:
    """Ask the probes until all are satisfied; ``trouble`` says why that did not happen."""

    def __init__(
        self,
        process: supervision.Process,
        launch: Launch,
        place: LaunchContext,
        limit_s: float,
        *,
        notify: supervision.NotifySocket | None,
        longest_poll_s: float = 1.0,
    ) -> None:
        self._process = process
        self._own_network = place.own_network
        self._name = Path(launch.argv[0]).name
        self._limit_s, self._longest_poll_s = limit_s, longest_poll_s
        self._around = supervision.ProbeContext(
            tree=process.tree,
            log=supervision.LogWatch(place.log),
            scratch=place.scratch,
            notify=notify,
            execute=supervision.ExecWatch(place.runner(launch.values)),
        )
        self.pending: list[Probe] = list(launch.probes)
        self.trouble: Finding | None = None

    def answers(self) -> Iterator[tuple[Probe, supervision.Ready]]:
        """Yield each probe with its answer as it is satisfied, until all are, or until ``trouble`` is set."""
        with supervision.Network(self._process.pid) as network:
            yield from self._answers(network)

    def _answers(self, network: supervision.Network) -> Iterator[tuple[Probe, supervision.Ready]]:
        reason = "never asked"
        for pause_s in supervision.poll_intervals():
            if self._process.main_exited():
                self.trouble = findings.exited_early(self._name, ended(self._process), reason)
                return
            for probe in tuple(self.pending):
                match self._ask(probe, network):
                    case supervision.Ready() as ready:
                        self.pending.remove(probe)
                        yield probe, ready
                    case supervision.WrongProcess() as foreign:
                        self.trouble = findings.foreign(self._name, foreign)
                        return
                    case supervision.NotReady() as not_yet:
                        reason = not_yet.reason
            if not self.pending:
                return
            left_s = self._left_s()
            if left_s <= 0:
                self.trouble = findings.not_ready(self._name, self._limit_s, reason)
                return
            self._process.wait(min(pause_s, left_s, self._longest_poll_s))

    def _ask(self, probe: Probe, network: supervision.Network) -> supervision.Answer:
        """Ask a probe, where the deployment is; what needs no network is seen from here."""
        ask = functools.partial(supervision.evaluate_probe, probe, self._around, left_s=self._left_s())
        if not self._own_network or isinstance(probe, LogProbe | FileProbe | NotifyProbe):
            return ask()
        return network.call(ask) or supervision.NotReady(reason="not in its own network yet")

    def _left_s(self) -> float:
        """Return the seconds until it must be ready; what it asked for with EXTEND_TIMEOUT_USEC is given."""
        limit_at = self._process.spawned_at + self._limit_s
        if self._around.notify is not None:
            limit_at = supervision.deadline(limit_at, self._around.notify.state)
        return limit_at - supervision.clock.now()


def ended(process: supervision.Process) -> supervision.Ending:
    """Return how a process ended whose main process is gone; what that one left behind is being ended meanwhile."""
    return process.wait(DRAIN_S) or process.stop(supervision.KILL, 0)
