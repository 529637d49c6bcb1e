"""Findings, their levels, the policy that decides which of them count, and the verdict of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from fnmatch import fnmatchcase

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex

_ENTRY_POINT = lazy_regex(r"\[[^\]]+\] (?P<name>.+?)(?: = .*)?")
"""The subject of a finding about an entry point."""


class Level(StrEnum):
    """The level of a finding; only an error fails the run."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def and_milder(self) -> tuple[Level, ...]:
        """Return this level and the lower ones."""
        levels = tuple(Level)
        return levels[levels.index(self) :]


class Verdict(StrEnum):
    """How a run ended; INCOMPLETE is a run that was interrupted, but not by the user."""

    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One fact about the thing under test."""

    code: str
    """The code in the catalogue, such as ``WHL101``."""
    level: Level
    subject: str
    """What it is about, such as a module, a file or an entry point."""
    message: str
    """A sentence that follows the subject."""
    hint: str = ""
    """What to do about it, as an imperative."""
    file: str = ""
    """Where it is; relative to site-packages, or to the wheel."""
    line: int | None = None
    reason: str = ""
    """What other findings of the same cause have as well, such as an exception with its place; empty: not known."""
    service: str = ""
    """The service that it is about, when there are several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many findings of each level there are."""

    errors: int
    warnings: int
    notes: int

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Counts:
        """Return the counts of these findings."""
        counted = Counter(finding.level for finding in findings)
        return cls(errors=counted[Level.ERROR], warnings=counted[Level.WARNING], notes=counted[Level.NOTE])


class NothingToCheck(str):
    """A reason why a check is not made that is not a loss: there is nothing for it to look at."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """The result of a group of checks."""

    detail: str
    """What was checked, for the line of the step."""
    codes: tuple[str, ...]
    """The codes that were really checked."""
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[tuple[str, str], ...] = ()
    """Codes that were not checked, with reasons: one that could not be, or a NothingToCheck."""
    known: tuple[str, ...] = ()
    """What was found and is not reported, because the baseline knows it."""
    evidence: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Titles and lines that support the findings, such as the output of a tool."""

    @classmethod
    def of(cls, *parts: CheckResult) -> CheckResult:
        """Return several results as one."""
        return cls(
            detail=", ".join(part.detail for part in parts if part.detail),
            codes=tuple(code for part in parts for code in part.codes),
            findings=tuple(finding for part in parts for finding in part.findings),
            not_checked=tuple(pair for part in parts for pair in part.not_checked),
            known=tuple(text for part in parts for text in part.known),
            evidence=tuple(pair for part in parts for pair in part.evidence),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """Which findings count; every item is a code (``RUN607``) or a prefix of codes (``RUN``, ``RUN6``).

    An item may name subjects as well, by a glob: ``IMP504:acme.win32``, or a service: ``RUN608:db``. An empty
    ``select`` selects everything. The longest matching item decides, as in ruff, so that ``ignore = RUN`` with
    ``select = RUN607`` keeps RUN607; on a tie, ``ignore`` wins.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    warn: tuple[str, ...] = ()

    def apply(self, finding: Finding) -> Finding | None:
        """Return the finding as it counts under this policy, or None when it is ignored."""
        if self.ignores(finding.code, finding.subject, finding.service):
            return None
        if (
            finding.level is Level.ERROR
            and _longest(self.warn, finding.code, finding.subject, finding.service) is not None
        ):
            return replace(finding, level=Level.WARNING)
        return finding

    def ignores(self, code: str, *subjects: str) -> bool:
        """Return whether a finding of this code about these subjects does not count."""
        selected = _longest(self.select, code, *subjects) if self.select else 0
        ignored = _longest(self.ignore, code, *subjects)
        return selected is None or (ignored is not None and ignored >= selected)

    def drops(self, family: str) -> bool:
        """Return whether no finding of this family (``PRF``) can count, so that its checks need not run."""
        return any(family.startswith(item) for item in self.ignore) and not any(
            item.startswith(family) for item in self.select
        )


def error(code: str, subject: str, message: str, hint: str) -> Finding:
    """Return a finding that fails the run."""
    return Finding(code=code, level=Level.ERROR, subject=subject, message=message, hint=hint)


def warning(code: str, subject: str, message: str, hint: str) -> Finding:
    """Return a finding that does not fail the run."""
    return Finding(code=code, level=Level.WARNING, subject=subject, message=message, hint=hint)


def note(code: str, subject: str, message: str, hint: str) -> Finding:
    """Return a finding for information."""
    return Finding(code=code, level=Level.NOTE, subject=subject, message=message, hint=hint)


def decide(findings: Iterable[Finding], *, finished: bool, cancelled: bool = False) -> Verdict:
    """Return the verdict of a run; a run that was interrupted never passes."""
    if cancelled:
        return Verdict.CANCELLED
    if any(finding.level is Level.ERROR for finding in findings):
        return Verdict.FAILED
    return Verdict.PASSED if finished else Verdict.INCOMPLETE


def _longest(items: tuple[str, ...], code: str, *subjects: str) -> int | None:
    """Return the length of the longest item that matches the code and a subject, or None when there is none."""
    return max((len(item) for item in items if _matches(item, code, *subjects)), default=None)


def _matches(item: str, code: str, *subjects: str) -> bool:
    """Return whether an item matches; that of an entry point may give its name alone."""
    prefix, _, glob = item.partition(":")
    points = (point["name"] for subject in subjects if (point := _ENTRY_POINT.fullmatch(subject)))
    names = (*filter(None, subjects), *points)
    return code.startswith(prefix) and (not glob or any(fnmatchcase(name, glob) for name in names))
