"""The seconds of the step ``compare``: one total, divided over what is timed by what it needs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner

_SHORTEST_S = 0.1
_ROUND_UP_S = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTime:
    """The time of one step, from its beginning.

    Two parts of it end earlier: rounds of what is not decided, which is then settled by other means or reported as not
    decided; and the rounds without which nothing can be said.
    """

    total_s: float
    began: float
    looks: float = 1 / 3
    """Of the total, from its beginning."""
    least: float = 2 / 3
    """Of the total, from its beginning."""

    @staticmethod
    def now() -> float:
        """Return the time of its clock."""
        return time.monotonic()

    @property
    def passed_s(self) -> float:
        """Return the seconds since the beginning."""
        return self.now() - self.began

    @property
    def left_s(self) -> float:
        """Return the seconds that are left of all, at least 0."""
        return max(0.0, self.total_s - self.passed_s)

    @property
    def looks_s(self) -> float:
        """Return the seconds that are left for rounds of what is not decided."""
        return max(0.0, self.looks * self.total_s - self.passed_s)

    @property
    def least_s(self) -> float:
        """Return the seconds that are left for the rounds without which nothing can be said."""
        return max(0.0, self.least * self.total_s - self.passed_s)

    def series_s(self, needed_s: float) -> float:
        """Return the seconds of a first series, which needs so many for its first look."""
        return max(self.looks_s, min(self.least_s, 1.5 * needed_s))

    def longer(self, more_s: float) -> str:
        """Return, of how many seconds a series needs more, which value of the key gives them."""
        enough = _ROUND_UP_S * math.ceil((self.total_s + more_s / self.looks) / _ROUND_UP_S)
        return f"about {more_s:.0f} s more are needed (compare_timeout = {enough})"

    def limited(self, runner: Runner, fraction: float = 1.0) -> Runner:
        """Return the same runner, which ends each program when so much of the total has passed."""

        def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
            left_s = max(fraction * self.total_s - self.passed_s, _SHORTEST_S)
            return runner(argv, timeout_s=min(timeout_s, left_s), variables=variables)

        return run

    def turn(self, waiting: int, parts: int) -> Callable[[], float]:
        """Return what returns the time of each part of one change, while so many others wait behind it.

        Each but the last of so many parts may take half of what is left of the turn.
        """
        until = self.now() + self.left_s / (waiting + 1)
        begun: list[float] = []

        def left_s() -> float:
            left = max(0.0, until - self.now())
            begun.append(left)
            return left / 2 if len(begun) < parts else left

        return left_s


def share(own_s: float, later_s: float, left_s: float) -> float:
    """Return the part of the time left for something that needs so much, before something else that needs so much.

    What the other needs is kept for it; where that is too little for both, each has its share.
    """
    return max(left_s - later_s, left_s * own_s / max(own_s + later_s, 1e-9))
