"""Opening, writing and reading the files of a run: each is a regular file of ours, and no link is followed.

The folders of a run are known in advance, and the package under test can write there. Anything but a regular file in
the place of one, such as a FIFO or a symbolic link, is refused with one line, and nothing waits for it. A new file is
always created: what was there is removed, never truncated, so that a hard link to another file does no harm.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO

from tox_prodsim.model.errors import ForeignFileError
from tox_prodsim.model.regex import lazy_regex

if sys.platform != "win32":
    import fcntl

PRIVATE = 0o600
"""The mode of logs, reports and records."""
SHARED = 0o666
"""The mode of what is for others, such as a baseline in the repository; subject to the umask."""
_STALE_S = 3600.0
_TEMPORARY = lazy_regex(r"\..+\.\d+-[0-9a-f]{8}\.tmp", re.DOTALL)
# Windows has none of these.
_NOFOLLOW, _NONBLOCK, _DIRECTORY, _CLOEXEC = (
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_CLOEXEC")
)
_FOREIGN = {errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.EACCES}
"""Why a link, a socket and a folder cannot be opened; the last of them on Windows."""
_HAS_FOLDER_HANDLES = os.open in os.supports_dir_fd
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISREG, "a file"),
)


def folder(path: Path, *, mode: int = 0o777) -> Path:
    """Return the folder, made if need be; raises OSError when something else is in its place, a link included."""
    with contextlib.suppress(FileExistsError):  # a FIFO, for example
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    found = path.lstat().st_mode
    if not stat.S_ISDIR(found):
        raise ForeignFileError(path, _kind(found))
    return path


def empty_folder(path: Path) -> Path:
    """Return the folder, made again without what was in it; raises OSError."""
    folder(path.parent)
    refuse_foreign(path, is_folder=True)
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def create(path: Path, *, mode: int = PRIVATE) -> FileIO:
    """Return a new file, open to append; one that was there is removed. Folders above it are made. Raises OSError."""
    with _opened(folder(path.parent)) as at:
        _remove(path, at)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | _NOFOLLOW | _CLOEXEC
        return FileIO(os.open(_name(path, at), flags, mode, dir_fd=at), "ab")


def write(path: Path, content: bytes | str, *, mode: int = PRIVATE) -> None:
    """Write a new file in place of one that was there; raises OSError."""
    data = memoryview(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)
    with create(path, mode=mode) as file:
        while data:
            data = data[file.write(data) :]


def set_modes(where: Path, mode: int) -> None:
    """Give the private files of a folder another mode; what is not such a file is left as it is."""
    for path in where.iterdir() if where.is_dir() else ():
        with contextlib.suppress(OSError), open_regular(path) as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) == PRIVATE:
                path.chmod(mode)


def remove(path: Path) -> None:
    """Remove a file, if it is there; raises OSError when it is anything else."""
    with contextlib.suppress(FileNotFoundError), _opened(path.parent) as at:
        _remove(path, at)


def refuse_foreign(path: Path, *, is_folder: bool = False) -> None:
    """Raise ForeignFileError when something other than a file, or than a folder, is at the path."""
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat().st_mode
        if not (stat.S_ISDIR(found) if is_folder else stat.S_ISREG(found)):
            raise ForeignFileError(path, _kind(found))


def open_regular(path: Path) -> BufferedReader:
    """Return an existing file, open to read, without waiting for anything; raises OSError when it is anything else."""
    return os.fdopen(_handle(path, os.O_RDONLY), "rb")


def open_kept(path: Path) -> int:
    """Return the handle of a file to read and write, made if need be, in a folder of its own; raises OSError.

    It must have no other name: whoever writes to it would write to that file.
    """
    folder(path.parent, mode=0o700)
    handle = _handle(path, os.O_RDWR | os.O_CREAT)
    if os.fstat(handle).st_nlink > 1:
        os.close(handle)
        raise ForeignFileError(path, "a second name of another file")
    return handle


def _handle(path: Path, flags: int) -> int:
    """Open a regular file, no link and nothing that lets one wait; raises OSError for anything else."""
    with _opened(path.parent) as at:
        try:
            handle = os.open(_name(path, at), flags | _NOFOLLOW | _NONBLOCK | _CLOEXEC, PRIVATE, dir_fd=at)
        except OSError as problem:
            if problem.errno in _FOREIGN:
                _regular(path, at)
            raise
    found = os.fstat(handle).st_mode
    if not stat.S_ISREG(found):
        os.close(handle)
        raise ForeignFileError(path, _kind(found))
    return handle


def read(path: Path, *, limit_bytes: int) -> bytes:
    """Return the content of a file; raises OSError when it is larger than the limit, or no file."""
    with open_regular(path) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {limit_bytes / 1e6:g} MB", str(path))
    return content


@contextmanager
def atomic_write(path: Path, *, mode: int = PRIVATE, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a new file that takes the place of the path at the end; after an exception the path is unchanged.

    rename(2) is atomic within a file system, so the new file is in the same folder. ``mode`` is subject to the umask.
    A ``durable`` file is on the disk before it takes its place. What a killed process has left in the folder is
    removed. Raises OSError when it cannot be written, and when something other than a file is at the path.
    """
    remove_leftovers(folder(path.parent))
    with _opened(path.parent) as at:
        with contextlib.suppress(FileNotFoundError):
            _regular(path, at)
        fresh, handle = _temporary(path, at, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                if durable:
                    os.fsync(file.fileno())
                if sys.platform != "win32":  # while it is locked: whoever removes leftovers would take it for one
                    os.replace(fresh, _name(path, at), src_dir_fd=at, dst_dir_fd=at)
            if sys.platform == "win32":
                os.replace(fresh, _name(path, at), src_dir_fd=at, dst_dir_fd=at)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(fresh, dir_fd=at)
            raise


def remove_leftovers(where: Path) -> None:
    """Remove what ``atomic_write`` of a killed process has left in a folder; what is being written now is locked."""
    with contextlib.suppress(OSError):
        for left in list(os.scandir(where)):
            if _TEMPORARY.fullmatch(left.name):
                _remove_leftover(Path(left.path))


def _remove_leftover(path: Path) -> None:
    with contextlib.suppress(OSError), open_regular(path) as file:
        about = os.fstat(file.fileno())
        if hasattr(os, "geteuid") and about.st_uid != os.geteuid():
            return
        if _lock(file.fileno(), wait=False) or time.time() - about.st_mtime > _STALE_S:
            path.unlink()


def _temporary(path: Path, at: int | None, mode: int) -> tuple[str, int]:
    """Return a new file beside the path, locked: whoever removes leftovers meanwhile passes over it."""
    while True:
        fresh = _name(path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"), at)
        handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | _NOFOLLOW | _CLOEXEC, mode, dir_fd=at)
        _lock(handle, wait=True)
        with contextlib.suppress(FileNotFoundError):  # it was removed before it was locked
            os.stat(fresh, dir_fd=at, follow_symlinks=False)
            return fresh, handle
        os.close(handle)


def _lock(handle: int, *, wait: bool) -> bool:
    """Lock a file as long as it is open; return False if another process has locked it, or if there are no locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def _opened(where: Path) -> Iterator[int | None]:
    """Give a handle of a folder, so that nobody can put a link in its place; None where the system has none."""
    if not _HAS_FOLDER_HANDLES:
        yield None
        return
    try:
        handle = os.open(where, os.O_RDONLY | _DIRECTORY | _NOFOLLOW | _CLOEXEC)
    except NotADirectoryError:
        if where.is_symlink():
            raise ForeignFileError(where, "a symbolic link") from None
        raise
    try:
        yield handle
    finally:
        os.close(handle)


def _name(path: Path, at: int | None) -> str:
    return str(path) if at is None else path.name


def _remove(path: Path, at: int | None) -> None:
    with contextlib.suppress(FileNotFoundError):
        _regular(path, at)
        os.unlink(_name(path, at), dir_fd=at)


def _regular(path: Path, at: int | None) -> None:
    """Raise ForeignFileError if the path is not a regular file, FileNotFoundError if it is nothing."""
    found = os.stat(_name(path, at), dir_fd=at, follow_symlinks=False).st_mode
    if not stat.S_ISREG(found):
        raise ForeignFileError(path, _kind(found))


def _kind(mode: int) -> str:
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
