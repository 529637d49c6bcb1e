"""Read what the dynamic loader reads of an ELF file, with pyelftools if it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import IO, Any

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import UnreadableElfError
from tox_prodsim.model.regex import lazy_regex

MISSING = "needs tox-prodsim[native]"
"""Why nothing is read without pyelftools."""

_GLIBC = lazy_regex(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?$")
_DEBUG = (".debug_", ".zdebug_")


class StackFlag(Enum):
    """What the file says about the stack; the loader of x86 treats UNSPECIFIED as EXECUTABLE."""

    PLAIN = "plain"
    EXECUTABLE = "executable"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, kw_only=True, slots=True)
class Elf:
    """One file."""

    size_bytes: int
    is_program: bool
    """False for a shared library."""
    search: tuple[str, ...]
    """The folders of RPATH and RUNPATH."""
    debug_bytes: int
    stack: StackFlag
    defines: frozenset[str]
    """The symbols that it exports, of the names that were asked for."""
    mentions: frozenset[str]
    """The dynamic symbols that it has, defined or not, of the names that were asked for."""
    glibc: tuple[int, int] | None
    """The highest version of glibc's symbols that it needs; None when it needs none."""


def available() -> bool:
    """Return whether ``read`` can read anything."""
    return importlib.util.find_spec("elftools") is not None


def read(stream: IO[bytes], *, names: Iterable[str]) -> Elf:
    """Return the facts of a file that can be sought in; raises UnreadableElfError when it is damaged."""
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 - an optional dependency
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 - an optional dependency

    try:
        return _facts(ELFFile(stream), frozenset(names), stream.seek(0, 2))
    except (ELFError, ValueError, LookupError, AttributeError, TypeError, OverflowError, AssertionError) as problem:
        # pyelftools trusts the offsets of a damaged file, and fails in any of these ways
        raise UnreadableElfError(str(problem) or type(problem).__name__) from problem


def _facts(elf: Any, names: frozenset[str], size_bytes: int) -> Elf:
    segments = list(elf.iter_segments())
    dynamic = next((segment for segment in segments if segment["p_type"] == "PT_DYNAMIC"), None)
    mentions = _mentioned(elf, names)
    hashes = elf.get_section_by_name(".gnu.hash") or elf.get_section_by_name(".hash")
    return Elf(
        size_bytes=size_bytes,
        is_program=any(segment["p_type"] == "PT_INTERP" for segment in segments) or elf["e_type"] == "ET_EXEC",
        search=tuple(_search(dynamic)) if dynamic is not None else (),
        debug_bytes=sum(section.data_size for section in elf.iter_sections() if section.name.startswith(_DEBUG)),
        stack=_stack(segments),
        defines=frozenset(name for name in mentions if _is_defined(hashes, name)),
        mentions=mentions,
        glibc=max(_glibc(elf), default=None),
    )


def _search(dynamic: Any) -> Iterator[str]:
    for tag in dynamic.iter_tags():
        if tag.entry.d_tag == "DT_RPATH":
            yield from tag.rpath.split(":")
        elif tag.entry.d_tag == "DT_RUNPATH":
            yield from tag.runpath.split(":")


def _stack(segments: Iterable[Any]) -> StackFlag:
    flags = next((segment["p_flags"] for segment in segments if segment["p_type"] == "PT_GNU_STACK"), None)
    if flags is None:
        return StackFlag.UNSPECIFIED
    return StackFlag.EXECUTABLE if flags & 1 else StackFlag.PLAIN


def _mentioned(elf: Any, names: frozenset[str]) -> frozenset[str]:
    """Return the names that are in the table of dynamic names, which is far cheaper than reading every symbol."""
    table = elf.get_section_by_name(".dynstr")
    known = table.data() if table is not None else b""
    return frozenset(name for name in names if b"\0%b\0" % name.encode() in known)


def _is_defined(hashes: Any, name: str) -> bool:
    """Return whether the file exports a symbol of the name; GNU's table of hashes has the defined ones only."""
    symbol = hashes.get_symbol(name) if hashes is not None else None
    return symbol is not None and symbol["st_shndx"] != "SHN_UNDEF" and symbol["st_info"]["bind"] != "STB_LOCAL"


def _glibc(elf: Any) -> Iterator[tuple[int, int]]:
    section = elf.get_section_by_name(".gnu.version_r")
    for _, needed in section.iter_versions() if section is not None else ():
        for version in needed:
            found = _GLIBC.match(version.name)
            if found and not version["vna_flags"] & 2:  # VER_FLG_WEAK: optional
                yield int(found[1]), int(found[2])
