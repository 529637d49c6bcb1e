"""WHL113: data files that the code of a wheel reads beside itself (``file_readings.py``), and that the wheel lacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from tox_prodsim.checks.artifact.file_readings import Reading
from tox_prodsim.checks.artifact.member_facts import MemberFacts, PackedFacts, facts_of
from tox_prodsim.checks.artifact.member_paths import folders_of
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex

CODES = ("WHL113",)

_NAME = lazy_regex(r"[\w.-]+")
_SHOWN = 3


def check_references(
    wheel: Wheel, known: Collection[str] = (), facts: MemberFacts | PackedFacts | None = None
) -> CheckResult:
    """Return the data files that are read and are not there; the ``known`` ones are reported already."""
    found: dict[str, Reading] = {}
    of_members = facts_of(wheel, facts)
    readings = list(_absent(wheel, of_members.readings))
    for reading in readings:
        inside = any(other.path.startswith(f"{reading.path}/") for other in readings)
        if reading.path not in known and not inside:
            found.setdefault(reading.path, reading)
    findings = (_finding([each for each in found.values() if each.member == member]) for member in _members(found))
    not_checked = tuple((CODES[0], reason) for reason in of_members.unread)
    return CheckResult(detail="", codes=CODES, findings=tuple(findings), not_checked=not_checked)


def _members(found: dict[str, Reading]) -> list[str]:
    return list(dict.fromkeys(each.member for each in found.values()))


def _finding(readings: list[Reading]) -> Finding:
    first = readings[0]
    message = f"is read by {first.member} (line {first.line}), but it is not in the wheel"
    hint = "have the build include it: package-data of [tool.setuptools], or 'include' of the build back end"
    subject = listed([each.path for each in readings], _SHOWN)
    return Finding(
        code="WHL113",
        level=Level.WARNING,
        subject=subject,
        message=message,
        hint=hint,
        file=first.member,
        line=first.line,
    )


def _absent(wheel: Wheel, readings: Sequence[Reading]) -> Iterator[Reading]:
    """Yield what is read in the folders of the wheel's packages, and is not there."""
    if not readings:
        return
    installed = {*wheel.files, *(folder for file in wheel.files for folder in folders_of(file))}
    packages = {file.partition("/")[0] for file in wheel.files if "/" in file}
    required = {canonicalize_name(found[0]) for text in wheel.requires if (found := _NAME.match(text))}
    for reading in readings:
        path = PurePosixPath(reading.path)
        if reading.path not in installed and path.parts[0] in packages and not _is_required(path, required):
            yield reading


def _is_required(file: PurePosixPath, required: Collection[str]) -> bool:
    """Return whether it is in the part of a namespace that a requirement brings: poetry/core is that of poetry-core."""
    parts = file.parts
    return any(canonicalize_name("-".join(parts[:depth])) in required for depth in range(2, len(parts) + 1))
