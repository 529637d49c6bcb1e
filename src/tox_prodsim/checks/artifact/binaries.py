"""The compiled members of a wheel: found by their first bytes, and the Pythons that their names are for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from enum import StrEnum
from pathlib import PurePosixPath

from packaging.tags import Tag

from tox_prodsim.checks.artifact.member_paths import path_parts, path_suffix
from tox_prodsim.checks.artifact.wheel import dotted_parts
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.regex import lazy_regex

ANY = "any"
"""The platform of a wheel that fits every machine."""

HEAD_BYTES = 1024
"""Where the header of PE is, as a rule."""
_TEXT = {".py", ".pyi", ".pyc", ".h", ".hpp", ".pxd", ".pyx", ".c", ".json", ".txt", ".md"}
_MACHO = {b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"}
_JAVA_MAJOR = (
    45  # the lowest number where a universal Mach-O file has its number of parts, and a Java class its version
)
_LOADABLE = {2, 3}  # ET_EXEC, ET_DYN: neither objects to link nor cores
# e_machine of ELF, and how the tags of platforms end for it
_MACHINES = {
    3: ("i686", "i386"),
    20: ("ppc",),
    21: ("ppc64le", "ppc64"),
    22: ("s390x",),
    40: ("armv7l", "armv6l", "armeabi_v7a"),
    62: ("x86_64",),
    183: ("aarch64", "arm64_v8a"),
    243: ("riscv64",),
    258: ("loongarch64",),
}
_FORMATS = {"linux": "ELF", "manylinux": "ELF", "musllinux": "ELF", "android": "ELF", "macosx": "Mach-O", "win": "PE"}
_CPYTHON = lazy_regex(r"(?:cpython-|cp)(?P<version>\d{2,3})(?P<flags>[a-z]*)(?:-.*)?$")
_PYPY = lazy_regex(r"(?P<abi>pypy\d+-pp\d+)(?:-.*)?$")


class BinaryFormat(StrEnum):
    """The format of a binary; NONE is a file that has only the name of one."""

    ELF = "ELF"
    MACHO = "Mach-O"
    PE = "PE"
    OTHER = "for another machine"
    NONE = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Binary:
    """One compiled member."""

    member: str
    module: str
    """The extension module that it is; empty when it is not one."""
    suffix: str
    """The part of its name between the module and ``.so``: ``cpython-311-x86_64-linux-gnu``, ``abi3`` or nothing."""
    format: BinaryFormat
    machine: int
    """The number of the processor in an ELF file, 0 in another format."""

    @property
    def stem(self) -> str:
        """Return the name of the file up to the first dot."""
        return PurePosixPath(self.member).name.partition(".")[0]

    @property
    def is_for_one_version(self) -> bool:
        """Return whether its name is that for one version of Python only."""
        return bool(_CPYTHON.match(self.suffix) or _PYPY.match(self.suffix))


def may_be_binary(member: str) -> bool:
    """Return whether the content has to be looked at to know what a member is."""
    return path_suffix(member) not in _TEXT


def binary(member: str, head: bytes, modules: Collection[str]) -> Binary | None:
    """Return what a member that begins so is, if it is compiled; ``modules`` are the extension modules of the wheel."""
    kind = path_suffix(member)
    format_, module = _format(head, kind), _module(member, modules)
    if format_ is BinaryFormat.NONE and not module:
        return None
    machine = _elf_number(head, 18) if format_ is BinaryFormat.ELF else 0
    suffix = path_parts(member)[-1].partition(".")[2].rpartition(".")[0]
    return Binary(member=member, module=module, suffix=suffix, format=format_, machine=machine)


def _module(member: str, modules: Collection[str]) -> str:
    """Return the extension module that the member is, wherever in the wheel its scheme puts it."""
    if path_suffix(member) not in {".so", ".pyd"}:
        return ""
    parts = path_parts(member)
    in_scheme = parts[0].endswith(".data") and len(parts) > 2
    name = ".".join(dotted_parts("/".join(parts[2:]) if in_scheme else member))
    return name if name in modules else ""


def _format(head: bytes, suffix: str) -> BinaryFormat:
    magic = head[:4]
    if magic == b"\x7fELF":
        return BinaryFormat.ELF if _elf_number(head, 16) in _LOADABLE else BinaryFormat.OTHER
    if magic in _MACHO or (magic == b"\xca\xfe\xba\xbe" and int.from_bytes(head[4:8], "big") < _JAVA_MAJOR):
        return BinaryFormat.MACHO
    if magic[:2] == b"MZ":
        at = int.from_bytes(head[60:64], "little")
        is_windows = head[at : at + 4] == b"PE\0\0" or suffix in {".exe", ".dll", ".pyd"}
        return BinaryFormat.PE if is_windows else BinaryFormat.NONE
    return BinaryFormat.OTHER if magic in {b"!<ar", b"\0asm"} else BinaryFormat.NONE


def _elf_number(head: bytes, at: int) -> int:
    """Return the number of two bytes in the header of an ELF file."""
    return int.from_bytes(head[at : at + 2], "little" if head[5:6] == b"\1" else "big")


def mismatch(binary: Binary, tags: Collection[Tag]) -> str:
    """Return why no Python on which the tags allow the wheel loads the extension module; nothing when one may."""
    return _wrong_format(binary, tags) or _wrong_python(binary.suffix, tags)


def _wrong_format(binary: Binary, tags: Collection[Tag]) -> str:
    platforms = {tag.platform for tag in tags}
    formats = {_FORMATS.get(re.split(r"[\d_]", platform)[0], "") for platform in platforms}
    if "" in formats:
        return ""
    shown = ", ".join(sorted(platforms))
    if binary.format not in formats:
        return f"is {_described(binary.format, min(formats))}, but the wheel is for {shown}"
    ends = _MACHINES.get(binary.machine, ())
    known = tuple(end for each in _MACHINES.values() for end in each)
    if ends and all(platform.endswith(known) and not platform.endswith(ends) for platform in platforms):
        return f"is compiled for {ends[0]}, but the wheel is for {shown}"
    return ""


def _described(actual: BinaryFormat, expected: str) -> str:
    """Return a phrase for the format of a file that should be ``expected``."""
    match actual:
        case BinaryFormat.ELF:
            return "an ELF file"
        case BinaryFormat.MACHO | BinaryFormat.PE:
            return f"a {actual} file"
    return f"not {'an' if expected == BinaryFormat.ELF else 'a'} {expected} file"


def _wrong_python(suffix: str, tags: Collection[Tag]) -> str:
    abis = {tag.abi for tag in tags}
    if any(tag.interpreter.startswith("py") for tag in tags):  # it may bring a file for each version
        return ""
    if suffix == "abi3" and all(re.fullmatch(r"cp\d+t", abi) for abi in abis):
        return "has the suffix abi3, which a free-threaded Python does not load"
    if found := _PYPY.match(suffix):
        abi, interpreter = found["abi"].replace("-", "_"), ""
    elif found := _CPYTHON.match(suffix):
        interpreter = f"cp{found['version']}"
        abi = interpreter + found["flags"]
    else:
        return ""
    if abi in abis or any(tag.abi == "none" and tag.interpreter == interpreter for tag in tags):
        return ""
    return f"has a name that {_display(abi)} alone loads, but the wheel says {', '.join(sorted(set(_pythons(tags))))}"


def _pythons(tags: Collection[Tag]) -> Iterator[str]:
    return (f"{tag.interpreter}-{tag.abi}" for tag in set(tags))


def _display(abi: str) -> str:
    found = re.fullmatch(r"cp(\d)(\d+)([a-z]*)", abi)
    if not found:
        return abi
    return f"CPython {found[1]}.{found[2]}{found[3]}"
