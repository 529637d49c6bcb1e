"""IMP514 and ENT517: what an import, a command asked for its help, or the start of Python has left running.

Everything that is left is ended by the supervision; what ends by itself within half a second is not left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tox_prodsim.checks.installed.commands import InstalledCommand
from tox_prodsim.checks.installed.messages import finding
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, requested_modules
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.left_running import Unreported, describe
from tox_prodsim.model.runner import NO_VARIABLES, Completed, LeftProcess, Runner

IMPORTS, COMMANDS = "IMP514", "ENT517"
_NAMES_SHOWN = 3
_IMPORT_ALL = """if True:
    import contextlib, importlib, sys
    for name in sys.argv[1:]:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
"""
_IMPORT_HINT = "start it in a function, when it is first needed, and end it there or with atexit"
_HELP_HINT = "start it when the command does its work, after the arguments are read, and end it before the command ends"


class WatchedRunner:
    """A runner that keeps what each program has left running."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.left: list[tuple[tuple[str, ...], tuple[LeftProcess, ...]]] = []
        """Command lines, and what they have left."""

    def __call__(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        """Run a program."""
        completed = self._runner(argv, timeout_s=timeout_s, variables=variables)
        if completed.left:
            self.left.append((tuple(argv), completed.left))
        return completed


@dataclass(frozen=True, kw_only=True, slots=True)
class PlainImports:
    """Imports modules as a program does that then ends.

    The probe ends at once, so that what a package ends at its exit (``atexit``) is still there: that is not left.
    """

    runner: Runner
    python: Path
    limit_s: float = LOAD_LIMIT_S

    def left(self, modules: Sequence[str]) -> tuple[LeftProcess, ...]:
        """Return what the imports of the modules leave running; a failing one does not keep the others from it."""
        argv = (str(self.python), "-c", _IMPORT_ALL, *modules)
        return self.runner(argv, timeout_s=self.limit_s * len(modules)).left

    def culprits(self, modules: list[str]) -> list[str]:
        """Return the module that leaves a process, found by importing half of them again and again."""
        while len(modules) > 1:
            half = modules[: len(modules) // 2]
            modules = half if self.left(half) else modules[len(half) :]
        return modules


def check_left_by_imports(watched: WatchedRunner, imports: PlainImports, name: str) -> CheckResult:
    """Return what imports have left running; ``name`` is that of the distribution, whose ``.pth`` may be the cause."""
    unreported, found = Unreported(), []
    for argv, left in watched.left:
        if not any(unreported.pick(left)):
            continue
        modules = requested_modules(argv)
        again = Unreported().pick(imports.left(modules) if modules else left)
        if new := [*again]:
            modules = imports.culprits(modules)
            subject = listed(modules, _NAMES_SHOWN) if modules else name
            what = "importing it" if modules else "the start of its Python"
            found.append(finding(IMPORTS, Level.WARNING, subject, f"{what} {describe(new)}", _IMPORT_HINT))
    return CheckResult(detail="", codes=(IMPORTS,), findings=tuple(found))


def left_by_commands(
    watched: WatchedRunner, imports: PlainImports, commands: Sequence[InstalledCommand]
) -> Iterator[Finding]:
    """Yield what commands have left running that were loaded, or asked for their help or version."""
    unreported, subjects = Unreported(), {command.argv: command.subject for command in commands}
    for argv, left in watched.left:
        new, modules = [*unreported.pick(left)], requested_modules(argv)
        if new and modules:
            new = [*Unreported().pick(imports.left(modules))]
        if new:
            subject = subjects.get(argv[:-1], "") or listed(modules, _NAMES_SHOWN)
            what = "loading its entry points" if modules else argv[-1]
            yield finding(COMMANDS, Level.WARNING, subject, f"{what} {describe(new)}", _HELP_HINT)
