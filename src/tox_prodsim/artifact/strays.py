"""SDI204: secrets, and what lay about in the folder when the sdist was built."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from tox_prodsim.findings import Finding, Level

_FOLDERS = {
    ".git": "the repository itself, with its history",
    ".hg": "the repository itself, with its history",
    ".svn": "the repository itself",
    ".tox": "environments of tox",
    ".nox": "environments of nox",
    ".venv": "a virtual environment",
    "node_modules": "packages of Node.js",
    "__pycache__": "bytecode of the machine that built it",
    ".mypy_cache": "a cache",
    ".pytest_cache": "a cache",
    ".ruff_cache": "a cache",
    ".eggs": "eggs that setuptools once fetched",
}
_FILES = {
    "*.orig": "left of a merge",
    "*.rej": "left of a patch",
    "*~": "a backup of an editor",
    ".*.sw[op]": "a file of an editor that was open",
    ".DS_Store": "a note of the macOS Finder",
    "Thumbs.db": "a cache of Windows",
    ".coverage": "a result of coverage",
}
_ASIDE = re.compile(r"(^|[/_.-])(tests?|testing|testdata|fixtures?|docs?|examples?|samples?|dummyserver)([/_.-]|$)")
"""Where keys and strange names are the material of tests and manuals."""
_READ_LIMIT_BYTES = 64 << 10
_PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=:,\s-]{64}")
_TOKEN = re.compile(rb"pypi-AgE[A-Za-z0-9_-]{80,}")
"""A token of PyPI: the prefix, and the beginning of every macaroon."""
_PASSWORD = re.compile(rb"(?m)^\s*password\s*[=:]\s*[^\s%${<]{8,}")
_SETTING = re.compile(rb"(?m)^\s*(?:export\s+)?\w*(?:SECRET|TOKEN|PASSWORD|API_?KEY)\w*\s*=\s*['\"]?[^\s'\"#$<{]{8,}")
_KEY_NAMES = {"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"}
_REVOKE = "revoke it now if this sdist was ever uploaded, and leave the file out"
_LEAVE_OUT = "leave it out: 'global-exclude' in MANIFEST.in (setuptools), 'exclude' of the sdist (hatchling, flit, poetry)"


@dataclass(frozen=True, slots=True)
class Read:
    """A file that can be read when that is needed."""

    content: Callable[[], bytes]
    size_bytes: int


def unwanted(files: Mapping[str, Read], members: Iterable[str]) -> Iterator[Finding]:
    """Yield the secrets and the strays; of a folder that should not be there, the folder once."""
    yield from _strays({*files, *members})
    for name, read in files.items():
        if read.size_bytes <= _READ_LIMIT_BYTES and not _ASIDE.search(name):
            yield from _secret(name, read)


def _strays(names: Iterable[str]) -> Iterator[Finding]:
    said: dict[str, str] = {}
    for name in sorted(names):
        parts = PurePosixPath(name).parts
        at = next((at for at, part in enumerate(parts) if part in _FOLDERS), None)
        if at is not None:
            said.setdefault("/".join(parts[: at + 1]) + "/", _FOLDERS[parts[at]])
        elif what := _stray_file(parts[-1] if parts else ""):
            said.setdefault(name, what)
        elif parts[-1:] == ("pyvenv.cfg",):
            said.setdefault("/".join(parts[:-1]) + "/", _FOLDERS[".venv"])
    for name, what in said.items():
        if not _ASIDE.search(name):
            yield Finding(
                code="SDI204", level=Level.WARNING, subject=name, message=f"is in the sdist: {what}", hint=_LEAVE_OUT
            )


def _stray_file(name: str) -> str:
    return next((what for pattern, what in _FILES.items() if fnmatch.fnmatchcase(name, pattern)), "")


def _secret(name: str, read: Read) -> Iterator[Finding]:
    """Yield what gives somebody access: an error when there is no doubt, otherwise a warning."""
    content, last = read.content(), PurePosixPath(name).name
    if _TOKEN.search(content):
        yield _found(name, "holds a token of PyPI", Level.ERROR)
    elif last == ".pypirc" and _PASSWORD.search(content):
        yield _found(name, "holds a password for uploads", Level.ERROR)
    elif _PRIVATE_KEY.search(content):
        own = last in _KEY_NAMES
        yield _found(name, "holds a private key", Level.ERROR if own else Level.WARNING)
    elif last == ".pypirc":
        yield _found(name, "is a configuration of uploads", Level.WARNING)
    elif (last == ".env" or last.startswith(".env.")) and _SETTING.search(content):
        yield _found(name, "sets what looks like a secret", Level.WARNING)


def _found(name: str, message: str, level: Level) -> Finding:
    return Finding(code="SDI204", level=level, subject=name, message=message, hint=_REVOKE)
