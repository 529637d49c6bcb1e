"""Make little sdists, sound ones and broken ones."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

PKG_INFO = "Metadata-Version: 2.2\nName: acme\nVersion: 1.0\nRequires-Python: >=3.8\n"


def sdist(
    folder: Path,
    *,
    files: Mapping[str, str] | None = None,
    pkg_info: str | None = PKG_INFO,
    top: str = "acme-1.0",
    file_name: str = "acme-1.0.tar.gz",
    edit: Callable[[tarfile.TarFile], object] = tarfile.TarFile.getnames,
) -> Path:
    """Write an sdist with a pyproject.toml; ``files`` are below its one folder, ``edit`` adds what has no content."""
    members = {"pyproject.toml": "", **({"acme/__init__.py": ""} if files is None else files)}
    if pkg_info is not None:
        members["PKG-INFO"] = pkg_info
    path = folder / file_name
    with tarfile.open(path, "w:gz") as archive:
        for name, text in members.items():
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        edit(archive)
    return path


def special(name: str, kind: bytes, target: str = "") -> Callable[[tarfile.TarFile], None]:
    """Return what adds a link, a pipe or an empty file to an archive."""

    def edit(archive: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member)

    return edit
