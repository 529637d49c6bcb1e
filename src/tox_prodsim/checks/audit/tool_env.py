"""Environments that are kept from run to run, used by one process at a time, and made again when they are not valid."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tox_prodsim.model import files
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import Cancelled

_RETRY_S = 0.2
_STAMP, _STAMP_BYTES = "prodsim-made.txt", 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolEnv:
    """A folder with a virtual environment of the Python that runs tox, made for one ``purpose``."""

    folder: Path
    purpose: str

    @property
    def scripts(self) -> Path:
        """Return the folder of its commands."""
        return self._path("scripts")

    def command(self, name: str) -> Path | None:
        """Return one of its commands; None when it has none with that name."""
        found = shutil.which(name, path=str(self.scripts))
        return Path(found) if found else None

    def version(self, distribution: str) -> str:
        """Return the version of a distribution in it; nothing when it is not installed."""
        found = importlib.metadata.distributions(name=distribution, path=[str(self._path("purelib"))])
        return next((each.version for each in found), "")

    def is_valid(self) -> bool:
        """Return whether it was made completely, for this purpose and this Python, and its Python still exists."""
        try:
            stamp = files.read(self.folder / _STAMP, limit_bytes=_STAMP_BYTES).decode()
        except (OSError, UnicodeError):
            return False
        return stamp == self._stamp() and self.command("python") is not None

    def ensure(self, make: Callable[[Path], None], *, recreate: bool) -> bool:
        """Make it if it is not valid or is to be recreated; return whether it was made now.

        If ``make`` raises, the next call makes it again.
        """
        if not recreate and self.is_valid():
            return False
        make(files.empty_folder(self.folder))
        files.write(self.folder / _STAMP, self._stamp())
        return True

    @contextmanager
    def locked(self, interrupted: Callable[[], bool]) -> Iterator[None]:
        """Lock it against other threads and processes; raises Cancelled when ``interrupted`` while it waits."""
        files.folder(self.folder.parent)
        files.refuse_foreign(Path(f"{self.folder}.lock"))
        lock = FileLock(f"{self.folder}.lock")
        while not lock.is_locked:
            if interrupted():
                raise Cancelled
            try:
                lock.acquire(timeout=_RETRY_S)
            except Timeout:
                continue
        try:
            yield
        finally:
            lock.release()

    def _stamp(self) -> str:
        return f"{self.purpose}\n{sys.version}\n{os.path.realpath(sys.executable)}\n"

    def _path(self, name: str) -> Path:
        return Path(sysconfig.get_path(name, "venv", vars={"base": str(self.folder), "platbase": str(self.folder)}))
