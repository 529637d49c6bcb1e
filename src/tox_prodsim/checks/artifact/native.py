"""EXT401 to EXT404, EXT420: whether the compiled part of a wheel is there and fits the tags, read from the file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from tox_prodsim.checks.artifact import archives
from tox_prodsim.checks.artifact.binaries import ANY, Binary, BinaryFormat, mismatch
from tox_prodsim.checks.artifact.linkage import check_linkage
from tox_prodsim.checks.artifact.member_facts import MemberFacts, PackedFacts, facts_of
from tox_prodsim.checks.artifact.non_code import is_not_built
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult, Finding, Level, NothingToCheck, error, note, warning
from tox_prodsim.model.formatting import counted, listed
from tox_prodsim.model.regex import lazy_regex

_LIBRARIES = {BinaryFormat.ELF, BinaryFormat.MACHO}
_ACCEPTED = lazy_regex(
    r"any|win32|win_(amd64|arm64|ia64)|manylinux(1|2010|2014)_\w+|(many|musl)linux_\d+_\d+_\w+|linux_armv[67]l"
    r"|macosx_\d+_\d+_\w+|(ios|android|pyodide|pyemscripten)_\w+"
)
"""The platform tags that PyPI accepts (its "File upload API"); the linux_ ones are those of the Raspberry Pi."""


def check_native(
    wheel: Wheel,
    required: Sequence[str] = (),
    compiled_sources: Sequence[str] | None = None,
    facts: MemberFacts | PackedFacts | None = None,
) -> CheckResult:
    """Return what is wrong with the compiled files; ``required`` are the extension modules that must be there.

    ``compiled_sources`` are the files of the sdist that are written in C, Cython, Rust and the like; None: there is no
    sdist.
    """
    tags = parse_wheel_filename(wheel.file_name)[3]
    found = facts_of(wheel, facts).binaries
    return CheckResult.of(
        _tags(wheel, found, tags),
        _compilation(wheel, found, tags, compiled_sources),
        _presence(wheel, required),
        _linkage(wheel, found, tags),
    )


def _linkage(wheel: Wheel, found: Sequence[Binary], tags: Collection[Tag]) -> CheckResult:
    if not found:
        return CheckResult(detail="", codes=())
    with archives.opened(wheel.path) as archive:
        return check_linkage(archive, found, tags)


def _tags(wheel: Wheel, found: Sequence[Binary], tags: Collection[Tag]) -> CheckResult:
    findings = [
        *_binaries_of_a_pure_wheel(wheel, found, tags),
        *_mismatches(found, tags),
        *_refused_platforms(wheel, tags),
    ]
    detail = counted(len(wheel.extensions), "extension") if wheel.extensions else ""
    codes = ("EXT401", "EXT402", "EXT420") if found else ("EXT401", "EXT420")
    return CheckResult(detail=detail, codes=codes, findings=tuple(findings))


def _is_pure(tags: Collection[Tag]) -> bool:
    return all(tag.platform == ANY for tag in tags)


def _binaries_of_a_pure_wheel(wheel: Wheel, found: Sequence[Binary], tags: Collection[Tag]) -> Iterator[Finding]:
    """Yield the first binary; a note if there are those of several systems, which the package may choose from.

    Files that tests read are ignored, and those for Windows alone: launchers of scripts, and .NET, which runs anywhere.
    A file that is not an extension module may be data: a warning.
    """
    bound = [
        binary for binary in found if binary.module or (binary.format in _LIBRARIES and not is_not_built(binary.member))
    ]
    if not bound or not _is_pure(tags):
        return
    first = next((binary for binary in bound if binary.module), bound[0])
    formats = sorted({binary.format for binary in found} & {BinaryFormat.ELF, BinaryFormat.MACHO, BinaryFormat.PE})
    tag = "-".join(wheel.file_name.removesuffix(".whl").split("-")[-3:])
    more = f" (and {len(bound) - 1} more)" if len(bound) > 1 else ""
    if len(formats) > 1:
        level, message = Level.NOTE, f"is one of the binaries for {' and '.join(formats)}{more} in a wheel for {tag}"
        hint = "make sure that the package works without them: every other machine installs it, too"
    else:
        level = Level.ERROR if first.module else Level.WARNING
        message = f"is compiled, but the tag {tag} lets every machine install the wheel{more}"
        hint = "declare the extension to the build back end, or set the tags of the wheel with 'wheel tags'"
    yield Finding(code="EXT401", level=level, subject=first.member, message=message, hint=hint)


def _mismatches(found: Sequence[Binary], tags: Collection[Tag]) -> Iterator[Finding]:
    """Yield the extension modules that cannot be loaded; a warning if another file of the same module can be."""
    if _is_pure(tags):
        return
    modules = sorted((binary for binary in found if binary.module), key=lambda binary: binary.module)
    for _, group in groupby(modules, key=lambda binary: binary.module):
        files = list(group)
        reasons = {binary: reason for binary in files if (reason := mismatch(binary, tags))}
        several_versions = len(files) > 1 and any(tag.abi == "abi3" for tag in tags)
        if several_versions and all(binary.is_for_one_version for binary in reasons):
            continue
        level = Level.ERROR if len(reasons) == len(files) else Level.WARNING
        hint = "clean the source tree of earlier builds, and build in a fresh environment of the Python it is for"
        for binary, reason in reasons.items():
            yield Finding(code="EXT402", level=level, subject=binary.member, message=reason, hint=hint)


def _refused_platforms(wheel: Wheel, tags: Collection[Tag]) -> Iterator[Finding]:
    refused = sorted({tag.platform for tag in tags if not _ACCEPTED.fullmatch(tag.platform)})
    if refused:
        message = f"PyPI does not take the platform tag {', '.join(refused)}"
        hint = "correct for a local build; build the file to upload with cibuildwheel or 'auditwheel repair'"
        yield note("EXT420", wheel.file_name, message, hint)


def _compilation(
    wheel: Wheel, found: Sequence[Binary], tags: Collection[Tag], sources: Sequence[str] | None
) -> CheckResult:
    """Return whether compilation probably failed without an error."""
    if found or not wheel.modules:
        return CheckResult(detail="", codes=("EXT403",))
    if not _is_pure(tags):
        return CheckResult(detail="", codes=("EXT403",), findings=(_nothing_compiled(wheel, tags),))
    if sources is None:
        reason = NothingToCheck("without an sdist it is not known whether something was to be compiled")
        return CheckResult(detail="", codes=(), not_checked=(("EXT403", reason),))
    return CheckResult(detail="", codes=("EXT403",), findings=tuple(_not_compiled(wheel, sources)))


def _nothing_compiled(wheel: Wheel, tags: Collection[Tag]) -> Finding:
    """Return the finding; a note if the tags name a platform but no Python: the wheel may hold data."""
    level = Level.NOTE if all(tag.abi == "none" for tag in tags) else Level.WARNING
    message = "has the tag of one platform, but nothing in it is compiled: compilation probably failed silently"
    hint = "read the output of the build; extensions = acme._speedups makes a module that must be there an error"
    return Finding(code="EXT403", level=level, subject=wheel.file_name, message=message, hint=hint)


def _not_compiled(wheel: Wheel, sources: Sequence[str]) -> Iterator[Finding]:
    if sources:
        message = f"holds no compiled code, but the sdist has {listed(sources)}: compilation probably failed silently"
        hint = "read the output of the build; ignore EXT403 where a wheel without the extension is wanted"
        yield warning("EXT403", wheel.file_name, message, hint)


def _presence(wheel: Wheel, required: Sequence[str]) -> CheckResult:
    findings = tuple(_absent(wheel, name) for name in required if name not in wheel.extensions)
    return CheckResult(detail="", codes=("EXT404",) if required else (), findings=findings)


def _absent(wheel: Wheel, name: str) -> Finding:
    what = "is in the wheel as Python source only" if name in wheel.modules else "is not in the wheel"
    message = f"{what}, but extensions names it as compiled"
    hint = "read the output of the build: a compiler that fails need not fail the build of an optional extension"
    return error("EXT404", name, message, hint)
