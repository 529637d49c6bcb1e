"""Have other tools look at the files: each in an environment of its own, kept from run to run, and hear what they say.

The tools are begun at the start of a run, in threads, and heard in their step. What the user asked for and could not be
had is an error like a dependency that does not install: a release that nobody has audited is not an audited one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path

from tox_prodsim.checks.audit import tool_env
from tox_prodsim.model import auditors
from tox_prodsim.model.auditors import Auditor
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.runner import Completed, Runner

_LIMIT_S = 600.0
_SHOWN_LINES = 60
_READABLE = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "500", "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
"""What makes tools print one line for one thing, without colours."""
_CONTROLS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_STAMPED = re.compile(r"^\[\d\d:\d\d:\d\d\]\s+")
_PICTURES = re.compile(r"^[^\x21-\x7e]+")
_GRAVE = re.compile(r"(?:error|warning|[A-Z]\d{3})\b", re.IGNORECASE)
_COULD_BE = re.compile(r'platform\s+tag:\s+"(\w+)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """The tools that were asked for; their environments are kept in ``folder``, ``anew``: made again.

    ``install`` makes an environment with a requirement in a folder, and raises ProdsimError; ``run`` runs a tool;
    ``interrupted`` is whether to give up.
    """

    auditors: tuple[Auditor, ...]
    folder: Path
    install: Callable[[str, Path], None]
    run: Runner
    interrupted: Callable[[], bool]
    anew: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Audits:
    """Audits that go on."""

    pending: tuple[Future[CheckResult], ...]

    def heard(self) -> CheckResult:
        """Wait for all of them and return what they came to; raises Cancelled."""
        every = [each.result() for each in self.pending]
        ran = [each for each in every if each.codes]
        return replace(CheckResult.of(*every), detail=CheckResult.of(*(ran or every)).detail)


def begin(tools: Tools, wheel: Path, sdist: Path | None, ahead: Executor) -> Audits:
    """Begin all audits of the wheel and, when there is one, of the sdist."""
    return Audits(pending=tuple(ahead.submit(audit, tools, each, wheel, sdist) for each in tools.auditors))


def audit(tools: Tools, auditor: Auditor, wheel: Path, sdist: Path | None) -> CheckResult:
    """Return what one tool says; raises Cancelled."""
    if reason := auditor.inapplicable(wheel.name, sdist):
        skipped = f"{auditor.name}: {reason}"
        return CheckResult(detail=skipped, codes=(), not_checked=(("AUD801", skipped),))
    kept = tool_env.Kept(folder=tools.folder / _folder_name(auditor), purpose=auditor.requirement)
    try:
        with kept.alone(tools.interrupted):
            ran = _ran(tools, kept, auditor, auditor.command(wheel, sdist))
            version = kept.version(auditor.name)
    except ProdsimError as problem:
        return _impossible(auditor, problem.message)
    told = _told(ran, {wheel: wheel.name} | ({sdist: sdist.name} if sdist else {}))
    if reason := _crash(ran):
        return _impossible(auditor, f"could not be run: {reason}", told)
    names = [file.name for file in (wheel, sdist) if file is not None]
    complaint = _complaint(told, names) if ran.returncode else _overclaims(auditor, told, wheel.name)
    return _judged(auditor, version, complaint, told, lacks_sdist=sdist is None and auditor.needs("{sdist}"))


def _folder_name(auditor: Auditor) -> str:
    return f"{auditor.name}-{hashlib.sha256(auditor.requirement.encode()).hexdigest()[:8]}"


def _ran(tools: Tools, kept: tool_env.Kept, auditor: Auditor, command: Sequence[str]) -> Completed:
    """Run the tool; one of a kept environment that crashes is installed anew, and gets another chance."""
    anew = tools.anew or kept.command(command[0]) is None
    fresh = kept.made(lambda folder: _install(tools, auditor, folder), anew=anew)
    ran = _run(tools, kept, auditor, command)
    if _crash(ran) and not fresh:
        kept.made(lambda folder: _install(tools, auditor, folder), anew=True)
        ran = _run(tools, kept, auditor, command)
    return ran


def _install(tools: Tools, auditor: Auditor, folder: Path) -> None:
    try:
        tools.install(auditor.requirement, folder)
    except ProdsimError as problem:
        raise ProdsimError("audit", f"could not be installed: {problem.message}") from problem


def _run(tools: Tools, kept: tool_env.Kept, auditor: Auditor, command: Sequence[str]) -> Completed:
    program = kept.command(command[0])
    if program is None:
        raise ProdsimError("audit", f"could not be run: {auditor.requirement} brings no command {command[0]}")
    return tools.run([str(program), *command[1:]], timeout_s=_LIMIT_S, variables=_READABLE)


def _crash(ran: Completed) -> str:
    """Return why the tool came to no result, nothing when it did, whatever it says."""
    if ran.timed_out:
        return f"it took more than {_LIMIT_S:g} s"
    if ran.returncode is None or ran.returncode < 0:
        return "it died" if ran.returncode is None else f"it died of signal {-ran.returncode}"
    lines = (ran.stdout + b"\n" + ran.stderr).decode(errors="replace").rstrip().splitlines()
    return lines[-1].strip() if ran.returncode and any(line.startswith("Traceback (most") for line in lines) else ""


def _told(ran: Completed, shorter: Mapping[Path, str]) -> tuple[str, ...]:
    """Return the lines of the output, with the files by their names."""
    text = _CONTROLS.sub("", (ran.stdout + b"\n" + ran.stderr).decode(errors="replace"))
    for path, name in shorter.items():
        text = text.replace(str(path), name)
    return tuple(_STAMPED.sub("", line).rstrip() for line in text.splitlines() if line.strip())


def _judged(auditor: Auditor, version: str, complaint: str, told: tuple[str, ...], *, lacks_sdist: bool) -> CheckResult:
    found = _finding("AUD801", auditor, complaint, _HINTS["AUD801"]) if complaint else None
    return CheckResult(
        detail=f"{auditor.name} {version}".rstrip(),
        codes=("AUD801", "AUD802"),
        findings=(found,) if found else (),
        not_checked=(("AUD801", f"{auditor.name}: no sdist"),) if lacks_sdist else (),
        evidence=((f"what {auditor.name} says", _cut(told)),) if found else (),
    )


def _complaint(told: Sequence[str], names: Sequence[str]) -> str:
    """Return the first line that calls itself an error or a warning, else the last; with the next when it goes on."""
    lines = [_without(line, names) for line in told] or ["it says nothing"]
    at = next((at for at, line in enumerate(lines) if _GRAVE.match(line)), len(lines) - 1)
    goes_on = lines[at].endswith(":") and at + 1 < len(lines)
    return " ".join(" ".join(lines[at : at + 2] if goes_on else [lines[at]]).split())


def _without(line: str, names: Sequence[str]) -> str:
    """Return the line without what stands before the complaint: pictures, and the name of the file."""
    line = _PICTURES.sub("", line)
    return next((line.removeprefix(f"{name}: ") for name in names if line.startswith(f"{name}: ")), line)


def _overclaims(auditor: Auditor, told: Sequence[str], name: str) -> str:
    """Return what auditwheel says without failing: that the wheel needs a newer system than its name promises."""
    could_be = _COULD_BE.search(" ".join(told)) if auditor.name == "auditwheel" else None
    claim = auditors.overclaimed_tag(name, could_be[1]) if could_be else ""
    return f"it is {could_be[1]}, and its name promises {claim}" if could_be and claim else ""


def _impossible(auditor: Auditor, reason: str, told: tuple[str, ...] = ()) -> CheckResult:
    return CheckResult(
        detail="",
        codes=("AUD802",),
        findings=(_finding("AUD802", auditor, reason, _HINTS["AUD802"]),),
        not_checked=(("AUD801", f"{auditor.name}: {reason}"),),
        evidence=((f"what {auditor.name} says", _cut(told)),) if told else (),
    )


_HINTS = {
    "AUD801": "its whole output is below; what it should not look at is told to the tool, by its options in audit",
    "AUD802": "correct its line in audit, or see whether the index can be reached; warn = AUD802 to go on without it",
}


def _finding(code: str, auditor: Auditor, message: str, hint: str) -> Finding:
    return Finding(code=code, level=Level.ERROR, subject=auditor.name, message=message, hint=hint)


def _cut(lines: tuple[str, ...]) -> tuple[str, ...]:
    more = len(lines) - _SHOWN_LINES
    return lines if more <= 0 else (*lines[:_SHOWN_LINES], f"({more} more lines)")
