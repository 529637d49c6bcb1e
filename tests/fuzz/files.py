"""Wheels and sdists: the whole archive, each of the files in it that are read, and the names of its members."""

from __future__ import annotations

import functools
import gzip
import io
import json
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fuzz.engine import Target
from fuzz.inputs import edited, edited_lines
from hypothesis import strategies as st
from support.sdists import PKG_INFO, sdist
from support.wheels import subject_of, wheel

from tox_prodsim.checks import artifact
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import CheckResult
from tox_prodsim.run import contents

NAME = "acme-1.0-py3-none-any.whl"
INFO = "acme-1.0.dist-info"
METADATA = b"""\
Metadata-Version: 2.4
Name: acme
Version: 1.0
Summary: it acts
Requires-Python: >=3.8, <4
Requires-Dist: click[x]>=8,!=8.1 ; python_version >= "3.8" and extra == "cli"
Requires-Dist: acme-core @ https://example.org/a.whl
Provides-Extra: cli
License-Expression: MIT
License-File: LICENSE
Classifier: Programming Language :: Python :: 3.11
Classifier: Operating System :: POSIX
Project-URL: Home, https://example.org
Description-Content-Type: text/x-rst; charset=UTF-8

Acme
====

.. code:: python

    from acme import core
"""
WHEEL = b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\nBuild: 1\n"
ENTRY_POINTS = (
    b"[console_scripts]\nacme = acme.cli:main [cli]\n\n[gui_scripts]\nx = acme:Main.run\n\n[pytest11]\nacme = acme\n"
)
SOURCE = b"""\
import os
from pathlib import Path
from . import other
from .data import TABLE as t, gone
__version__ = "1.0"
HERE = Path(__file__).parent / "data" / "table.json"
TEXT = (HERE.parent / "words.txt").read_text()
def f(x=os.path.join(os.path.dirname(__file__), "a.txt")):
    with open(x) as file:
        return file.read()
try:
    import acme.fast
except ImportError:
    pass
"""
FILES: dict[str, str | bytes] = {
    "acme/__init__.py": SOURCE,
    "acme/cli.py": "def main(): pass\n",
    "acme/data/table.json": "{}",
    "acme-1.0.data/scripts/run": "#!python\nprint(1)\n",
    "acme.pth": "import acme\n",
}
MEMBERS = (*FILES, "tests/x.py", "acme/_fast.cpython-311-x86_64-linux-gnu.so", f"{INFO}/licenses/LICENSE", "a.data/b/c")


def _results(path: Path) -> Iterator[CheckResult]:
    opened = artifact.open_wheel(path)
    yield artifact.check_wheel(opened)
    yield artifact.check_references(opened)
    yield artifact.check_versions(opened, frozenset({"3.11"}))
    yield artifact.check_native(opened, required=["acme.fast"], compiled_sources=["src/fast.c"])
    contents.contents_of(opened, "2026-11-30")
    absent = artifact.internal_imports(opened)
    [absent.is_optional(module) for module in opened.modules[:20]]
    subject = subject_of(opened)
    assert isinstance(subject.known_extras, tuple)
    [subject.requires_always(each) for each in opened.top_levels[:5]]


def said(result: CheckResult) -> Iterator[str]:
    """Yield the texts of a result; all of it must have a form for the event log and the report."""
    for found in result.findings:
        json.dumps([found.code, found.subject, found.message, found.hint, found.file, found.line])
        yield from (found.subject, found.message, found.hint, found.file or "")
    yield result.detail
    yield from (str(reason) for _, reason in result.not_checked)


def _play_wheel(path: Path) -> Iterator[str]:
    try:
        for result in _results(path):
            yield from said(result)
    except ProdsimError as problem:
        yield from said(artifact.unreadable_file(path, problem))


def _play_archive(data: bytes, folder: Path) -> Iterator[str]:
    path = folder / NAME
    path.write_bytes(data)
    return _play_wheel(path)


def _play_part(member: str) -> Callable[[bytes, Path], Iterator[str]]:
    """Return what makes a wheel with this file in it, and reads it."""

    def play(data: bytes, folder: Path) -> Iterator[str]:
        files = FILES | ({} if member.startswith(INFO) else {member: data})
        plain = wheel(folder, files=files, metadata=METADATA.decode(), wheel_file=WHEEL.decode())
        parts = {f"{INFO}/entry_points.txt": ENTRY_POINTS}
        with zipfile.ZipFile(plain) as old:
            parts |= {name: old.read(name) for name in old.namelist()}
        parts |= {member: data}
        path = folder / NAME
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        return _play_wheel(path)

    return play


def _play_name(data: bytes, folder: Path) -> Iterator[str]:
    name = data.decode("utf-8", "surrogateescape").replace("/", "").replace("\0", "")
    if not name.strip(".") or len(name.encode("utf-8", "surrogateescape")) > 250:
        return
    path = folder / name
    path.write_bytes(sound_wheel())
    try:
        yield from _play_wheel(path)
    finally:
        path.unlink()


@functools.cache
def sound_wheel() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = wheel(Path(folder), files=FILES, metadata=METADATA.decode(), entry_points=ENTRY_POINTS.decode())
        return made.read_bytes()


