"""Whether the commands load and print their help, and whether the other entry points load."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.cli_checks import RECREATE, CommandRunner, check_options
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, Distribution, Loaded, Outcome, Raised, load
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck
from tox_prodsim.model.runner import Runner

_FOR_DEVELOPERS = re.compile(r"(?:^|[-_.])(?:dev|doc|lint|test|typing|mypy|ci$|all$)", re.IGNORECASE)
"""Extras for what maintainers need, or for everything."""
HELP_LIMIT_S = 60.0
"""Many times longer than the slowest command, for a machine that is busy with other work."""


def check_scripts(
    distribution: Distribution,
    runner: Runner,
    python: Path,
    scripts_dir: Path,
    *,
    folders: Sequence[Path] = (),
    limit_s: float = LOAD_LIMIT_S,
    help_limit_s: float = HELP_LIMIT_S,
) -> CheckResult:
    """Return what is wrong with the entry points; the limits are for loading one, and for one run of a command.

    ``folders`` are those in which ``--help`` should leave nothing: HOME, TMPDIR and the working folder.
    """
    about_commands, about_plugins = _load_findings(distribution, runner, python, limit_s)
    commands = CommandRunner(distribution, runner, scripts_dir, help_limit_s, tuple(folders))
    answering, about_running = _run_findings(commands, _without(distribution.commands, about_commands))
    loading = len(distribution.plugins) - len(about_plugins)
    codes, not_checked = _checked_codes(distribution, folders)
    return CheckResult(
        detail=_detail(distribution, answering=answering, loading=loading),
        codes=codes,
        findings=(*about_commands, *about_running, *about_plugins),
        not_checked=not_checked,
    )


def _run_findings(commands: CommandRunner, loading: Sequence[EntryPoint]) -> tuple[int, list[Finding]]:
    """Return how many of the commands that load print their help, and what is wrong with the others."""
    absent = _findings(_presence_finding(point, commands) for point in loading)
    scripts = [point for point in _without(loading, absent) if _is_console(point)]
    about_options = check_options(commands, scripts)
    return len(scripts) - sum(map(_is_without_help, about_options)), [*absent, *about_options]


def _load_findings(
    distribution: Distribution, runner: Runner, python: Path, limit_s: float
) -> tuple[list[Finding], list[Finding]]:
    """Return what is wrong with loading the commands, and the other entry points."""
    commands, plugins = distribution.commands, distribution.plugins
    outcomes = load([(point.module, point.attr) for point in (*commands, *plugins)], runner, python, limit_s)
    of_commands = zip(commands, outcomes, strict=False)
    of_plugins = zip(plugins, outcomes[len(commands) :], strict=True)
    return (
        _findings(_command_finding(distribution, *pair) for pair in of_commands),
        _findings(_plugin_finding(distribution, *pair) for pair in of_plugins),
    )


def _without(points: Sequence[EntryPoint], findings: Sequence[Finding]) -> list[EntryPoint]:
    """Return the entry points that no finding is about."""
    subjects = {found.subject for found in findings}
    return [point for point in points if str(point) not in subjects]


def _findings(found: Iterable[Finding | None]) -> list[Finding]:
    return [each for each in found if each is not None]


def console_scripts(distribution: Distribution) -> list[EntryPoint]:
    """Return the commands that are started in a terminal."""
    return [point for point in distribution.commands if _is_console(point)]


def _is_without_help(found: Finding) -> bool:
    """Return whether the finding says that the command printed no help."""
    return found.code in {"ENT510", "ENT512"}


def _is_console(point: EntryPoint) -> bool:
    return point.group == "console_scripts"


def _command_finding(distribution: Distribution, point: EntryPoint, outcome: Outcome) -> Finding | None:
    match outcome:
        case Loaded(callable=True):
            return None
        case Loaded():
            message, hint = "names something that cannot be called", "let the entry point name a function"
        case Raised() if not _extras_requested(distribution, point) and distribution.lacks_foreign(outcome.missing):
            message = f"needs the extra {', '.join(point.extras)}, which was not asked for: {outcome}"
            return finding("ENT510", Level.NOTE, str(point), message, "set extras to have it checked")
        case Raised(type="SystemExit") if distribution.lacks_foreign(outcome.missing):
            message = f"ends of its own accord, because {outcome.missing} is not installed"
            return finding("ENT510", Level.NOTE, str(point), message, hint_for(distribution, point.module, outcome))
        case _:
            message, hint = f"does not load: {outcome}", _hint(distribution, point, outcome)
    level = Level.WARNING if _needs_other_extra(distribution, outcome) else Level.ERROR
    return finding("ENT510", level, str(point), message, hint, outcome=outcome)


def _needs_other_extra(distribution: Distribution, outcome: Outcome) -> bool:
    """Return whether it lacks a requirement of an extra for users that is not among the extras installed."""
    missing = outcome.missing if isinstance(outcome, Raised) else ""
    extras = {*distribution.extras_with(missing)} if missing else set()
    return not extras & {*distribution.extras} and not all(map(_FOR_DEVELOPERS.search, extras))


def _extras_requested(distribution: Distribution, point: EntryPoint) -> bool:
    return set(map(canonicalize_name, point.extras)) <= set(map(canonicalize_name, distribution.extras))


def _plugin_finding(distribution: Distribution, point: EntryPoint, outcome: Outcome) -> Finding | None:
    if isinstance(outcome, Loaded):
        return None
    if isinstance(outcome, Raised) and distribution.lacks_foreign(outcome.missing):
        message = f"was not loaded, because {outcome.missing} is not installed"
        return finding("ENT511", Level.NOTE, str(point), message, "add it to deps to have the entry point checked")
    named = f"{point.module}.{point.attr}"
    if named in distribution.modules and isinstance(outcome, Raised) and outcome.type == "AttributeError":
        message, hint = f"loads only once something has imported {named}", f"write it as {point.name} = {named}"
        return finding("ENT511", Level.NOTE, str(point), message, hint)
    message = f"does not load: {outcome}"
    return finding("ENT511", Level.WARNING, str(point), message, _hint(distribution, point, outcome), outcome=outcome)


def _hint(distribution: Distribution, point: EntryPoint, outcome: Outcome) -> str:
    if isinstance(outcome, Raised) and outcome.type == "AttributeError" and not outcome.file:
        return f"define {point.attr} in {point.module}, or correct the entry point in pyproject.toml"
    return hint_for(distribution, point.module, outcome)


def _presence_finding(point: EntryPoint, commands: CommandRunner) -> Finding | None:
    if commands.script(point).exists():
        return None
    return finding("ENT510", Level.ERROR, str(point), f"there is no {point.name} in {commands.scripts_dir}", RECREATE)


def _checked_codes(
    distribution: Distribution, folders: Sequence[Path]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the codes for which there is something to check, and the others with the reason."""
    consoles = any(map(_is_console, distribution.commands))
    needs = {
        "ENT510": (bool(distribution.commands), "no commands"),
        "ENT511": (bool(distribution.plugins), "no entry points but commands"),
        "ENT512": (consoles, "no console scripts"),
        "ENT513": (consoles, "no console scripts"),
        "ENT514": (consoles and bool(folders), "no folders to look at" if consoles else "no console scripts"),
        "VER306": (consoles, "no console scripts"),
    }
    codes = tuple(code for code, (present, _) in needs.items() if present)
    return codes, tuple((code, NothingToCheck(reason)) for code, (present, reason) in needs.items() if not present)


def _detail(distribution: Distribution, *, answering: int, loading: int) -> str:
    scripts, plugins = sum(map(_is_console, distribution.commands)), len(distribution.plugins)
    facts = ["no console scripts"]
    if scripts:
        facts = [
            _loading(answering, scripts, "script") + (" and answers --help" if scripts == 1 else " and answer --help")
        ]
    if plugins:
        facts.append(_loading(loading, plugins, "other entry point"))
    return ", ".join(facts)


def _loading(good: int, total: int, what: str) -> str:
    """Return "2 scripts load", "1 script loads" or "1 of 2 scripts load"."""
    number = f"{total}" if good == total else f"{good} of {total}"
    return f"{number} {what} loads" if total == 1 else f"{number} {what}s load"
