"""Run other tools on the files, each in an environment of its own that is kept from run to run.

The tools start in threads at the beginning of a run, and their step waits for the results. A tool that cannot be
installed or run is an error, like a dependency that does not install: the release was not audited.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path

from tox_prodsim.checks.audit import tool_env
from tox_prodsim.model import auditors
from tox_prodsim.model.auditors import Auditor
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import Completed, Runner, output_of

_LIMIT_S = 600.0
_LINES_SHOWN = 60
_READABLE = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "500", "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
"""Variables that make tools print one line for each problem, without colours."""
_CONTROLS = lazy_regex(r"\x1b\[[0-9;]*[A-Za-z]")
_TIME_STAMP = lazy_regex(r"^\[\d\d:\d\d:\d\d\]\s+")
_SYMBOLS = lazy_regex(r"^[^\x21-\x7e]+")
_COMPLAINT = lazy_regex(r"(?:error|warning|[A-Z]\d{3})\b", re.IGNORECASE)
_COULD_BE = lazy_regex(r'platform\s+tag:\s+"(\w+)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditTools:
    """The tools that were asked for, and how they are installed and run."""

    auditors: tuple[Auditor, ...]
    folder: Path
    """The folder of their environments, which are kept from run to run."""
    install: Callable[[str, Path], None]
    """Makes an environment with a requirement in a folder; raises ProdsimError."""
    run: Runner
    interrupted: Callable[[], bool]
    """Returns whether to give up."""
    recreate: bool = False
    """Whether the environments are made again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audits:
    """Audits that are running."""

    pending: tuple[Future[CheckResult], ...]

    def result(self) -> CheckResult:
        """Wait for all of them and return what they found; raises Cancelled."""
        results = [each.result() for each in self.pending]
        ran = [each for each in results if each.codes]
        return replace(CheckResult.of(*results), detail=CheckResult.of(*(ran or results)).detail)


def start(tools: AuditTools, wheel: Path, sdist: Path | None, executor: Executor) -> Audits:
    """Start all audits of the wheel and, if there is one, of the sdist."""
    return Audits(pending=tuple(executor.submit(audit, tools, each, wheel, sdist) for each in tools.auditors))


def audit(tools: AuditTools, auditor: Auditor, wheel: Path, sdist: Path | None) -> CheckResult:
    """Return what one tool reports; raises Cancelled."""
    if reason := auditor.inapplicable(wheel.name, sdist):
        skipped = f"{auditor.name}: {reason}"
        return CheckResult(detail=skipped, codes=(), not_checked=(("AUD801", skipped),))
    env = tool_env.ToolEnv(folder=tools.folder / _folder_name(auditor), purpose=auditor.requirement)
    try:
        with env.locked(tools.interrupted):
            completed = _run_installed(tools, env, auditor, auditor.command(wheel, sdist))
            version = env.version(auditor.name)
    except ProdsimError as problem:
        return _failed(auditor, problem.message)
    lines = _output_lines(completed, {wheel: wheel.name} | ({sdist: sdist.name} if sdist else {}))
    if reason := _crash(completed):
        return _failed(auditor, f"could not be run: {reason}", lines)
    names = [file.name for file in (wheel, sdist) if file is not None]
    complaint = _complaint(lines, names) if completed.returncode else _overclaims(auditor, lines, wheel.name)
    lacks_sdist = sdist is None and auditor.needs("{sdist}")
    return _to_check_result(auditor, version, complaint, lines, lacks_sdist=lacks_sdist)


def _folder_name(auditor: Auditor) -> str:
    return f"{auditor.name}-{hashlib.sha256(auditor.requirement.encode()).hexdigest()[:8]}"


def _run_installed(tools: AuditTools, env: tool_env.ToolEnv, auditor: Auditor, command: Sequence[str]) -> Completed:
    """Install and run the tool; one that crashes in a kept environment is installed again, and run once more."""
    recreate = tools.recreate or env.command(command[0]) is None
    is_new = env.ensure(lambda folder: _install(tools, auditor, folder), recreate=recreate)
    completed = _run(tools, env, auditor, command)
    if _crash(completed) and not is_new:
        env.ensure(lambda folder: _install(tools, auditor, folder), recreate=True)
        completed = _run(tools, env, auditor, command)
    return completed


