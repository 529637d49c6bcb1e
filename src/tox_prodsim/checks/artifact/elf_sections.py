"""What of a compiled file is loaded into memory: debug information is not, and differs with the folder of the build."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

MAGIC = b"\x7fELF"
_ALLOCATED = 0x2
_NO_CONTENT = 8
"""The type SHT_NOBITS: zeros that take no place in the file."""
_BUILD_ID = b".note.gnu.build-id"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Section:
    name: int
    kind: int
    flags: int
    offset: int
    size: int


def loaded(data: bytes) -> str:
    """Return a digest of the sections that are loaded, with their names; raises ValueError when it is no ELF file.

    The layout is that of elf(5), for both word sizes and byte orders. The build id is left out: it is a digest of all.
    """
    if data[:4] != MAGIC:
        msg = "no ELF file"
        raise ValueError(msg)
    try:
        sections, names_at = _sections(data)
        digest = hashlib.sha256()
        for section in sections:
            start = sections[names_at].offset + section.name
            name = data[start : data.index(b"\0", start)]
            if section.flags & _ALLOCATED and name != _BUILD_ID:
                content = b"" if section.kind == _NO_CONTENT else data[section.offset : section.offset + section.size]
                digest.update(b"%s %d " % (name, section.size) + hashlib.sha256(content).digest())
    except (struct.error, IndexError) as problem:
        msg = f"no whole ELF file: {problem}"
        raise ValueError(msg) from problem
    return digest.hexdigest()


def _sections(data: bytes) -> tuple[list[_Section], int]:
    """Return the sections, and which of them holds their names."""
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    (table,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", data, 40 if wide else 32)
    entry_bytes, count, names_at = struct.unpack_from(f"{order}HHH", data, 58 if wide else 46)
    layout = f"{order}IIQQQQ" if wide else f"{order}IIIIII"
    found = []
    for at in range(count):
        name, kind, flags, _, offset, size = struct.unpack_from(layout, data, table + at * entry_bytes)
        found.append(_Section(name=name, kind=kind, flags=flags, offset=offset, size=size))
    return found, names_at
