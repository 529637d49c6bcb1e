"""Whether the commands load and answer, and whether the other entry points load."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.cli_checks import RECREATE, Asking, ask_for_help
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, Distribution, Loaded, Outcome, Raised, load
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import Runner

_FOR_DEVELOPERS = re.compile(r"(?:^|[-_.])(?:dev|doc|lint|test|typing|mypy|ci$|all$)", re.IGNORECASE)
"""Extras that bring what the maintainers work with, or everything."""
HELP_LIMIT_S = 60.0
"""Many times what the slowest takes: a machine that is busy with something else is not the command's fault."""


def check_scripts(
    subject: Distribution,
    runner: Runner,
    python: Path,
    scripts_dir: Path,
    *,
    folders: Sequence[Path] = (),
    limit_s: float = LOAD_LIMIT_S,
    help_limit_s: float = HELP_LIMIT_S,
) -> CheckResult:
    """Return what is wrong with the entry points.

    ``folders`` are those in which ``--help`` should leave nothing: HOME, TMPDIR and where the runner runs it. The
    limits are for loading one and for one answer.
    """
    commands, plugins = subject.commands, subject.plugins
    outcomes = load([(point.module, point.attr) for point in (*commands, *plugins)], runner, python, limit_s)
    about_commands = _findings(_command_finding(subject, *pair) for pair in zip(commands, outcomes, strict=False))
    about_plugins = _findings(
        _plugin_finding(subject, *pair) for pair in zip(plugins, outcomes[len(commands) :], strict=True)
    )
    broken = {found.subject for found in about_commands}
    sound = [point for point in commands if str(point) not in broken]
    asking = Asking(
        subject=subject, runner=runner, scripts_dir=scripts_dir, limit_s=help_limit_s, folders=tuple(folders)
    )
    absent = _findings(_presence_finding(point, asking) for point in sound)
    missing = {found.subject for found in absent}
    askable = [point for point in sound if _is_console(point) and str(point) not in missing]
    about_help = ask_for_help(asking, askable)
    codes, not_checked = _checked_codes(subject, folders)
    return CheckResult(
        detail=_detail(
            subject,
            answering=len(askable) - sum(map(_is_silence, about_help)),
            loading=len(plugins) - len(about_plugins),
        ),
        codes=codes,
        findings=(*about_commands, *absent, *about_help, *about_plugins),
        not_checked=not_checked,
    )


def _findings(found: Iterable[Finding | None]) -> list[Finding]:
    return [finding for finding in found if finding is not None]


def console_scripts(subject: Distribution) -> list[EntryPoint]:
    """Return the commands that talk to a terminal."""
    return [point for point in subject.commands if _is_console(point)]


def _is_silence(found: Finding) -> bool:
    """Return whether the command did not answer ``--help``, in the plainest of conditions."""
    return found.code in {"ENT510", "ENT512"}


def _is_console(point: EntryPoint) -> bool:
    return point.group == "console_scripts"


def _command_finding(subject: Distribution, point: EntryPoint, outcome: Outcome) -> Finding | None:
    match outcome:
        case Loaded(callable=True):
            return None
        case Loaded():
            message, hint = "names something that cannot be called", "let the entry point name a function"
        case Raised() if not _extras_requested(subject, point) and subject.lacks_foreign(outcome.missing):
            message = f"needs the extra {', '.join(point.extras)}, which was not asked for: {outcome}"
            return finding("ENT510", Level.NOTE, str(point), message, "set extras to have it checked")
        case Raised(type="SystemExit") if subject.lacks_foreign(outcome.missing):
            message = f"ends of its own accord, because {outcome.missing} is not installed"
            return finding("ENT510", Level.NOTE, str(point), message, hint_for(subject, point.module, outcome))
        case _:
            message, hint = f"does not load: {outcome}", _hint(subject, point, outcome)
    level = Level.WARNING if _is_of_an_extra(subject, outcome) else Level.ERROR
    return finding("ENT510", level, str(point), message, hint, outcome=outcome)


def _is_of_an_extra(subject: Distribution, outcome: Outcome) -> bool:
    """Return whether it lacks what an extra brings that is meant for users, and that was not asked for."""
    missing = outcome.missing if isinstance(outcome, Raised) else ""
    extras = {*subject.extras_with(missing)} if missing else set()
    return not extras & {*subject.extras} and not all(map(_FOR_DEVELOPERS.search, extras))


def _extras_requested(subject: Distribution, point: EntryPoint) -> bool:
    return set(map(canonicalize_name, point.extras)) <= set(map(canonicalize_name, subject.extras))


def _plugin_finding(subject: Distribution, point: EntryPoint, outcome: Outcome) -> Finding | None:
    if isinstance(outcome, Loaded):
        return None
    if isinstance(outcome, Raised) and subject.lacks_foreign(outcome.missing):
        message = f"was not loaded, because {outcome.missing} is not installed"
        return finding("ENT511", Level.NOTE, str(point), message, "add it to deps to have the entry point checked")
    named = f"{point.module}.{point.attr}"
    if named in subject.modules and isinstance(outcome, Raised) and outcome.type == "AttributeError":
        message, hint = f"loads only once something has imported {named}", f"write it as {point.name} = {named}"
        return finding("ENT511", Level.NOTE, str(point), message, hint)
    message = f"does not load: {outcome}"
    return finding("ENT511", Level.WARNING, str(point), message, _hint(subject, point, outcome), outcome=outcome)


def _hint(subject: Distribution, point: EntryPoint, outcome: Outcome) -> str:
    if isinstance(outcome, Raised) and outcome.type == "AttributeError" and not outcome.file:
        return f"define {point.attr} in {point.module}, or correct the entry point in pyproject.toml"
    return hint_for(subject, point.module, outcome)


def _presence_finding(point: EntryPoint, asking: Asking) -> Finding | None:
    if asking.script(point).exists():
        return None
    return finding("ENT510", Level.ERROR, str(point), f"there is no {point.name} in {asking.scripts_dir}", RECREATE)


def _checked_codes(
    subject: Distribution, folders: Sequence[Path]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the codes for which there is something to check, and the others with the reason."""
    consoles = any(map(_is_console, subject.commands))
    needs = {
        "ENT510": (bool(subject.commands), "no commands"),
        "ENT511": (bool(subject.plugins), "no entry points but commands"),
        "ENT512": (consoles, "no console scripts"),
        "ENT513": (consoles, "no console scripts"),
        "ENT514": (consoles and bool(folders), "no folders to look at" if consoles else "no console scripts"),
        "VER306": (consoles, "no console scripts"),
    }
    codes = tuple(code for code, (present, _) in needs.items() if present)
    return codes, tuple((code, reason) for code, (present, reason) in needs.items() if not present)


def _detail(subject: Distribution, *, answering: int, loading: int) -> str:
    scripts, plugins = sum(map(_is_console, subject.commands)), len(subject.plugins)
    facts = ["no console scripts"]
    if scripts:
        facts = [
            _share(answering, scripts, "script") + (" and answers --help" if scripts == 1 else " and answer --help")
        ]
    if plugins:
        facts.append(_share(loading, plugins, "other entry point"))
    return ", ".join(facts)


def _share(good: int, total: int, what: str) -> str:
    """Return "2 scripts load", "1 script loads" or "1 of 2 scripts load"."""
    number = f"{total}" if good == total else f"{good} of {total}"
    return f"{number} {what} loads" if total == 1 else f"{number} {what}s load"
