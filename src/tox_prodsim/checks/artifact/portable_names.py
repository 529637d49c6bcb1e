"""WHL136, WHL152, SDI206 and SDI212: names of files that not every system can hold, or that it reads otherwise.

macOS and Windows do not tell upper case from lower case, and Windows reserves names and characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from tox_prodsim.model.findings import Finding, error, warning
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex

_RESERVED = lazy_regex(r"(CON|CONIN\$|CONOUT\$|PRN|AUX|NUL|COM[1-9¹²³]|LPT[1-9¹²³]) *(\..*)?", re.IGNORECASE)
"""As ``ntpath.isreserved`` has them."""
_FORBIDDEN = lazy_regex(r'[<>:"|?*\x00-\x1f]')
_DRIVE = lazy_regex(r"[A-Za-z]:")
_SURROGATE = lazy_regex("[\ud800-\udfff]")
_BIDIRECTIONAL = lazy_regex("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters that change the direction in which what follows is shown (CVE-2021-42574)."""
_SHOWN = 2


def differing_in_case(code: str, files: Iterable[str]) -> Iterator[Finding]:
    """Yield the files and the packages whose paths are the same but for their case."""
    for group in _groups(files):
        message = "differ only in upper and lower case: on macOS and Windows one replaces the other"
        if len({name.casefold() for name in group}) > 1:
            message = "differ only in how letters with accents are encoded: on macOS one replaces the other"
        yield warning(code, listed(group, _SHOWN), message, "rename one of them, or leave it out")


def refused_by_windows(code: str, files: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each reason why Windows cannot hold a name."""
    reasons: Mapping[str, list[str]] = defaultdict(list)
    for file in sorted(set(files)):
        if not misread(file) and (reason := _reason(file)):
            reasons[reason].append(file)
    for reason, names in reasons.items():
        yield warning(code, listed(names), f"cannot be unpacked on Windows: {reason}", "rename it, or leave it out")


def misleading(code: str, members: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each way in which another system, or a reader, takes a name for another one."""
    ways: Mapping[str, list[str]] = defaultdict(list)
    for member in sorted(set(members)):
        if way := misread(member):
            ways[way].append(member)
    for way, names in ways.items():
        hint = "rename it, or leave it out; let a build back end write the archive"
        yield error(code, listed([ascii(name)[1:-1] for name in names]), way, hint)


def misread(member: str) -> str:
    """Return how another system, or a reader, takes the name for another one; nothing when none does."""
    if "\\" in member:
        return "has a backslash: Windows puts it into a folder, other systems write a file of that whole name"
    if _DRIVE.match(member):
        return "begins with a drive: on Windows it is outside of the folder into which it is unpacked"
    if _BIDIRECTIONAL.search(member):
        return "has characters that change the direction of writing, so that it is shown as another name"
    if _SURROGATE.search(member):
        return "is not UTF-8, so that each system makes another name of it"
    return "" if member else "is empty"


def _groups(files: Iterable[str]) -> list[list[str]]:
    """Return the names that are one name without their case; the files of packages that are not told apart are left."""
    first: dict[str, str] = {}
    spellings: dict[str, set[str]] = {}
    for path in files:
        folder = _folder(path) if path.endswith(".py") else ""
        for name in (path, folder) if folder else (path,):
            key = _key(name)
            other = first.setdefault(key, name)
            if other != name:
                spellings.setdefault(key, {other}).add(name)
    groups = sorted(map(sorted, spellings.values()))
    reported = {name for names in groups for name in names}
    return [names for names in groups if not reported & {_folder(name) for name in names}]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _key(path: str) -> str:
    """Return what is the same for all names that are one on macOS or Windows."""
    return (path if path.isascii() else unicodedata.normalize("NFC", path)).casefold()


def _reason(file: str) -> str:
    """Return why Windows cannot have such a name; nothing when it can."""
    for part in (each for each in file.split("/") if each not in {"", ".", ".."}):
        if _RESERVED.fullmatch(part):
            return f"the name {part} is reserved there"
        if part.endswith((".", " ")):
            return "a name cannot end with a dot or a space there"
        if found := _FORBIDDEN.search(part):
            return f"a name cannot hold {found[0]!r} there"
    return ""
