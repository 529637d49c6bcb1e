"""What the checks need to know of each member of a wheel, found in one pass that reads each of them once.

A wheel of 100,000 members takes longer to open and unpack, member by member, than to check. The pass can be made in
several processes, each of which reads its share, and its result is sent to whoever checks.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from tox_prodsim.checks.artifact import archives
from tox_prodsim.checks.artifact.binaries import HEAD_BYTES, Binary, binary, may_be_binary
from tox_prodsim.checks.artifact.bounds import SOURCE_BYTES
from tox_prodsim.checks.artifact.file_readings import Reading, is_for_users, readings
from tox_prodsim.checks.artifact.member_paths import path_parts
from tox_prodsim.checks.artifact.newer_syntax import may_be_newer
from tox_prodsim.checks.artifact.non_code import TESTS
from tox_prodsim.checks.artifact.source_imports import Import, divided_imports, package_of
from tox_prodsim.checks.artifact.versions import Python, oldest
from tox_prodsim.checks.artifact.wheel import UNREADABLE, Wheel, installed_path, is_too_long
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import LimitExceededError
from tox_prodsim.model.formatting import sized
from tox_prodsim.model.runner import BoundedCall

_AT_ONCE_BYTES = 1 << 18
"""What is larger is read in pieces, if it is not a module."""
_MEMBER_COST_BYTES = 20_000
"""What takes as long as to find and open a member."""
_SHARE_BYTES = 40_000_000
"""So much, and no less, is worth a process of its own."""
_ENCRYPTED = 1
"""In the flags of a member."""
_MOST_SHARES = 4
"""Each process that reads holds the whole directory of the archive."""


@dataclass(kw_only=True, slots=True)
class MemberFacts:
    """What was found in the members."""

    digests: list[bytes | str] = field(default_factory=list)
    """Of each member, in the order of the archive: the SHA-256 of its content, or why it cannot be unpacked."""
    binaries: list[Binary] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    """The files that modules for users read."""
    unread: list[str] = field(default_factory=list)
    """The modules that could not be looked into, each with the reason."""
    imports: dict[str, tuple[Import, ...]] = field(default_factory=dict)
    """What modules import of their own distribution, by file; without those of tests."""
    newer: list[str] = field(default_factory=list)
    """The sources that may have syntax newer than the oldest Python of the wheel."""
    foreign: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The first parts of what lines at module level seem to import of others, by file; without the standard library."""


@dataclass(frozen=True, slots=True)
class PackedFacts:
    """The same, as processes send it to one another: tox, which passes it on, need not have the memory for it."""

    shares: tuple[bytes, ...]


def facts_of(wheel: Wheel, facts: MemberFacts | PackedFacts | None) -> MemberFacts:
    """Return the facts, which are found here if there are none yet."""
    match facts:
        case None:
            return read_members(wheel)
        case PackedFacts(shares=shares):
            return _joined([pickle.loads(share) for share in shares])  # noqa: S301 - of a process of ours
    return facts


