"""Wait until a deployment is ready, or until it is known that it will not be."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Self

from tox_prodsim import supervision
from tox_prodsim.deployment import findings
from tox_prodsim.deployment.launch import LaunchContext
from tox_prodsim.deployment.not_ready import obstacle_of
from tox_prodsim.deployment.program import program_of
from tox_prodsim.model.activity import announced
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.probes import DelayProbe, FileProbe, LogProbe, NotifyProbe, Probe
from tox_prodsim.model.scenario import Launch

_EXACT = 0.01


class Questions:
    """Ask the probes of one start, in the network of the deployment; used in a ``with``."""

    def __init__(
        self,
        process: supervision.Process,
        launch: Launch,
        context: LaunchContext,
        notify: supervision.NotifySocket | None,
    ) -> None:
        self._own_network = context.own_network
        self._network = supervision.Network(process.pid)
        self.context = supervision.ProbeContext(
            tree=process.tree,
            log=supervision.LogWatch(context.log),
            scratch=context.scratch,
            spawned_at=process.spawned_at,
            notify=notify,
            execute=supervision.ExecWatch(context.runner(launch.values)),
            expressions=context.expressions,
        )
        self._trees = _trees_of_others(launch, context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._network.close()

    def ask(self, probe: Probe, left_s: float = math.inf) -> supervision.Answer:
        """Ask a probe in the network of the deployment; a probe that needs no network is asked from here."""
        of_others = self._trees.get(probe)
        context = self.context if of_others is None else replace(self.context, tree=of_others)
        ask = functools.partial(supervision.evaluate_probe, probe, context, left_s=left_s)
        if not self._own_network or isinstance(probe, LogProbe | FileProbe | DelayProbe | NotifyProbe):
            return ask()
        return self._network.call(ask) or supervision.NotReady(reason="not in its own network yet")

    def listening_addresses(self) -> tuple[str, ...]:
        """Return on which TCP addresses the deployment listens, in its network."""
        ask = functools.partial(supervision.listening_addresses, self.context.tree)
        return ask() if not self._own_network else self._network.call(ask) or ()


def _trees_of_others(launch: Launch, context: LaunchContext) -> dict[Probe, supervision.Tree]:
    """Return of the probes that ask on the port of another service what returns the processes of that one."""
    trees = context.other_ports()
    asked = ((probe, port) for probe in launch.probes for _, port in supervision.probe_ports((probe,)) if trees)
    return {probe: trees[port] for probe, port in asked if port in trees}


@dataclass(frozen=True, kw_only=True, slots=True)
class Listening:
    """When a deployment was first seen to listen, and on which TCP addresses."""

    at: float
    addresses: tuple[str, ...]


class ReadinessWait:
    """Ask the probes until all are satisfied; ``pending`` are those that are not, ``failure`` says why.

    ``satisfied_at`` is when the last one began to be satisfied, and ``effective_s`` what the start had taken by then,
    without what its main thread waited for a CPU: the seconds of ``for`` come after that. When the time
    is over, ``got`` is what the last probe was answered, in lines, and ``hangs`` whether it was not answered at all.
    """

    def __init__(
        self,
        process: supervision.Process,
        launch: Launch,
        context: LaunchContext,
        limit_s: float,
        *,
        notify: supervision.NotifySocket | None,
        longest_poll_s: float = 1.0,
        watches_listening: bool = False,
    ) -> None:
        self._watches_listening = watches_listening
        self._process = process
        self._name = context.service or program_of(launch.argv)
        self._limit_s, self._longest_poll_s = limit_s, longest_poll_s
        self._announce = context.announce
        self._notify = notify
        self._questions = Questions(process, launch, context, notify)
        self._reason = "never asked"
        self._last: tuple[Probe, supervision.NotReady] | None = None
        self._streaks: dict[Probe, Streak] = {}
        self.satisfied_at = process.spawned_at
        self.effective_s = 0.0
        self.pending: list[Probe] = list(launch.probes)
        self.failure: Finding | None = None
        self.got: tuple[str, ...] = ()
        self.hangs = True
        self._listening: Listening | None = None

    def answers(self) -> Iterator[tuple[Probe, supervision.Ready]]:
        """Yield each probe with its answer as it is satisfied, until all are, or until ``failure`` is set."""
        with self._questions, announced(self._announce, self._name, "is not ready yet", self._limit_s):
            for pause_s in supervision.poll_intervals():
                if self._process.main_exited():
                    ending = wait_for_ending(self._process)
                    self.failure = findings.exited_before_ready(self._name, ending, self._reason)
                    return
                yield from self._ask_pending()
                if not self.pending or self.failure is not None:
                    return
                left_s = self._left_s()
                if left_s <= 0:
                    self.failure = self._late()
                    return
                streaks = (streak.pause_s(supervision.clock.now()) for streak in self._streaks.values())
                self._process.wait(min(pause_s, left_s, self._longest_pause_s(), *streaks))

    def _longest_pause_s(self) -> float:
        """Return the longest pause; a hundredth of the time so far is exact enough for any time."""
        return max(self._longest_poll_s, _EXACT * (supervision.clock.now() - self._process.spawned_at))

    def take_listening(self) -> Listening | None:
        """Return where it was seen to listen, and when, once; None: not seen yet, or returned before."""
        found, self._listening = self._listening, None
        return found

    def _note_listening(self) -> None:
        """Keep when and where it was first seen to listen; where that cannot be seen, nothing depends on it."""
        if self._watches_listening:
            with suppress(OSError):
                found = self._questions.listening_addresses()
                self._watches_listening = not found
                self._listening = Listening(at=supervision.clock.now(), addresses=found) if found else None

    def _ask_pending(self) -> Iterator[tuple[Probe, supervision.Ready]]:
        """Ask each pending probe once, and yield those that are satisfied for as long as they have to be."""
        for probe in tuple(self.pending):
            match self._ask(probe):
                case supervision.Ready() as ready:
                    streak = self._streaks.get(probe) or self._begin_streak(probe, ready)
                    if streak.left_s(supervision.clock.now()) <= 0:
                        self._note_listening()
                        yield probe, self._satisfied(probe, ready)
                    else:
                        self._reason = f"{ready.detail}, not yet for {probe.steady_s:g} s"
                case supervision.WrongProcess() as wrong_process:
                    self.failure = findings.answered_by_wrong_process(self._name, wrong_process)
                    return
                case supervision.Undecided() as undecided:
                    self.failure = findings.expression_too_slow("ready", undecided.expression, undecided.reason)
                    return
                case supervision.NotReady() as not_ready:
                    self._last = probe, not_ready
                    broken = self._streaks.pop(probe, None)
                    lasted = f" after {broken.age_s(supervision.clock.now()):.1f} s" if broken else ""
                    self._reason = f"{not_ready.reason}{lasted}"

    def _begin_streak(self, probe: Probe, ready: supervision.Ready) -> Streak:
        """Return since when a probe is satisfied; the time of the start is read before anything else is asked."""
        now, process = supervision.clock.now, self._process
        effective_s = supervision.effective_since(
            process.pid, process.spawned_at, queued_before_s=process.queued_before_s, now=now
        )
        began_at = now()
        taken_s = effective_s if effective_s and effective_s > 0 else began_at - process.spawned_at
        self._streaks[probe] = Streak(probe.steady_s, began_at, ready, taken_s)
        return self._streaks[probe]

    def _late(self) -> Finding:
        """Return RUN603 with what is known of the deployment, and keep what the last probe got."""
        if self._last is None:
            return findings.ready_timeout_exceeded(self._name, self._limit_s, self._reason)
        probe, answer = self._last
        obstacle = obstacle_of(probe, answer, self._questions.listening_addresses())
        self.got, self.hangs = answer.got, answer.refusal is supervision.Refusal.SILENT
        return findings.ready_timeout_exceeded(self._name, self._limit_s, self._reason, obstacle)

    def _ask(self, probe: Probe) -> supervision.Answer:
        """Ask a probe; a line that was printed and a message that was sent stay so, and are not asked for again."""
        streak = self._streaks.get(probe)
        if streak is not None and isinstance(probe, LogProbe | NotifyProbe):
            return streak.answer
        return self._questions.ask(probe, self._left_s())

    def _satisfied(self, probe: Probe, ready: supervision.Ready) -> supervision.Ready:
        streak = self._streaks.pop(probe)
        self.satisfied_at = max(self.satisfied_at, streak.began_at)
        self.effective_s = max(self.effective_s, streak.effective_s)
        self.pending.remove(probe)
        return replace(ready, detail=f"{ready.detail}, for {probe.steady_s:g} s") if probe.steady_s else ready

    def _left_s(self) -> float:
        """Return the seconds until it must be ready; EXTEND_TIMEOUT_USEC prolongs them."""
        since, limit_at = self._process.spawned_at, self._process.spawned_at + self._limit_s
        if self._notify is not None:
            limit_at = supervision.deadline(since, self._limit_s, self._notify.state)
        return limit_at - supervision.clock.now()


@dataclass(frozen=True, slots=True)
class Streak:
    """How long a probe has been satisfied without a break; it is asked often meanwhile, or a break is not seen."""

    steady_s: float
    """How long it must be."""
    began_at: float
    answer: supervision.Ready
    """The first of its answers."""
    effective_s: float = 0.0
    """What the start had taken when it began, without the waiting for a CPU."""

    def age_s(self, now: float) -> float:
        """Return how long it has lasted."""
        return now - self.began_at

    def left_s(self, now: float) -> float:
        """Return how long it must still last."""
        return self.steady_s - self.age_s(now)

    def pause_s(self, now: float) -> float:
        """Return the seconds until it is asked again: a quarter at first, a second after ten seconds."""
        return max(0.0, min(self.left_s(now), max(0.25, self.age_s(now) / 10)))


def wait_for_ending(process: supervision.Process) -> supervision.Ending:
    """Return how a process ended whose main process is gone; the guard ends meanwhile what that one left behind."""
    return process.wait_for_rest()
