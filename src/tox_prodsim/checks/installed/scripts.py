"""Whether the commands load and print their help, and whether the other entry points load."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.cli_checks import RECREATE, check_options
from tox_prodsim.checks.installed.commands import (
    CommandKind,
    CommandRunner,
    InstalledCommand,
    file_commands,
    module_commands,
    of_entry_point,
    script_of,
)
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.left_running import PlainImports, WatchedRunner, left_by_commands
from tox_prodsim.checks.installed.messages import finding, hint_for
from tox_prodsim.checks.installed.outcomes import Loaded, Outcome, Raised, is_below
from tox_prodsim.checks.installed.own_words import TRACEBACK, own_words
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, load_item, load_items
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import Runner

_CAUSE = lazy_regex(r"(?:ends in|not load:|it lacks:|be printed:|last line:|--version) (?P<cause>.+)$")
"""What a finding says of its cause."""
_SCRIPTS = (CommandKind.CONSOLE, CommandKind.FILE, CommandKind.BINARY)
HELP_LIMIT_S = 60.0
"""Many times longer than the slowest command, for a machine that is busy with other work."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    """The commands that are asked for help, and what is wrong with those that are not there."""

    commands: tuple[InstalledCommand, ...]
    absent: tuple[Finding, ...]

    def of(self, *kinds: CommandKind) -> tuple[InstalledCommand, ...]:
        """Return the commands of these kinds."""
        return tuple(command for command in self.commands if command.kind in kinds)


def check_scripts(
    distribution: Distribution,
    runner: Runner,
    python: Path,
    scripts_dir: Path,
    *,
    folders: Sequence[Path] = (),
    imported: Collection[str] | None = None,
    limit_s: float = LOAD_LIMIT_S,
    help_limit_s: float = HELP_LIMIT_S,
) -> CheckResult:
    """Return what is wrong with the entry points; the limits are for loading one, and for one run of a command.

    ``folders`` are those in which ``--help`` should leave nothing: HOME, TMPDIR and the working folder. ``imported``
    are the modules that import (None: not known): ``python -m`` is not tried with another one.
    """
    watched = WatchedRunner(runner)
    about_commands, about_plugins = _load_findings(distribution, watched, python, limit_s)
    loading = _without(distribution.commands, about_commands)
    asked = _asked(distribution, python, scripts_dir, loading, imported)
    commands = CommandRunner(distribution, watched, help_limit_s, tuple(folders))
    answers = check_options(commands, asked.commands)
    codes, not_checked = _checked_codes(distribution, folders, asked)
    return CheckResult(
        detail=_detail(distribution, asked, answers.answered, loading=len(distribution.plugins) - len(about_plugins)),
        codes=codes,
        findings=(
            *about_commands,
            *asked.absent,
            *_unrepeated(about_commands, answers.findings, asked),
            *about_plugins,
            *left_by_commands(watched, PlainImports(runner=runner, python=python, limit_s=limit_s), asked.commands),
        ),
        not_checked=not_checked,
    )


def _asked(
    distribution: Distribution,
    python: Path,
    scripts_dir: Path,
    loading: Sequence[EntryPoint],
    imported: Collection[str] | None,
) -> _Asked:
    """Return the commands that are there, of the entry points that load and of all other kinds."""
    subjects = {point.name: str(point) for point in loading}
    subjects |= {name: f"[scripts] {name}" for name in distribution.script_files}
    absent = {subject: name for name, subject in subjects.items() if not script_of(scripts_dir, name).exists()}
    broken = {point.module for point in distribution.commands if point not in loading}
    modules = [each for each in module_commands(distribution, python) if not broken & set(_run_by(each))]
    return _Asked(
        commands=(
            *(of_entry_point(scripts_dir, point) for point in loading if str(point) not in absent),
            *file_commands(distribution, scripts_dir),
            *(command for command in modules if imported is None or command.name in imported),
        ),
        absent=tuple(
            finding("ENT510", Level.ERROR, subject, f"there is no {name} in {scripts_dir}", RECREATE)
            for subject, name in absent.items()
        ),
    )


def _run_by(command: InstalledCommand) -> tuple[str, str]:
    """Return the modules that ``python -m`` may run."""
    return command.name, f"{command.name}.__main__"


def _unrepeated(known: Sequence[Finding], found: Sequence[Finding], asked: _Asked) -> list[Finding]:
    """Return what was found without what ``python -m`` repeats: it mostly runs the same as a command."""
    modules = {command.subject for command in asked.of(CommandKind.MODULE)}
    causes = {_cause(each) for each in (*known, *found) if each.subject not in modules}
    return [each for each in found if each.subject not in modules or not _cause(each) or _cause(each) not in causes]


def _cause(found: Finding) -> str:
    """Return the words about the cause in a finding; nothing if it has none."""
    match = _CAUSE.search(found.message) or _CAUSE.search(found.hint)
    return match["cause"] if match else ""


def _load_findings(
    distribution: Distribution, runner: Runner, python: Path, limit_s: float
) -> tuple[list[Finding], list[Finding]]:
    """Return what is wrong with loading the commands, and the other entry points."""
    commands, plugins = distribution.commands, distribution.plugins
    items = [
        *({**load_item(point.module, point.attr), "as_script": True} for point in commands),
        *(load_item(point.module, point.attr) for point in plugins),
    ]
    outcomes = load_items(items, runner, python, limit_s)
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


def _is_console(point: EntryPoint) -> bool:
    return point.group == "console_scripts"


def _command_finding(distribution: Distribution, point: EntryPoint, outcome: Outcome) -> Finding | None:
    match outcome:
        case Loaded(callable=True, never_runs=""):
            return None
        case Loaded(callable=True):
            return _never_runs(point, outcome)
        case Loaded():
            message, hint = "names something that cannot be called", "let the entry point name a function"
        case Raised() if not _extras_requested(distribution, point) and distribution.lacks_foreign(outcome.missing):
            message = f"needs the extra {', '.join(point.extras)}, which was not asked for: {outcome}"
            return finding("ENT510", Level.NOTE, str(point), message, "set extras to have it checked")
        case Raised() if found := _in_its_own_words(distribution, point, outcome):
            return found
        case _:
            message, hint = f"does not load: {outcome}", _hint(distribution, point, outcome)
    level = Level.WARNING if _needs_other_extra(distribution, outcome) else Level.ERROR
    return finding("ENT510", level, str(point), message, hint, outcome=outcome)


def _never_runs(point: EntryPoint, loaded: Loaded) -> Finding:
    """Return the finding for a function whose call does nothing, because the script does not await or iterate it."""
    asynchronous = loaded.never_runs == "coroutine"
    what = "an async function" if asynchronous else "a generator function"
    message = f"names {what}: the command calls it, which only makes a {loaded.never_runs}, and does nothing"
    run = f"asyncio.run({point.attr}())" if asynchronous else f"list({point.attr}())"
    return finding("ENT510", Level.ERROR, str(point), message, f"let the entry point name a function that calls {run}")


def _in_its_own_words(distribution: Distribution, point: EntryPoint, raised: Raised) -> Finding | None:
    """Return the note for a command that says on purpose what it lacks; None: it does not say that."""
    words = own_words(distribution, f"{TRACEBACK}\n{raised.type}: {raised.message}")
    if words is not None:
        message = f"does not load, because of what it lacks: {words.quote}"
        return finding("ENT510", Level.NOTE, str(point), message, words.hint, outcome=raised)
    if raised.type == "SystemExit" and distribution.lacks_foreign(raised.missing):
        message = f"ends by itself, because {raised.missing} is not installed"
        return finding("ENT510", Level.NOTE, str(point), message, hint_for(distribution, point.module, raised))
    return None


def _needs_other_extra(distribution: Distribution, outcome: Outcome) -> bool:
    """Return whether it lacks a requirement of an extra for users that is not among the extras installed."""
    extras = {*distribution.user_extras_with(outcome.missing)} if isinstance(outcome, Raised) else set()
    return bool(extras) and not extras & {*distribution.extras}


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
    if isinstance(outcome, Raised) and outcome.missing and is_below(point.module, outcome.missing):
        return _hint_for_absent(distribution, point, outcome)
    return hint_for(distribution, point.module, outcome)


def _hint_for_absent(distribution: Distribution, point: EntryPoint, raised: Raised) -> str:
    """Return the hint for an entry point of which the module itself was not found."""
    known = next((name for name in distribution.modules if point.module.endswith(f".{name}")), "")
    if known:
        return f"the wheel has it as {known}: write {point.name} = {known}:{point.attr}"
    if distribution.requires_always(raised.missing.partition(".")[0]):
        return hint_for(distribution, point.module, raised)
    return f"have the build include {raised.missing}, which is not in the wheel, or correct the entry point"


def _checked_codes(
    distribution: Distribution, folders: Sequence[Path], asked: _Asked
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the codes for which there is something to check, and the others with the reason."""
    helpful = bool(console_scripts(distribution) or distribution.script_files or asked.of(CommandKind.MODULE))
    commands = helpful or bool(distribution.commands)
    needs = {
        "ENT510": (commands, "no commands"),
        "ENT511": (bool(distribution.plugins), "no entry points but commands"),
        "ENT512": (commands, "no commands"),
        "ENT513": (helpful, "no console scripts"),
        "ENT514": (helpful and bool(folders), "no folders to look at" if helpful else "no console scripts"),
        "ENT517": (commands or bool(distribution.plugins), "no entry points"),
        "VER306": (helpful, "no console scripts"),
    }
    codes = tuple(code for code, (present, _) in needs.items() if present)
    return codes, tuple((code, NothingToCheck(reason)) for code, (present, reason) in needs.items() if not present)


