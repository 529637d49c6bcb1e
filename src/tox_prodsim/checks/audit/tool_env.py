"""Environments that are kept from run to run: one user at a time, made anew when they are not what they should be."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from tox_prodsim.model.errors import Cancelled

_LOOK_S = 0.2
_STAMP = "prodsim-made.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A folder with an environment of the Python that runs us, made for ``purpose``; another purpose needs another."""

    folder: Path
    purpose: str

    @property
    def scripts(self) -> Path:
        """Return the folder of its commands."""
        return self._path("scripts")

    def command(self, name: str) -> Path | None:
        """Return one of its commands, None when it has none of that name."""
        found = shutil.which(name, path=str(self.scripts))
        return Path(found) if found else None

    def version(self, distribution: str) -> str:
        """Return the version of what is installed; nothing when it is not."""
        found = importlib.metadata.distributions(name=distribution, path=[str(self._path("purelib"))])
        return next((each.version for each in found), "")

    def is_sound(self) -> bool:
        """Return whether it was made to the end, for this purpose and this Python, and its Python is still there."""
        try:
            made = (self.folder / _STAMP).read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            return False
        return made == self._stamp() and self.command("python") is not None

    def made(self, make: Callable[[Path], None], *, anew: bool) -> bool:
        """Have it made where it is not sound, or ``anew``; return whether it was made now.

        What ``make`` leaves when it raises is made again the next time.
        """
        if not anew and self.is_sound():
            return False
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        make(self.folder)
        (self.folder / _STAMP).write_text(self._stamp(), encoding="utf-8")
        return True

    @contextmanager
    def alone(self, interrupted: Callable[[], bool]) -> Iterator[None]:
        """Keep other threads and processes away meanwhile; raises Cancelled when ``interrupted`` while it waits."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{self.folder}.lock")
        while not lock.is_locked:
            if interrupted():
                raise Cancelled
            try:
                lock.acquire(timeout=_LOOK_S)
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
