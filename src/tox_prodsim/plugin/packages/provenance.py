"""Where the wheel under test comes from, followed from before tox builds it until it is checked.

tox builds the sdist and the wheel in its package environment. The wheel of the source tree is built meanwhile, from a
copy of the tree, by the very interpreter that has built the other one: it has all requirements, and so the two wheels
differ in nothing but their sources. That begins as soon as tox has built, beside the installation.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tox.tox_env.errors import Fail
from tox.tox_env.package import PackageToxEnv
from tox.tox_env.python.runner import PythonRun
from tox.tox_env.python.virtual_env.package.pyproject import ToxBackendFailed

from tox_prodsim import supervision
from tox_prodsim.building import frontend, reference_wheel, source_tree
from tox_prodsim.checks import artifact
from tox_prodsim.checks.artifact import build_failure
from tox_prodsim.model.errors import BuildError, ProdsimError, TreeUnavailableError
from tox_prodsim.model.runner import NO_VARIABLES
from tox_prodsim.plugin.context import runners
from tox_prodsim.plugin.context.runners import BUILD_LIMIT_S
from tox_prodsim.plugin.paths import ledger_of
from tox_prodsim.run.context import WheelUnderTest
from tox_prodsim.run.sdist import FromTree, Provenance, nothing

_BUILT = ("BLD101", "BLD102", "SDI201")
_GIVEN = "an sdist was given, without its source tree"


class ProvenanceTracker:
    """Listens to the packaging of one environment; ``report`` is told of a build that failed."""

    def __init__(
        self,
        tox_env: PythonRun,
        folder: Path,
        cancel: supervision.Cancel,
        report: Callable[[build_failure.BuildFailure], None],
    ) -> None:
        self._env = tox_env
        self._folder = folder
        self._cancel = cancel
        self._report = report
        self._git = runners.git_of(tox_env, cancel)
        self._root = Path(tox_env.core["package_root"])
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prodsim-tree")
        self._from_tree: Future[FromTree] | None = None
        self._told = False

    @property
    def _given(self) -> Path | None:
        given = getattr(self._env.options, "install_pkg", None)
        return Path(given) if given is not None else None

    # what tox does, in its order

    def packed(self, sdist: Path | None) -> None:
        """Keep the sdist, and begin to build the wheel of the source tree."""
        shutil.rmtree(
            self._folder / "sdist", ignore_errors=True
        )  # what comes now is not built from that of an earlier run
        if sdist is None:
            return
        self._keep(sdist)
        builder = self._builder()
        if builder is not None:
            self._start(Path(builder.env_python()), dict(builder.environment_variables))

    def unpacked(self, problem: Fail, sdist: Path | None) -> None:
        """Tell why there is no wheel, as a finding, where the back end has said it."""
        if not isinstance(problem, ToxBackendFailed) or self._told:
            return
        self._told = True
        sdist = sdist or self._given
        said = build_failure.BackendOutput(
            output=problem.err or problem.out, kind=problem.exc_type, text=problem.exc_msg
        )
        if sdist is None:
            self._report(build_failure.no_sdist(said, self._root))
            return
        self._keep(sdist)
        builder = self._builder()
        python = Path(builder.env_python()) if builder is not None else None
        self._report(self._no_wheel(sdist, said, python, dict(builder.environment_variables) if builder else {}))

    def adopted(self, under_test: WheelUnderTest) -> None:
        """Begin to build the wheel of the source tree where tox itself has built no wheel."""
        if under_test.sdist is not None:
            self._keep(under_test.sdist)
            if self._given is None and under_test.builder is not None:
                self._start(under_test.builder, dict(self._env.environment_variables))

    def refused(self, sdist: Path, problem: BuildError, python: Path) -> None:
        """Tell why our own build of the sdist failed."""
        self._keep(sdist)
        said = build_failure.BackendOutput(output=problem.output)
        self._report(self._no_wheel(sdist, said, python, dict(self._env.environment_variables)))

    def provenance(self) -> Provenance:
        """Return what is known of where the wheel comes from."""
        kept = self.kept()
        if kept is None:
            package = str(self._env.conf["package"])
            built = f"package = {package} builds no sdist, sdist-wheel (the default here) does"
            return nothing("a wheel was given, without its sdist" if package == "external" else built)
        here = self._given is None and self._from_tree is not None
        return Provenance(
            sdist=artifact.open_sdist(kept),
            reason="",
            codes=_BUILT if here else _BUILT[1:],
            from_tree=self._tree_wheel,
            again=lambda: self._again(kept),
        )

    def kept(self) -> Path | None:
        """Return the sdist of the wheel under test, or None."""
        return next(iter(sorted((self._folder / "sdist").glob("*.tar.gz"))), None)

    def close(self) -> None:
        """End a build that still goes on, and remove what it needed."""
        if self._from_tree is not None and not self._from_tree.done():
            self._cancel.set()
        self._pool.shutdown(cancel_futures=True)
        for name in ("tree", "again"):
            shutil.rmtree(self._folder / name, ignore_errors=True)

    # the sdist

    def _keep(self, sdist: Path) -> None:
        kept = self._folder / "sdist" / sdist.name
        shutil.rmtree(kept.parent, ignore_errors=True)
        kept.parent.mkdir(parents=True)
        shutil.copyfile(sdist, kept)

    def _no_wheel(
        self, sdist: Path, said: build_failure.BackendOutput, python: Path | None, env: Mapping[str, str]
    ) -> build_failure.BuildFailure:
        """Return the story of a wheel that does not build; whether the sdist is to blame, the source tree tells."""
        builds: bool | None = None
        if self._given is None and python is not None:
            try:
                self._start(python, env)
                self._tree_wheel()
                builds = True
            except TreeUnavailableError:
                builds = False
        return build_failure.no_wheel(artifact.open_sdist(sdist), said, tree_builds=builds)

    # the source tree

    def _builder(self) -> PackageToxEnv | None:
        """Return the package environment that builds the wheel; None where tox itself builds none."""
        if str(self._env.conf["package"]) != "sdist-wheel":
            return None
        name = self._env.conf["wheel_build_env"]
        return next((env for env in self._env.package_envs if env.conf.name == name), None)

    def _start(self, python: Path, env: Mapping[str, str]) -> None:
        self._python, self._variables = python, env
        self._from_tree = self._pool.submit(self._build_tree)

    def _build_tree(self) -> FromTree:
        began_s = time.monotonic()
        try:
            copied = source_tree.copy(
                self._root,
                self._folder / "tree",
                self._git,
                leave_out=(Path(self._env.core["work_dir"]),),
                interrupted=lambda: self._cancel.is_set,
            )
            stale = frozenset(source_tree.stale_files(copied))
            before = self._status(copied)
            wheel = self._wheel(copied, "tree-wheel")
            written = self._written(copied, before)
        except (ProdsimError, OSError) as problem:
            words = problem.output if isinstance(problem, BuildError) else ""
            reason = artifact.last_words(words, self._folder / "tree") if words else str(problem)
            msg = f"the source tree alone builds no wheel: {reason}"
            raise TreeUnavailableError(msg) from problem
        built = artifact.TreeWheel(path=wheel, took_s=time.monotonic() - began_s, stale=stale)
        return FromTree(wheel=built, written=written)

    def _status(self, copied: Path) -> source_tree.Status | str:
        try:
            source_tree.repository(self._git)
            return source_tree.status(copied, self._git)
        except TreeUnavailableError as problem:
            return str(problem)

    def _written(self, copied: Path, before: source_tree.Status | str) -> tuple[tuple[str, bool], ...] | str:
        return before if isinstance(before, str) else source_tree.written(before, source_tree.status(copied, self._git))

    def _tree_wheel(self) -> FromTree:
        if self._from_tree is None:
            raise TreeUnavailableError(_GIVEN)
        return self._from_tree.result()

    def _again(self, sdist: Path) -> Path:
        try:
            return self._wheel(frontend.unpacked(sdist, self._folder / "again"), "again-wheel")
        except (ProdsimError, OSError) as problem:
            msg = f"the sdist builds no wheel a second time: {problem}"
            raise TreeUnavailableError(msg) from problem

    def _wheel(self, source: Path, into: str) -> Path:
        shutil.rmtree(self._folder / into, ignore_errors=True)
        return frontend.wheel_within(source, python=self._python, into=self._folder / into, execute=self._execute)

    def _execute(self, argv: Sequence[str], cwd: Path, extra: Mapping[str, str] = NO_VARIABLES) -> None:
        """Run a hook of the back end; what git calls a repository ends at our own folder."""
        env = {**reference_wheel.git_environ(self._variables), "GIT_CEILING_DIRECTORIES": str(self._folder), **extra}
        done = supervision.run(
            argv, cwd=cwd, env=env, timeout_s=BUILD_LIMIT_S, cancel=self._cancel, ledger=ledger_of(self._env)
        )
        if done.ending.returncode != 0:
            output = (done.stderr or done.stdout).decode(errors="replace")
            raise BuildError("pyproject.toml", "".join(output.strip().splitlines()[-1:]), output)
