"""Read an sdist without unpacking it, and check it against the rules of installers and PyPI.

Paths of members are given without the one top folder that holds everything in an sdist.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import tarfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name, parse_wheel_filename

from tox_prodsim.checks.artifact import bounds, exclusions, pep440, portable_names, sdist_strays
from tox_prodsim.checks.artifact.compiled_sources import compiled_sources, is_build_script
from tox_prodsim.checks.artifact.digest import file_sha256
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import CheckResult, Finding, error
from tox_prodsim.model.formatting import counted
from tox_prodsim.model.sdist_archive import READ_AT_ONCE_BYTES, UNREADABLE, open_sdist_archive

CODES = ("SDI203", "SDI204", "SDI205", "SDI206", "SDI212")

_READ_LIMIT_BYTES = 1 << 20
"""No configuration file is larger."""
_READ = {"PKG-INFO", "pyproject.toml", *exclusions.FILES}
_HINT_NAME = "let a build back end make the archive, and rename neither it nor its folder"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sdist:
    """What an sdist says about itself."""

    path: Path
    file_name: str
    size_bytes: int
    sha256: str
    top: str
    """The one folder in it; empty when there is not exactly one."""
    files: tuple[str, ...]
    """The paths of its files below ``top``."""
    metadata: RawMetadata | None
    """The fields of PKG-INFO; None when it is absent."""
    compiled_sources: tuple[str, ...]
    """The files that show that it builds compiled code."""
    backend: str
    excluded: tuple[str, ...]
    """The patterns of files that the configuration of the build excludes."""
    problems: tuple[Finding, ...]
    """Findings made while reading: unsafe members, secrets and stray files."""

    def holds(self, name: str, sha256: str) -> bool:
        """Return whether it has a file with this content whose path ends with the name."""
        with open_sdist_archive(self.path) as archive:
            for member in archive:
                if member.isfile() and f"/{member.name}".endswith(f"/{name}"):
                    stream = archive.extractfile(member)
                    if stream is not None and _digest(stream) == sha256:
                        return True
        return False


def open_sdist(path: Path) -> Sdist:
    """Return what the sdist says about itself; raises ProdsimError when it cannot be read."""
    try:
        with open_sdist_archive(path) as archive:
            return _read(path, archive)
    except UNREADABLE as problem:
        msg = f"{path} cannot be read as an sdist: {problem}"
    raise ProdsimError("sdist", msg)


def sdist_beside(wheel: Path) -> Path | None:
    """Return the sdist of the same release in the folder of a wheel; None: there is none that can be read."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    for path in sorted(wheel.parent.glob("*.tar.gz")):
        its_name, _, its_version = path.name.removesuffix(".tar.gz").rpartition("-")
        if canonicalize_name(its_name) == name and pep440.parsed(its_version) == version:
            with contextlib.suppress(ProdsimError):
                open_sdist(path)
                return path
    return None


def check_sdist(sdist: Sdist) -> CheckResult:
    """Return what is wrong with the file, without building anything from it."""
    findings = (*sdist.problems, *_form(sdist), *_names(sdist))
    detail = f"{sdist.file_name}, {counted(len(sdist.files), 'file')}"
    return CheckResult(detail=detail, codes=CODES, findings=findings)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Contents:
    """What one pass over the archive finds."""

    members: list[tarfile.TarInfo] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    """The content of the files that are read, by their paths."""
    scripts: dict[str, bytes] = field(default_factory=dict)
    """The content of the scripts that may declare extension modules."""
    secrets: list[Finding] = field(default_factory=list)


def _read(path: Path, archive: tarfile.TarFile) -> Sdist:
    contents = _contents(archive)
    bounds.refuse_metadata(path, contents.texts.get("PKG-INFO", b""), "PKG-INFO")
    members, texts = contents.members, contents.texts
    tops = {member.name.partition("/")[0] for member in members}
    files = tuple(_inside(member.name) for member in members if member.isfile() and not _danger(member))
    pyproject = _table(texts.get("pyproject.toml", b""))
    strays = sdist_strays.strays({*files, *(_inside(member.name) for member in members if not member.isdir())})
    return Sdist(
        path=path,
        file_name=path.name,
        size_bytes=path.stat().st_size,
        sha256=file_sha256(path),
        top=next(iter(tops)) if len(tops) == 1 else "",
        files=files,
        metadata=parse_email(texts["PKG-INFO"])[0] if "PKG-INFO" in texts else None,
        compiled_sources=tuple(compiled_sources(files, contents.scripts, pyproject)),
        backend=_backend(pyproject),
        excluded=exclusions.excluded(texts, pyproject),
        problems=(*_unsafe(members), *strays, *contents.secrets),
    )


def _contents(archive: tarfile.TarFile) -> _Contents:
    """Read the archive in one pass, because to seek in a compressed archive is to read it from its beginning."""
    contents = _Contents()
    for member in archive:
        contents.members.append(member)
        name = _inside(member.name)
        if not member.isfile() or _danger(member):
            continue
        searched = name not in _READ and sdist_strays.may_hold_secret(name, member.size)
        if name in _READ or searched or is_build_script(name):
            content = _content(archive, member)
            kept = contents.texts if name in _READ else contents.scripts if is_build_script(name) else {}
            kept[name] = content
            contents.secrets.extend(sdist_strays.secrets(name, content) if searched else ())
    return contents