def _detail(distribution: Distribution, asked: _Asked, answered: Collection[str], *, loading: int) -> str:
    scripts = [*_names_of_scripts(distribution, asked)]
    answering = [each for each in asked.of(*_SCRIPTS) if each.subject in answered]
    facts = ["no console scripts"]
    if scripts:
        answer = "answers" if len(scripts) == 1 else "answer"
        facts = [f"{_loading(len(answering), len(scripts), 'script')} and {answer} --help"]
    facts += [f"{each.typed} answers --help" for each in asked.of(CommandKind.MODULE) if each.subject in answered]
    if plugins := len(distribution.plugins):
        facts.append(_loading(loading, plugins, "other entry point"))
    return ", ".join(facts)


def _names_of_scripts(distribution: Distribution, asked: _Asked) -> Iterator[str]:
    """Yield the console scripts of the wheel, and the other programs that could be asked."""
    yield from (point.name for point in console_scripts(distribution))
    yield from (command.name for command in asked.of(CommandKind.FILE, CommandKind.BINARY))


def _loading(good: int, total: int, what: str) -> str:
    """Return "2 scripts load", "1 script loads" or "1 of 2 scripts load"."""
    number = f"{total}" if good == total else f"{good} of {total}"
    return f"{number} {what} loads" if total == 1 else f"{number} {what}s load"
