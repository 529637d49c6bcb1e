"""Make wheels and sdists that nobody means well with: huge, misleading, or beyond what a reader expects.

What is huge is compressed, and made in little time and memory.
"""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from support.sdists import PKG_INFO, sdist
from support.wheels import wheel

METADATA = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nRequires-Python: >=3.8\n"
INFO = "acme-1.0.dist-info"
LONG = "9" * 5_000
ZEROS = bytes(1 << 20)
Make = Callable[[Path], Path]


def _metadata(*lines: str) -> Make:
    return lambda folder: wheel(folder, metadata=METADATA + "".join(f"{line}\n" for line in lines))


def _wheel_file(*tags: str) -> Make:
    return lambda folder: wheel(folder, wheel_file="Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))


def _member(name: str) -> Make:
    return lambda folder: wheel(folder, files={"acme/__init__.py": "", name: "x = 1\n"})


def big_member(name: str, mb: int) -> Make:
    """Return what makes a wheel with one member of so many megabytes of zeros, which nearly vanish in the archive."""

    def make(folder: Path) -> Path:
        path = wheel(folder, edit_record=lambda _: None)
        members = {info.filename: info for info in zipfile.ZipFile(path).infolist()}
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(folder / "new", "w", zipfile.ZIP_DEFLATED) as archive:
            for each in members:
                if each != name:
                    archive.writestr(each, old.read(each))
            with archive.open(name, "w", force_zip64=True) as stream:
                for _ in range(mb):
                    stream.write(ZEROS)
        (folder / "new").replace(path)
        return path

    return make


def many_members(count: int) -> Make:
    """Return what makes a wheel of so many modules, with a RECORD that names them all."""

    def make(folder: Path) -> Path:
        return wheel(folder, files={f"acme/p{at // 500}/m{at}.py": "x = 1\n" for at in range(count)})

    return make


def many_entries(folder: Path, count: int) -> Path:
    """Make a wheel whose directory lists so many modules more, all of which are one; that takes no time to write."""
    path = wheel(folder)
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    start = int.from_bytes(data[end + 16 : end + 20], "little")
    directory = data[start:end]
    name_bytes = int.from_bytes(directory[28:30], "little")
    head = directory[:46]
    entries = []
    for at in range(count):
        name = f"acme/m{at:09}.py".encode()
        entries.append(head[:28] + len(name).to_bytes(2, "little") + bytes(4) + head[34:46] + name)
    assert name_bytes
    whole = directory + b"".join(entries)
    total = len(zipfile.ZipFile(path).infolist()) + count
    zip64 = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, total, total, len(whole), start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, start + len(whole), 1)
    small = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(data[:start] + whole + zip64 + locator + small)
    return path


def _renamed(old: bytes, new: bytes) -> Make:
    """Return what makes a wheel with a name that ``zipfile`` would not write; both have the same length."""

    def make(folder: Path) -> Path:
        path = wheel(folder, files={"acme/__init__.py": "", old.decode(): "x = 1\n"})
        path.write_bytes(path.read_bytes().replace(old, new))
        return path

    return make


def _empty_name(folder: Path) -> Path:
    path = wheel(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(""), "x")
    return path


def _undecodable_name(folder: Path) -> Path:
    path = wheel(folder, files={"acme/__init__.py": "", "acme/\u00e9\u00e9.py": "x = 1\n"})
    path.write_bytes(path.read_bytes().replace("\u00e9\u00e9".encode(), b"\xff\xfe\xff\xfe"))
    return path


def linked_wheel(folder: Path, name: str = "acme/link.py") -> Path:
    """Make a wheel with a symbolic link."""
    path = wheel(folder)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return path


def _lying_end(folder: Path) -> Path:
    """A wheel whose end says that it has a directory of 60,000 entries."""
    path = wheel(folder)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\5\6")
    data[at + 8 : at + 12] = b"\x60\xea\x60\xea"
    path.write_bytes(data)
    return path


