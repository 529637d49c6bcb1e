"""The files of a release as they are published: name, size and SHA-256, and the list that ``sha256sum -c`` checks."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from tox_prodsim.model.dataclass import dataclass


class FileKind(StrEnum):
    """What an index takes: wheels, and one sdist."""

    WHEEL = "wheel"
    SDIST = "sdist"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseFile:
    """One file of a release, as it was when the run began."""

    name: str
    kind: FileKind
    size_bytes: int
    sha256: str


def kind_of(name: str) -> FileKind | None:
    """Return what a file of this name is; None: neither a wheel nor an sdist."""
    if name.endswith(".whl"):
        return FileKind.WHEEL
    return FileKind.SDIST if name.endswith(".tar.gz") else None


def sha256sums(files: Iterable[ReleaseFile]) -> str:
    """Return the list of files in the format that ``sha256sum -c`` reads, by name."""
    return "".join(_line(each) for each in sorted(files, key=lambda each: each.name))


def _line(file: ReleaseFile) -> str:
    """Return the line of a file; a leading backslash says that its name is escaped."""
    name = file.name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if name == file.name else chr(92)}{file.sha256}  {name}\n"
