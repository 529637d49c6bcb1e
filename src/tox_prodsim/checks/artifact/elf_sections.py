"""The part of a compiled file that is loaded: without debug information, which differs with the folder of the build."""

from __future__ import annotations

import hashlib
import struct

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import UnreadableElfError

MAGIC = b"\x7fELF"
_ALLOCATED = 0x2
_NO_CONTENT = 8
"""The type SHT_NOBITS: zeros that take no place in the file."""
_BUILD_ID = b".note.gnu.build-id"
_COMMENT = b".comment"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Section:
    """A section header, in its order of fields."""

    name: int
    """Offset in the table of names."""
    type: int
    flags: int
    offset: int
    """In the file."""
    size: int
    """In bytes."""


def loaded_digest(data: bytes) -> str:
    """Return a digest of the sections that are loaded, with their names; raises UnreadableElfError.

    The layout is that of elf(5), for both word sizes and byte orders. The build id is left out: it is a digest of all.
    """
    if data[:4] != MAGIC:
        msg = "it is not an ELF file"
        raise UnreadableElfError(msg)
    try:
        sections, names_at = _sections(data)
        digest = hashlib.sha256()
        for section in sections:
            start = sections[names_at].offset + section.name
            name = data[start : data.index(b"\0", start)]
            if section.flags & _ALLOCATED and name != _BUILD_ID:
                content = b"" if section.type == _NO_CONTENT else data[section.offset : section.offset + section.size]
                digest.update(b"%s %d " % (name, section.size) + hashlib.sha256(content).digest())
    except (struct.error, IndexError, ValueError) as problem:
        msg = f"it is not a complete ELF file: {problem}"
        raise UnreadableElfError(msg) from problem
    return digest.hexdigest()


def compiler(data: bytes) -> str:
    """Return what an ELF file says of the compilers that made it; empty: nothing, or it is not such a file."""
    try:
        sections, names_at = _sections(data) if data[:4] == MAGIC else ([], 0)
        for section in sections:
            start = sections[names_at].offset + section.name
            if data[start : data.index(b"\0", start)] == _COMMENT:
                content = data[section.offset : section.offset + section.size]
                return ", ".join(sorted({text.decode("utf-8", "replace") for text in content.split(b"\0") if text}))
    except (struct.error, IndexError, ValueError):
        return ""
    return ""


def _sections(data: bytes) -> tuple[list[_Section], int]:
    """Return the sections, and which of them holds their names."""
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    (table,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", data, 40 if wide else 32)
    entry_bytes, count, names_at = struct.unpack_from(f"{order}HHH", data, 58 if wide else 46)
    layout = f"{order}IIQQQQ" if wide else f"{order}IIIIII"
    found = []
    for at in range(count):
        name, type_, flags, _, offset, size = struct.unpack_from(layout, data, table + at * entry_bytes)
        found.append(_Section(name=name, type=type_, flags=flags, offset=offset, size=size))
    return found, names_at
