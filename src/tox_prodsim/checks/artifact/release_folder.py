"""A folder with the files of one release, as ``twine upload dist/*`` would take them: what is in it, by names alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import (
    BuildTag,
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from tox_prodsim.checks.artifact import bounds
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.release_files import FileKind, kind_of

_KEY = "--installpkg"
_MOST_ENTRIES = 5_000
_SIGNATURES = (".asc", ".attestation")
"""Files that twine uploads together with the file whose name they begin with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderFile:
    """A wheel or an sdist, as its name says it is."""

    path: Path
    kind: FileKind
    project: str
    version: Version
    tags: frozenset[Tag] = frozenset()
    """Of a wheel."""
    build: BuildTag = ()
    """Of a wheel; empty: it has none."""

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return self.path.name


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFolder:
    """What is in the folder; each part is sorted by name."""

    path: Path
    shown: str
    """The folder as the user wrote it, with a slash at its end."""
    version: Version
    """The highest one: that of the release."""
    wheels: tuple[FolderFile, ...]
    sdists: tuple[FolderFile, ...]
    foreign: tuple[tuple[str, str], ...]
    """The names of what is neither a wheel nor an sdist, and why."""

    @property
    def released(self) -> tuple[FolderFile, ...]:
        """Return the wheels of the release."""
        return tuple(each for each in self.wheels if each.version == self.version)

    @property
    def sdist(self) -> FolderFile | None:
        """Return the sdist of the release; None: there is none."""
        return next((each for each in self.sdists if each.version == self.version), None)

    @property
    def files(self) -> tuple[FolderFile, ...]:
        """Return all files that an index takes."""
        return (*self.wheels, *self.sdists)


def read_folder(path: Path, shown: str) -> ReleaseFolder:
    """Return what is in a folder; raises ProdsimError if it does not hold files of one project."""
    shown = shown.rstrip("/") + "/"
    names = _names(path, shown)
    found, foreign = list[FolderFile](), list[tuple[str, str]]()
    for name in names:
        try:
            found.append(_parsed(path / name))
        except ValueError as problem:
            foreign.append((name, str(problem)))
    if not found:
        raise ProdsimError(_KEY, _nothing_found(path, shown, names))
    projects = sorted({each.project for each in found})
    if len(projects) > 1:
        msg = f"{shown} has files of {listed(projects, 3, noun='project')}; give a folder with the files of one release"
        raise ProdsimError(_KEY, msg)
    return ReleaseFolder(
        path=path,
        shown=shown,
        version=max(each.version for each in found),
        wheels=tuple(each for each in found if each.kind is FileKind.WHEEL),
        sdists=tuple(each for each in found if each.kind is FileKind.SDIST),
        foreign=tuple(_without_signatures(foreign, [each.name for each in found])),
    )


def best_wheel(folder: ReleaseFolder, tags: Iterable[str]) -> FolderFile | None:
    """Return the wheel that an installer would take: that of the best tag, and of several the latest build."""
    ranks = {tag: rank for rank, tag in enumerate(tags)}
    fitting = [(_rank(each, ranks), each) for each in folder.released if _rank(each, ranks) < len(ranks)]
    if not fitting:
        return None
    best = min(rank for rank, _ in fitting)
    return max((each for rank, each in fitting if rank == best), key=lambda each: (each.build, each.name))


def _rank(wheel: FolderFile, ranks: dict[str, int]) -> int:
    return min((ranks.get(str(tag), len(ranks)) for tag in wheel.tags), default=len(ranks))


def no_fitting_wheel(folder: ReleaseFolder, python: str, env_name: str) -> ProdsimError:
    """Return why none of the wheels can be installed, and what to do."""
    if not folder.released:
        msg = f"{folder.shown} has no wheel of {folder.version}, only its sdist: '-e {env_name}-sdist' tests that"
        return ProdsimError(_KEY, msg)
    tags = sorted({"-".join(each.name.removesuffix(".whl").split("-")[-3:]) for each in folder.released})
    other = f", '-e {env_name}-sdist' tests the sdist" if folder.sdist is not None else ""
    msg = (
        f"{folder.shown} has no wheel of {folder.version} for {python}, only for {listed(tags, 3)}; "
        f"run an environment of another Python, such as py313-{env_name}{other}"
    )
    return ProdsimError(_KEY, msg)


def no_sdist(folder: ReleaseFolder) -> ProdsimError:
    """Return why an environment that tests the sdist has none."""
    msg = f"{folder.shown} has no sdist of {folder.version} (.tar.gz); build one, or run an environment for wheels"
    return ProdsimError(_KEY, msg)


def _names(path: Path, shown: str) -> list[str]:
    """Return the names that a shell finds for ``*``: those with a dot at their begin are hidden."""
    try:
        with os.scandir(path) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError as problem:
        raise ProdsimError(_KEY, f"{shown} cannot be read: {problem.strerror}") from problem
    if len(names) > _MOST_ENTRIES:
        msg = f"{shown} has {len(names):,} entries, which is not a release; give a folder with the files of one release"
        raise ProdsimError(_KEY, msg)
    return sorted(names)


def _parsed(path: Path) -> FolderFile:
    """Return what the name of a file says; raises ValueError with the reason when it is neither wheel nor sdist."""
    if path.is_dir():
        raise ValueError("is a folder")
    if not path.exists():
        raise ValueError("is a link to nothing")
    if not path.is_file():
        raise ValueError("is not a regular file")
    if not os.access(path, os.R_OK):
        raise ValueError("cannot be read")
    try:
        if kind_of(path.name) is FileKind.WHEEL:
            bounds.refuse_name(path)
            project, version, build, tags = parse_wheel_filename(path.name)
            return FolderFile(path=path, kind=FileKind.WHEEL, project=project, version=version, tags=tags, build=build)
        if kind_of(path.name) is FileKind.SDIST:
            project, version = parse_sdist_filename(path.name)
            return FolderFile(path=path, kind=FileKind.SDIST, project=canonicalize_name(project), version=version)
    except (InvalidWheelFilename, InvalidSdistFilename, ProdsimError):
        raise ValueError("does not have the name of a wheel or an sdist") from None
    raise ValueError("an sdist is a .tar.gz" if path.suffix in {".zip", ".tgz", ".bz2", ".xz"} else "")


def _without_signatures(foreign: Iterable[tuple[str, str]], names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what twine takes neither for a file of a release nor for a signature or an attestation of one."""
    for name, reason in foreign:
        if not name.endswith(_SIGNATURES):
            yield name, reason
        elif not any(name.startswith(f"{each}.") for each in names):
            yield name, "does not belong to a file here"


def _nothing_found(path: Path, shown: str, names: list[str]) -> str:
    if not names:
        return f"{shown} is empty; build first, for example with: python -m build"
    folders = (path / name for name in names if (path / name).is_dir())
    below = [each.name for each in folders if any(kind_of(inner.name) for inner in each.iterdir())]
    if below:
        where = listed([f"{shown}{each}/" for each in below], 2)
        verb = "has" if len(below) == 1 else "have"
        return f"{shown} itself has neither a wheel nor an sdist, {where} {verb}; put all files into one folder"
    return f"{shown} has neither a wheel nor an sdist, but {listed(names, 3)}; give the folder to which they are built"
