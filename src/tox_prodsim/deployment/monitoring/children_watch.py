"""Follow the processes of a service while it is up, in a thread of its own."""

from __future__ import annotations

import threading

from tox_prodsim import supervision
from tox_prodsim.deployment.monitoring import zombies

EVERY_S = 0.1
"""The processes are looked at so often, and at once when one has ended."""
_SHORTEST_S = 0.02
"""Pause between two looks however many processes end."""
_MOST_ENDINGS = 10_000
"""Endings that are kept: a fork bomb has more."""


class ChildrenWatch(threading.Thread):
    """``endings`` are those of the children, ``alive`` those of whom none is known; final when it has ended."""

    def __init__(self, process: supervision.Process) -> None:
        super().__init__(name="prodsim-children", daemon=True)
        self._process = process
        self._descendants = supervision.Descendants(process.pids, process.pid)
        self._ending, self._given_up = threading.Event(), threading.Event()
        self.endings: list[supervision.DescendantEnding] = []
        self.alive: list[tuple[supervision.DescendantEnding, float]] = []
        self.piles: list[zombies.Pile] = []
        self.too_many = False

    def run(self) -> None:
        """Look until the end, or until the main process has ended."""
        try:
            while not self._ending.is_set() and not self._process.main_exited():
                self._look()
                self._descendants.wait(EVERY_S)
                self._ending.wait(_SHORTEST_S)
            self._look_at_end()
        finally:
            self._descendants.close()

    def end(self) -> None:
        """Look once more, and end; zombies that have only just ended are given a moment."""
        self._ending.set()
        self._join()

    def give_up(self) -> None:
        """End without another look: what ends from now on was ended by us."""
        self._given_up.set()
        self._ending.set()
        self._join()

    def _join(self) -> None:
        if self.ident is not None:
            self.join()

    def _look(self) -> None:
        if not self._given_up.is_set():
            self.endings += self._descendants.look()[: _MOST_ENDINGS - len(self.endings)]

    def _look_at_end(self) -> None:
        give_up_at = supervision.clock.now() + zombies.OLD_S + EVERY_S
        self._look()
        while not self._process.main_exited() and supervision.clock.now() < give_up_at:
            if not zombies.may_pile_up(self._descendants.zombies(), supervision.clock.now()):
                break
            if self._given_up.wait(EVERY_S):
                break
            self._look()
        self.too_many = self._descendants.too_many
        self.alive = self._descendants.alive()
        if not self._process.main_exited():
            found = zombies.find_piles(
                self._descendants.zombies(), supervision.clock.now(), self._descendants.reaped_late(zombies.OLD_S)
            )
            self.piles = list(found)
