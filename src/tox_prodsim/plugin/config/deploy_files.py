"""What ``deploy_files`` matches, and what of it cannot be copied: refused before anything is installed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.parsing import written

KEY = "deploy_files"
_LONGEST_NAME = 255
"""Bytes of a name that all usual file systems can write."""


def matching_files(root: Path, work: Path, globs: list[str]) -> tuple[Path, ...]:
    """Return what the globs match, never tox's own work folder; each must match, and no two may be copied to a name."""
    by_name: dict[str, Path] = {}
    for path in (path for glob in globs for path in _matching(root, work, glob)):
        if by_name.setdefault(path.name, path) != path:
            both = f"{by_name[path.name].relative_to(root)} and {path.relative_to(root)}"
            msg = f"{both} would both be copied to {path.name}, leave one out or name their folders"
            raise ProdsimError(KEY, msg)
    for path in by_name.values():
        _refuse_uncopyable(root, path)
    return tuple(by_name.values())


def _matching(root: Path, work: Path, glob: str) -> list[Path]:
    _refuse_outside(root, glob)
    try:
        matches = sorted(path for path in _found(root, glob) if work not in (path, *path.parents))
    except (ValueError, NotImplementedError, RecursionError) as problem:
        msg = f"{written(repr(glob))} is not a glob: {str(problem).lower()}"
        raise ProdsimError(KEY, msg) from None
    except OSError as problem:
        msg = f"{written(repr(glob))} cannot be looked for: {(problem.strerror or str(problem)).lower()}"
        raise ProdsimError(KEY, msg) from None
    if not matches:
        msg = f"nothing below {root} matches {written(repr(glob))}, correct the name or remove it"
        raise ProdsimError(KEY, msg)
    holding = [path for path in matches if path in work.parents]
    if holding:
        msg = f"{glob!r} matches {holding[0]}, which holds tox's own {work.name}; name what is to be copied"
        raise ProdsimError(KEY, msg)
    return matches


def _found(root: Path, glob: str) -> Iterable[Path]:
    """Yield what a glob matches, the same on all Pythons; raises ValueError for what is not a glob.

    Since Python 3.13 ``**`` in a part of a name is ``*``, and one at the end matches files as well. Names are looked up
    and not globbed: whether a link to nothing matches, and what a name too long is, depends on the Python, too.
    """
    parts = Path(glob).parts
    if any("**" in part and part != "**" for part in parts):
        raise ValueError("'**' can only be an entire path component")
    if "\0" in glob:
        raise ValueError("it has a null character")
    if not any(character in glob for character in "*?["):
        return [root / glob] if os.path.lexists(os.path.join(root, glob)) else []  # noqa: PTH118 - a slash at the end counts
    return root.glob(f"{glob}/" if parts[-1] == "**" else glob)


def _refuse_outside(root: Path, glob: str) -> None:
    if Path(glob).is_absolute() or ".." in Path(glob).parts:
        msg = f"{written(repr(glob))} is not below the tox root {root}, give a relative path or glob"
        raise ProdsimError(KEY, msg)
    if not Path(glob).parts:
        msg = f"{glob!r} is the tox root itself, name what is to be copied"
        raise ProdsimError(KEY, msg)


def _refuse_uncopyable(root: Path, path: Path) -> None:
    """Refuse what is neither file nor folder, also in a folder: the copy of a FIFO waits, of a device grows."""
    for each in (path, *_inside(path)):
        if problem := _problem(each):
            msg = f"{written(repr(str(each.relative_to(root))))} cannot be copied: {problem}"
            raise ProdsimError(KEY, msg)


def _inside(path: Path) -> Iterator[Path]:
    """Yield what is inside of a folder, links to folders as well; nothing for a file."""
    seen: set[tuple[int, int]] = set()
    for folder, names, files in os.walk(path, followlinks=True):
        found = Path(folder).stat()
        is_circle = (found.st_dev, found.st_ino) in seen
        seen.add((found.st_dev, found.st_ino))
        if is_circle:
            names.clear()  # reached again by a link; one that leads to a folder above it is refused
        yield from (Path(folder, name) for name in (*names, *files))


def _problem(path: Path) -> str:
    """Return why a file or a folder cannot be copied; empty: it can."""
    name = os.fsencode(path.name)
    if len(name) > _LONGEST_NAME:
        return f"its name has more than {_LONGEST_NAME} bytes"
    if not name.isascii() and path.name.encode(errors="replace") != name:
        return "its name is not valid UTF-8"
    try:
        mode = path.stat().st_mode
    except OSError as problem:
        return f"{(problem.strerror or str(problem)).lower()}, behind a link" if path.is_symlink() else str(problem)
    if path.is_symlink() and stat.S_ISDIR(mode) and path.resolve() in path.parent.resolve().joinpath("_").parents:
        return "the link leads to a folder that holds it"
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "it is neither a file nor a folder"
    return "" if os.access(path, os.R_OK) else "it cannot be read"
