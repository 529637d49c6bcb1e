"""Several iterators of events at once, each in a thread of its own; their events come out in one line."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator

from tox_prodsim.model.events import Event


class EventThreads:
    """Iterators that run side by side, each by its name; ``running`` are the names of those that have not ended."""

    def __init__(self) -> None:
        self._came: queue.SimpleQueue[tuple[str, Event | BaseException | None]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.running: list[str] = []

    def begin(self, name: str, events: Iterable[Event]) -> None:
        """Run an iterator from now on."""
        thread = threading.Thread(target=self._play, args=(name, events), name=f"prodsim-{name}", daemon=True)
        self._threads.append(thread)
        self.running.append(name)
        thread.start()

    def events(self, timeout_s: float) -> Iterator[Event]:
        """Yield what has come, after a wait for the first of it; ends early when an iterator has ended.

        Raises what an iterator has raised.
        """
        while self.running:
            try:
                name, item = self._came.get(timeout=timeout_s)
            except queue.Empty:
                return
            if isinstance(item, BaseException):
                raise item
            if item is None:
                self.running.remove(name)
                return
            yield item
            timeout_s = 0.0

    def join(self) -> None:
        """Wait for the end of all threads; to be called when what they wait for has been ended."""
        for thread in self._threads:
            thread.join()

    def _play(self, name: str, events: Iterable[Event]) -> None:
        try:
            for event in events:
                self._came.put((name, event))
        except BaseException as problem:  # noqa: BLE001 - it is raised in the thread that asks for the events
            self._came.put((name, problem))
        else:
            self._came.put((name, None))
