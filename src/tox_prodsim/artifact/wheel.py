"""Read a wheel without installing it, and hold it against what installers and PyPI demand.

Members are judged by where an installer puts them: ``x.data/purelib/acme/a.py`` counts as ``acme/a.py``.
"""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.metadata import RawMetadata, parse_email
from packaging.tags import Tag, parse_tag
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from tox_prodsim.errors import ProdsimError
from tox_prodsim.findings import Checked, Finding, Level

SCRIPT_GROUPS = ("console_scripts", "gui_scripts")
CODES = ("WHL101", "WHL102", "WHL103", "WHL104", "WHL105", "WHL106", "WHL110", "ENT510")

_KEY = "wheel"
_REBUILD = "build the wheel again, and let nothing change it afterwards; PyPI refuses it as it is"
_EXTENSION_TAG = re.compile(r"(cpython-|abi3|cp3|pypy|graalpy)")
# the grammar of importlib.metadata.EntryPoint
_REFERENCE = re.compile(r"(?P<module>[\w.]+)\s*(:\s*(?P<attr>[\w.]+)\s*)?(\[(?P<extras>.*)\]\s*)?$")
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")


@dataclass(frozen=True, kw_only=True, slots=True)
class EntryPoint:
    """One line of ``entry_points.txt``; ``attr`` is empty when it names a module only."""

    group: str
    name: str
    module: str
    attr: str
    extras: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"[{self.group}] {self.name} = {self.module}{':' if self.attr else ''}{self.attr}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """What a wheel file says about itself; ``name`` and ``version`` are those of METADATA.

    ``modules`` are all importable names, ``pkg.__main__`` included. ``top_levels`` are those of them that have no
    parent in this wheel: ``acme`` for a regular package or module, ``google.cloud.storage`` below a namespace package.
    ``extensions`` are the modules that are compiled. ``files`` are the members outside of ``.dist-info``, at the paths
    where they are installed.
    """

    path: Path
    file_name: str
    size_bytes: int
    sha256: str
    name: str
    version: str
    requires: tuple[str, ...]
    provides_extras: tuple[str, ...]
    requires_python: str
    entry_points: tuple[EntryPoint, ...]
    top_levels: tuple[str, ...]
    modules: tuple[str, ...]
    extensions: tuple[str, ...]
    files: tuple[str, ...]
    dist_info: str
    problems: tuple[Finding, ...]
    """Findings made while reading, such as an entry point that cannot be read."""

    @property
    def scripts(self) -> tuple[EntryPoint, ...]:
        """Return the entry points for which an installer writes a command."""
        return tuple(point for point in self.entry_points if point.group in SCRIPT_GROUPS)

    @property
    def console_modules(self) -> tuple[str, ...]:
        """Return the modules behind the commands, each once, in the order of the entry points."""
        return tuple(dict.fromkeys(point.module for point in self.scripts))


def open_wheel(path: Path) -> Wheel:
    """Return what the wheel says about itself; raises ProdsimError when the file is no wheel that can be read."""
    try:
        parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive)
    except InvalidWheelFilename:
        msg = f"{path.name} is no name of a wheel, which is name-version-python-abi-platform.whl"
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error) as problem:
        msg = f"{path} cannot be read as a wheel: {problem}"
    raise ProdsimError(_KEY, msg)


def check_wheel(wheel: Wheel) -> Checked:
    """Return what is wrong with the file, found without installing or importing anything of it."""
    with zipfile.ZipFile(wheel.path) as archive:
        about_record = [*_duplicates(archive), *_against_record(archive, wheel.dist_info)]
        findings = [
            *about_record,
            *_identity(archive, wheel),
            *_tags(archive, wheel),
            *_emptiness(wheel),
            *wheel.problems,
            *_absent_script_modules(wheel),
        ]
    return Checked(detail=_evidence(wheel, record_ok=not about_record), codes=CODES, findings=tuple(findings))


def _read(path: Path, archive: zipfile.ZipFile) -> Wheel:
    dist_info = _dist_info(path, archive)
    metadata = _metadata(path, archive, dist_info)
    files = tuple(filter(None, map(_installed_path, _members(archive))))
    modules = _modules(files)
    points, problems = _entry_points(_text(archive, f"{dist_info}/entry_points.txt"))
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return Wheel(
        path=path,
        file_name=path.name,
        size_bytes=path.stat().st_size,
        sha256=sha256,
        name=metadata["name"],
        version=metadata["version"],
        requires=tuple(metadata.get("requires_dist", ())),
        provides_extras=tuple(metadata.get("provides_extra", ())),
        requires_python=metadata.get("requires_python", ""),
        entry_points=points,
        top_levels=_top_levels(modules),
        modules=modules,
        extensions=_extensions(files),
        files=files,
        dist_info=dist_info,
        problems=problems,
    )


def _dist_info(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the name of the metadata folder: the one that fits the file name when there are several."""
    folders = sorted({name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name})
    folders = [folder for folder in folders if folder.endswith(".dist-info")]
    if not folders:
        msg = f"{path.name} is no wheel: it has no .dist-info folder"
        raise ProdsimError(_KEY, msg)
    wanted, _, _, _ = parse_wheel_filename(path.name)
    fitting = [folder for folder in folders if canonicalize_name(folder.partition("-")[0]) == wanted]
    return (fitting or folders)[0]


