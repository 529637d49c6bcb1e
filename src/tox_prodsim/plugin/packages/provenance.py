"""Where the wheel under test comes from, followed from tox's packaging until the wheel is checked.

tox builds the sdist and the wheel in its package environment. As soon as it has, the wheel of the source tree is built
by the same interpreter, while tox installs (see ``building.tree_build``).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from tox.tox_env.errors import Fail
from tox.tox_env.package import PackageToxEnv
from tox.tox_env.python.runner import PythonRun
from tox.tox_env.python.virtual_env.package.pyproject import ToxBackendFailed

from tox_prodsim import supervision
from tox_prodsim.building import reference_wheel, tree_build
from tox_prodsim.checks import artifact
from tox_prodsim.checks.artifact import build_failure
from tox_prodsim.model import files
from tox_prodsim.model.activity import Activity
from tox_prodsim.model.errors import BuildError, NoTreeError, ProdsimError, TreeUnavailableError
from tox_prodsim.model.events import RunStarted, Step
from tox_prodsim.model.formatting import counted
from tox_prodsim.model.release_files import ReleaseFile
from tox_prodsim.model.runner import BoundedCall
from tox_prodsim.plugin.context import runners
from tox_prodsim.plugin.packages import build_record
from tox_prodsim.plugin.packages.build_record import BuildRecord
from tox_prodsim.plugin.packages.given_release import GivenRelease
from tox_prodsim.plugin.packages.package_env import Packaging, is_not_unpacked
from tox_prodsim.plugin.paths import display_path
from tox_prodsim.plugin.progress import ProgressDisplay
from tox_prodsim.run.context import Preparation, WheelUnderTest
from tox_prodsim.run.sdist import Provenance, TreeBuild, unknown_provenance

_LOGGER = logging.getLogger(__name__)
_BUILDING = {
    "_optional_hooks": "starting the build back end",
    "install": "installing what the build requires",
    "get_requires": "asking the build back end what it requires",
    "prepare_metadata": "asking the build back end for the metadata",
    "build_sdist": "building the sdist",
    "build_wheel": "building the wheel",
}
"""What tox does in the package environment, by the beginning of the name that it gives it."""
_BUILT = ("BLD101", "BLD102", "SDI201")


class ProvenanceTracker:
    """Follows the packaging of one environment.

    ``report`` receives a build that failed, and ``report_refused`` a wheel that tox cannot read with its reason; both
    raise Fail. So does ``check_given``, if the file of ``--installpkg`` cannot be read.
    """

    def __init__(
        self,
        tox_env: PythonRun,
        folder: Path,
        cancel: supervision.Cancel,
        report: Callable[[build_failure.BuildFailure], None],
        report_refused: Callable[[Path, str], None],
        *,
        check_given: Callable[[], None],
        call: BoundedCall,
        progress: ProgressDisplay,
    ) -> None:
        self._env = tox_env
        self._folder = folder
        self._cancel = cancel
        self._report = report
        self._report_refused = report_refused
        self._check_given = check_given
        self._call = call
        self._progress = progress
        self._root = Path(tox_env.core["package_root"])
        self._tree = tree_build.TreeBuilder(
            tree_build.SourceTree(
                root=self._root,
                git=runners.git_runner(tox_env, cancel),
                leave_out=(Path(tox_env.core["work_dir"]),),
            ),
            folder,
            interrupted=lambda: cancel.is_set,
        )
        self.given = GivenRelease(tox_env, folder, cancel, call)
        """What ``--installpkg`` gives."""
        self._reported = False
        self.record = BuildRecord()
        """What the build of the wheel under test wrote; empty: it was not built."""

    # the listener of tox's packaging

    def begins(self) -> None:
        """Look into a given file before tox does, which reads it without any limit."""
        self._check_given()
        self._progress.begin(Step.BUILD)

    def runs(self, run_id: str) -> None:
        """Show what the build does."""
        known = next((text for name, text in _BUILDING.items() if run_id.startswith(name)), "")
        self._progress.announce(Activity(step=Step.BUILD, text=known or run_id))

    def packaged(self, packaging: Packaging) -> None:
        """Keep sdist and log, and begin to build the wheel of the source tree; a given wheel may have its sdist."""
        self.record = packaging.record
        self._progress.end(Step.BUILD)
        try:
            files.empty_folder(self._folder / "sdist")  # that of an earlier run
        except OSError as problem:
            raise Fail(str(problem)) from problem
        self._saved(self.record.text)
        if packaging.sdist is None:
            if (beside := self.given.sdist()) is not None:
                self._keep(beside)
                self.given.begin_build(self._kept() or beside, self._folder)
            return
        self._keep(packaging.sdist)
        builder = self._package_env()
        if builder is not None:
            self._start(Path(builder.env_python()), builder.environment_variables)

    def packaging_failed(self, problem: Fail | None, packaging: Packaging) -> None:
        """Report why there is no wheel, if back end or installer have given the reason, or the given one is refused."""
        self._progress.end(Step.BUILD)
        if self.given.file is not None and self.given.file.suffix == ".whl" and problem is not None:
            self._report_refused(self.given.file, str(problem))
        sdist, output = packaging.sdist or self.given.file, self._output_of(problem, packaging.record)
        if sdist is not None and is_not_unpacked(problem) and not self._reported:
            self._report(build_failure.not_unpacked(self._opened(sdist), str(problem)))
        if output is None or self._reported:
            return
        self._reported = True
        if sdist is None:
            self._report(build_failure.sdist_failure(output, self._root))
            return
        self._keep(sdist)
        builder = self._package_env()
        if builder is not None and self.given.file is None:
            self._start(Path(builder.env_python()), builder.environment_variables)
        self._report(self._no_wheel(sdist, output))

    # what the session does with the package

    def adopted(self, wheel: WheelUnderTest) -> None:
        """Begin to build the wheel of the source tree if the plugin, and not tox, has built the wheel under test."""
        if wheel.sdist is not None:
            self._saved(self.record.text)
            self._keep(wheel.sdist)
            if self.given.file is None and wheel.builder is not None:
                self._start(wheel.builder, self._env.environment_variables)

    def build_failed(self, sdist: Path, problem: BuildError, python: Path) -> None:
        """Report why the plugin's build of the sdist failed; ``python`` is the interpreter that built it."""
        self._keep(sdist)
        if self.given.file is None and python.exists():
            self._start(python, self._env.environment_variables)
        output = build_failure.BackendOutput(output=problem.output, log=self._saved(self.record.text or problem.output))
        self._report(self._no_wheel(sdist, output))

    def preparation(self) -> Preparation | None:
        """Return the build as a step of the run; None: nothing was built."""
        if not self.record.text:
            return None
        warnings = self.record.warnings
        where = display_path(self._folder / build_record.BUILD_LOG)
        return Preparation(
            step=Step.BUILD,
            detail=f"{counted(len(warnings), 'warning')} of the build back end{f' in {where}' if warnings else ''}",
            duration_s=self.record.duration_s,
            evidence=(("the build back end warns", warnings),) if warnings else (),
            codes=(artifact.BUILDS_LEAVE,),
            findings=tuple(artifact.left_by_builds(self.record.left)),
        )

    def provenance(self) -> Provenance:
        """Return what is known of where the wheel comes from."""
        kept = self._kept()
        if kept is None:
            package = str(self._env.conf["package"])
            built = f"package = {package} builds no sdist, sdist-wheel (the default here) does"
            return unknown_provenance(self.given.no_sdist if package == "external" else built)
        built_here = self.given.file is None and self._tree.is_started
        try:
            sdist = self._opened(kept)
        except ProdsimError as problem:
            if not self.given.is_wheel:
                raise
            return replace(unknown_provenance(str(problem)), unreadable=artifact.unreadable_file(kept, problem))
        return Provenance(
            sdist=sdist,
            reason="",
            codes=_BUILT if built_here else () if self.given.is_wheel else _BUILT[1:],
            build_tree=self._from_tree,
            rebuild=partial(self._build_again, kept),
            tracked=cache(self._tree.tracked) if built_here else frozenset,
            given=self.given.build(),
        )

    def release_files(self, started: RunStarted) -> tuple[ReleaseFile, ...]:
        """Return the files that are to be published."""
        return self.given.release_files(started, self._kept())

    def close(self) -> None:
        """End a build that still runs, and remove what it needed."""
        if self._tree.is_running or self.given.is_building:
            self._cancel.set()
        self._tree.close()
        self.given.close()

    # the output of a build

    def _output_of(self, problem: Fail | None, record: BuildRecord) -> build_failure.BackendOutput | None:
        """Return what is known of a packaging that failed; None: neither a back end nor an installer says why."""
        if isinstance(problem, ToxBackendFailed):
            output = f"{problem.out}\n{problem.err}"
            log = self._saved(record.text or output)
            return build_failure.BackendOutput(
                output=output, exception=problem.exc_type or "", message=problem.exc_msg or "", log=log
            )
        if problem is None:
            return build_failure.BackendOutput(output=record.failed_install, log=self._saved(record.text))
        return None

    def _saved(self, text: str) -> str:
        """Keep the log of a build, and return the name of the file; nothing when it cannot be written."""
        path = build_record.save(text, self._folder)
        return display_path(path) if path is not None else ""

    # the sdist

    def _keep(self, sdist: Path) -> None:
        kept = self._folder / "sdist" / sdist.name
        files.empty_folder(kept.parent)
        shutil.copyfile(sdist, kept)

    def _kept(self) -> Path | None:
        """Return the sdist of the wheel under test; None: there is none."""
        return next(iter(sorted((self._folder / "sdist").glob("*.tar.gz"))), None)

    def _no_wheel(self, sdist: Path, output: build_failure.BackendOutput) -> build_failure.BuildFailure:
        """Return the failure of a wheel that does not build; if the source tree builds one, the sdist is incomplete."""
        tree_builds: bool | None = None
        if self._tree.is_started:
            _LOGGER.warning("building the source tree to compare")
            try:
                self._from_tree()
                tree_builds = True
            except TreeUnavailableError:
                tree_builds = False
        return build_failure.wheel_failure(self._opened(sdist), output, tree_builds=tree_builds)

    def _opened(self, sdist: Path) -> artifact.Sdist:
        return artifact.read_bounded(self._call, artifact.open_sdist, sdist)

    # the source tree

    def _package_env(self) -> PackageToxEnv | None:
        """Return the package environment that builds the wheel; None: tox itself builds none."""
        if str(self._env.conf["package"]) != "sdist-wheel":
            return None
        name = self._env.conf["wheel_build_env"]
        return next((env for env in self._env.package_envs if env.conf.name == name), None)

    def _start(self, python: Path, variables: Mapping[str, str]) -> None:
        """Begin to build the tree with this interpreter and these variables of tox."""
        environ = runners.build_environ(reference_wheel.git_environ(variables), ceiling=self._folder)
        execute = runners.build_execute(self._env, environ, self._cancel, key="pyproject.toml")
        self._tree.start(tree_build.BuildTools(python=python, execute=execute, call=self._call))

    def _from_tree(self) -> TreeBuild:
        """Wait for the wheel of the source tree; raises TreeUnavailableError."""
        if not self._tree.is_started:
            msg = f"{'a wheel' if self.given.is_wheel else 'an sdist'} was given, without its source tree"
            raise NoTreeError(msg)
        try:
            built = self._tree.result()
        except (ProdsimError, OSError) as problem:
            output = problem.output if isinstance(problem, BuildError) else ""
            reason = artifact.build_error(output, self._tree.copy) if output else str(problem)
            msg = f"the source tree alone builds no wheel: {reason}"
            raise TreeUnavailableError(msg) from problem
        wheel = artifact.TreeWheel(path=built.wheel, stale=built.stale, manifest=built.manifest)
        return TreeBuild(wheel=wheel, written=built.written)

    def _build_again(self, sdist: Path) -> Path:
        """Build the wheel of the sdist once more; raises TreeUnavailableError."""
        try:
            return self._tree.build_again(sdist)
        except (ProdsimError, OSError) as problem:
            msg = f"the sdist builds no wheel a second time: {problem}"
            raise TreeUnavailableError(msg) from problem
