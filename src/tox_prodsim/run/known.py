"""What the accepted run had found already: it stays silent until it changes. An error never does."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.events import Step
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.printable import without_controls
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.timing.baseline.contents import Contents

STEPS = frozenset({Step.SDIST, Step.WHEEL, Step.AUDIT, Step.INSTALL, Step.IMPORT, Step.SCRIPTS})
"""The steps of which the notes are remembered: what they find does not depend on the moment."""
_FAILURES = ("IMP503", "IMP504")
"""Modules that fail: a warning about one is remembered like a note."""
_FAILED = lazy_regex(r"IMP504 (?P<module>[\w.]+)")
_ABSOLUTE = lazy_regex(r"(?:(?<!\w)[A-Za-z]:|(?<![\w.:/\\]))[/\\][^\s'\",;()]*[/\\](?=[^\s/\\'\",;()])")
"""The folder of an absolute path, which another machine does not have."""
_ADDRESS = lazy_regex(r"0x[0-9a-fA-F]{4,}")
_VERSION = "{version}"
_MOST_CHARACTERS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the accepted release did not do, and what there was to say of it."""

    version: str = ""
    """Of the release."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """The reasons why modules fail, by module."""
    notes: frozenset[str] = frozenset()
    """As ``described``."""

    @classmethod
    def of(cls, contents: Contents | None) -> Known:
        """Return what a baseline knows; nothing without one."""
        if contents is None:
            return NOTHING
        return cls(version=contents.version, failed=contents.failed, notes=contents.notes)

    def has_failure(self, level: Level, module: str, reason: str) -> bool:
        """Return whether a module that is not an error failed for the same reason."""
        return level is not Level.ERROR and self.failed.get(module) == stable(reason)

    def has(self, finding: Finding, version: str) -> bool:
        """Return whether the same was noted; ``version`` is that of the release under test."""
        return is_remembered(finding) and described(finding, version) in self.notes


NOTHING = Known()


def is_remembered(finding: Finding) -> bool:
    """Return whether a baseline remembers such a finding."""
    return finding.level is Level.NOTE or (finding.level is Level.WARNING and finding.code in _FAILURES)


def notes_of(findings: Iterable[Finding], version: str) -> frozenset[str]:
    """Return what a baseline remembers of these findings."""
    return frozenset(described(finding, version) for finding in findings if is_remembered(finding))


def without_failures(notes: Iterable[str], failed: Collection[str]) -> frozenset[str]:
    """Return the notes without those about the modules that failed: these are remembered one by one."""
    return frozenset(note for note in notes if _module_of(note) not in failed)


def _module_of(note: str) -> str:
    """Return the first module that a note is about, if it is one about modules that fail."""
    found = _FAILED.match(note)
    return found["module"] if found else ""


def described(finding: Finding, version: str) -> str:
    """Return a finding as a baseline remembers it: without the version of the release and paths of this machine."""
    text = f"{finding.code} {finding.subject}: {finding.message}"
    return stable(re.sub(rf"(?<![\w.]){re.escape(version)}(?!\w|\.\w)", _VERSION, text))


def stable(text: str) -> str:
    """Return a text in one line, without what differs from machine to machine and from run to run."""
    plain = _ADDRESS.sub("0x…", _ABSOLUTE.sub("", text))
    line = " ".join(plain.encode("utf-8", "replace").decode("utf-8").split())
    return without_controls(line)[:_MOST_CHARACTERS]