WHEELS: Mapping[str, Make] = {
    "METADATA with 200,000 fields": _metadata(*(f"X-Field-{at}: 1" for at in range(200_000))),
    "METADATA with 200,000 Requires-Dist": _metadata(*(f"Requires-Dist: acme-{at}" for at in range(200_000))),
    "METADATA of 800 MB": big_member(f"{INFO}/METADATA", 800),
    "RECORD of 800 MB": big_member(f"{INFO}/RECORD", 800),
    "entry_points.txt of 800 MB": big_member(f"{INFO}/entry_points.txt", 800),
    "WHEEL of 800 MB": big_member(f"{INFO}/WHEEL", 800),
    "a module of 800 MB": big_member("acme/data.py", 800),
    "an archive that unpacks to 3 GB": big_member("acme/data.bin", 3_000),
    "Tag: of 400 x 200 x 100 parts": _wheel_file(
        "-".join(
            ".".join(f"{letter}{at}" for at in range(count))
            for letter, count in zip("abc", (400, 200, 100), strict=True)
        )
    ),
    "Tag: --": _wheel_file("--"),
    "Tag: a-b-c-d-e": _wheel_file("a-b-c-d-e"),
    "the Version of METADATA has 5,000 digits": lambda folder: wheel(
        folder, metadata=METADATA.replace("Version: 1.0", f"Version: {LONG}")
    ),
    "Requires-Dist with 5,000 digits": _metadata(f"Requires-Dist: click>={LONG}"),
    "Requires-Python with 5,000 digits": lambda folder: wheel(folder, metadata=METADATA.replace("3.8", f"3.{LONG}")),
    "Metadata-Version of 5,000 digits": lambda folder: wheel(folder, metadata=METADATA.replace("2.1", LONG)),
    "classifier Python :: 3.999...": _metadata(f"Classifier: Programming Language :: Python :: 3.{LONG}"),
    "classifier Python :: 3.999 (150 digits)": _metadata(
        f"Classifier: Programming Language :: Python :: 3.{'9' * 150}"
    ),
    "a METADATA of NUL and 0xFF": lambda folder: wheel(
        folder, metadata=METADATA + "Summary: \x00\x01\x1b[31m\nAuthor-Email: \x00@\x00\n\n\x00"
    ),
    "__version__ of 10,000 digits": lambda folder: wheel(
        folder, files={"acme/__init__.py": '__version__ = "1." + "9" * 10000\n'}
    ),
    "a member with an empty name": _empty_name,
    "a member with an undecodable name": _undecodable_name,
    "a member with NUL in its name": _renamed(b"acme/aXb.py", b"acme/a\0b.py"),
    "a symbolic link": linked_wheel,
    "a backslash in a name": _member("acme\\evil.py"),
    "a drive letter": _member("C:/windows/evil.py"),
    "a drive-relative name": _member("c:evil.py"),
    "an absolute path": _member("/etc/cron.d/evil"),
    "a path with ..": _member("../../evil.py"),
    "a reserved name": _member("acme/aux.py"),
    "a name with a bidirectional override": _member("acme/txt\u202eyp.exe"),
    "a name with a trailing dot": _member("acme/data./x.py"),
    "an end that lies": _lying_end,
    "a module of 100,000 brackets": lambda folder: wheel(folder, files={"acme/__init__.py": "(" * 100_000}),
    "a module of 5 MB of names": lambda folder: wheel(folder, files={"acme/__init__.py": "a = b + c\n" * 500_000}),
    "entry points of odd forms": lambda folder: wheel(
        folder, entry_points="[console_scripts]\n= a:b\nx\ny = \n[]\nz = a:b[c\n\x00 = \x00\n[console_scripts\n"
    ),
    "RECORD with a field of 1 MB": lambda folder: wheel(
        folder, edit_record=lambda lines: [*lines, '"' + "x" * 1_000_000 + '",,']
    ),
    "RECORD with odd rows": lambda folder: wheel(
        folder, edit_record=lambda lines: [*lines, ",", '"', "\x00,\x00,\x00", "a,sha256=\u00e9,-1", "b,=,1e308"]
    ),
}
"""Wheels by what is hostile in them."""


# sdists


def _files(files: Mapping[str, str]) -> Make:
    return lambda folder: sdist(folder, files={"acme/__init__.py": "", **files})


def _entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Make:
    def edit(archive: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member)

    return lambda folder: sdist(folder, edit=edit)


def big_sdist(mb: int, name: str = "acme-1.0/data.bin") -> Make:
    """Return what makes an sdist with a file of so many megabytes of zeros."""

    def make(folder: Path) -> Path:
        path = sdist(folder)
        plain = gzip.decompress(path.read_bytes()).rstrip(b"\0")
        plain += bytes(-len(plain) % 512)
        member = tarfile.TarInfo(name)
        member.size = mb << 20
        with gzip.open(path, "wb", compresslevel=1) as stream:
            stream.write(plain + member.tobuf())
            for _ in range(mb):
                stream.write(ZEROS)
            stream.write(bytes(1024))
        return path

    return make


def _raw(blocks: Iterable[bytes]) -> Make:
    """Return what makes an sdist that ends in blocks that ``tarfile`` would not write."""

    def make(folder: Path) -> Path:
        path = sdist(folder)
        plain = gzip.decompress(path.read_bytes()).rstrip(b"\0")
        with gzip.open(path, "wb", compresslevel=1) as stream:
            stream.write(plain + bytes(-len(plain) % 512))
            for block in blocks:
                stream.write(block)
            stream.write(bytes(1024))
        return path

    return make


