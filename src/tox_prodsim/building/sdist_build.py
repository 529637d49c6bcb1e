"""Build the wheel of an sdist in a thread, in an environment of its own, to compare it with a wheel that was given."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tox_prodsim.building import frontend
from tox_prodsim.building.unpacking import unpack
from tox_prodsim.model import files
from tox_prodsim.model.errors import TreeUnavailableError
from tox_prodsim.model.runner import BoundedCall


class SdistBuilder:
    """Builds one sdist once, in a thread, and once more when it is asked to; ``folder`` takes all of it."""

    def __init__(self, folder: Path, call: BoundedCall, *, ended: Callable[[], object] = lambda: None) -> None:
        self._folder = folder
        self._call = call
        self._ended = ended
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prodsim-sdist")
        self._future: Future[Path] | None = None
        self._execute: frontend.Execute | None = None
        self._sdist = Path()

    @property
    def is_started(self) -> bool:
        """Return whether the build has begun."""
        return self._future is not None

    @property
    def is_running(self) -> bool:
        """Return whether the build has begun and has not ended."""
        return self._future is not None and not self._future.done()

    def start(self, sdist: Path, python: Path, execute: frontend.Execute) -> None:
        """Begin the build with a new environment of this interpreter."""
        self._sdist, self._execute = sdist, execute
        self._future = self._pool.submit(self._build, python, execute)

    def result(self) -> Path:
        """Wait for the wheel; raises ProdsimError (BuildError), OSError and Cancelled when there is none."""
        if self._future is None:
            msg = "the sdist was not built"
            raise TreeUnavailableError(msg)
        return self._future.result()

    def again(self) -> Path:
        """Return the wheel of a second build, in another folder; raises as ``result`` does."""
        if self._execute is None:
            msg = "the sdist was not built"
            raise TreeUnavailableError(msg)
        source = self._call(unpack, self._sdist, self._folder / "again")
        python = frontend.build_python(self._folder)
        return frontend.wheel_without_isolation(
            source, python=python, folder=self._folder / "again-dist", execute=self._execute
        )

    def close(self) -> None:
        """Wait for the thread."""
        self._pool.shutdown(cancel_futures=True)

    def _build(self, python: Path, execute: frontend.Execute) -> Path:
        try:
            files.empty_folder(self._folder)
            return frontend.wheel_from_sdist(
                self._sdist, python=python, folder=self._folder, execute=execute, call=self._call
            )
        finally:
            self._ended()
