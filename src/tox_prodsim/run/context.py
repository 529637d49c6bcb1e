"""What a run works with, and what it and tox exchange while it is suspended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import IntEnum
from pathlib import Path

from tox_prodsim import deployment
from tox_prodsim.building import base_requirements, clone_env, reference_wheel
from tox_prodsim.checks import artifact, audit, installed, resolution
from tox_prodsim.model.activity import Announce, unannounced
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.events import RunStarted, Step
from tox_prodsim.model.findings import CheckResult, Finding
from tox_prodsim.model.runner import BoundedCall, Runner, unbounded
from tox_prodsim.model.time_limit import TimeLimit
from tox_prodsim.run.known import stable, without_failures
from tox_prodsim.run.release import Release
from tox_prodsim.run.sdist import UNKNOWN, Provenance
from tox_prodsim.timing import baseline, footprint
from tox_prodsim.timing.baseline.contents import MOST


class ToxPhase(IntEnum):
    """Where tox stands: about to run ``commands``, about to run ``commands_post``, or done with all of them."""

    COMMANDS = 1
    COMMANDS_POST = 2
    END = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Paused:
    """What the run yields to be suspended; it is resumed with a ``CommandsOutcome``."""

    until: ToxPhase
    """Where tox has to come for the run to go on."""
    go_ahead: bool = True
    """Whether tox may run ``commands``."""
    variables: Mapping[str, str] | None = None
    """Environment variables for the commands; None: there are no new ones."""
    values: Mapping[str, str] | None = None
    """What placeholders in the commands stand for; None: there are no new ones."""
    logs: tuple[Path, ...] = ()
    """The logs of the services that are up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandsOutcome:
    """What tox's commands came to since the run was suspended."""

    findings: tuple[Finding, ...] = ()
    evidence: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Titles and lines."""
    pre_failed: bool = False
    """Whether ``commands_pre`` failed."""
    commands_ran: int = 0


NOT_CHECKED = CheckResult(detail="", codes=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """A step that was made before the run: the build of the wheel, or its environment."""

    step: Step
    detail: str
    duration_s: float
    evidence: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Titles and lines."""
    codes: tuple[str, ...] = ()
    """The codes that were checked."""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RunContext:
    """What a run works with."""

    started: RunStarted
    wheel: artifact.Wheel
    subject: installed.Distribution
    """The wheel as it is installed."""
    python: Path
    """Of the environment."""
    scripts_dir: Path
    launch_context: deployment.LaunchContext
    """Where and how the deployment is started."""
    baselines: BaselineFiles
    execute: Runner
    """Runs a command in the environment as production would."""
    call: BoundedCall = unbounded
    """Reads files, where that can be ended."""
    announce: Announce = unannounced
    """Shows what goes on."""
    reference: ReferenceInputs | None = None
    """None: a change cannot be confirmed with the wheel of the baseline."""
    tools: audit.AuditTools | None = None
    """They audit the files; None: none is configured."""
    site_packages: Path | None = None
    """Where the wheel is installed; None: nothing is looked up there."""
    private: tuple[Path, ...] = ()
    """The folders that ``execute`` gives a command as HOME and TMPDIR, and to run in."""
    provenance: Provenance = UNKNOWN
    fresh_install: Callable[[], CheckResult] = lambda: NOT_CHECKED
    """Asks the installer what it would install, which needs the index and seconds."""
    tested_pythons: frozenset[str] | None = None
    """The Pythons that tox's env_list names, such as 3.12; None: it names none."""
    python_version: tuple[int, int] | None = None
    """Of the environment; None: not known."""
    prepared: tuple[Preparation, ...] = ()
    """In their order."""
    release: Release | None = None
    """The folder with the other files of the release; None: one file was given, or built."""
    lowest: resolution.LowestVersions | resolution.Impossible | resolution.VersionUnavailable | None = None
    """What installing the lowest versions came to; None: not configured, or done by an earlier run."""

    @property
    def interpreter(self) -> Interpreter:
        """Return the environment's Python, and how something is run there."""
        return Interpreter(python=self.python, runner=self.execute, reference=self.reference)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileContext:
    """What a run works with whose wheel could not be installed."""

    started: RunStarted
    wheel: artifact.Wheel
    python: Path
    """Of the environment."""
    baselines: BaselineFiles
    execute: Runner
    """Runs a command in the environment as production would."""
    tools: audit.AuditTools | None
    """They audit the files; None: none is configured."""
    provenance: Provenance
    tested_pythons: frozenset[str] | None
    """The Pythons that tox's env_list names, such as 3.12; None: it names none."""
    uninstalled: Callable[[], CheckResult]
    """Returns why the wheel is not installed."""
    call: BoundedCall = unbounded
    """Reads files, where that can be ended."""
    release: Release | None = None
    """The folder with the other files of the release; None: one file was given, or built."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineFiles:
    """The baseline of the environment, and the files that belong to it."""

    stored: baseline.Baseline | None
    """None: there is none."""
    path: Path
    """Of the stored one."""
    candidate: Path
    """Where the candidate is written."""
    now: baseline.Baseline
    """What is known of this run."""
    root: Path
    """The tox root."""
    wheels: Path
    """Where the wheels of baselines are kept."""
    advice: str = ""
    """What to do about the folder of the baseline; empty: nothing."""
    is_ignored: Callable[[], bool] = lambda: False
    """Whether git ignores the file of the baseline."""

    def display(self, path: Path) -> str:
        """Return a path as the user knows it: below the tox root without the root."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def source(self, file: str) -> str:
        """Return where the user has an installed file: below the tox root, when there is one of this name."""
        found = (folder for folder in ("src", ".") if (self.root / folder / file).is_file())
        return next((str(Path(folder, file)) for folder in found), file)

    def with_checks(self, imported: installed.Imported, notes: frozenset[str]) -> BaselineFiles:
        """Return the same with what the imports came to, and what there was to say of the release."""
        held = self.now.contents
        if held is None:
            return self
        held = replace(
            held,
            imported=held.modules.intersection(imported.modules),
            descriptors=imported.descriptors,
            failed={name: stable(imported.failed[name]) for name in sorted(imported.failed)[:MOST]},
            notes=without_failures(notes, imported.failed),
        )
        return replace(self, now=replace(self.now, contents=held))

    def with_footprint(self, weighed: footprint.Footprint | None) -> BaselineFiles:
        """Return the same with what the release takes besides time; None: that is not compared."""
        return replace(self, now=replace(self.now, footprint=weighed))

    @property
    def stored_imports(self) -> frozenset[str]:
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
    """The environment's Python, how something is run there, and how a change can be confirmed (None: not at all)."""

    python: Path
    runner: Runner
    reference: ReferenceInputs | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceInputs:
    """What a confirmation with the wheel of another version works with."""

    spec: reference_wheel.ReferenceSpec
    """Which wheel that is."""
    sources: reference_wheel.WheelSources
    site: clone_env.Site
    """The environment under test."""
    folder: Path
    """Private to the confirmation, and removed at the end."""
    runner: Runner
    call: BoundedCall = unbounded
    """Reads that wheel, and what is installed."""
    off: str = ""
    """Why no other version may be fetched or run; empty: one may."""
    changes: baseline.EnvironmentChanges = baseline.NO_CHANGES
    """What changed in the environment since the baseline."""
    writes_bytecode: bool = True
    """Whether Python may write it in production."""
    requirements: base_requirements.RequirementSource | None = None
    """How what only that wheel requires is installed; None: not at all."""
    limit: TimeLimit = field(default_factory=TimeLimit)
    """Of the programs that build and install that wheel."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelUnderTest:
    """The file that is tested, kept in the folder of the environment."""

    path: Path
    origin: str
    """One phrase that says where it came from."""
    sdist: Path | None = None
    """What it was built from; None: we did not build it."""
    builder: Path | None = None
    """The interpreter that built it, with all that it takes; None: we did not build it."""