def _metadata(path: Path, archive: zipfile.ZipFile, dist_info: str) -> RawMetadata:
    """Return the fields of METADATA; tolerant, because 15 of 114 good wheels do not pass a strict validation."""
    fields, _ = parse_email(_text(archive, f"{dist_info}/METADATA"))
    for key in ("name", "version"):
        if not fields.get(key):
            msg = f"{path.name} is no wheel: {dist_info}/METADATA has no {key.capitalize()}"
            raise ProdsimError(_KEY, msg)
    return fields


def _text(archive: zipfile.ZipFile, member: str) -> str:
    """Return the text of the member, or nothing when it is absent."""
    try:
        return archive.read(member).decode("utf-8", "replace")
    except KeyError:
        return ""


def _members(archive: zipfile.ZipFile) -> list[str]:
    return [info.filename for info in archive.infolist() if not info.is_dir()]


def _installed_path(member: str) -> str:
    """Return where an installer puts the member, relative to site-packages; nothing for metadata."""
    folder, _, rest = member.partition("/")
    if folder.endswith(".dist-info"):
        return ""
    scheme, _, inner = rest.partition("/")
    return inner if folder.endswith(".data") and scheme in {"purelib", "platlib"} else member


def _modules(files: Iterable[str]) -> tuple[str, ...]:
    names = {".".join(parts) for file in files if (parts := _module_parts(PurePosixPath(file)))}
    return tuple(sorted(names))


def _module_parts(file: PurePosixPath) -> tuple[str, ...]:
    """Return the dotted name's parts of the module that a file holds; none when it holds no module."""
    stem, _, suffix = file.name.partition(".")
    if suffix not in {"py", "pyc"} and not _is_extension(stem, suffix):
        return ()
    parts = file.parent.parts if stem == "__init__" else (*file.parent.parts, stem)
    importable = "__pycache__" not in parts and all(part.isidentifier() for part in parts)
    return parts if importable else ()


def _is_extension(stem: str, suffix: str) -> bool:
    """Return whether it is named as extension modules are; ``libfoo.so`` is a library for ctypes."""
    tag, dot, kind = suffix.rpartition(".")
    if kind not in {"so", "pyd"}:
        return False
    return bool(_EXTENSION_TAG.match(tag)) if dot else not stem.startswith("lib")


