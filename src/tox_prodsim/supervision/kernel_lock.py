"""A lock that the kernel keeps on a file: it ends with the process that holds it, however that process ends.

The file also has the pid of the holder, as text for a message. A killed process leaves its pid there, so the text alone
never means that somebody holds the lock.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from tox_prodsim.model import files
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ForeignFileError, LockError
from tox_prodsim.supervision import ownership, procfs

_SIZE_LIMIT = 4096
_WINDOWS_OFFSET = 1 << 30
"""Windows keeps others from reading the byte that is locked: this one is behind the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockHolder:
    """A process that holds a lock."""

    pid: int
    started: int
    """In clock ticks since the boot; 0 where that is not known."""
    boot: str
    """The id of the boot; empty where there is none."""
    namespace: str
    """The pid namespace."""

    @classmethod
    def this_process(cls) -> LockHolder:
        """Return this process."""
        started = ownership.own_identity().started
        return cls(pid=os.getpid(), started=started, boot=procfs.boot(), namespace=procfs.namespace())

    @property
    def command(self) -> str:
        """Return its command line."""
        return procfs.command(self.pid)

    @property
    def is_ancestor(self) -> bool:
        """Return whether this process is below it, so that it waits for this one."""
        now = procfs.read_status(os.getpid())
        while now is not None and now.parent > 0:
            if now.parent == self.pid:
                return True
            now = procfs.read_status(now.parent)
        return False

    @property
    def is_alive_here(self) -> bool:
        """Return whether the pid is known here, and still that of the same process."""
        if (self.boot, self.namespace) != (procfs.boot(), procfs.namespace()):
            return False
        return not self.boot or procfs.lives(procfs.Identity(pid=self.pid, started=self.started))


class KernelLock:
    """A lock on a file, not held at first. Raises LockError with one sentence when there can be none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = _open(path)

    def acquire(self) -> bool:
        """Take the lock if it is free, without waiting; return whether it is held now."""
        try:
            _lock(self._handle)
        except BlockingIOError:
            return False
        except OSError as problem:
            raise LockError(f"{self._path}: {problem.strerror}") from problem
        if not self._is_current():  # the folder was removed meanwhile, and a lock on what is gone excludes nobody
            os.close(self._handle)
            self._handle = _open(self._path)
            return False
        self._write(json.dumps(asdict(LockHolder.this_process())).encode("ascii"))
        return True

    def holder(self) -> LockHolder | None:
        """Return who holds it; None: that cannot be seen from here, or nobody does."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            os.lseek(self._handle, 0, os.SEEK_SET)
            data = json.loads(os.read(self._handle, _SIZE_LIMIT))
            if all(type(data[name]) is int for name in ("pid", "started")):
                holder = LockHolder(**data)
                return holder if holder.is_alive_here else None
        return None

    def release(self) -> None:
        """Let others have it; idempotent."""
        if self._handle >= 0:
            self._write(b"")
            os.close(self._handle)
            self._handle = -1

    def close(self) -> None:
        """Give up a lock that is not held; idempotent."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _is_current(self) -> bool:
        """Return whether the path still leads to the file that is open."""
        try:
            return os.path.samestat(os.fstat(self._handle), self._path.lstat())
        except OSError:
            return False

    def _write(self, text: bytes) -> None:
        """Replace the text; a full disk leaves none."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._handle, 0)
            os.lseek(self._handle, 0, os.SEEK_SET)
            os.write(self._handle, text)


def _open(path: Path) -> int:
    """Open the file, made if necessary: a regular one of no other name, links are not followed; raises LockError."""
    try:
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return files.open_kept(path)
    except ForeignFileError as problem:
        raise LockError(str(problem)) from problem
    except OSError as problem:
        raise LockError(f"{path} cannot be opened: {problem.strerror}") from problem


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        """Lock the file; raises BlockingIOError when another process has locked it, and OSError."""
        os.lseek(handle, _WINDOWS_OFFSET, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            raise BlockingIOError from None

else:
    import fcntl

    def _lock(handle: int) -> None:
        """Lock the file; raises BlockingIOError when another process has locked it, and OSError."""
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
