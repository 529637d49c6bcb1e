"""Open a wheel for several questions: the directory of its archive is read once in each process that is asked.

With 100,000 members that takes half a second each time.
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Give the archive of a wheel; it stays open for the next question, as long as the file is the same."""
    status = path.stat()
    yield _opened(path, status.st_ino, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=1)
def _opened(path: Path, *_same: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)