def _digest(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := stream.read(READ_AT_ONCE_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _inside(name: str) -> str:
    return name.partition("/")[2]


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read(_READ_LIMIT_BYTES) if stream is not None else b""


def _table(pyproject: bytes) -> Mapping[str, object]:
    """Return the content of pyproject.toml; nothing when it is broken, which the build reports."""
    try:
        return tomllib.loads(pyproject.decode())
    except (ValueError, RecursionError):
        return {}


def _backend(pyproject: Mapping[str, object]) -> str:
    system = pyproject.get("build-system")
    backend = system.get("build-backend") if isinstance(system, dict) else None
    return backend if isinstance(backend, str) else "setuptools.build_meta"


# SDI203: what must not be unpacked


def _danger(member: tarfile.TarInfo) -> str:
    """Return why the member cannot be unpacked safely; nothing when it can."""
    if _is_foreign(member.name) or ".." in PurePosixPath(member.name).parts:
        return "would be written outside of the folder into which the sdist is unpacked"
    if member.issym() or member.islnk():
        start = str(PurePosixPath(member.name).parent) if member.issym() else ""
        leaves = _is_foreign(member.linkname) or _climbs_out(PurePosixPath(start, member.linkname))
        return f"is a link to {member.linkname}, outside of the sdist" if leaves else ""
    return "" if member.isfile() or member.isdir() else "is a device or a pipe, not a file"


def _is_foreign(name: str) -> bool:
    """Return whether it begins outside of the folder, here or on Windows."""
    return name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name) is not None


def _climbs_out(path: PurePosixPath) -> bool:
    """Return whether any part of a path in the archive is outside of the top folder."""
    depth = 0
    for at, part in enumerate(path.parts):
        depth += -1 if part == ".." else 1
        if at and depth < 1:
            return True
    return False


def _unsafe(members: Iterable[tarfile.TarInfo]) -> Iterator[Finding]:
    for member in members:
        if reason := _danger(member):
            hint = "leave it out of the sdist, or put the file itself in its place; pip and PyPI refuse such an archive"
            yield error("SDI203", member.name, reason, hint)


# SDI205: the form of an sdist


def _form(sdist: Sdist) -> Iterator[Finding]:
    if not sdist.top:
        hint = "put everything into one folder named as the file is"
        yield error("SDI205", sdist.file_name, "does not hold exactly one folder", hint)
        return
    if not {"pyproject.toml", "setup.py"} & set(sdist.files):
        yield error("SDI205", sdist.file_name, "has neither pyproject.toml nor setup.py", "let the back end include it")
    metadata = sdist.metadata
    if metadata is None:
        hint = "build it with a build back end of PEP 517; PyPI refuses it as it is"
        yield error("SDI205", sdist.file_name, f"has no {sdist.top}/PKG-INFO", hint)
        return
    if absent := [key for key in ("metadata_version", "name", "version") if not metadata.get(key)]:
        shown = " and no ".join(key.replace("_", "-").title() for key in absent)
        yield error("SDI205", f"{sdist.top}/PKG-INFO", f"has no {shown}", "let the build back end write it")
        return
    yield from _naming(sdist, metadata["name"], metadata["version"])
    yield from _licences(sdist, metadata)


def _names(sdist: Sdist) -> Iterator[Finding]:
    """Yield names that macOS or Windows cannot hold; those that tests work with may be there on purpose."""
    files = [file for file in sdist.files if not sdist_strays.is_test_material(file)]
    yield from portable_names.misleading("SDI212", (file for file in sdist.files if file))
    yield from portable_names.refused_by_windows("SDI206", files)
    yield from portable_names.differing_in_case("SDI206", files)


def _naming(sdist: Sdist, name: str, version: str) -> Iterator[Finding]:
    """Yield names that contradict PKG-INFO; another spelling of the same is accepted by installers and indexes."""
    its_name, _, its_version = sdist.file_name.removesuffix(".tar.gz").rpartition("-")
    if canonicalize_name(its_name) != canonicalize_name(name) or not pep440.same(its_version, version):
        message = f"PKG-INFO says that it is {name} {version}"
        yield error("SDI205", sdist.file_name, message, "do not rename sdists; build it again")
        return
    expected = f"{canonicalize_name(name).replace('-', '_')}-{pep440.normal(version)}"
    if sdist.top != f"{name}-{version}" and not _is_spelling_of(sdist.top, name, version):
        yield error("SDI205", sdist.file_name, f"holds the folder {sdist.top}, not {expected}", _HINT_NAME)


def _is_spelling_of(top: str, name: str, version: str) -> bool:
    """Return whether the folder is the name and the version in any spelling: installers and indexes accept them all."""
    its_name, _, its_version = top.rpartition("-")
    return canonicalize_name(its_name) == canonicalize_name(name) and pep440.same(its_version, version)


def _licences(sdist: Sdist, metadata: RawMetadata) -> Iterator[Finding]:
    """Yield the licence files in PKG-INFO that are absent: PyPI refuses that from Metadata-Version 2.4 on."""
    if not pep440.reaches(metadata["metadata_version"], "2.4"):
        return
    files = set(sdist.files)
    for name in metadata.get("license_files", ()):
        if name not in files:
            hint = "have the sdist include it, or do not name it in 'license-files'; PyPI refuses it as it is"
            yield error("SDI205", name, "is a License-File of PKG-INFO, but is not in the sdist", hint)
