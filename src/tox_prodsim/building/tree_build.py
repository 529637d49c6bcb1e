"""Build the wheel of the source tree in a thread, from a copy of the tree, to compare it with the wheel under test.

It is built by the interpreter that has built the wheel under test: that has all requirements, so that the two wheels
can differ in nothing but their sources.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tox_prodsim.building import frontend, source_tree
from tox_prodsim.building.background import BackgroundBuild
from tox_prodsim.building.unpacking import unpack
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import NoTreeError, TreeUnavailableError
from tox_prodsim.model.findings import NothingToCheck
from tox_prodsim.model.runner import BoundedCall, Runner, unbounded

_COPY, _SDIST = "tree", "again"


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceTree:
    """The source tree of the project, and how it is read."""

    root: Path
    git: Runner
    """Runs git in the tree."""
    leave_out: tuple[Path, ...]
    """Folders that are not copied."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildTools:
    """What builds a wheel: an interpreter that has all requirements, and how a build hook is run."""

    python: Path
    execute: frontend.Execute
    call: BoundedCall = unbounded
    """Unpacks an sdist."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltTree:
    """What the build of the source tree came to."""

    wheel: Path
    stale: frozenset[str]
    """Files of earlier builds, at the paths where setuptools would install them."""
    manifest: frozenset[str]
    """What the lists of files that earlier builds have left name; they were not copied."""
    written: tuple[tuple[str, bool], ...] | str
    """What the build wrote into the tree, and whether git tracks it; a text: why that is not known."""


class TreeBuilder(BackgroundBuild[BuiltTree]):
    """Builds the source tree once, in a thread; ``folder`` takes the copy and the wheels."""

    def __init__(self, tree: SourceTree, folder: Path, interrupted: Callable[[], bool]) -> None:
        super().__init__("the source tree")
        self._tree = tree
        self._folder = folder
        self._interrupted = interrupted
        self._tools: BuildTools | None = None

    @property
    def copy(self) -> Path:
        """Return the folder of the copy."""
        return self._folder / _COPY

    def start(self, tools: BuildTools) -> None:
        """Begin the build."""
        self._tools = tools
        self.submit(lambda: self._build(tools))

    def tracked(self) -> frozenset[str]:
        """Return the files of the project that git tracks; nothing where there is no repository."""
        return source_tree.tracked(self._tree.root, self._tree.git)

    def build_again(self, sdist: Path) -> Path:
        """Return the wheel of an sdist, built with the same tools; raises ProdsimError, OSError and Cancelled."""
        if self._tools is None:
            raise self.never_built()
        source = self._tools.call(unpack, sdist, self._folder / _SDIST)
        return self._wheel(source, f"{_SDIST}-wheel", self._tools)

    def close(self) -> None:
        """Wait for the thread, and remove what the builds needed; the wheels stay."""
        super().close()
        for name in (_COPY, _SDIST):
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def _build(self, tools: BuildTools) -> BuiltTree:
        manifests = source_tree.old_manifests(self._tree.root, self._tree.git)
        copied = source_tree.copy(
            self._tree.root,
            self.copy,
            self._tree.git,
            leave_out=(*self._tree.leave_out, *manifests),
            interrupted=self._interrupted,
        )
        stale = frozenset(source_tree.stale_files(copied))
        before = self._status(copied)
        wheel = self._wheel(copied, f"{_COPY}-wheel", tools)
        written = before if isinstance(before, str) else self._written(copied, before)
        return BuiltTree(
            wheel=wheel,
            stale=stale,
            manifest=frozenset().union(*manifests.values()),
            written=written,
        )

    def _status(self, copied: Path) -> source_tree.Status | str:
        """Return what git says of the copy before the build, or why it says nothing."""
        try:
            source_tree.repository(self._tree.git)
            return source_tree.status(copied, self._tree.git)
        except NoTreeError as problem:
            return NothingToCheck(problem)
        except TreeUnavailableError as problem:
            return str(problem)

    def _written(self, copied: Path, before: source_tree.Status) -> tuple[tuple[str, bool], ...]:
        return source_tree.written(before, source_tree.status(copied, self._tree.git))

    def _wheel(self, source: Path, name: str, tools: BuildTools) -> Path:
        folder = self._folder / name
        shutil.rmtree(folder, ignore_errors=True)
        return frontend.wheel_without_isolation(source, python=tools.python, folder=folder, execute=tools.execute)
