"""Whether the top-levels import, and the commands answer ``--help``, under a condition as they do without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tox_prodsim.checks.installed.cli_checks import script_of
from tox_prodsim.checks.installed.imports import main_names
from tox_prodsim.checks.installed.messages import finding
from tox_prodsim.checks.installed.probe import LOAD_LIMIT_S, Distribution, Loaded, ending, load
from tox_prodsim.checks.installed.scripts import HELP_LIMIT_S, console_scripts
from tox_prodsim.model.conditions import ConditionRun
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import NO_VARIABLES, Completed, Runner

_TRY_S = 30.0
_TRACEBACK = b"Traceback (most recent call last)"


def why_not(scene: ConditionRun, runner: Runner) -> str:
    """Return why the condition is not to be had here; nothing when it is."""
    if not scene.condition.wrapped:
        return ""
    ran = _under(scene, runner)([], timeout_s=_TRY_S)
    if ran.returncode == 0:
        return ""
    return _last_line(ran.stdout) or f"trying it, Python {ending(ran.returncode)}: {_last_line(ran.stderr)}"


def check_under(
    scene: ConditionRun,
    subject: Distribution,
    runner: Runner,
    scripts_dir: Path,
    *,
    limit_s: float = LOAD_LIMIT_S,
    help_limit_s: float = HELP_LIMIT_S,
) -> CheckResult:
    """Return what a condition breaks: what fails under it and not without it; the limits are for one each."""
    paths = ((point, script_of(scripts_dir, point)) for point in console_scripts(subject))
    scripts = [(point, path) for point, path in paths if path.exists()]
    return CheckResult(
        detail="",
        codes=(*(["SIM801"] if main_names(subject) else []), *(["SIM802"] if scripts else [])),
        findings=(
            *_broken_imports(scene, subject, runner, limit_s),
            *(found for each in scripts for found in _broken_help(scene, *each, runner, help_limit_s)),
        ),
    )


def _under(scene: ConditionRun, runner: Runner) -> Runner:
    """Return what runs programs as the runner does, under the condition."""
    work = scene.folder / "work"

    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        scratch = work if scene.condition.own_folders else None
        command = scene.command(argv, scratch=scratch)
        return runner(command, timeout_s=timeout_s, variables={**variables, **scene.variables})

    return run


def _broken_imports(scene: ConditionRun, subject: Distribution, runner: Runner, limit_s: float) -> Iterator[Finding]:
    names = main_names(subject)
    outcomes = load([(name, "") for name in names], _under(scene, runner), scene.python, limit_s)
    for name, outcome in zip(names, outcomes, strict=True):
        if isinstance(outcome, Loaded):
            continue
        (plain,) = load([(name, "")], runner, scene.python, limit_s)
        if isinstance(plain, Loaded):
            message = f"import fails with {scene.condition.name}: {outcome}"
            yield finding("SIM801", Level.ERROR, name, message, scene.condition.hint, outcome=outcome)


def _broken_help(
    scene: ConditionRun, point: EntryPoint, script: Path, runner: Runner, limit_s: float
) -> Iterator[Finding]:
    """Yield a failure of ``--help``; who says in its own words that it cannot go on only warns."""
    argv = [str(script), "--help"]
    ran = _under(scene, runner)(argv, timeout_s=limit_s)
    if _is_fine(ran) or not _is_fine(runner(argv, timeout_s=limit_s)):
        return
    how = f"does not end within {limit_s:g} s" if ran.timed_out else ending(ran.returncode)
    words = _last_line(ran.stderr) or _last_line(ran.stdout)
    message = f"--help fails with {scene.condition.name}: it {how}{f': {words}' if words else ''}"
    speaks = (ran.returncode or -1) > 0 and _TRACEBACK not in ran.stderr and not ran.timed_out
    yield finding("SIM802", Level.WARNING if speaks else Level.ERROR, str(point), message, scene.condition.hint)


def _is_fine(ran: Completed) -> bool:
    return ran.returncode == 0 and not ran.timed_out


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:200] if lines else ""
