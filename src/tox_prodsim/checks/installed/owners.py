"""DEP211: files and commands that two installed distributions write, going by their RECORDs and entry points.

A folder that several share, as in a namespace package, is nothing: only files count.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from packaging.utils import canonicalize_name

from tox_prodsim.checks.installed.inventory import COMMAND_GROUPS, Distribution
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, Level
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.installed_metadata import named_distributions, read_text
from tox_prodsim.model.regex import lazy_regex

CODE = "DEP211"

_MOST = 3
_MODULES = (".py", ".so", ".pyd")
_NAMESPACE = lazy_regex(rb"extend_path|declare_namespace|\A(?:\s|#.*)*\Z")
_NAMESPACE_BYTES = 1000
"""What declares a namespace package is shorter."""
_UNREADABLE = (csv.Error, OSError, ValueError, TypeError, KeyError)
"""What ``csv`` and ``importlib.metadata`` raise for a RECORD, and for entry points, that no installer wrote."""
_HINT = (
    "rename it, or let one distribution alone write it and require that one; "
    "installing them in another order, or uninstalling one, changes or breaks the other"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Claim:
    """What one distribution says of a file."""

    owner: str
    """Name and version."""
    key: str
    """The canonical name."""
    content: str
    """The hash in RECORD, or the target of a command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Shared:
    """A file of two distributions, as it is reported."""

    path: str
    claims: tuple[_Claim, ...]
    is_command: bool
    same: bool
    overwritten: bool
    """Whether the file of the distribution under test is not the one that is there."""


def check_owners(distribution: Distribution, site_packages: Path, scripts_dir: Path) -> CheckResult:
    """Return the files and commands that another distribution writes as well."""
    commands = os.path.relpath(scripts_dir.resolve(), site_packages.resolve())
    claims = _claims(named_distributions(site_packages), commands)
    several = {path: each for path, each in claims.items() if len({claim.key for claim in each}) > 1}
    shared = [_shared(path, each, distribution, site_packages, commands) for path, each in sorted(several.items())]
    counted = [each for each in shared if not _is_harmless(each, site_packages)]
    return CheckResult(detail="", codes=(CODE,), findings=tuple(_findings(distribution, counted)))


def _claims(
    found: Iterable[tuple[str, str, importlib.metadata.Distribution]], commands: str
) -> Mapping[str, list[_Claim]]:
    """Return which distributions write a file, by its path from site-packages."""
    claims: dict[str, dict[str, _Claim]] = defaultdict(dict)
    for name, version, each in found:
        with suppress(*_UNREADABLE):
            owner, key = f"{name} {version}", canonicalize_name(name)
            for path, content in (*_recorded(read_text(each, "RECORD")), *_commands(each, commands)):
                claims[path][key] = _Claim(owner=owner, key=key, content=content)
    return {path: list(by_key.values()) for path, by_key in claims.items()}


def _recorded(record: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a RECORD, and their hashes; neither metadata nor bytecode."""
    for row in csv.reader(record.splitlines()):
        path = os.path.normpath(",".join(row[:-2]) or "".join(row[:1]))  # a name with a comma may lack its quotes
        if (
            row
            and ".dist-info" not in path.partition("/")[0]
            and "__pycache__" not in path
            and not path.endswith(".pyc")
        ):
            yield path, row[-2] if len(row) > 2 else ""


def _commands(each: importlib.metadata.Distribution, commands: str) -> Iterator[tuple[str, str]]:
    for point in each.entry_points:
        if point.group in COMMAND_GROUPS:
            yield os.path.normpath(f"{commands}/{point.name}"), point.value


def _shared(path: str, claims: list[_Claim], distribution: Distribution, site_packages: Path, commands: str) -> _Shared:
    own = next((claim.content for claim in claims if claim.key == distribution.key), "")
    is_command = Path(path).parent == Path(commands)
    same = len({claim.content for claim in claims}) == 1 and bool(claims[0].content)
    overwritten = (
        own.startswith("sha256=") and path.endswith(_MODULES) and not same and own != _hash(site_packages / path)
    )
    return _Shared(path=path, claims=tuple(claims), is_command=is_command, same=same, overwritten=overwritten)


def _hash(path: Path) -> str:
    try:
        digest = hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return ""
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _is_harmless(shared: _Shared, site_packages: Path) -> bool:
    """Return whether it is the same for both, or what each part of a namespace package has to have."""
    if shared.same and (not shared.path.endswith(_MODULES) or shared.path.endswith("__init__.py")):
        return not shared.is_command
    if not shared.path.endswith("__init__.py"):
        return False
    try:
        content = (site_packages / shared.path).read_bytes()
    except OSError:
        return False
    return len(content) < _NAMESPACE_BYTES and bool(_NAMESPACE.search(content))


def _findings(distribution: Distribution, shared: Iterable[_Shared]) -> Iterator[Finding]:
    """Yield one finding for what the same distributions share in the same way."""

    def kind(each: _Shared) -> tuple[str, ...]:
        targets = ",".join(claim.content for claim in each.claims) if each.is_command else ""
        return (*(claim.owner for claim in each.claims), str(_level(distribution, each)), str(each.same), targets)

    for _, group in groupby(sorted(shared, key=lambda each: (kind(each), each.path)), key=kind):
        files = list(group)
        name = os.path.basename if files[0].is_command else str
        subject = listed([name(each.path) for each in files], _MOST)
        message = _message(distribution, files[0])
        yield Finding(code=CODE, level=_level(distribution, files[0]), subject=subject, message=message, hint=_HINT)


def _level(distribution: Distribution, shared: _Shared) -> Level:
    """Return the level: an error when other code runs than that of the wheel, a note for what two others share."""
    if shared.overwritten:
        return Level.ERROR
    is_own = distribution.key in {claim.key for claim in shared.claims}
    return Level.WARNING if is_own and not shared.same else Level.NOTE


def _message(distribution: Distribution, shared: _Shared) -> str:
    owners = sorted(shared.claims, key=lambda claim: (claim.key != distribution.key, claim.key))
    names = " and ".join(claim.owner for claim in owners)
    if shared.is_command:
        targets = " and ".join(dict.fromkeys(claim.content for claim in owners if ":" in claim.content))
        return f"is a command of {names}" + (f", which run {targets}" if targets and not shared.same else "")
    if shared.overwritten:
        return f"is a file of {names}, and the one that is installed is not that of {owners[0].owner}"
    return f"is a file of {names}" + (", with the same content" if shared.same else ": the last one installed wins")
