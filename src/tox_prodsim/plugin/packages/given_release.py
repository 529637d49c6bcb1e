"""The release of which a wheel was given: its sdist, which is built to compare, and its other files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from tox.tox_env.python.runner import PythonRun

from tox_prodsim import supervision
from tox_prodsim.building import sdist_build
from tox_prodsim.checks import artifact
from tox_prodsim.model.events import RunStarted
from tox_prodsim.model.release_files import FileKind, ReleaseFile, kind_of
from tox_prodsim.model.runner import BoundedCall
from tox_prodsim.plugin.context import runners
from tox_prodsim.plugin.packages import build_record, given
from tox_prodsim.plugin.packages.build_record import BuildRecord
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.run.release import Release
from tox_prodsim.run.sdist import GivenBuild

_FOLDER = "given"


class GivenRelease:
    """What ``--installpkg`` gives beside the wheel under test; without the option there is nothing."""

    def __init__(self, tox_env: PythonRun, folder: Path, cancel: supervision.Cancel, call: BoundedCall) -> None:
        self._env = tox_env
        self._cancel = cancel
        self._call = call
        self._record = BuildRecord()
        self._log = folder / build_record.BUILD_LOG
        self._builder = sdist_build.SdistBuilder(folder / _FOLDER, call, ended=self._save_log)

    @property
    def file(self) -> Path | None:
        """Return the file of ``--installpkg``, or the one that was taken from its folder."""
        return given.file(self._env)

    @property
    def is_wheel(self) -> bool:
        """Return whether that is a wheel."""
        return self.file is not None and kind_of(self.file.name) is FileKind.WHEEL

    @property
    def _folder(self) -> artifact.ReleaseFolder | None:
        """Return the folder of which a wheel is under test; None: there is none."""
        return given.folder(self._env) if self.is_wheel else None

    def sdist(self) -> Path | None:
        """Return the sdist of the same release; None: there is none."""
        if self.file is None or not self.is_wheel:
            return None
        if self._folder is None:
            return self._call(artifact.sdist_beside, self.file)
        return self._folder.sdist.path if self._folder.sdist is not None else None

    @property
    def no_sdist(self) -> str:
        """Return that there is no sdist."""
        return "a wheel was given, without its sdist" if self._folder is None else f"{self._folder.shown} has no sdist"

    def begin_build(self, sdist: Path, folder: Path) -> None:
        """Begin to build the wheel of the sdist of a folder, below ``folder``; of a single file it is not built."""
        if self._folder is not None:
            environ = runners.build_environ(self._env.environment_variables, ceiling=folder)
            execute = runners.build_execute(self._env, environ, self._cancel, key="sdist", keep=self._record.ran)
            self._builder.start(sdist, runners.base_python(self._env), execute)

    def build(self) -> GivenBuild | None:
        """Return how the wheel of the sdist is had; None: it is not built."""
        if not self._builder.is_started:
            return None
        return GivenBuild(first=self._builder.result, again=self._builder.again, log=display_path(self._log))

    def _save_log(self) -> None:
        build_record.save(self._record.text, self._log.parent)

    @property
    def is_building(self) -> bool:
        """Return whether the build has begun and has not ended."""
        return self._builder.is_running

    def release_files(self, started: RunStarted, sdist: Path | None) -> tuple[ReleaseFile, ...]:
        """Return the files that are to be published; a wheel that was built from a given sdist is not one of them."""
        wheel = ReleaseFile(
            name=started.wheel_name,
            kind=FileKind.WHEEL,
            size_bytes=started.wheel_size_bytes,
            sha256=started.wheel_sha256,
        )
        wheels = (wheel,) if self.file is None or self.is_wheel else ()
        sdists = (self._call(artifact.release_file, sdist, FileKind.SDIST),) if sdist is not None else ()
        return (*wheels, *sdists, *self._other_files({each.name for each in (*wheels, *sdists)}))

    def _other_files(self, known: Collection[str]) -> Iterator[ReleaseFile]:
        """Yield the other files of a folder."""
        for each in self._folder.files if self._folder is not None else ():
            if each.name not in known:
                yield self._call(artifact.release_file, each.path, each.kind)

    def release(self, files: Iterable[ReleaseFile]) -> Release | None:
        """Return the folder of the files; None: there is none."""
        if self._folder is None:
            return None
        return Release(folder=self._folder, digests={each.name: each.sha256 for each in files})

    def close(self) -> None:
        """Wait for a build that runs: a cancel ends it."""
        self._builder.close()
