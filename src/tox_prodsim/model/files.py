"""Writing files so that a reader finds the old content or the new one, never a part of it."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_STALE_S = 3600.0


@contextmanager
def atomic_write(path: Path, *, mode: int = 0o666, durable: bool = False) -> Iterator[BinaryIO]:
    """Give a new file that takes the place of the path at the end; after an exception the path is unchanged.

    rename(2) is atomic within a file system, so the new file is in the same folder. ``mode`` is subject to the umask.
    A ``durable`` file is on the disk before it takes its place. Raises OSError when it cannot be written.
    """
    _remove_stale(path)
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _remove_stale(path: Path) -> None:
    """Remove what a killed process left behind; a young file may belong to a process that is writing now."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE_S:
                left.unlink()