def _pax(content: bytes, *, size: int | None = None) -> bytes:
    """Return a pax header in front of a small file."""
    head = tarfile.TarInfo("pax")
    head.type, head.size = tarfile.XHDTYPE, len(content) if size is None else size
    file = tarfile.TarInfo("acme-1.0/after.txt")
    return head.tobuf() + content + bytes(-len(content) % 512) + file.tobuf()


def _record(key: str, value: str) -> bytes:
    text = f" {key}={value}\n"
    length = len(text) + len(str(len(text) + 3))
    return f"{length}{text}".encode()


def _many_files(count: int) -> Make:
    def make(folder: Path) -> Path:
        path = folder / "acme-1.0.tar.gz"
        with gzip.open(path, "wb", compresslevel=1) as stream:
            info = tarfile.TarInfo("acme-1.0/PKG-INFO")
            info.size = len(PKG_INFO)
            stream.write(info.tobuf() + PKG_INFO.encode().ljust(512, b"\0"))
            for at in range(count):
                stream.write(tarfile.TarInfo(f"acme-1.0/f{at}").tobuf())
            stream.write(bytes(1024))
        return path

    return make


SDISTS: Mapping[str, Make] = {
    "3 MB that unpack to 3 GB": big_sdist(3_000),
    "a PKG-INFO of 800 MB": big_sdist(800, "acme-1.0/PKG-INFO"),
    "100,000 files": _many_files(100_000),
    "250,000 files": _many_files(250_000),
    "a pax header of 200 MB": _raw([_pax(bytes(0), size=200 << 20), *[ZEROS] * 200]),
    "a pax header with a size that is not a number": _raw([_pax(_record("size", "many"))]),
    "a pax header with a negative size": _raw([_pax(_record("size", "-5"))]),
    "a pax header with a size of 400 digits": _raw([_pax(_record("size", "9" * 400))]),
    "a pax header with a time of 1e308": _raw([_pax(_record("mtime", "1e308"))]),
    "a pax header of blanks": _raw([_pax(b"11" + b" " * 60_000 + b"\n")]),
    "a pax header that claims too much": _raw([_pax(b"99999 path=x\n")]),
    "a sparse map that is not numbers": _raw(
        [_pax(_record("GNU.sparse.major", "1") + _record("GNU.sparse.minor", "0") + _record("GNU.sparse.name", "x"))]
    ),
    "a sparse map of 0.1 that is not numbers": _raw(
        [_pax(_record("GNU.sparse.map", "a,b,c") + _record("GNU.sparse.size", "1e308"))]
    ),
    "a PKG-INFO with 200,000 fields": lambda folder: sdist(
        folder, pkg_info=PKG_INFO + "".join(f"X-{at}: 1\n" for at in range(200_000))
    ),
    "a version of 5,000 digits": lambda folder: sdist(folder, pkg_info=PKG_INFO.replace("1.0", LONG)),
    "a Metadata-Version of 5,000 digits": lambda folder: sdist(folder, pkg_info=PKG_INFO.replace("2.2", LONG)),
    "a pyproject.toml of nested arrays": _files({"pyproject.toml": "a = " + "[" * 100_000}),
    "a pyproject.toml with an integer of 5,000 digits": _files({"pyproject.toml": f"a = {LONG}\n"}),
    "a pyproject.toml of wrong types": _files({"pyproject.toml": "build-system = 1\n[tool]\nsetuptools = []\n"}),
    "a backslash in a name": _entry("acme-1.0/acme\\evil.py"),
    "a drive letter": _entry("C:/acme/evil.py"),
    "an absolute path": _entry("/etc/cron.d/evil"),
    "a path with ..": _entry("acme-1.0/../../evil.py"),
    "a link out of it": _entry("acme-1.0/link", tarfile.SYMTYPE, "../../../etc/passwd"),
    "a link to itself": _entry("acme-1.0/link", tarfile.SYMTYPE, "link"),
    "a hard link to a member that is not there": _entry("acme-1.0/PKG-INFO", tarfile.LNKTYPE, "acme-1.0/absent"),
    "a device": _entry("acme-1.0/null", tarfile.CHRTYPE),
    "a reserved name": _entry("acme-1.0/acme/aux.py"),
    "a name with a bidirectional override": _entry("acme-1.0/acme/txt\u202eyp.exe"),
    "a name with a trailing blank": _entry("acme-1.0/acme/data /x.py"),
    "a member with an empty name": _entry(""),
    "an undecodable name": _entry("acme-1.0/\udcff\udcfe.py"),
}
"""Sdists by what is hostile in them."""


def plain_tar(path: Path) -> bytes:
    """Return the content of an sdist, without compression."""
    return io.BytesIO(gzip.decompress(path.read_bytes())).getvalue()