def _extensions(files: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that are compiled; one that has a source beside it is still compiled when it is imported."""
    paths = [PurePosixPath(file) for file in files]
    compiled = (path for path in paths if path.suffix in {".so", ".pyd"})
    return tuple(sorted({".".join(parts) for path in compiled if (parts := _module_parts(path))}))


def _top_levels(modules: tuple[str, ...]) -> tuple[str, ...]:
    known = set(modules)
    return tuple(name for name in modules if name != "__main__" and not known & set(_parents(name)))


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _entry_points(text: str) -> tuple[tuple[EntryPoint, ...], tuple[Finding, ...]]:
    """Return the entry points that can be read, and findings for the commands that cannot."""
    parser = configparser.ConfigParser(delimiters="=", interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names of scripts keep their case
    try:
        parser.read_string(text)
    except configparser.Error as problem:
        message = f"cannot be read: {str(problem).splitlines()[0]}"
        hint = "write [group] headers and name = module:attribute lines"
        return (), (_error("ENT510", "entry_points.txt", message, hint),)
    points, problems = [], []
    for group in parser.sections():
        for name, value in parser.items(group):
            point = _entry_point(group, name, value)
            if point is not None:
                points.append(point)
            if group in SCRIPT_GROUPS and (point is None or not point.attr):
                problems.append(_unusable(group, name, value))
    return tuple(points), tuple(problems)


def _entry_point(group: str, name: str, value: str) -> EntryPoint | None:
    found = _REFERENCE.match(value.strip())
    if not found:
        return None
    extras = tuple(word.strip() for word in (found["extras"] or "").split(",") if word.strip())
    return EntryPoint(group=group, name=name, module=found["module"], attr=found["attr"] or "", extras=extras)


def _unusable(group: str, name: str, value: str) -> Finding:
    message = "names no function, so that no command can be made of it"
    return _error("ENT510", f"[{group}] {name} = {value}", message, f"write {name} = package.module:function")


def _duplicates(archive: zipfile.ZipFile) -> Iterator[Finding]:
    for name, count in Counter(_members(archive)).items():
        if count > 1:
            yield _error("WHL104", name, f"is in the wheel {count} times", _REBUILD)


def _against_record(archive: zipfile.ZipFile, dist_info: str) -> Iterator[Finding]:
    record = f"{dist_info}/RECORD"
    members = dict.fromkeys(_members(archive))
    if record not in members:
        yield _error("WHL101", record, "is absent, so that nothing vouches for the files of the wheel", _REBUILD)
        return
    rows = {row[0]: (*row[1:], "", "")[:2] for row in csv.reader(_text(archive, record).splitlines()) if row}
    for name in members:
        if name not in rows and not name.endswith(_SIGNATURES):
            yield _error("WHL101", name, "is in the wheel, but RECORD does not list it", _REBUILD)
    for name in rows:
        if name not in members:
            yield _error("WHL102", name, "is listed in RECORD, but is not in the wheel", _REBUILD)
    for info in archive.infolist():
        if info.filename in rows and info.filename != record and not info.filename.endswith(_SIGNATURES):
            difference = _difference(archive, info, *rows[info.filename])
            if difference:
                yield _error("WHL103", info.filename, difference, _REBUILD)


def _difference(archive: zipfile.ZipFile, info: zipfile.ZipInfo, expected: str, size: str) -> str:
    """Return how the member differs from its line in RECORD; nothing when it does not."""
    algorithm, _, value = expected.partition("=")
    if not value or algorithm not in hashlib.algorithms_guaranteed or algorithm.startswith("shake"):
        return "has no usable hash in RECORD"
    if size and size != str(info.file_size):
        return f"has {info.file_size} bytes, but RECORD says {size}"
    try:
        with archive.open(info) as stream:
            digest = hashlib.file_digest(stream, algorithm).digest()  # type: ignore[arg-type] # it is readable
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as problem:
        return f"cannot be unpacked: {problem}"
    actual = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return "" if actual == value.rstrip("=") else f"has another content than RECORD says ({algorithm} differs)"


def _identity(archive: zipfile.ZipFile, wheel: Wheel) -> Iterator[Finding]:
    name, version, _, _ = parse_wheel_filename(wheel.file_name)
    hint = "do not rename wheels; build it again, so that file name and METADATA come from one source"
    if canonicalize_name(wheel.name) != name:
        yield _error("WHL105", wheel.file_name, f"METADATA says that its name is {wheel.name}", hint)
    if not _same_version(wheel.version, version):
        yield _error("WHL105", wheel.file_name, f"METADATA says that its version is {wheel.version}", hint)
    for folder in sorted({member.partition("/")[0] for member in _members(archive)}):
        if folder.endswith(".dist-info") and not _named_like(folder, name, version):
            yield _error("WHL105", folder, f"does not belong to {wheel.file_name}, pip refuses such a wheel", hint)


def _named_like(folder: str, name: str, version: Version) -> bool:
    its_name, _, its_version = folder.removesuffix(".dist-info").partition("-")
    return canonicalize_name(its_name) == name and _same_version(its_version.replace("_", "-"), version)


def _same_version(text: str, version: Version) -> bool:
    try:
        return Version(text) == version
    except InvalidVersion:
        return False


def _tags(archive: zipfile.ZipFile, wheel: Wheel) -> Iterator[Finding]:
    _, _, _, expected = parse_wheel_filename(wheel.file_name)
    lines = _text(archive, f"{wheel.dist_info}/WHEEL").splitlines()
    words = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("tag:")]
    if not words:
        hint = "build it with a build back end of PEP 517; installers refuse it as it is"
        yield _error("WHL106", f"{wheel.dist_info}/WHEEL", "is absent or names no tag", hint)
        return
    tags = frozenset[Tag]().union(*(parse_tag(word) for word in words if word.count("-") == 2))
    if tags != expected:
        message = (
            f"WHEEL says {_shown(tags - expected) or 'nothing'} where the file name says {_shown(expected - tags)}"
        )
        hint = "use 'wheel tags' to retag a wheel: it changes the file name, WHEEL and RECORD together"
        yield _error("WHL106", wheel.file_name, message, hint)


def _shown(tags: frozenset[Tag]) -> str:
    return ", ".join(sorted(map(str, tags))) or "nothing"


def _emptiness(wheel: Wheel) -> Iterator[Finding]:
    if not wheel.files:
        hint = "tell the build back end where the packages are; ignore WHL110 if only its dependencies matter"
        yield _error("WHL110", wheel.file_name, "holds nothing but its metadata", hint)


def _absent_script_modules(wheel: Wheel) -> Iterator[Finding]:
    """Yield the commands whose module should be in this wheel; others may point to a dependency."""
    modules = set(wheel.modules)
    for point in wheel.scripts:
        if point.module not in modules and modules & set(_parents(point.module)):
            hint = f"have the build include {point.module}, or correct the entry point in pyproject.toml"
            yield _error("ENT510", str(point), f"there is no module {point.module} in the wheel", hint)


def _evidence(wheel: Wheel, *, record_ok: bool) -> str:
    scripts = [point for point in wheel.scripts if point.group == "console_scripts"]
    facts = [
        "RECORD ok" if record_ok else "",
        _count(len(wheel.modules), "module"),
        _count(len(scripts), "console script"),
    ]
    return ", ".join(filter(None, facts))


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _error(code: str, subject: str, message: str, hint: str) -> Finding:
    return Finding(code=code, level=Level.ERROR, subject=subject, message=message, hint=hint)
