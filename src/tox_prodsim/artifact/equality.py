"""BLD104 and BLD105: the wheel from the sdist against the one from the source tree, member by member.

RECORD is left out, it only repeats the differences; of compiled files only what is loaded into memory counts.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.artifact import elf
from tox_prodsim.findings import Checked, Finding, Level

_LEFT_OUT = re.compile(r"\.dist-info/RECORD(\.jws|\.p7s)?$")
_INFO = re.compile(r"^[^/]+(\.dist-info|\.data)/")
_SHOWN = 5
"""So many differences of a kind are told one by one."""
_MACHINE_CODE = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ")
"""How compiled files of macOS and Windows begin; where debug information is in them is not known here."""


@dataclass(frozen=True, slots=True)
class _Member:
    sha256: str
    loaded: str
    executable: bool
    opaque: bool


def check_equal(
    from_sdist: Path, from_tree: Path, *, stale: Callable[[str], bool], again: Callable[[], Path]
) -> Checked:
    """Return how the two wheels differ.

    ``stale`` tells of a member whether it lies in a build folder that an earlier build has left in the tree. ``again``
    builds the wheel from the sdist once more, and is called when contents differ: what differs between two builds of
    the same sdist says nothing about the tree.
    """
    one, other = _members(from_sdist), _members(from_tree)
    differing = [name for name in one.keys() & other.keys() if _differ(one[name], other[name])]
    unsteady = _unsteady(one, differing, again)
    opaque = sorted(name for name in differing if one[name].opaque and name not in unsteady)
    changed = sorted(set(differing) - unsteady.keys() - set(opaque))
    findings = [
        *_shortened("only", sorted(other.keys() - one.keys()), lambda name: _only_in_tree(name, stale=stale(name))),
        *_shortened("only", sorted(one.keys() - other.keys()), _only_in_sdist),
        *_shortened("changed", changed, lambda name: _changed(name, one[name], other[name])),
        *(_not_repeated(name) for name in sorted(unsteady)),
    ]
    return Checked(
        detail="" if findings else "builds the same wheel as the source tree",
        codes=("BLD104", "BLD105") if differing else ("BLD104",),
        findings=tuple(findings),
        not_checked=tuple(("BLD104", f"{name} differs, perhaps in its debug information only") for name in opaque),
    )


def _members(wheel: Path) -> Mapping[str, _Member]:
    """Return the members by their names, those of metadata without the version, which is that of the file name."""
    with zipfile.ZipFile(wheel) as archive:
        infos = [each for each in archive.infolist() if not each.is_dir() and not _LEFT_OUT.search(each.filename)]
        return {_INFO.sub(r"\1/", each.filename): _member(archive.read(each), each) for each in infos}


def _member(data: bytes, info: zipfile.ZipInfo) -> _Member:
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        in_memory = elf.loaded(data)
    except ValueError:
        in_memory = sha256
    executable, opaque = bool(info.external_attr >> 16 & 0o100), data.startswith(_MACHINE_CODE)
    return _Member(sha256=sha256, loaded=in_memory, executable=executable, opaque=opaque)


def _differ(one: _Member, other: _Member) -> bool:
    return (one.loaded, one.executable) != (other.loaded, other.executable)


def _unsteady(one: Mapping[str, _Member], differing: list[str], again: Callable[[], Path]) -> Mapping[str, _Member]:
    """Return those that come out differently from the same sdist, too."""
    if not differing:
        return {}
    repeated = _members(again())
    return {name: one[name] for name in differing if name not in repeated or _differ(one[name], repeated[name])}


def _only_in_tree(name: str, *, stale: bool) -> Finding:
    if stale:
        hint = "delete build/ before a build: setuptools packs what an earlier build has left there"
        return _error(name, "is in the wheel from the source tree only, it comes from a stale build/", hint)
    hint = "have the sdist include it, or keep it out of the wheel; whoever builds from the sdist goes without"
    return _error(name, "is in the wheel from the source tree, but not in the one from the sdist", hint)


def _only_in_sdist(name: str) -> Finding:
    hint = "find what the build of the sdist adds to the sources, and have the build of the wheel do the same"
    return _error(name, "is in the wheel from the sdist, but not in the one from the source tree", hint)


def _changed(name: str, one: _Member, other: _Member) -> Finding:
    hint = "build once from a clean checkout and compare: something is generated from what only one of the two has"
    if one.loaded == other.loaded:
        where = ("sdist", "source tree") if one.executable else ("source tree", "sdist")
        return _error(
            name, f"is executable in the wheel from the {where[0]}, but not in the one from the {where[1]}", hint
        )
    return _error(name, "has another content in the wheel from the source tree than in the one from the sdist", hint)


def _not_repeated(name: str) -> Finding:
    message = "comes out differently each time the same sdist is built"
    hint = "keep times, random numbers and paths of the build out of it, or take them from SOURCE_DATE_EPOCH"
    return Finding(code="BLD105", level=Level.NOTE, subject=name, message=message, hint=hint)


def _shortened(kind: str, names: list[str], finding: Callable[[str], Finding]) -> Iterator[Finding]:
    """Yield a finding for each name; of many, one for all that are left at the end."""
    shown = names if len(names) <= _SHOWN + 1 else names[:_SHOWN]
    yield from map(finding, shown)
    if more := names[len(shown) :]:
        summary = "are in one of the two wheels only" if kind == "only" else "differ between the two wheels"
        yield _error(f"{more[0]} and {len(more) - 1} more", summary, finding(more[0]).hint)


def _error(subject: str, message: str, hint: str) -> Finding:
    return Finding(code="BLD104", level=Level.ERROR, subject=subject, message=message, hint=hint)
