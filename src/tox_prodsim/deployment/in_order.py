"""Start several services in the order of what they depend on, and stop them in the reverse order.

Those that do not depend on one another are started, and stopped, side by side. The first that fails ends all.
"""

from __future__ import annotations

import graphlib
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Protocol

from tox_prodsim.deployment.event_threads import EventThreads
from tox_prodsim.model.events import Event

_POLL_S = 0.1
"""So often it is looked whether a service that is up has ended, while others start."""


class Member(Protocol):
    """One of them: a service, or a job."""

    @property
    def failed(self) -> bool:
        """Return whether an error was found."""

    @property
    def is_up(self) -> bool:
        """Return whether it is a service that has become ready and was not stopped."""

    def start(self) -> Iterator[Event]:
        """Start it, until it is ready or has ended."""

    def abandon(self, reason: str) -> None:
        """End a start that goes on in another thread."""

    def has_ended(self) -> bool:
        """Return whether a service that should be up has ended."""

    def ended_at(self) -> float:
        """Return when a service ended that should be up."""

    def find_death(self) -> Iterator[Event]:
        """Report that a service has ended that should be up."""

    def stop_unjudged(self, reason: str) -> Iterator[Event]:
        """Stop a service that is up because another one has failed."""

    def close(self) -> None:
        """End whatever is left of it."""


class InOrder:
    """Members by their names, and the names of those that each one waits for.

    ``first_failed`` is the name of the first that failed, empty while none has; then the others have been stopped.
    """

    def __init__(self, members: Mapping[str, Member], waits_for: Mapping[str, Collection[str]]) -> None:
        self.members, self._waits_for = members, waits_for
        self._threads = EventThreads()
        self.first_failed = ""

    def start(self) -> Iterator[Event]:
        """Start all, each one when those that it waits for are ready or have ended well."""
        yield from self._walk(self._waits_for, lambda name: self.members[name].start(), stops_at_failure=True)
        yield from self.find_deaths()

    def stop(self, stop: Callable[[str], Iterator[Event]]) -> Iterator[Event]:
        """Stop each one when all that wait for it are stopped."""
        yield from self._walk(self._dependents(), stop)

    def find_deaths(self) -> Iterator[Event]:
        """Report the services that have ended that should be up, and stop the others then."""
        yield from self._deaths()
        yield from self._end_if_failed()

    def _deaths(self) -> Iterator[Event]:
        """Report the services that have ended that should be up, in the order in which they ended."""
        dead = {name: member.ended_at() for name, member in self.members.items() if member.has_ended()}
        for name in sorted(dead, key=lambda name: dead[name]):
            self.first_failed = self.first_failed or name
            yield from self.members[name].find_death()

    def _end_if_failed(self) -> Iterator[Event]:
        """Stop what still starts, and what is up, when one has failed."""
        if not self.first_failed:
            return
        reason = f"because {self.first_failed} has failed"
        for name in [*self._threads.running]:
            if not self.members[name].failed:
                self.members[name].abandon(reason)
        while self._threads.running:
            yield from self._threads.events(_POLL_S)
        yield from self.stop(lambda name: self.members[name].stop_unjudged(reason))

    def stop_all(self) -> Iterator[Event]:
        """Stop those that are up, and judge nothing but that they stop."""
        yield from self.stop(lambda name: self.members[name].stop_unjudged(""))

    def close(self) -> None:
        """End whatever is left, and the threads."""
        closing = [threading.Thread(target=member.close, daemon=True) for member in self.members.values()]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
        self._threads.join()

    def _dependents(self) -> dict[str, list[str]]:
        return {name: [other for other, needed in self._waits_for.items() if name in needed] for name in self.members}

    def _walk(
        self,
        waits_for: Mapping[str, Collection[str]],
        work: Callable[[str], Iterator[Event]],
        *,
        stops_at_failure: bool = False,
    ) -> Iterator[Event]:
        """Do the work of each when that of those it waits for is done; alone, it is done in this thread."""
        sorter = graphlib.TopologicalSorter(waits_for)
        sorter.prepare()
        if len(self.members) == 1:
            yield from work(*self.members)
            return
        while sorter.is_active():
            for name in sorter.get_ready():
                self._threads.begin(name, work(name))
            running = [*self._threads.running]
            for event in self._threads.events(_POLL_S):
                if stops_at_failure and self._note_failure():
                    yield from self._deaths()  # of what it depends on: the cause comes first
                yield event
                if self.first_failed and stops_at_failure:
                    return
            if stops_at_failure and self._note_failure():
                return
            sorter.done(*(name for name in running if name not in self._threads.running))

    def _note_failure(self) -> bool:
        """Keep the first that failed, or has ended while others start; return whether there is one."""
        failed = (name for name, member in self.members.items() if member.failed or member.has_ended())
        self.first_failed = self.first_failed or next(failed, "")
        return bool(self.first_failed)
