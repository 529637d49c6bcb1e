"""Unpack an sdist, within limits of size; it imports little, because it runs in a process of its own."""

from __future__ import annotations

from pathlib import Path

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.sdist_archive import UNREADABLE, open_sdist_archive


def top_folder(sdist: Path) -> str:
    """Return the name of the one folder that an sdist holds; raises ProdsimError when it is not an sdist."""
    try:
        with open_sdist_archive(sdist) as archive:
            tops = {member.name.partition("/")[0] for member in archive}
    except UNREADABLE as problem:
        raise ProdsimError("--installpkg", f"{sdist} cannot be unpacked: {problem}") from problem
    if len(tops) != 1:
        msg = f"{sdist} is not a valid sdist: it must hold one folder, and holds {len(tops)} files and folders"
        raise ProdsimError("--installpkg", msg)
    return tops.pop()


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist below ``folder``, and return its own folder; raises ProdsimError when it is not an sdist."""
    top = top_folder(sdist)
    try:
        with open_sdist_archive(sdist) as archive:
            archive.extractall(folder, filter="data")
    except UNREADABLE as problem:
        raise ProdsimError("--installpkg", f"{sdist} cannot be unpacked: {problem}") from problem
    return folder / top
