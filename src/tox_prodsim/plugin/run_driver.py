"""Advance the run of one environment to where tox is. The run is a generator that is suspended meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from tox_prodsim.model.errors import Cancelled
from tox_prodsim.model.events import Event
from tox_prodsim.run.context import CommandsOutcome, Paused, ToxPhase
from tox_prodsim.run.run import Run


class RunDriver:
    """Resumes a run when tox has come to its next phase, and reports its events.

    ``paused`` is what the run waits for, and ``problem`` why the machine ended the run (empty: it did not).
    """

    def __init__(
        self,
        run: Run,
        report: Callable[[Event], None],
        outcome: Callable[[], CommandsOutcome],
        *,
        describe: Callable[[Exception], str],
    ) -> None:
        """Take the run, what receives its events, and what returns one line about an exception of the run."""
        self._run: Run | None = run
        self._report = report
        self._outcome = outcome
        self._describe = describe
        self.paused = Paused(until=ToxPhase.COMMANDS)
        self.problem = ""

    def start(self) -> None:
        """Begin the run, up to its first pause."""
        self._resume(None)

    def advance_to(self, phase: ToxPhase) -> None:
        """Advance the run until it waits for a phase after this one."""
        while self._run is not None and self.paused.until <= phase:
            self._resume(self._outcome())

    def _resume(self, outcome: CommandsOutcome | None) -> None:
        """Resume the run until it pauses again, or is over."""
        if self._run is None:
            return
        try:
            event = next(self._run) if outcome is None else self._run.send(outcome)
            while not isinstance(event, Paused):
                self._report(event)
                event = next(self._run)
            self.paused = event
        except StopIteration:
            self._run = None
        except Cancelled:
            raise
        except Exception as problem:  # noqa: BLE001 - it becomes one line, and tox goes on to clean up
            self.give_up(self._describe(problem))

    def give_up(self, problem: str) -> None:
        """End the run because of the machine or the request; tox runs ``commands_post`` before it may fail."""
        if self._run is not None:
            self._run.close()
        self._run, self.problem = None, problem
        self.paused = replace(self.paused, until=ToxPhase.END, go_ahead=False)

    def close(self) -> None:
        """End whatever the run has started. Never raises Cancelled."""
        with contextlib.suppress(Cancelled):
            if self._run is not None:
                self._run.close()
