"""What is checked before anything is deployed: the files, what the installer made of them, what was there before."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim import artifact, auditing, comparing, confirming, deployment, installed, remembering
from tox_prodsim.events import Event, RunStarted, Step
from tox_prodsim.findings import Checked
from tox_prodsim.running import Runner
from tox_prodsim.scenario import Scenario
from tox_prodsim.tally import Tally


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What a run works with: the wheel, the environment it is installed in, folders, and how a command is run there.

    ``private`` are the folders that ``execute`` gives a command as HOME and TMPDIR, and to run in. ``tools`` audit the
    files (None: nobody asked for any).
    """

    started: RunStarted
    wheel: artifact.Wheel
    subject: installed.Subject
    python: Path
    scripts_dir: Path
    place: deployment.Place
    shelf: comparing.Shelf
    execute: Runner
    means: confirming.Means | None = None
    tools: auditing.Tools | None = None
    private: tuple[Path, ...] = ()

    @property
    def within(self) -> comparing.Interpreter:
        """Return the environment's Python, and how something is run there."""
        return comparing.Interpreter(python=self.python, runner=self.execute, means=self.means)


def check(scenario: Scenario, bench: Bench, tally: Tally) -> Generator[Event, None, comparing.Shelf]:
    """Play all steps that need no deployment, and return what is to be kept of them."""
    with _ahead() as ahead:
        return (yield from _check(scenario, bench, tally, ahead))


@contextmanager
def _ahead() -> Iterator[Executor]:
    """Give threads for what takes long and is needed later, such as a build; none is left when times are taken."""
    pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="prodsim-ahead")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _check(scenario: Scenario, bench: Bench, tally: Tally, ahead: Executor) -> Generator[Event, None, comparing.Shelf]:
    """Play the steps in their order; what takes long is begun first."""
    audits = auditing.begin(bench.tools, bench.wheel.path, None, ahead) if bench.tools else None
    yield from tally.step(Step.WHEEL, lambda: artifact.check_wheel(bench.wheel))
    if audits:
        yield from tally.step(Step.AUDIT, audits.heard)
    yield from tally.step(
        Step.INSTALL, lambda: installed.check_distribution(bench.subject, bench.execute, bench.python)
    )
    imports = _Imports(scenario, bench)
    yield from tally.step(Step.IMPORT, imports.check)
    yield from tally.step(Step.SCRIPTS, lambda: _scripts(bench))
    shelf = bench.shelf.having_imported(imports.modules)
    yield from tally.step(Step.MEMORY, lambda: _memory(scenario, bench, shelf))
    return shelf


class _Imports:
    """Imports the top-levels, then all other modules, and holds what they import against the requirements.

    ``modules`` are those that imported.
    """

    def __init__(self, scenario: Scenario, bench: Bench) -> None:
        self._bench = bench
        self._remembered = frozenset() if scenario.timing.update else bench.shelf.imported_then
        self.modules: frozenset[str] = frozenset()

    def check(self) -> Checked:
        """Return what is wrong with it."""
        bench, remembered = self._bench, self._remembered
        within = (bench.subject, bench.execute, bench.python)
        tops = installed.check_imports(*within, remembered=remembered)
        others = installed.check_modules(*within, imported=tops.modules, remembered=remembered)
        self.modules = others.modules
        undeclared = installed.check_undeclared(*within, bench.wheel.path, imported=others.modules)
        return Checked.of(tops.checked, others.checked, undeclared)


def _scripts(bench: Bench) -> Checked:
    return installed.check_scripts(bench.subject, bench.execute, bench.python, bench.scripts_dir, folders=bench.private)


def _memory(scenario: Scenario, bench: Bench, shelf: comparing.Shelf) -> Checked:
    return remembering.check_memory(shelf.stored, shelf.now, bench.subject.name, accepting=scenario.timing.update)
