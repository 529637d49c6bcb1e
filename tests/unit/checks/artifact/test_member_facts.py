"""One pass over the members of a wheel feeds all checks: it reads each once, in shares that make a whole."""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from support.wheels import wheel

from tox_prodsim.checks.artifact import (
    check_native,
    check_references,
    check_wheel,
    internal_imports,
    open_wheel,
    read_facts,
    read_members,
)
from tox_prodsim.checks.artifact.member_facts import facts_of
from tox_prodsim.model.runner import unbounded

FILES = {
    "acme/__init__.py": "import acme.a\nopen(__file__.replace('.py', '.json'))\n",
    **{f"acme/{name}.py": f"from acme import {name}\n" for name in "abcdef"},
    "acme/_fast.so": "\x7fELF",
    "acme/tests/test_a.py": "import acme.gone\n",
    "acme/data.bin": "x" * 300_000,
}


@pytest.mark.parametrize("count", [2, 3, 7, 100])
def test_the_shares_make_the_whole(tmp_path: Path, count: int) -> None:
    opened = open_wheel(wheel(tmp_path, files=FILES))
    whole, shares = read_members(opened), [read_members(opened, number, count) for number in range(count)]
    assert [each for share in shares for each in share.digests] == whole.digests
    assert [each for share in shares for each in share.binaries] == whole.binaries
    assert [each for share in shares for each in share.readings] == whole.readings
    assert {file: found for share in shares for file, found in share.imports.items()} == whole.imports
    assert max(len(share.digests) for share in shares) < len(whole.digests)


def test_the_digests_are_those_of_the_members_in_their_order(tmp_path: Path) -> None:
    opened = open_wheel(wheel(tmp_path, files=FILES))
    with zipfile.ZipFile(opened.path) as archive:
        expected = [hashlib.sha256(archive.read(info)).digest() for info in archive.infolist()]
    assert read_members(opened).digests == expected


def test_all_checks_together_read_each_module_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"acme/m{number}.py": f"import os\nx = {number}\n" for number in range(20)}
    opened = open_wheel(wheel(tmp_path, files={"acme/__init__.py": "x = 0\n", **files, "acme/data.json": "{}"}))
    read: Counter[str] = Counter()
    open_ = zipfile.ZipFile.open

    def counted(self: zipfile.ZipFile, name: str | zipfile.ZipInfo, *args: object, **options: object) -> object:
        read[name if isinstance(name, str) else name.filename] += 1
        return open_(self, name, *args, **options)  # type: ignore[call-overload] # passed on as it came

    monkeypatch.setattr(zipfile.ZipFile, "open", counted)
    facts = read_facts(unbounded, opened, cores=2)
    check_wheel(opened, facts)
    check_references(opened, (), facts)
    check_native(opened, facts=facts)
    internal_imports(opened, facts)
    assert {read[name] for name in (*files, "acme/data.json")} == {1}


def test_a_member_that_cannot_be_unpacked_is_told_with_its_reason(tmp_path: Path) -> None:
    path = wheel(tmp_path, files={"acme/__init__.py": "x = 1\n" * 50})
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("acme/__init__.py").header_offset + 30 + len("acme/__init__.py")
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    opened = open_wheel(path)
    with zipfile.ZipFile(path) as archive:
        where = archive.namelist().index("acme/__init__.py")
    assert str(read_members(opened).digests[where]).startswith("cannot be unpacked: ")
    assert facts_of(opened, read_facts(unbounded, opened)) == read_members(opened)
