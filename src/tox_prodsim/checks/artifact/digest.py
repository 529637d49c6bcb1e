"""Digests of files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tox_prodsim.model.release_files import FileKind, ReleaseFile


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def release_file(path: Path, kind: FileKind) -> ReleaseFile:
    """Return the identity of a file of a release."""
    return ReleaseFile(name=path.name, kind=kind, size_bytes=path.stat().st_size, sha256=file_sha256(path))
