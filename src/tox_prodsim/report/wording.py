"""What several formats say alike: the verdict, the sentence of a finding, its place, and the end of a log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import PurePosixPath

from tox_prodsim.model.events import Evidence, RunFinished
from tox_prodsim.model.findings import Finding, Level, Verdict
from tox_prodsim.model.formatting import counted
from tox_prodsim.model.printable import Printable, has_controls
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.report import units
from tox_prodsim.report.format import RenderOptions

VERDICTS = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "FAILED",
    Verdict.CANCELLED: "CANCELLED",
    Verdict.INCOMPLETE: "INCOMPLETE",
}
CUT_SHORT = "interrupted, not a pass"
_MOST_LINES, _MOST_OF_A_LINE = 200, 500
"""Lines of evidence, and characters of each; the event log has all of them."""
_CODE = lazy_regex(r"(?P<code>[A-Z]{3}\d{3})(?: (?:is|are) not observable)?(?:: (?P<reason>.*))?", re.DOTALL)
_NOT_OBSERVABLE = lazy_regex(r" (?:is|are) not observable$")


def counts(event: RunFinished, catalogue: int = 0) -> str:
    """Return the numbers of findings and checks, such as ``1 error, 31 checks``; checks first if the run passed.

    With the number of checks in the ``catalogue``, it is ``31 of 139 checks applied``.
    """
    numbers = {"error": event.errors, "warning": event.warnings, "note": event.notes}
    findings = [units.count(number, name) for name, number in numbers.items() if number]
    applied = f"{event.checks} of {catalogue} checks applied" if catalogue else units.count(event.checks, "check")
    checks = [applied] if event.checks else []
    return ", ".join([*checks, *findings] if event.verdict is Verdict.PASSED else [*findings, *checks])


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, errors first, otherwise in their order."""
    levels = list(Level)
    return sorted(findings, key=lambda each: levels.index(each.level))


def sentence(finding: Finding) -> str:
    """Return what is wrong with what, with the service that it is about."""
    has_subject = finding.message.startswith(finding.subject)
    text = finding.message if has_subject else f"{finding.subject}: {finding.message}"
    is_named = not finding.service or finding.subject == finding.service
    return text if is_named else f"{finding.service}: {text}"


def origin(finding: Finding) -> str:
    """Return the file and the line as the finding has them, empty when there is no file."""
    return finding.file if finding.line is None or not finding.file else f"{finding.file}:{finding.line}"


def place(finding: Finding, options: RenderOptions) -> tuple[str, int]:
    """Return the file in the repository and the line that a finding is shown at; without a file, the project file."""
    path = options.source_of(finding.file) if finding.file else ""
    parts = PurePosixPath(path.replace("\\", "/"))
    if not path or parts.is_absolute() or ".." in parts.parts or ":" in path or has_controls(path):
        return options.project_file, 1
    return str(parts), max(finding.line or 1, 1)


def code_and_reason(not_checked: str) -> tuple[str, str]:
    """Return the code of a check that was not made, or what it would have looked at, and the reason."""
    if match := _CODE.fullmatch(not_checked):
        return match["code"], match["reason"] or "not checked"
    what, _, reason = not_checked.partition(": ")
    return _NOT_OBSERVABLE.sub("", what), reason or "not checked"


def quoted(evidence: Evidence, clean: Printable) -> Iterator[str]:
    """Yield the last lines of evidence, printable; what is left out before them is counted."""
    yield from (clean(line, limit=_MOST_OF_A_LINE) for line in last_lines(evidence))


def last_lines(evidence: Evidence) -> Iterator[str]:
    """Yield the last lines of evidence as they are; what is left out before them is counted."""
    if left := max(len(evidence.lines) - _MOST_LINES, 0):
        yield f"({counted(left, 'line')} left out)"
    yield from evidence.lines[left:]


class Fingerprints:
    """Makes fingerprints that stay the same when lines move, and differ for each finding of a report."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def of(self, env_name: str, finding: Finding) -> str:
        """Return the fingerprint of environment, code, subject and service; of equal ones the second differs."""
        text = f"{env_name}\0{finding.code}\0{finding.subject}\0{finding.service}"
        self._seen[text] += 1
        number = self._seen[text]
        data = text if number == 1 else f"{text}\0{number}"
        return sha256(data.encode("utf-8", "backslashreplace")).hexdigest()