def _install(tools: AuditTools, auditor: Auditor, folder: Path) -> None:
    try:
        tools.install(auditor.requirement, folder)
    except ProdsimError as problem:
        raise ProdsimError("audit", f"could not be installed: {problem.message}") from problem


def _run(tools: AuditTools, env: tool_env.ToolEnv, auditor: Auditor, command: Sequence[str]) -> Completed:
    program = env.command(command[0])
    if program is None:
        raise ProdsimError("audit", f"could not be run: {auditor.requirement} brings no command {command[0]}")
    return tools.run([str(program), *command[1:]], timeout_s=_LIMIT_S, variables=_READABLE)


def _crash(completed: Completed) -> str:
    """Return why the tool has no result; nothing if it has one."""
    returncode = completed.returncode
    if completed.timed_out:
        return f"it took more than {_LIMIT_S:g} s"
    if returncode is None or returncode < 0:
        return "it died" if returncode is None else f"it died of signal {-returncode}"
    lines = output_of(completed).rstrip().splitlines()
    return lines[-1].strip() if returncode and any(line.startswith("Traceback (most") for line in lines) else ""


def _output_lines(completed: Completed, names: Mapping[Path, str]) -> tuple[str, ...]:
    """Return the lines of the output, with names in place of paths."""
    text = _CONTROLS.sub("", output_of(completed))
    for path, name in names.items():
        text = text.replace(str(path), name)
    return tuple(_TIME_STAMP.sub("", line).rstrip() for line in text.splitlines() if line.strip())


def _to_check_result(
    auditor: Auditor, version: str, complaint: str, lines: tuple[str, ...], *, lacks_sdist: bool
) -> CheckResult:
    found = _finding("AUD801", auditor, complaint, _HINTS["AUD801"]) if complaint else None
    return CheckResult(
        detail=f"{auditor.name} {version}".rstrip(),
        codes=("AUD801", "AUD802"),
        findings=(found,) if found else (),
        not_checked=(("AUD801", f"{auditor.name}: no sdist"),) if lacks_sdist else (),
        evidence=((f"what {auditor.name} says", _cut(lines)),) if found else (),
    )


def _complaint(output: Sequence[str], names: Sequence[str]) -> str:
    """Return the first line that begins as an error or a warning, else the last; with the next one if it continues."""
    lines = [_without(line, names) for line in output] or ["it says nothing"]
    at = next((at for at, line in enumerate(lines) if _COMPLAINT.match(line)), len(lines) - 1)
    continues = lines[at].endswith(":") and at + 1 < len(lines)
    return " ".join(" ".join(lines[at : at + 2] if continues else [lines[at]]).split())


def _without(line: str, names: Sequence[str]) -> str:
    """Return the line without what precedes the complaint: symbols, and the name of the file."""
    line = _SYMBOLS.sub("", line)
    return next((line.removeprefix(f"{name}: ") for name in names if line.startswith(f"{name}: ")), line)


def _overclaims(auditor: Auditor, lines: Sequence[str], name: str) -> str:
    """Return what auditwheel reports without failing: that the wheel needs a newer system than its name promises."""
    could_be = _COULD_BE.search(" ".join(lines)) if auditor.name == "auditwheel" else None
    claim = auditors.overclaimed_tag(name, could_be[1]) if could_be else ""
    return f"it is {could_be[1]}, and its name promises {claim}" if could_be and claim else ""


def _failed(auditor: Auditor, reason: str, lines: tuple[str, ...] = ()) -> CheckResult:
    return CheckResult(
        detail="",
        codes=("AUD802",),
        findings=(_finding("AUD802", auditor, reason, _HINTS["AUD802"]),),
        not_checked=(("AUD801", f"{auditor.name}: {reason}"),),
        evidence=((f"what {auditor.name} says", _cut(lines)),) if lines else (),
    )


_HINTS = {
    "AUD801": "its whole output is below; to exclude files, add options of the tool to its line in audit",
    "AUD802": "correct its line in audit, or see whether the index can be reached; warn = AUD802 to go on without it",
}


def _finding(code: str, auditor: Auditor, message: str, hint: str) -> Finding:
    return Finding(code=code, level=Level.ERROR, subject=auditor.name, message=message, hint=hint)


def _cut(lines: tuple[str, ...]) -> tuple[str, ...]:
    more = len(lines) - _LINES_SHOWN
    return lines if more <= 0 else (*lines[:_LINES_SHOWN], f"({more} more lines)")
