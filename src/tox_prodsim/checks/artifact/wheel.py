"""Read a wheel without installing it.

Members are listed by where an installer puts them: ``x.data/purelib/acme/a.py`` is ``acme/a.py``.
"""

from __future__ import annotations

import configparser
import hashlib
import heapq
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.metadata import RawMetadata, parse_email
from packaging.utils import canonicalize_name, parse_wheel_filename

from tox_prodsim.checks.artifact import archives, bounds
from tox_prodsim.checks.artifact.digest import file_sha256
from tox_prodsim.checks.artifact.member_paths import path_parts, path_suffix
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.entry_points import EntryPoint
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import Finding, error
from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.regex import lazy_regex

SCRIPT_GROUPS = ("console_scripts", "gui_scripts")

UNREADABLE = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    zlib.error,
)
"""What ``zipfile`` raises for damaged and for hostile archives."""
_KEY = "wheel"
_MOST_LARGEST, _LEAST_LARGE = 300, 1000
_EXTENSION_TAG = lazy_regex(r"(cpython-|abi3|cp3|pypy|graalpy)")
# the grammar of importlib.metadata.EntryPoint
_REFERENCE = lazy_regex(r"(?P<module>[\w.]+)\s*(:\s*(?P<attr>[\w.]+)\s*)?(\[(?P<extras>.*)\]\s*)?$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """What a wheel file says about itself."""

    path: Path
    file_name: str
    size_bytes: int
    sha256: str
    name: str
    """The name in METADATA."""
    version: str
    """The version in METADATA."""
    requires: tuple[str, ...]
    """The lines of Requires-Dist."""
    provides_extras: tuple[str, ...]
    requires_python: str
    classifiers: tuple[str, ...]
    licence: str
    """The field License, which may be the whole text."""
    entry_points: tuple[EntryPoint, ...]
    top_levels: tuple[str, ...]
    """The modules without a parent in this wheel: ``acme``, or ``google.cloud.storage`` below a namespace package."""
    modules: tuple[str, ...]
    """All importable names, ``pkg.__main__`` included."""
    extensions: tuple[str, ...]
    """The modules that are compiled."""
    files: tuple[str, ...]
    """The members outside of ``.dist-info``, at the paths where they are installed."""
    dist_info: str
    """The name of the folder of metadata."""
    problems: tuple[Finding, ...]
    """Findings made while reading, such as an entry point that cannot be read."""
    largest_bytes: int = 0
    """The size of its largest member."""
    unpacked_bytes: int = 0
    """The size of all members."""
    sources_sha256: str = ""
    """SHA-256 of the names and contents of its Python sources: the same for two builds of one source tree."""
    largest: tuple[tuple[str, int], ...] = ()
    """Its largest members, each with what it takes in the archive, in bytes."""

    @property
    def scripts(self) -> tuple[EntryPoint, ...]:
        """Return the entry points for which an installer writes a command."""
        return tuple(point for point in self.entry_points if point.group in SCRIPT_GROUPS)

    @property
    def is_private(self) -> bool:
        """Return whether a classifier says that it is not meant for PyPI, which refuses every ``Private ::``."""
        return any(classifier.startswith("Private ::") for classifier in self.classifiers)

    @property
    def console_modules(self) -> tuple[str, ...]:
        """Return the modules behind the commands, each once, in the order of the entry points."""
        return tuple(dict.fromkeys(point.module for point in self.scripts))


def open_wheel(path: Path) -> Wheel:
    """Return what the wheel says about itself; raises ProdsimError when the file cannot be read as a wheel."""
    try:
        bounds.refuse_name(path)
        parse_wheel_filename(path.name)
    except ValueError:
        msg = f"{path.name} is not the name of a wheel, which is name-version-python-abi-platform.whl"
        raise ProdsimError(_KEY, msg) from None
    try:
        bounds.refuse_directory(path)
        with archives.opened(path) as archive:
            return _read(path, archive)
    except UnicodeDecodeError as problem:
        msg = f"{path} cannot be read as a wheel: the name {shortened(repr(problem.object), 80)} is not UTF-8"
    except UNREADABLE as problem:
        msg = f"{path} cannot be read as a wheel: {problem}"
    raise ProdsimError(_KEY, msg)


def _read(path: Path, archive: zipfile.ZipFile) -> Wheel:
    dist_info = _dist_info(path, archive)
    bounds.refuse_wheel(path, archive, dist_info)
    metadata = _metadata(path, archive, dist_info)
    files = tuple(filter(None, map(installed_path, members(archive))))
    modules = _modules(files)
    points, problems = _entry_points(text(archive, f"{dist_info}/entry_points.txt"))
    return Wheel(
        path=path,
        file_name=path.name,
        size_bytes=path.stat().st_size,
        sha256=file_sha256(path),
        name=metadata["name"],
        version=metadata["version"],
        requires=tuple(metadata.get("requires_dist", ())),
        provides_extras=tuple(metadata.get("provides_extra", ())),
        requires_python=metadata.get("requires_python", ""),
        classifiers=tuple(metadata.get("classifiers", ())),
        licence=metadata.get("license", ""),
        entry_points=points,
        top_levels=_top_levels(modules),
        modules=modules,
        extensions=_extensions(files),
        files=files,
        dist_info=dist_info,
        problems=problems,
        largest_bytes=max((info.file_size for info in archive.infolist()), default=0),
        unpacked_bytes=sum(info.file_size for info in archive.infolist()),
        sources_sha256=_sources_sha256(archive),
        largest=_largest(archive),
    )


def _largest(archive: zipfile.ZipFile) -> tuple[tuple[str, int], ...]:
    sizes = ((info.filename, info.compress_size) for info in archive.infolist() if info.compress_size >= _LEAST_LARGE)
    return tuple(heapq.nlargest(_MOST_LARGEST, sizes, key=lambda item: item[1]))


def _sources_sha256(archive: zipfile.ZipFile) -> str:
    """Return a digest of the Python sources by name, size and checksum, as the directory of the archive has them."""
    infos = [each for each in archive.infolist() if each.filename.endswith((".py", ".dist-info/entry_points.txt"))]
    sources = sorted((each.filename, each.file_size, each.CRC) for each in infos)
    return hashlib.sha256(repr(sources).encode()).hexdigest()


def _dist_info(path: Path, archive: zipfile.ZipFile) -> str:
    """Return the name of the metadata folder; of several, the one that fits the file name."""
    if "" in archive.NameToInfo:
        msg = f"{path.name} is not a wheel: a member has an empty name"
        raise ProdsimError(_KEY, msg)
    folders = sorted({name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name})
    folders = [folder for folder in folders if folder.endswith(".dist-info")]
    if not folders:
        msg = f"{path.name} is not a wheel: it has no .dist-info folder"
        raise ProdsimError(_KEY, msg)
    expected, _, _, _ = parse_wheel_filename(path.name)
    fitting = [folder for folder in folders if canonicalize_name(folder.partition("-")[0]) == expected]
    return (fitting or folders)[0]


def _metadata(path: Path, archive: zipfile.ZipFile, dist_info: str) -> RawMetadata:
    """Return the fields of METADATA, without validation: 15 of 114 good wheels do not pass it."""
    fields, _ = parse_email(text(archive, f"{dist_info}/METADATA"))
    for key in ("name", "version"):
        if not fields.get(key):
            msg = f"{path.name} is not a wheel: {dist_info}/METADATA has no {key.capitalize()}"
            raise ProdsimError(_KEY, msg)
    return fields


def text(archive: zipfile.ZipFile, member: str) -> str:
    """Return the text of the member, or nothing when it is absent."""
    try:
        archive.getinfo(member)
    except KeyError:
        return ""
    return content(archive, member).decode("utf-8", "replace")


def content(archive: zipfile.ZipFile, member: str) -> bytes:
    """Return the content of the member; nothing when it cannot be unpacked, which WHL103 reports."""
    try:
        return archive.read(member)
    except UNREADABLE:
        return b""


def source(archive: zipfile.ZipFile, member: str) -> bytes:
    """Return the content of a module; nothing when it is too long to be read, or cannot be unpacked."""
    return b"" if is_too_long(archive.getinfo(member)) else content(archive, member)


def is_too_long(info: zipfile.ZipInfo) -> bool:
    """Return whether a module is too long to be read."""
    return info.file_size > bounds.SOURCE_BYTES


def members(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of all files in the archive, in its order."""
    return [info.filename for info in archive.infolist() if not info.is_dir()]


def installed_path(member: str) -> str:
    """Return where an installer puts the member, relative to site-packages; nothing for metadata."""
    folder, _, rest = member.partition("/")
    if folder.endswith(".dist-info"):
        return ""
    scheme, _, inner = rest.partition("/")
    return inner if folder.endswith(".data") and scheme in {"purelib", "platlib"} else member


def _modules(files: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({".".join(parts) for file in files if (parts := module_parts(file))}))


def module_parts(file: str) -> tuple[str, ...]:
    """Return the parts of the dotted name of the module in a file; nothing when the file is not a module."""
    stem, _, suffix = file.rpartition("/")[2].partition(".")
    if suffix not in {"py", "pyc"} and not _is_extension(stem, suffix):
        return ()
    parts = dotted_parts(file)
    importable = "__pycache__" not in parts and all(map(str.isidentifier, parts))
    return parts if importable else ()


def dotted_parts(file: str) -> tuple[str, ...]:
    """Return the parts of the dotted name for the path of a module."""
    *folders, name = path_parts(file) or ("",)
    stem = name.partition(".")[0]
    return tuple(folders) if stem == "__init__" else (*folders, stem)


def _is_extension(stem: str, suffix: str) -> bool:
    """Return whether it has the name of an extension module; ``libfoo.so`` is a library for ctypes."""
    tag, dot, kind = suffix.rpartition(".")
    if kind not in {"so", "pyd"}:
        return False
    return bool(_EXTENSION_TAG.match(tag)) if dot else not stem.startswith("lib")


def _extensions(files: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that are compiled; Python imports the compiled file even if there is a source."""
    compiled = (file for file in files if path_suffix(file) in {".so", ".pyd"})
    return tuple(sorted({".".join(parts) for file in compiled if (parts := module_parts(file))}))


def _top_levels(modules: tuple[str, ...]) -> tuple[str, ...]:
    known = set(modules)
    return tuple(name for name in modules if name != "__main__" and not known & set(parents(name)))


def parents(name: str) -> Iterator[str]:
    """Yield the packages of a module, the innermost first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


class _CaseSensitiveParser(configparser.ConfigParser):
    """Keeps the case of the names of entry points."""

    def optionxform(self, optionstr: str) -> str:
        """Return the name as it is."""
        return optionstr


def _entry_points(text: str) -> tuple[tuple[EntryPoint, ...], tuple[Finding, ...]]:
    """Return the entry points that can be read, and findings for the commands that cannot."""
    parser = _CaseSensitiveParser(delimiters="=", interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error as problem:
        message = f"cannot be read: {str(problem).splitlines()[0]}"
        hint = "write [group] headers and name = module:attribute lines"
        return (), (error("ENT510", "entry_points.txt", message, hint),)
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
    return error("ENT510", f"[{group}] {name} = {value}", message, f"write {name} = package.module:function")
