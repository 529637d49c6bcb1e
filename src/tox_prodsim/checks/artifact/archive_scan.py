"""Read an archive from front to back, as a program does that does not read its directory first.

If such a program and Python's ``zipfile`` disagree, a scanner can be shown other content than an installer
(CVE-2025-54368). PyPI reads every upload both ways, and refuses archives that differ.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from tox_prodsim.model.regex import lazy_regex

_LOCAL_HEADER = struct.Struct("<6xH10xIIHH")
"""Flags, the two sizes, and the lengths of the name and of the extra field."""
_UNPRINTABLE = lazy_regex(r"[\x00-\x1f\x7f]")
_DIRECTORY_ENTRY_BYTES = 46
_END_BYTES = 22
_ZIP64_END_BYTES, _ZIP64_LOCATOR_BYTES = 56, 20
_SIZE_IS_ELSEWHERE = 0xFFFFFFFF
_HAS_DATA_DESCRIPTOR = 0x08


def disagreement(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the first difference between the two ways of reading; nothing when there is none."""
    with path.open("rb") as stream:
        return _in_members(stream, archive) or _in_end(stream, archive)


def _in_members(stream: BinaryIO, archive: zipfile.ZipFile) -> str:
    at = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset != at:
            return f"something that its directory does not list lies before {info.filename}"
        stream.seek(at)
        header = stream.read(_LOCAL_HEADER.size).ljust(_LOCAL_HEADER.size, b"\0")
        if problem := _in_header(header, info):
            return problem
        at += _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(header)[3:]) + info.compress_size
    return "" if at == archive.start_dir else "something that its directory does not list lies before the directory"


def _in_header(header: bytes, info: zipfile.ZipInfo) -> str:
    if _UNPRINTABLE.search(info.orig_filename):
        return f"the name {info.orig_filename!r} has characters that cannot be printed"
    flags, compressed_bytes, plain_bytes = _LOCAL_HEADER.unpack(header)[:3]
    if flags & _HAS_DATA_DESCRIPTOR:
        return f"the size of {info.filename} is stored after its content only (a data descriptor)"
    is_compressed_size = compressed_bytes in {info.compress_size, _SIZE_IS_ELSEWHERE}
    if not (is_compressed_size and plain_bytes in {info.file_size, _SIZE_IS_ELSEWHERE}):
        return f"its directory and {info.filename} itself say different sizes"
    return ""


def _in_end(stream: BinaryIO, archive: zipfile.ZipFile) -> str:
    stream.seek(archive.start_dir)
    tail, at = stream.read(), 0
    while tail[at : at + 4] == b"PK\1\2":
        if _number(tail, at + 32, 2):
            return "its directory holds a comment on a member"
        at += _DIRECTORY_ENTRY_BYTES + _number(tail, at + 28, 2) + _number(tail, at + 30, 2)
    at += _ZIP64_END_BYTES if tail[at : at + 4] == b"PK\6\6" else 0
    at += _ZIP64_LOCATOR_BYTES if tail[at : at + 4] == b"PK\6\7" else 0
    if tail[at : at + 4] != b"PK\5\6":
        return "something lies between its directory and its end"
    excess_bytes = len(tail) - at - _END_BYTES - _number(tail, at + 20, 2)
    return f"{excess_bytes} bytes follow its end" if excess_bytes else ""


def _number(data: bytes, at: int, size_bytes: int) -> int:
    return int.from_bytes(data[at : at + size_bytes], "little")
