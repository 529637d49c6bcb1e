"""SDI204: secrets, and what lay about in the folder when the sdist was built."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
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
_LEAVE_OUT = (
    "leave it out: 'global-exclude' in MANIFEST.in (setuptools), 'exclude' of the sdist (hatchling, flit, poetry)"
)


def may_hold_secret(name: str, size_bytes: int) -> bool:
    """Return whether the content of a file is worth a look."""
    return size_bytes <= _READ_LIMIT_BYTES and not _ASIDE.search(name)


def strays(names: Iterable[str]) -> Iterator[Finding]:
    """Yield what lay about; a folder that should not be there is told once."""
    said: dict[str, str] = {}
    for name in sorted(names):
        parts = PurePosixPath(name).parts
        at = next((at for at, part in enumerate(parts) if part in _FOLDERS), None)
        if at is not None:
            said.setdefault("/".join(parts[: at + 1]) + "/", _FOLDERS[parts[at]])
        elif parts[-1:] == ("pyvenv.cfg",):
            said.setdefault("/".join((*parts[:-1], "")), _FOLDERS[".venv"])
        elif what := _stray_file(parts[-1] if parts else ""):
            said.setdefault(name, what)
    for name, what in said.items():
        if not _ASIDE.search(name):
            yield Finding(
                code="SDI204", level=Level.WARNING, subject=name, message=f"is in the sdist: {what}", hint=_LEAVE_OUT
            )


def _stray_file(name: str) -> str:
    return next((what for pattern, what in _FILES.items() if fnmatch.fnmatchcase(name, pattern)), "")


def secret(name: str, content: bytes) -> Finding | None:
    """Return what gives somebody access: an error when there is no doubt, otherwise a warning; or None."""
    last = PurePosixPath(name).name
    if _TOKEN.search(content):
        return _found(name, "holds a token of PyPI", Level.ERROR)
    if last == ".pypirc":
        sure = _PASSWORD.search(content) is not None
        message = "holds a password for uploads" if sure else "is a configuration of uploads"
        return _found(name, message, Level.ERROR if sure else Level.WARNING)
    if _PRIVATE_KEY.search(content):
        return _found(name, "holds a private key", Level.ERROR if last in _KEY_NAMES else Level.WARNING)
    if (last == ".env" or last.startswith(".env.")) and _SETTING.search(content):
        return _found(name, "sets what looks like a secret", Level.WARNING)
    return None


def _found(name: str, message: str, level: Level) -> Finding:
    return Finding(code="SDI204", level=level, subject=name, message=message, hint=_REVOKE)
