"""Open an sdist so that no header and no content of it takes more than a bounded time, memory and disk.

``tarfile`` reads a header of any size at once, passes over any number of bytes, and trusts every number of a pax header
or a sparse map.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from tox_prodsim.model.errors import RefusedFileError
from tox_prodsim.model.formatting import sized

CODE = "SDI210"
UNREADABLE = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, LookupError, OverflowError, RecursionError)
"""What ``tarfile`` raises for damaged and for hostile archives."""
MOST_MEMBERS = 200_000
READ_AT_ONCE_BYTES = 1 << 20
"""Longer than any header, and as much as is read of one member."""
FREELY_UNPACKED_BYTES = 1_000_000_000
MOST_TIMES = 50
"""So many times its own size a file may unpack to, if that is more than FREELY_UNPACKED_BYTES."""
_AGAIN = "build it again; if it is meant to be so, it cannot be checked here, and hardly be built from"


@contextmanager
def open_sdist_archive(path: Path) -> Iterator[tarfile.TarFile]:
    """Open it; what is read of it raises RefusedFileError beyond a limit, and one of UNREADABLE if it is damaged."""
    try:
        with gzip.open(path) as raw:
            stream = cast("IO[bytes]", _BoundedStream(path, raw))
            with tarfile.open(fileobj=stream, mode="r:", tarinfo=_bounded_member(path)) as archive:
                yield archive
    except gzip.BadGzipFile as problem:
        msg = "not a gzip file"
        raise tarfile.ReadError(msg) from problem


def refused(path: Path, reason: str) -> RefusedFileError:
    """Return the refusal of an sdist."""
    return RefusedFileError("sdist", f"{path.name}: {reason}", CODE, _AGAIN)


def unpacked_limit_bytes(path: Path) -> int:
    """Return how much a file may unpack to."""
    return max(FREELY_UNPACKED_BYTES, MOST_TIMES * path.stat().st_size)


def too_much_unpacked(path: Path, unpacked_bytes: int) -> str:
    """Return what is said of a file that unpacks to so much."""
    times = f"{unpacked_bytes / max(path.stat().st_size, 1):,.0f} times its own size"
    limit = f"more than {sized(FREELY_UNPACKED_BYTES)} and {MOST_TIMES} times"
    return f"it unpacks to at least {sized(unpacked_bytes)}, {times}, {limit}"


def _bounded_member(path: Path) -> type[tarfile.TarInfo]:
    """Return the type of the members of one archive, which counts them and what they unpack to."""
    count = unpacked_bytes = 0
    limit_bytes = unpacked_limit_bytes(path)

    class Member(tarfile.TarInfo):
        def _proc_pax(self, tarfile: tarfile.TarFile) -> tarfile.TarInfo:
            """Refuse a header before it is read: newer Pythons read one in pieces, each of which is short enough."""
            if self.size > READ_AT_ONCE_BYTES:
                raise refused(path, too_long_header(self.size))
            return super()._proc_pax(tarfile)  # type: ignore[misc, no-any-return] # typeshed lacks what is not public

        def _proc_gnulong(self, tarfile: tarfile.TarFile) -> tarfile.TarInfo:
            if self.size > READ_AT_ONCE_BYTES:
                raise refused(path, too_long_header(self.size))
            return super()._proc_gnulong(tarfile)  # type: ignore[misc, no-any-return] # the same

        @classmethod
        def fromtarfile(cls, tarfile: tarfile.TarFile) -> Member:
            nonlocal count, unpacked_bytes
            member = super().fromtarfile(tarfile)
            if member.size < 0:
                msg = f"a member has a size of {member.size}"
                raise ValueError(msg)
            count, unpacked_bytes = count + 1, unpacked_bytes + member.size
            if count > MOST_MEMBERS:
                raise refused(path, f"it has more than {MOST_MEMBERS:,} members")
            if unpacked_bytes > limit_bytes:
                raise refused(path, too_much_unpacked(path, unpacked_bytes))
            return member

    return Member


def too_long_header(size_bytes: int) -> str:
    """Return what is wrong with a header."""
    return f"a header in it has {sized(size_bytes)}, more than {sized(READ_AT_ONCE_BYTES)}"


class _BoundedStream:
    """The unpacked bytes of an sdist."""

    def __init__(self, path: Path, raw: gzip.GzipFile) -> None:
        self._path = path
        self._raw = raw
        self._limit_bytes = unpacked_limit_bytes(path)
        self.name = str(path)

    def read(self, size_bytes: int) -> bytes:
        """Return the next bytes; raises RefusedFileError."""
        if not 0 <= size_bytes <= READ_AT_ONCE_BYTES:
            raise refused(self._path, too_long_header(size_bytes))
        self._check(self._raw.tell() + size_bytes)
        return self._raw.read(size_bytes)

    def seek(self, at: int) -> int:
        """Go to a place; raises RefusedFileError."""
        self._check(at)
        return self._raw.seek(at)

    def tell(self) -> int:
        """Return the place."""
        return self._raw.tell()

    def _check(self, at: int) -> None:
        if at - READ_AT_ONCE_BYTES - (MOST_MEMBERS << 10) > self._limit_bytes:  # headers come on top
            raise refused(self._path, too_much_unpacked(self._path, at))
