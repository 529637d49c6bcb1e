"""What a run works with, and what it and tox say to each other while it is suspended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from tox_prodsim import deployment
from tox_prodsim.building import clone_env, reference_wheel
from tox_prodsim.checks import artifact, audit, installed, resolution
from tox_prodsim.model.events import (
    RunStarted,
)
from tox_prodsim.model.findings import CheckResult, Finding
from tox_prodsim.model.runner import Runner
from tox_prodsim.run import sdist as sourcing
from tox_prodsim.timing import baseline


class ToxPhase(IntEnum):
    """Where tox stands: about to run ``commands``, about to run ``commands_post``, or done with all of them."""

    COMMANDS = 1
    COMMANDS_POST = 2
    END = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Paused:
    """The run goes on when tox has come to ``until``; ``commands`` are not run unless ``go_ahead``."""

    until: ToxPhase
    go_ahead: bool = True
    variables: Mapping[str, str] | None = None
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandsOutcome:
    """What tox's commands came to since the run was suspended; ``told`` are titles and lines of evidence."""

    findings: tuple[Finding, ...] = ()
    evidence: tuple[tuple[str, tuple[str, ...]], ...] = ()
    pre_failed: bool = False
    commands_ran: int = 0


_NOTHING = CheckResult(detail="", codes=())


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """What a run works with: the wheel, the environment it is installed in, folders, and how a command is run there.

    ``private`` are the folders that ``execute`` gives a command as HOME and TMPDIR, and to run in. ``tools`` audit the
    files (None: nobody asked for any). ``fresh_install`` asks what an installer would take, which needs the index and
    seconds; ``lowered`` is what came of installing the lowest versions (None: that was not asked for, or was done by an
    earlier run). ``tested`` are the Pythons that tox's env_list names, such as 3.12 (None: it names none).
    """

    started: RunStarted
    wheel: artifact.Wheel
    subject: installed.Distribution
    python: Path
    scripts_dir: Path
    place: deployment.LaunchContext
    baselines: BaselineFiles
    execute: Runner
    reference: ReferenceInputs | None = None
    tools: audit.AuditTools | None = None
    private: tuple[Path, ...] = ()
    provenance: sourcing.Provenance = sourcing.UNKNOWN
    fresh_install: Callable[[], CheckResult] = lambda: _NOTHING
    tested: frozenset[str] | None = None
    lowered: resolution.LowestVersions | resolution.Impossible | resolution.VersionUnavailable | None = None

    @property
    def within(self) -> Interpreter:
        """Return the environment's Python, and how something is run there."""
        return Interpreter(python=self.python, runner=self.execute, reference=self.reference)


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineFiles:
    """Where baselines are: the stored one (None: there is none), its place, the candidate's, and what is known now.

    ``wheels`` is where the wheels of baselines are kept.
    """

    stored: baseline.Baseline | None
    path: Path
    candidate: Path
    now: baseline.Baseline
    root: Path
    wheels: Path

    def shown(self, path: Path) -> str:
        """Return a path as the user knows it: below the tox root without the root."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def source(self, file: str) -> str:
        """Return where the user has an installed file: below the tox root, when there is one of this name."""
        found = (folder for folder in ("src", ".") if (self.root / folder / file).is_file())
        return next((str(Path(folder, file)) for folder in found), file)

    def having_imported(self, modules: Collection[str], *, descriptors: int | None = None) -> BaselineFiles:
        """Return the shelf that knows which modules were imported, and how many descriptors that left open."""
        held = self.now.contents
        if held is None:
            return self
        held = replace(held, imported=held.modules.intersection(modules), descriptors=descriptors)
        return replace(self, now=replace(self.now, contents=held))

    @property
    def imported_then(self) -> frozenset[str]:
        """Return the modules that imported when the baseline was stored; nothing without one."""
        then = self.stored.contents if self.stored is not None else None
        return then.imported if then is not None else frozenset()

    @property
    def other_cpu(self) -> str:
        """Return the CPU of the baseline and this one, or nothing when they are the same or not known."""
        then = self.stored.machine.get("cpu") if self.stored is not None else None
        now = self.now.machine.get("cpu")
        return f"{then}, here {now}" if then and now and then != now else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interpreter:
    """The environment's Python, how something is run there, and how a suspicion can be confirmed (None: not at all)."""

    python: Path
    runner: Runner
    reference: ReferenceInputs | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceInputs:
    """What a confirmation works with; ``folder`` is private to it and is removed at the end.

    ``site`` is the environment under test. ``dists`` says what else is installed since the baseline, such as
    ``click 8.4.2 -> 8.5.1``, and ``machine`` how Python or the machine differ. ``writes_bytecode`` is whether Python
    may write it in production.
    """

    wanted: reference_wheel.ReferenceSpec
    sources: reference_wheel.WheelSources
    site: clone_env.Site
    folder: Path
    runner: Runner
    dists: tuple[str, ...] = ()
    machine: tuple[str, ...] = ()
    writes_bytecode: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelUnderTest:
    """The file that is tested, kept in the folder of the environment, and one phrase that says where it came from.

    Where we have built it: ``sdist`` is what from, ``builder`` the interpreter that did, with all that it takes.
    """

    path: Path
    origin: str
    sdist: Path | None = None
    builder: Path | None = None
