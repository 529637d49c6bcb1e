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

from tox_prodsim.checks.artifact.binaries import HEAD_BYTES, Binary, binary, may_be_binary
from tox_prodsim.checks.artifact.bounds import SOURCE_BYTES
from tox_prodsim.checks.artifact.file_readings import Reading, is_for_users, readings
from tox_prodsim.checks.artifact.member_paths import path_parts
from tox_prodsim.checks.artifact.non_code import TESTS
from tox_prodsim.checks.artifact.source_imports import Import, own_imports, package_of
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


def read_facts(call: BoundedCall, wheel: Wheel, cores: int = 1) -> PackedFacts:
    """Read the members in so many processes at most; raises LimitExceededError, and Cancelled."""
    work_bytes = wheel.unpacked_bytes + len(wheel.files) * _MEMBER_COST_BYTES
    count = max(1, min(cores, _MOST_SHARES, work_bytes // _SHARE_BYTES))
    with ThreadPoolExecutor(max_workers=count, thread_name_prefix="prodsim-members") as pool:
        return PackedFacts(tuple(pool.map(partial(_share, call, wheel, count), range(count))))


def _share(call: BoundedCall, wheel: Wheel, count: int, number: int) -> bytes:
    return call(_packed, wheel, number, count)


def _packed(wheel: Wheel, number: int, count: int) -> bytes:
    return pickle.dumps(read_members(wheel, number, count))


def _joined(shares: Sequence[MemberFacts]) -> MemberFacts:
    whole = MemberFacts()
    for share in shares:
        whole.digests += share.digests
        whole.binaries += share.binaries
        whole.readings += share.readings
        whole.unread += share.unread
        whole.imports |= share.imports
    return whole


def read_members(wheel: Wheel, number: int = 0, count: int = 1) -> MemberFacts:
    """Read the members of one of so many shares, which take about the same time."""
    facts = MemberFacts()
    tops = frozenset(name.partition(".")[0] for name in wheel.top_levels)
    with zipfile.ZipFile(wheel.path) as archive:
        for info in _in_share(archive.infolist(), number, count):
            _read(archive, info, wheel.extensions, tops, facts)
    return facts


def _in_share(infos: Sequence[zipfile.ZipInfo], number: int, count: int) -> Iterator[zipfile.ZipInfo]:
    """Yield the members of one share, which lie side by side in the directory."""
    whole_bytes = sum(info.file_size for info in infos) + len(infos) * _MEMBER_COST_BYTES
    before_bytes = 0
    for info in infos:
        if before_bytes * count // max(1, whole_bytes) == number:
            yield info
        before_bytes += info.file_size + _MEMBER_COST_BYTES


def _read(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, extensions: Sequence[str], tops: frozenset[str], facts: MemberFacts
) -> None:
    if info.is_dir():
        facts.digests.append(b"")
        return
    is_source = info.filename.endswith(".py") and not is_too_long(info)
    digest: bytes | str
    try:
        digest, content = _content(archive, info, whole=is_source or info.file_size < _AT_ONCE_BYTES)
    except UNREADABLE as problem:
        reason = "it is encrypted" if info.flag_bits & _ENCRYPTED else problem
        digest, content = f"cannot be unpacked: {reason}", b""
    facts.digests.append(digest)
    if may_be_binary(info.filename):
        found = binary(info.filename, content[:HEAD_BYTES], extensions)
        facts.binaries += [found] if found is not None else []
    if info.filename.endswith(".py"):
        _read_source(info, content if is_source else b"", tops, facts)


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


def _read_source(info: zipfile.ZipInfo, content: bytes, tops: frozenset[str], facts: MemberFacts) -> None:
    """Note what a module reads and imports."""
    file = installed_path(info.filename)
    if file and is_for_users(file):
        if is_too_long(info):
            size, limit = sized(info.file_size), sized(SOURCE_BYTES)
            facts.unread.append(f"{info.filename} has {size}, of a module {limit} are read")
        try:
            facts.readings += readings(file, content)
        except LimitExceededError as problem:
            facts.unread.append(f"{info.filename} cannot be parsed, {problem}")
    if file and not is_of_tests(file):
        found = tuple(own_imports(content.decode("utf-8", "replace"), package_of(file), tops))
        if found:
            facts.imports[file] = found


def is_of_tests(file: str) -> bool:
    """Return whether a module is one of tests."""
    parts = path_parts(file)
    return not TESTS.isdisjoint((*parts, parts[-1].rpartition(".")[0]))
