"""Whether a service stays well, from its start to its stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tox_prodsim import supervision
from tox_prodsim.deployment.monitoring import findings
from tox_prodsim.deployment.monitoring.children_watch import ChildrenWatch
from tox_prodsim.deployment.monitoring.crashes import find_crashes
from tox_prodsim.deployment.monitoring.lost_readiness import can_be_asked_again
from tox_prodsim.deployment.monitoring.readiness_watch import ReadinessWatch
from tox_prodsim.deployment.readiness import Questions
from tox_prodsim.model.findings import Finding
from tox_prodsim.model.probes import Probe
from tox_prodsim.model.scenario import Deployment, stand_in_probes


def checked_codes(deployment: Deployment) -> frozenset[str]:
    """Return the codes that are checked while a deployment is up."""
    if not deployment.is_service:
        return frozenset()
    again = any(map(can_be_asked_again, stand_in_probes("ready", deployment.ready)))
    return frozenset({"RUN645"} if again else ()) | frozenset({"RUN646", "RUN647"} if supervision.CAN_FOLLOW else ())


class WellWatch:
    """Follows the children of a service from its start on, and asks its probes again once it is ready.

    A job has neither. Whoever makes one ends it or gives it up, before anything is signalled.
    """

    def __init__(self, name: str, process: supervision.Process, *, is_service: bool) -> None:
        self._name, self._process, self._is_service = name, process, is_service
        self._readiness: ReadinessWatch | None = None
        self._only_at_end = False
        self._children = ChildrenWatch(process)
        if is_service and supervision.CAN_FOLLOW:
            self._children.start()

    def ready(self, questions: Questions, probes: Sequence[Probe], *, only_at_end: bool) -> None:
        """Ask its probes again from now on; ``only_at_end``: once, before the stop."""
        self._only_at_end = only_at_end
        self._readiness = ReadinessWatch(self._process, questions, probes, only_at_end=only_at_end)
        self._readiness.start()

    def end_readiness(self, cancel: supervision.Cancel) -> None:
        """Ask once more; raises Cancelled when that is asked for meanwhile."""
        if self._readiness is not None:
            self._readiness.end(cancel)

    def end_children(self) -> None:
        """Look at the children once more, and ask nothing any more."""
        if self._readiness is not None:
            self._readiness.give_up()
        self._children.end()

    def give_up(self) -> None:
        """End at once; idempotent."""
        if self._readiness is not None:
            self._readiness.give_up()
        self._children.give_up()

    @property
    def asked(self) -> int:
        """Return how often it was asked again."""
        return self._readiness.asked if self._readiness is not None else 0

    def lost_readiness(self, *, died: bool) -> Iterator[Finding]:
        """Yield RUN645 for each loss."""
        for loss in self._readiness.losses(died=died) if self._readiness is not None else ():
            yield findings.readiness_lost(self._name, loss, self._process.spawned_at)

    def unwell_children(self) -> Iterator[Finding]:
        """Yield RUN646 for children that crashed, and RUN647 for zombies that pile up."""
        for crashes in find_crashes(self._children.endings, self._children.alive):
            yield findings.children_crashed(self._name, crashes, self._process.spawned_at)
        for pile in self._children.piles:
            yield findings.zombies_pile_up(self._name, pile)

    def not_checked(self) -> Iterator[str]:
        """Yield what could not be seen, and why."""
        if self._is_service and not supervision.CAN_FOLLOW:
            yield "children that crash, and zombies: only Linux shows them"
        if self._readiness is not None and not self._readiness.asks:
            yield "whether it stayed ready: log, delay and notify are not asked again"
        elif self._only_at_end:
            yield "whether it stayed ready before its stop: with idle_timeout a question might make it print"
        unknown = sum(ending.status is None for ending in self._children.endings)
        if unknown:
            yield f"how {unknown} of its children ended: their parent was faster, and Linux before 6.15 keeps no status"
        if self._children.too_many:
            yield f"all of its children: more than {supervision.MOST_DESCENDANTS} at a time"
