"""A build that goes on in a thread while the run does something else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from tox_prodsim.model.errors import TreeUnavailableError

Built = TypeVar("Built")


class BackgroundBuild(Generic[Built]):
    """One build in a thread of its own."""

    def __init__(self, what: str) -> None:
        """Take what is built, for the error: ``the sdist``."""
        self._what = what
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prodsim-build")
        self._future: Future[Built] | None = None

    @property
    def is_started(self) -> bool:
        """Return whether the build has begun."""
        return self._future is not None

    @property
    def is_running(self) -> bool:
        """Return whether the build has begun and has not ended."""
        return self._future is not None and not self._future.done()

    def submit(self, build: Callable[[], Built]) -> None:
        """Begin the build."""
        self._future = self._pool.submit(build)

    def result(self) -> Built:
        """Wait for the build; raises what it raised, and TreeUnavailableError when none was begun."""
        if self._future is None:
            raise self.never_built()
        return self._future.result()

    def never_built(self) -> TreeUnavailableError:
        """Return the error for a build that was not begun."""
        return TreeUnavailableError(f"{self._what} was not built")

    def close(self) -> None:
        """Wait for the thread."""
        self._pool.shutdown(cancel_futures=True)
