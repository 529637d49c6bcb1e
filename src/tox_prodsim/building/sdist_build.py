"""Build the wheel of an sdist in a thread, in an environment of its own, to compare it with a wheel that was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tox_prodsim.building import frontend
from tox_prodsim.building.background import BackgroundBuild
from tox_prodsim.building.unpacking import unpack
from tox_prodsim.model import files
from tox_prodsim.model.runner import BoundedCall


class SdistBuilder(BackgroundBuild[Path]):
    """Builds one sdist once, in a thread, and once more when it is asked to; ``folder`` takes all of it."""

    def __init__(self, folder: Path, call: BoundedCall, *, ended: Callable[[], object] = lambda: None) -> None:
        super().__init__("the sdist")
        self._folder = folder
        self._call = call
        self._ended = ended
        self._execute: frontend.Execute | None = None
        self._sdist = Path()

    def start(self, sdist: Path, python: Path, execute: frontend.Execute) -> None:
        """Begin the build with a new environment of this interpreter."""
        self._sdist, self._execute = sdist, execute
        self.submit(lambda: self._build(python, execute))

    def again(self) -> Path:
        """Return the wheel of a second build, in another folder; raises as ``result`` does."""
        if self._execute is None:
            raise self.never_built()
        source = self._call(unpack, self._sdist, self._folder / "again")
        python = frontend.build_python(self._folder)
        return frontend.wheel_without_isolation(
            source, python=python, folder=self._folder / "again-dist", execute=self._execute
        )

    def _build(self, python: Path, execute: frontend.Execute) -> Path:
        try:
            files.empty_folder(self._folder)
            return frontend.wheel_from_sdist(
                self._sdist, python=python, folder=self._folder, execute=execute, call=self._call
            )
        finally:
            self._ended()
