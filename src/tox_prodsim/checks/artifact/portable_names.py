"""WHL136 and SDI206: names of files that not every file system can hold.

macOS and Windows do not tell upper case from lower case, and Windows reserves names and characters.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from tox_prodsim.model.findings import Finding, warning
from tox_prodsim.model.formatting import listed

_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9])(\..*)?", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')
_SHOWN = 2


def differing_in_case(code: str, files: Iterable[str]) -> Iterator[Finding]:
    """Yield the files and the packages whose paths are the same but for their case."""
    for group in _groups(files):
        message = "differ only in upper and lower case: on macOS and Windows one replaces the other"
        yield warning(code, listed(group, _SHOWN), message, "rename one of them, or leave it out")


def refused_by_windows(code: str, files: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each reason why Windows cannot hold a name."""
    reasons: Mapping[str, list[str]] = defaultdict(list)
    for file in sorted(set(files)):
        if reason := _reason(file):
            reasons[reason].append(file)
    for reason, names in reasons.items():
        yield warning(code, listed(names), f"cannot be unpacked on Windows: {reason}", "rename it, or leave it out")


def _groups(files: Iterable[str]) -> list[list[str]]:
    """Return the names that are one name without their case; the files of packages that are not told apart are left."""
    spellings: Mapping[str, set[str]] = defaultdict(set)
    for path in map(PurePosixPath, files):
        spellings[str(path).casefold()].add(str(path))
        if path.suffix == ".py":
            spellings[str(path.parent).casefold()].add(str(path.parent))
    groups = sorted(sorted(names) for names in spellings.values() if len(names) > 1)
    reported = {name for names in groups for name in names}
    return [names for names in groups if not reported & {str(PurePosixPath(name).parent) for name in names}]


def _reason(file: str) -> str:
    """Return why Windows cannot have such a name; nothing when it can."""
    for part in (each for each in PurePosixPath(file).parts if each not in {"/", ".."}):
        if _RESERVED.fullmatch(part):
            return f"the name {part} is reserved there"
        if part.endswith((".", " ")):
            return "a name cannot end with a dot or a space there"
        if found := _FORBIDDEN.search(part):
            return f"a name cannot hold {found[0]!r} there"
    return ""