def read_facts(call: BoundedCall, wheel: Wheel, cores: int = 1, here: Python | None = None) -> PackedFacts:
    """Read the members in so many processes at most; raises LimitExceededError, and Cancelled.

    ``here`` is the Python of the environment; None: it is not known which syntax it understands.
    """
    work_bytes = wheel.unpacked_bytes + len(wheel.files) * _MEMBER_COST_BYTES
    count = max(1, min(cores, _MOST_SHARES, work_bytes // _SHARE_BYTES))
    with ThreadPoolExecutor(max_workers=count, thread_name_prefix="prodsim-members") as pool:
        return PackedFacts(tuple(pool.map(partial(_share, call, wheel, count, here), range(count))))


def _share(call: BoundedCall, wheel: Wheel, count: int, here: Python | None, number: int) -> bytes:
    return call(_packed, wheel, number, count, here)


def _packed(wheel: Wheel, number: int, count: int, here: Python | None) -> bytes:
    return pickle.dumps(read_members(wheel, number, count, here))


def _joined(shares: Sequence[MemberFacts]) -> MemberFacts:
    whole = MemberFacts()
    for share in shares:
        whole.digests += share.digests
        whole.binaries += share.binaries
        whole.readings += share.readings
        whole.unread += share.unread
        whole.imports |= share.imports
        whole.newer += share.newer
        whole.foreign |= share.foreign
    return whole


@dataclass(frozen=True, slots=True)
class _Reader:
    """What the pass must know of the wheel, and what it has found."""

    archive: zipfile.ZipFile
    extensions: Sequence[str]
    tops: frozenset[str]
    facts: MemberFacts
    pythons: tuple[Python, Python] | None
    """The oldest one of the wheel, and that of the environment; None: they are not known."""

    def may_be_newer(self, source: bytes) -> bool:
        """Return whether a source may have syntax newer than the oldest Python."""
        return self.pythons is None or may_be_newer(source, *self.pythons)


def read_members(wheel: Wheel, number: int = 0, count: int = 1, here: Python | None = None) -> MemberFacts:
    """Read the members of one of so many shares, which take about the same time."""
    facts, first = MemberFacts(), oldest(wheel)
    pythons = None if first is None or here is None else (first, here)
    tops = frozenset(name.partition(".")[0] for name in wheel.top_levels)
    with archives.opened(wheel.path) as archive:
        reader = _Reader(archive, wheel.extensions, tops, facts, pythons)
        for info in _in_share(archive.infolist(), number, count):
            _read(reader, info)
    return facts


def _in_share(infos: Sequence[zipfile.ZipInfo], number: int, count: int) -> Iterator[zipfile.ZipInfo]:
    """Yield the members of one share, which lie side by side in the directory."""
    whole_bytes = sum(info.file_size for info in infos) + len(infos) * _MEMBER_COST_BYTES
    before_bytes = 0
    for info in infos:
        if before_bytes * count // max(1, whole_bytes) == number:
            yield info
        before_bytes += info.file_size + _MEMBER_COST_BYTES


def _read(reader: _Reader, info: zipfile.ZipInfo) -> None:
    facts = reader.facts
    if info.is_dir():
        facts.digests.append(b"")
        return
    is_source = info.filename.endswith(".py") and not is_too_long(info)
    digest: bytes | str
    try:
        digest, content = _content(reader.archive, info, whole=is_source or info.file_size < _AT_ONCE_BYTES)
    except UNREADABLE as problem:
        reason = "it is encrypted" if info.flag_bits & _ENCRYPTED else problem
        digest, content = f"cannot be unpacked: {reason}", b""
    facts.digests.append(digest)
    if may_be_binary(info.filename):
        found = binary(info.filename, content[:HEAD_BYTES], reader.extensions)
        facts.binaries += [found] if found is not None else []
    if info.filename.endswith(".py"):
        _read_source(reader, info, content if is_source else b"")


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, whole: bool) -> tuple[bytes, bytes]:
    """Return the digest, and the content or, if that is long, its beginning."""
    if whole:
        content = archive.read(info)
        return hashlib.sha256(content).digest(), content
    digest = hashlib.sha256()
    with archive.open(info) as stream:
        piece = head = stream.read(_AT_ONCE_BYTES)
        while piece:
            digest.update(piece)
            piece = stream.read(_AT_ONCE_BYTES)
    return digest.digest(), head


def _read_source(reader: _Reader, info: zipfile.ZipInfo, content: bytes) -> None:
    """Note what a module reads and imports."""
    file, facts = installed_path(info.filename), reader.facts
    if file and is_for_users(file):
        if is_too_long(info):
            size, limit = sized(info.file_size), sized(SOURCE_BYTES)
            facts.unread.append(f"{info.filename} has {size}, of a module {limit} are read")
        try:
            facts.readings += readings(file, content)
        except LimitExceededError as problem:
            facts.unread.append(f"{info.filename} cannot be parsed, {problem}")
    if file:
        _note_imports(reader, file, content.decode("utf-8", "replace"))
    if is_too_long(info) or reader.may_be_newer(content):
        facts.newer.append(info.filename)


def _note_imports(reader: _Reader, file: str, text: str) -> None:
    if "import" not in text:
        return
    of_tests = is_of_tests(file)
    own, foreign = divided_imports(text, package_of(file), reader.tops)
    if own and not of_tests:
        reader.facts.imports[file] = own
    if foreign:
        reader.facts.foreign[file] = foreign


def is_of_tests(file: str) -> bool:
    """Return whether a module is one of tests."""
    parts = path_parts(file)
    return not TESTS.isdisjoint((*parts, parts[-1].rpartition(".")[0]))
