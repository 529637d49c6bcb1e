"""WHL101 to WHL104 and WHL107: every member agrees with RECORD, is there once, and is readable for all users."""

from __future__ import annotations

import base64
import csv
import hashlib
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tox_prodsim.checks.artifact.member_facts import MemberFacts, PackedFacts, facts_of
from tox_prodsim.checks.artifact.wheel import Wheel, installed_path, members, module_parts, text
from tox_prodsim.model.findings import CheckResult, Finding, error, warning
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.parsing import written

CODES = ("WHL101", "WHL102", "WHL103", "WHL104", "WHL107")

_REBUILD = "build the wheel again, and let nothing change it afterwards; PyPI refuses it as it is"
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")


def check_record(wheel: Wheel, archive: zipfile.ZipFile, facts: MemberFacts | PackedFacts | None = None) -> CheckResult:
    """Return how the archive and RECORD differ."""
    digests = facts_of(wheel, facts).digests
    differences = [*_duplicates(archive), *_record_differences(archive, wheel.dist_info, digests)]
    return CheckResult(
        detail="" if differences else "RECORD", codes=CODES, findings=(*differences, *_unreadable(archive))
    )


def _duplicates(archive: zipfile.ZipFile) -> Iterator[Finding]:
    names = members(archive)
    there = dict.fromkeys(names)
    if len(there) < len(names):
        for name, count in Counter(names).items():
            if count > 1:
                yield error("WHL104", name, f"is in the wheel {count} times", _REBUILD)
    first: dict[str, str] = {}
    places: dict[str, list[str]] = {}
    for name in there:
        place = installed_path(name)
        other = first.setdefault(place, name)
        if place and other != name:
            places.setdefault(place, [other]).append(name)
    for place, same in places.items():
        message = f"is where {' and '.join(same)} are installed: the last one that an installer writes stays"
        yield error("WHL104", place, message, "let the build put each file there once")


def _record_differences(archive: zipfile.ZipFile, dist_info: str, digests: Sequence[bytes | str]) -> Iterator[Finding]:
    record = f"{dist_info}/RECORD"
    there = dict.fromkeys(members(archive))
    if record not in there:
        yield error("WHL101", record, "is absent, so the files of the wheel cannot be verified", _REBUILD)
        return
    try:
        rows, unquoted = _rows(text(archive, record), there)
    except csv.Error as problem:
        yield error("WHL101", record, f"cannot be read: {problem}", _REBUILD)
        return
    if unquoted:
        message = "the name has a comma, and its line in RECORD lacks the quotes: uv refuses the wheel, pip warns"
        hint = "build it again with a back end that quotes the names in RECORD, or rename the file"
        yield warning("WHL101", listed(unquoted), message, hint)
    for name in there:
        if name not in rows and not name.endswith(_SIGNATURES):
            yield error("WHL101", name, "is in the wheel, but RECORD does not list it", _REBUILD)
    for name in rows:
        if name not in there:
            yield error("WHL102", name, "is listed in RECORD, but is not in the wheel", _REBUILD)
    yield from _changed(archive, record, rows, digests)


def _changed(
    archive: zipfile.ZipFile, record: str, rows: Mapping[str, tuple[str, str]], digests: Sequence[bytes | str]
) -> Iterator[Finding]:
    """Yield the members that differ from their lines in RECORD."""
    for info, sha256 in zip(archive.infolist(), digests, strict=True):
        if info.filename in rows and info.filename != record and not info.filename.endswith(_SIGNATURES):
            difference = _difference(archive, info, sha256, *rows[info.filename])
            if difference:
                yield error("WHL103", info.filename, difference, _REBUILD)


def _rows(text: str, there: Mapping[str, object]) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Return hash and size by name, and the names whose commas were written without quotes."""
    rows: dict[str, tuple[str, str]] = {}
    unquoted: list[str] = []
    names = {name: name for name in there}  # a second copy of each name takes memory
    lines = text.splitlines()
    del text
    for row in filter(None, csv.reader(lines)):
        whole = ",".join(row[:-2])
        if len(row) > 3 and whole in there:
            unquoted.append(whole)
            rows[whole] = row[-2], row[-1]
        else:
            digest, size, *_ = (*row[1:], "", "")
            rows[names.get(row[0], row[0])] = digest, size
    return rows, unquoted


def _difference(archive: zipfile.ZipFile, info: zipfile.ZipInfo, sha256: bytes | str, expected: str, size: str) -> str:
    """Return how the member differs from its line in RECORD; nothing when it does not.

    ``sha256`` is that of its content, or why it cannot be unpacked.
    """
    algorithm, _, value = expected.partition("=")
    if not value or algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
        return "has no usable hash in RECORD"
    if size and size != str(info.file_size):
        return f"has {info.file_size} bytes, but RECORD says {written(size)}"
    if isinstance(sha256, str):
        return sha256
    digest = sha256 if algorithm == "sha256" else _digest(archive, info, algorithm)
    actual = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return "" if actual == value.rstrip("=") else f"has another content than RECORD says ({algorithm} differs)"


def _digest(archive: zipfile.ZipFile, info: zipfile.ZipInfo, algorithm: str) -> bytes:
    """Return a digest of another kind, which hardly any back end writes."""
    with archive.open(info) as stream:
        return hashlib.file_digest(stream, algorithm).digest()  # type: ignore[arg-type] # it is readable


def _unreadable(archive: zipfile.ZipFile) -> Iterator[Finding]:
    """Yield one finding for the modules that other users cannot read after a program that keeps modes unpacked them.

    Only modules count: zipfile.writestr stores 0600 for RECORD, which does no harm.
    """
    modes = {info.filename: stat.S_IMODE(info.external_attr >> 16) for info in archive.infolist() if _is_module(info)}
    wrong = [name for name, mode in modes.items() if mode and not mode & stat.S_IROTH]
    if wrong:
        message = f"others may not read what unzip makes of it (mode {modes[wrong[0]]:04o})"
        hint = "chmod -R go+rX the source tree before the build, or set umask 022; pip and uv repair it, unzip does not"
        yield warning("WHL107", listed(wrong), message, hint)


def _is_module(info: zipfile.ZipInfo) -> bool:
    return bool(module_parts(installed_path(info.filename)))