@st.composite
def named_members(draw: st.DrawFn) -> bytes:
    """Return a wheel with odd names, modes, kinds and dates of its members."""
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about duplicates, which are wanted
        for name, content in [(f"{INFO}/METADATA", METADATA), (f"{INFO}/WHEEL", WHEEL)]:
            archive.writestr(name, content)
        for _ in range(draw(st.integers(0, 6))):
            name = draw(edited([each.encode() for each in MEMBERS], most=2)).decode("utf-8", "replace")
            info = zipfile.ZipInfo()
            info.filename = name[:20_000]
            info.external_attr = draw(st.integers(0, 2**32 - 1))
            info.create_system = draw(st.integers(0, 255))
            archive.writestr(info, draw(st.binary(max_size=20) | st.just(SOURCE) | st.just(b"\x7fELF" + bytes(80))))
    data = text.getvalue()
    return draw(edited([data], most=1)) if draw(st.booleans()) else data


def _of_sdist(path: Path, folder: Path) -> Iterator[str]:
    try:
        opened = artifact.open_sdist(path)
    except ProdsimError as problem:
        yield from said(artifact.unreadable_file(path, problem))
        return
    built = folder / NAME
    built.write_bytes(sound_wheel())
    beside = artifact.open_wheel(built)
    yield from said(artifact.check_sdist(opened))
    yield from said(artifact.check_sdist_vs_wheel(opened, beside))
    yield from said(artifact.check_package_data(opened, beside))


def _play_sdist(data: bytes, folder: Path) -> Iterator[str]:
    path = folder / "acme-1.0.tar.gz"
    path.write_bytes(data if data.startswith(b"\x1f\x8b") else gzip.compress(data, 1))
    return _of_sdist(path, folder)


def _play_member(name: str) -> Callable[[bytes, Path], Iterator[str]]:
    def play(data: bytes, folder: Path) -> Iterator[str]:
        def add(archive: tarfile.TarFile) -> None:
            member = tarfile.TarInfo(f"acme-1.0/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))

        return _of_sdist(sdist(folder, pkg_info=None if name == "PKG-INFO" else PKG_INFO, edit=add), folder)

    return play


@functools.cache
def sound_sdists() -> Sequence[bytes]:
    """Return sdists, one plain and one with headers of all kinds, without compression and with it."""

    def add(archive: tarfile.TarFile) -> None:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE):
            member = tarfile.TarInfo(f"acme-1.0/{kind!r}")
            member.type, member.linkname = kind, "../x"
            archive.addfile(member)
        member = tarfile.TarInfo("acme-1.0/" + "long/" * 60)
        member.pax_headers = {"mtime": "1.5", "GNU.sparse.map": "0,1", "GNU.sparse.size": "1", "comment": "x"}
        archive.addfile(member)

    with tempfile.TemporaryDirectory() as folder:
        packed = [sdist(Path(folder)).read_bytes(), sdist(Path(folder), edit=add).read_bytes()]
    return [*map(gzip.decompress, packed), *packed]


@functools.cache
def _sound_record() -> bytes:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel(Path(folder), files=FILES)) as archive:
        return archive.read(f"{INFO}/RECORD")


PYPROJECT = b"""\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"
[project]
name = "acme"
[tool.setuptools.packages.find]
exclude = ["tests*"]
[tool.hatch.build.targets.wheel]
packages = ["src/acme"]
"""
NAMES = (
    NAME.encode(),
    b"acme-1.0-1-cp311.cp312-abi3.none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    b"a-1-b-c-d.whl",
)

TARGETS = (
    Target("wheel_archive", _play_archive, st.deferred(lambda: edited([sound_wheel()], most=6))),
    Target("wheel_members", _play_archive, named_members()),
    Target("wheel_file_name", _play_name, edited(NAMES, most=3)),
    Target("wheel_metadata", _play_part(f"{INFO}/METADATA"), edited_lines([METADATA])),
    Target("wheel_tags", _play_part(f"{INFO}/WHEEL"), edited_lines([WHEEL])),
    Target("wheel_record", _play_part(f"{INFO}/RECORD"), st.deferred(lambda: edited_lines([_sound_record()]))),
    Target("wheel_entry_points", _play_part(f"{INFO}/entry_points.txt"), edited_lines([ENTRY_POINTS])),
    Target("wheel_source", _play_part("acme/__init__.py"), edited_lines([SOURCE])),
    Target(
        "wheel_script", _play_part("acme-1.0.data/scripts/run"), edited_lines([b"#!python\nx\n", b"#!/bin/sh -e\n"])
    ),
    Target("wheel_pth", _play_part("acme.pth"), edited_lines([b"import acme\n/abs\n../x\nacme\n"])),
    Target(
        "wheel_elf",
        _play_part(MEMBERS[6]),
        edited([b"\x7fELF\2\1\1" + bytes(60), Path("/bin/true").read_bytes()[:9000]]),
    ),
    Target("sdist_archive", _play_sdist, st.deferred(lambda: edited(sound_sdists(), most=5))),
    Target("sdist_pkg_info", _play_member("PKG-INFO"), edited_lines([METADATA, PKG_INFO.encode()])),
    Target("sdist_pyproject", _play_member("pyproject.toml"), edited_lines([PYPROJECT])),
    Target(
        "sdist_manifest",
        _play_member("MANIFEST.in"),
        edited_lines([b"include *.txt\nprune docs\nglobal-exclude *.py[co]\n"]),
    ),
)
