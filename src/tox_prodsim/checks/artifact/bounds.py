"""WHL150 and SDI210: what is beyond what is read of a file, found before any of it is kept.

Without limits a file of some kilobytes takes hours or all memory: 400 x 200 x 100 parts of a tag, 200,000 headers, an
archive that unpacks to a thousand times its size. No release comes near these limits; checks.md lists them.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tox_prodsim.model.errors import RefusedFileError
from tox_prodsim.model.formatting import sized
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.sdist_archive import MOST_MEMBERS, refused, too_much_unpacked, unpacked_limit_bytes

CODE = "WHL150"
DIRECTORY_BYTES = 64_000_000
KEY_FILE_BYTES = {"METADATA": 16_000_000, "RECORD": 64_000_000, "WHEEL": 1_000_000, "entry_points.txt": 4_000_000}
"""The files of ``.dist-info`` that are read as a whole."""
MOST_FIELDS = 20_000
MOST_TAGS = 1_000
MOST_DIGITS = 200
"""In one number of a version; Python itself reads none with more than 4,300."""
SOURCE_BYTES = 16_000_000
"""A longer module is not read: generated tables of data, of which there is nothing to say."""

_END = lazy_regex(rb"PK\x05\x06.{18}", re.DOTALL)
_ZIP64_END = lazy_regex(rb"PK\x06\x06.{52}", re.DOTALL)
_LONGEST_END_BYTES = (1 << 16) + 22 + 20 + 56
_FIELD = lazy_regex(rb"^[!-9;-~]+:", re.MULTILINE)
_LONG_NUMBER = lazy_regex(rb"(?<![0-9])[0-9]{%d,}" % (MOST_DIGITS + 1))
_WITH_NUMBERS = frozenset(
    {"metadata-version", "version", "requires-dist", "requires-python", "requires-external", "classifier"}
)
"""Fields of which numbers are read as such."""
_DESCRIPTION = lazy_regex(rb"\r?\n\r?\n")
_AGAIN = "build it again; if it is meant to be so, it cannot be checked here, and hardly be installed"


def refuse_directory(path: Path) -> None:
    """Raise RefusedFileError if the directory of a zip archive is too large to be read; nothing of it is read."""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _LONGEST_END_BYTES))
        tail = stream.read()
    end, zip64 = _last(_END, tail), _last(_ZIP64_END, tail)
    _refuse_count(path, _number(zip64, 32, 8) if zip64 else _number(end, 10, 2))
    size_bytes = _number(zip64, 40, 8) if zip64 else _number(end, 12, 4)
    if DIRECTORY_BYTES < size_bytes <= path.stat().st_size:
        _refuse(path, f"its directory has {sized(size_bytes)}, more than {sized(DIRECTORY_BYTES)}")


def _last(pattern: re.Pattern[bytes], tail: bytes) -> bytes:
    found = b""
    for match in pattern.finditer(tail):
        found = match[0]
    return found


def _number(data: bytes, at: int, size_bytes: int) -> int:
    return int.from_bytes(data[at : at + size_bytes], "little")


def refuse_wheel(path: Path, archive: zipfile.ZipFile, dist_info: str) -> None:
    """Raise RefusedFileError if a wheel is beyond a limit; of its content only key files of a bounded size are read."""
    infos = archive.infolist()
    _refuse_count(path, len(infos))
    _refuse_unpacked(path, sum(info.file_size for info in infos))
    for info in infos:
        folder, _, name = info.filename.partition("/")
        limit_bytes = KEY_FILE_BYTES.get(name, math.inf) if folder == dist_info else math.inf
        if info.file_size > limit_bytes:
            _refuse(path, f"{info.filename} has {sized(info.file_size)}, more than {sized(int(limit_bytes))}")
    names = set(archive.namelist())
    if f"{dist_info}/METADATA" in names:
        refuse_metadata(path, archive.read(f"{dist_info}/METADATA"), f"{dist_info}/METADATA")
    if f"{dist_info}/WHEEL" in names:
        lines = archive.read(f"{dist_info}/WHEEL").decode("utf-8", "replace").splitlines()
        tags = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("tag:"))
        _refuse_tags(path, tags, f"{dist_info}/WHEEL")


def refuse_name(path: Path) -> None:
    """Raise RefusedFileError if the name of a wheel stands for too many tags."""
    _refuse_tags(path, ["-".join(path.name.removesuffix(".whl").split("-")[-3:])], "the file name")


def refuse_metadata(path: Path, content: bytes, where: str) -> None:
    """Raise RefusedFileError if the fields of METADATA or PKG-INFO are too many, or have a number that is too long."""
    end = _DESCRIPTION.search(content)
    fields = content[: end.start()] if end else content
    count = sum(1 for _ in _FIELD.finditer(fields))
    if count > MOST_FIELDS:
        _refuse(path, f"{where} has {count:,} fields, more than {MOST_FIELDS:,}")
    for found in _LONG_NUMBER.finditer(fields):
        line = fields[fields.rfind(b"\n", 0, found.start()) + 1 : found.start()]
        name = line.partition(b":")[0].decode("utf-8", "replace")
        if name.lower() in _WITH_NUMBERS:
            _refuse(path, f"{where} has a number of {len(found[0]):,} digits in {name}, more than {MOST_DIGITS}")


def _refuse_tags(path: Path, tags: Iterable[str], where: str) -> None:
    count = sum(math.prod(part.count(".") + 1 for part in tag.split("-")) for tag in tags)
    if count > MOST_TAGS:
        _refuse(path, f"{where} stands for {count:,} tags, more than {MOST_TAGS:,}")


def _refuse_count(path: Path, count: int) -> None:
    if count > MOST_MEMBERS:
        _refuse(path, f"it has {count:,} members, more than {MOST_MEMBERS:,}")


def _refuse_unpacked(path: Path, unpacked_bytes: int) -> None:
    if unpacked_bytes > unpacked_limit_bytes(path):
        _refuse(path, too_much_unpacked(path, unpacked_bytes))


def _refuse(path: Path, reason: str) -> None:
    if path.name.endswith(".tar.gz"):
        raise refused(path, reason)
    raise RefusedFileError("wheel", f"{path.name}: {reason}", CODE, _AGAIN)
