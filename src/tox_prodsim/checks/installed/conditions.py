"""Whether the top-levels import, and the commands answer ``--help``, under a condition as they do without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tox_prodsim.checks.installed.commands import script_of
from tox_prodsim.checks.installed.imports import main_names
from tox_prodsim.checks.installed.inventory import Distribution
from tox_prodsim.checks.installed.messages import finding
from tox_prodsim.checks.installed.outcomes import Loaded, ending
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, load
from tox_prodsim.checks.installed.scripts import HELP_LIMIT_S, console_scripts
from tox_prodsim.model.conditions import ConditionRun
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import last_line
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner, succeeded

_TRIAL_LIMIT_S = 30.0
_TRACEBACK = b"Traceback (most recent call last)"


def unavailable_reason(run: ConditionRun, runner: Runner) -> str:
    """Return why the condition is not available on this machine; nothing when it is."""
    if not run.condition.wrapped:
        return ""
    completed = _under(run, runner)([], timeout_s=_TRIAL_LIMIT_S)
    if completed.returncode == 0:
        return ""
    error = _last_line(completed.stderr)
    return _last_line(completed.stdout) or f"trying it, Python {ending(completed.returncode)}: {error}"


def check_condition(
    run: ConditionRun,
    distribution: Distribution,
    runner: Runner,
    scripts_dir: Path,
    *,
    limit_s: float = LOAD_LIMIT_S,
    help_limit_s: float = HELP_LIMIT_S,
) -> CheckResult:
    """Return what a condition breaks: what fails under it but not without it; the limits are for one import or help."""
    paths = ((point, script_of(scripts_dir, point.name)) for point in console_scripts(distribution))
    scripts = [(point, path) for point, path in paths if path.exists()]
    return CheckResult(
        detail="",
        codes=(*(["SIM801"] if main_names(distribution) else []), *(["SIM802"] if scripts else [])),
        findings=(
            *_broken_imports(run, distribution, runner, limit_s),
            *(found for each in scripts for found in _broken_help(run, *each, runner, help_limit_s)),
        ),
    )


def _under(run: ConditionRun, runner: Runner) -> Runner:
    """Return a runner that runs programs under the condition."""
    scratch = run.folder / "work" if run.condition.own_folders else None

    def execute(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        command = run.command(argv, scratch=scratch)
        return runner(command, timeout_s=timeout_s, variables={**variables, **run.variables})

    return execute


def _broken_imports(run: ConditionRun, distribution: Distribution, runner: Runner, limit_s: float) -> Iterator[Finding]:
    names = main_names(distribution)
    outcomes = load([(name, "") for name in names], _under(run, runner), run.python, limit_s)
    for name, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, Loaded):
            continue
        (without,) = load([(name, "")], runner, run.python, limit_s)
        if isinstance(without, Loaded):
            message = f"import fails with {run.condition.name}: {outcome}"
            yield finding("SIM801", Level.ERROR, name, message, run.condition.hint, outcome=outcome)


def _broken_help(
    run: ConditionRun, point: EntryPoint, script: Path, runner: Runner, limit_s: float
) -> Iterator[Finding]:
    """Yield a failure of ``--help``; a warning if the command reports the problem in a message of its own."""
    argv = [str(script), "--help"]
    completed = _under(run, runner)(argv, timeout_s=limit_s)
    if succeeded(completed) or not succeeded(runner(argv, timeout_s=limit_s)):
        return
    how = f"does not end within {limit_s:g} s" if completed.timed_out else ending(completed.returncode)
    last_line = _last_line(completed.stderr) or _last_line(completed.stdout)
    message = f"--help fails with {run.condition.name}: it {how}{f': {last_line}' if last_line else ''}"
    level = Level.WARNING if _reports_problem(completed) else Level.ERROR
    yield finding("SIM802", level, str(point), message, run.condition.hint)


def _reports_problem(completed: Completed) -> bool:
    exited = (completed.returncode or -1) > 0 and not completed.timed_out
    return exited and _TRACEBACK not in completed.stderr


def _last_line(output: bytes) -> str:
    return last_line(output.decode("utf-8", "replace"))
