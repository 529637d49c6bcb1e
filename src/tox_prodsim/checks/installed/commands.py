"""The commands that a distribution gives its users, and how each is started.

``python -m acme`` counts as one if the package has a ``__main__``, or if acme is the single module behind a script; one
that does nothing when run is not a fault. So does a program in the scripts folder of the wheel (``.data/scripts``)
that is written in Python or compiled. A shell script may be there to be sourced, and is never run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

from tox_prodsim.checks.installed.imports import main_names
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner

_UNASKED_LIMIT_S = 20.0
"""The limit for what may have no ``--help`` at all, and open a window or serve instead."""
_WITHOUT_DISPLAY = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
_HEAD_BYTES = 1000
_ENV_PYTHON = lazy_regex(r"#! ?/usr/bin/env (?:-S )?python3?$")


class CommandKind(Enum):
    """What a command is made from."""

    CONSOLE = "console_scripts"
    WINDOW = "gui_scripts"
    FILE = "a script of the wheel"
    BINARY = "a compiled program of the wheel"
    MODULE = "python -m"


@dataclass(frozen=True, kw_only=True, slots=True)
class InstalledCommand:
    """One command of a distribution."""

    kind: CommandKind
    subject: str
    """What a finding is about."""
    typed: str
    """What its user types."""
    argv: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return its name without the interpreter."""
        return self.typed.rpartition(" ")[2]


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs the commands of a distribution with one option each."""

    distribution: Distribution
    runner: Runner
    limit_s: float
    """The limit for one run."""
    folders: tuple[Path, ...] = ()
    """The folders in which ``--help`` should leave nothing."""

    def run(self, command: InstalledCommand, option: str, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        """Return how the command ended; raises OSError when it does not start."""
        windows = _WITHOUT_DISPLAY if command.kind is CommandKind.WINDOW else NO_VARIABLES
        return self.runner(
            [*command.argv, option], timeout_s=self.limit_of(command), variables={**variables, **windows}
        )

    def limit_of(self, command: InstalledCommand) -> float:
        """Return the limit for one run of the command, in seconds."""
        unasked = command.kind in {CommandKind.WINDOW, CommandKind.MODULE}
        return min(self.limit_s, _UNASKED_LIMIT_S) if unasked else self.limit_s


def script_of(scripts_dir: Path, name: str) -> Path:
    """Return the file that an installer writes for a command."""
    windows = scripts_dir / f"{name}.exe"
    return windows if windows.exists() else scripts_dir / name


def of_entry_point(scripts_dir: Path, point: EntryPoint) -> InstalledCommand:
    """Return the command of an entry point."""
    argv = (str(script_of(scripts_dir, point.name)),)
    return InstalledCommand(kind=CommandKind(point.group), subject=str(point), typed=point.name, argv=argv)


def module_commands(distribution: Distribution, python: Path) -> Iterator[InstalledCommand]:
    """Yield ``python -m`` for the main packages that have a ``__main__``, and for the single modules of scripts."""
    of_scripts = {point.module for point in distribution.commands if point.group == CommandKind.CONSOLE.value}
    for name in main_names(distribution):
        is_single = not any(module.startswith(f"{name}.") for module in distribution.modules)
        if f"{name}.__main__" in distribution.modules or (is_single and name in of_scripts):
            typed, argv = f"python -m {name}", (str(python), "-m", name)
            yield InstalledCommand(kind=CommandKind.MODULE, subject=typed, typed=typed, argv=argv)


def file_commands(distribution: Distribution, scripts_dir: Path) -> Iterator[InstalledCommand]:
    """Yield the programs of the wheel's scripts folder that are installed and can be asked for help."""
    for name in distribution.script_files:
        path = script_of(scripts_dir, name)
        kind = _kind(path, scripts_dir) if path.is_file() else None
        if kind is not None:
            yield InstalledCommand(kind=kind, subject=f"[scripts] {name}", typed=name, argv=(str(path),))


def _kind(path: Path, scripts_dir: Path) -> CommandKind | None:
    """Return what the program is; None: not one that can be run for its help, or not with this environment's Python."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.startswith(b"\x7fELF"):
        return CommandKind.BINARY if sys.platform.startswith("linux") else None
    start = head.decode("utf-8", "replace").splitlines()[:2]  # an installer needs the second line for a long path
    here = str(scripts_dir) in "".join(start) or bool(start and _ENV_PYTHON.match(start[0]))
    return CommandKind.FILE if here and head.startswith(b"#!") else None
