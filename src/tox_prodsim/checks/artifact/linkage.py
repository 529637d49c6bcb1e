"""EXT410 to EXT413, EXT415, EXT421: how the dynamic loader treats the ELF files: folders, symbols, stack, glibc."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Sequence

from packaging.tags import Tag

from tox_prodsim.checks.artifact import elf
from tox_prodsim.checks.artifact.binaries import Binary, BinaryFormat
from tox_prodsim.checks.artifact.wheel import UNREADABLE
from tox_prodsim.model.errors import UnreadableElfError
from tox_prodsim.model.findings import CheckResult, Finding, Level, error, note, warning
from tox_prodsim.model.formatting import listed

CODES = ("EXT410", "EXT411", "EXT412", "EXT413", "EXT415", "EXT421")

_C_LIBRARY = frozenset(
    {
        *("malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc"),
        *("memcpy", "memmove", "memset", "memcmp", "strlen", "strcmp", "strcpy", "strdup"),
        *("printf", "fprintf", "snprintf", "open", "read", "write", "close"),
        *("sin", "cos", "tan", "exp", "log", "pow", "sqrt"),
    }
)
_MAKES_MODULE = frozenset({"PyModule_Create2", "PyModuleDef_Init", "PyModule_FromDefAndSpec2"})
_SYSTEM = ("/lib", "/lib32", "/lib64", "/usr")
_WRITABLE = ("/home", "/root", "/Users", "/tmp", "/var/tmp")  # noqa: S108 - where others may write is the point
_NOT_READ = {BinaryFormat.MACHO, BinaryFormat.PE}
_X86 = {3, 62}
_MEMORY_BYTES = 64 << 20  # what is larger is read from a file
_DEBUG_BYTES = 1_000_000
"""Debug information from this size on is a note: half of the popular wheels have some, on purpose."""
_GLIBC_OF = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}  # PEP 513, 571, 599


def check_linkage(archive: zipfile.ZipFile, found: Sequence[Binary], tags: Collection[Tag]) -> CheckResult:
    """Return what is wrong with the ELF files; other formats are not checked, and nothing is without pyelftools."""
    elf_files = [binary for binary in found if binary.format is BinaryFormat.ELF]
    reasons = sorted({f"no {binary.format} file is looked into" for binary in found if binary.format in _NOT_READ})
    if elf_files and not elf.available():
        reasons, elf_files = [*reasons, elf.MISSING], []
    facts: dict[Binary, elf.Elf] = {}
    for binary in elf_files:
        try:
            facts[binary] = _read(archive, binary)
        except UnreadableElfError as problem:
            reasons.append(f"{binary.member} is damaged: {problem}")
    findings = [finding for binary, each in facts.items() for finding in _findings(binary, each, tags)]
    return CheckResult(
        detail="",
        codes=CODES if facts else (),
        findings=(*findings, *_debug(facts)),
        not_checked=tuple((code, reason) for reason in reasons for code in CODES),
    )


def _read(archive: zipfile.ZipFile, binary: Binary) -> elf.Elf:
    names = _C_LIBRARY | _MAKES_MODULE | _init_functions(binary)
    try:
        with archive.open(binary.member) as member, tempfile.SpooledTemporaryFile(_MEMORY_BYTES) as file:
            shutil.copyfileobj(member, file)
            return elf.read(file, names=names)
    except UNREADABLE as problem:
        raise UnreadableElfError(str(problem)) from problem


def _init_functions(binary: Binary) -> frozenset[str]:
    """Return the functions of which Python calls one to make the module; the second is that of PEP 793."""
    return frozenset({f"PyInit_{binary.stem}", f"PyModExport_{binary.stem}"})


def _findings(binary: Binary, facts: elf.Elf, tags: Collection[Tag]) -> Iterator[Finding]:
    yield from _search(binary, facts, tags)
    yield from _stack(binary, facts)
    yield from _glibc(binary, facts, tags)
    if binary.module:
        yield from _exports(binary, facts)
        yield from _entry(binary, facts)


def _search(binary: Binary, facts: elf.Elf, tags: Collection[Tag]) -> Iterator[Finding]:
    """Yield the folders of the build machine.

    It is a note if other users can hardly write there (/opt and the like), and for a wheel that PyPI does not accept:
    the Python that built it, such as one of pyenv, added the folder, and users get another wheel.
    """
    foreign = [folder for folder in facts.search if _is_foreign(folder)]
    if foreign:
        risky = [folder for folder in foreign if not folder.startswith("/") or _is_below(folder, _WRITABLE)]
        shown = listed([(risky or foreign)[0] or "the working folder", *foreign[1:]])
        message = f"looks for its libraries in {shown} first"
        hint = (
            "link without -rpath, or use $ORIGIN; take it out with 'patchelf --remove-rpath' before the wheel is packed"
        )
        local = all(tag.platform.startswith("linux_") for tag in tags)
        level = Level.WARNING if risky and not local else Level.NOTE
        yield Finding(code="EXT410", level=level, subject=binary.member, message=message, hint=hint)


def _is_foreign(folder: str) -> bool:
    return not folder.startswith(("$ORIGIN", "${ORIGIN}")) and not _is_below(folder, _SYSTEM)


def _is_below(folder: str, parents: Sequence[str]) -> bool:
    return any(f"{folder}/".startswith(f"{parent}/") for parent in parents)


def _stack(binary: Binary, facts: elf.Elf) -> Iterator[Finding]:
    match facts.stack:
        case elf.StackFlag.EXECUTABLE:
            message = "asks for an executable stack, which glibc 2.41 and newer and hardened systems refuse"
        case elf.StackFlag.UNSPECIFIED if binary.machine in _X86 and not facts.is_program:
            message = "does not say whether its stack must be executable, so the loader makes it executable"
        case _:
            return
    hint = "link with -Wl,-z,noexecstack, and give assembler files a section .note.GNU-stack"
    yield warning("EXT413", binary.member, message, hint)


def _glibc(binary: Binary, facts: elf.Elf, tags: Collection[Tag]) -> Iterator[Finding]:
    """Yield files that need a newer glibc than the tags promise; a note for programs, which Python does not load."""
    promised = {version: tag.platform for tag in tags if (version := _promised(tag.platform))}
    if not promised or facts.glibc is None or facts.glibc <= min(promised):
        return
    needs = ".".join(map(str, facts.glibc))
    message = f"needs glibc {needs}, but the wheel's tag {promised[min(promised)]} promises less"
    hint = f"build it in the image of that tag, or let 'auditwheel repair' give it the tag of glibc {needs}"
    level = Level.NOTE if facts.is_program else Level.ERROR
    yield Finding(code="EXT421", level=level, subject=binary.member, message=message, hint=hint)


def _promised(platform: str) -> tuple[int, int] | None:
    """Return the glibc on which a wheel with this tag must run; None: the tag says nothing about it."""
    if found := re.match(r"manylinux_(\d+)_(\d+)_", platform):
        return int(found[1]), int(found[2])
    return _GLIBC_OF.get(platform.partition("_")[0])


def _exports(binary: Binary, facts: elf.Elf) -> Iterator[Finding]:
    names = sorted(facts.defines & _C_LIBRARY)
    if names:
        message = f"exports {listed(names, 3)} of the C library"
        hint = "make what is not for others static, or compile with -fvisibility=hidden"
        yield warning("EXT412", binary.member, message, hint)


def _entry(binary: Binary, facts: elf.Elf) -> Iterator[Finding]:
    """Yield a module with another name than its file; a file without a module is a library for ctypes or torch."""
    if facts.mentions & _MAKES_MODULE and not facts.defines & _init_functions(binary) and binary.stem.isascii():
        message = f"exports no PyInit_{binary.stem}, so that it cannot be imported as {binary.module}"
        hint = "let the name of the extension be that of its PyMODINIT_FUNC, and do not rename the file"
        yield error("EXT415", binary.member, message, hint)


def _debug(facts: dict[Binary, elf.Elf]) -> Iterator[Finding]:
    heavy = {binary: each for binary, each in facts.items() if each.debug_bytes}
    size_bytes = sum(each.debug_bytes for each in heavy.values())
    if size_bytes < _DEBUG_BYTES:
        return
    largest = max(heavy, key=lambda binary: heavy[binary].debug_bytes)
    whole_bytes = sum(each.size_bytes for each in heavy.values())
    files = listed(["this file", *(binary.member for binary in heavy if binary != largest)])
    where = f", in {files}" if len(heavy) > 1 else ""
    message = f"{size_bytes / 1e6:.1f} MB of {whole_bytes / 1e6:.1f} MB are debug information{where}"
    hint = "link with -Wl,--strip-debug, or let 'auditwheel repair --strip' do it"
    yield note("EXT411", largest.member, message, hint)
