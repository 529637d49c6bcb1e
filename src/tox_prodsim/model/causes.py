"""Findings that have one cause: the worst of them is reported, and those that follow from it are named below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import Counts, Finding, Level
from tox_prodsim.model.regex import lazy_regex

_MISSING = lazy_regex(r"No module named '?(?P<module>[\w.]+)|because (?P<absent>[\w.]+) is not installed")
_CONDITION = lazy_regex(r"fails? with (?P<name>\w+): ")
_EXCEPTION = lazy_regex(r"\b[\w.]*(?:Error|Exception): .+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One cause: the finding that stands for it, and the findings that follow from it."""

    finding: Finding
    also: tuple[Finding, ...] = ()


def faults(findings: Iterable[Finding]) -> tuple[Fault, ...]:
    """Return the causes in the order of the findings that stand for them: of each, the first of the highest level."""
    found = tuple(findings)
    heads = _heads(found)
    followers: dict[int, list[Finding]] = {}
    for finding, head in zip(found, heads, strict=True):
        if finding is not found[head]:
            followers.setdefault(head, []).append(finding)
    return tuple(
        Fault(finding=finding, also=tuple(followers.get(at, ())))
        for at, (finding, head) in enumerate(zip(found, heads, strict=True))
        if head == at
    )


def causes(findings: Iterable[Finding]) -> list[str]:
    """Return the finding from which each one follows, as code and subject; empty for one that follows from none."""
    found = tuple(findings)
    return ["" if head == at else display(found[head]) for at, head in enumerate(_heads(found))]


def counted(findings: Iterable[Finding]) -> Counts:
    """Return how many causes of each level there are."""
    return Counts.of(fault.finding for fault in faults(findings))


def display(finding: Finding) -> str:
    """Return code and subject."""
    return f"{finding.code} {short_subject(finding)}"


def short_subject(finding: Finding) -> str:
    """Return the subject, that of an entry point without what it names."""
    return finding.subject.partition(" = ")[0] if finding.subject.startswith("[") else finding.subject


def _heads(findings: Sequence[Finding]) -> list[int]:
    """Return the position of the finding that stands for each one: its own unless it follows from another."""
    levels = tuple(Level)
    best: dict[str, int] = {}
    reasons = [reason_of(finding) for finding in findings]
    for at, (finding, reason) in enumerate(zip(findings, reasons, strict=True)):
        known = best.setdefault(reason, at)
        if levels.index(finding.level) < levels.index(findings[known].level):
            best[reason] = at
    return [best[reason] if reason else at for at, reason in enumerate(reasons)]


def reason_of(finding: Finding) -> str:
    """Return what all findings of one cause have in common; empty: not known."""
    text = f"{finding.message}\n{finding.hint}"
    if (condition := _CONDITION.search(finding.message)) and finding.code.startswith("SIM"):
        raised = _EXCEPTION.search(text)
        return f"{condition['name']}: {raised[0].strip()}" if raised else ""
    if missing := _MISSING.search(text):
        return f"lacks {missing['module'] or missing['absent']}"
    return finding.reason
