"""SDI204: secrets, and stray files that were in the folder when the sdist was built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from tox_prodsim.checks.artifact import stray_patterns
from tox_prodsim.model.findings import Finding, Level, warning
from tox_prodsim.model.regex import lazy_regex

_STRAYS = stray_patterns.StrayPatterns({"holds eggs that setuptools fetched": r"\.eggs/"})
_TEST_MATERIAL = lazy_regex(
    r"(^|[/_.-])(tests?|testing|unit|testdata|fixtures?|docs?|examples?|samples?|dummyserver)([/_.-]|$)|tests?/"
)
"""Paths where keys and unusual names belong to tests or documentation."""
_READ_LIMIT_BYTES = 64 << 10
_PRIVATE_KEY = lazy_regex(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/=:,\s-]{64}")
_TOKEN = lazy_regex(rb"pypi-AgE[A-Za-z0-9_-]{80,}")
"""A token of PyPI: the prefix, and the first characters of every macaroon."""
_PASSWORD = lazy_regex(rb"(?m)^\s*password\s*[=:]\s*[^\s%${<]{8,}")
_SETTING = lazy_regex(rb"(?m)^\s*(?:export\s+)?\w*(?:SECRET|TOKEN|PASSWORD|API_?KEY)\w*\s*=\s*['\"]?[^\s'\"#$<{]{8,}")
_REVOKE = "revoke it now if this sdist was ever uploaded, and leave the file out"
_LEAVE_OUT = (
    "leave it out: 'global-exclude' in MANIFEST.in (setuptools), 'exclude' of the sdist (hatchling, flit, poetry)"
)


def is_test_material(name: str) -> bool:
    """Return whether it belongs to tests or documentation, so that an unusual name may be meant."""
    return bool(_TEST_MATERIAL.search(name))


def may_hold_secret(name: str, size_bytes: int) -> bool:
    """Return whether the content of a file should be searched for secrets."""
    return size_bytes <= _READ_LIMIT_BYTES and not is_test_material(name)


def strays(names: Iterable[str]) -> Iterator[Finding]:
    """Yield the stray files; a stray folder is one finding."""
    found: dict[str, str] = {}
    for name in sorted(names):
        if stray := _STRAYS.find(name):
            found.setdefault(stray.path, stray.what)
    yield from (warning("SDI204", path, what, _LEAVE_OUT) for path, what in found.items() if not is_test_material(path))


def secrets(name: str, content: bytes) -> Iterator[Finding]:
    """Yield the secret in a file: an error when it certainly is one, otherwise a warning."""
    last = PurePosixPath(name).name
    if _TOKEN.search(content):
        yield _to_finding(name, "holds a token of PyPI", Level.ERROR)
    elif last == ".pypirc":
        sure = _PASSWORD.search(content) is not None
        message = "holds a password for uploads" if sure else "is a configuration of uploads"
        yield _to_finding(name, message, Level.ERROR if sure else Level.WARNING)
    elif _PRIVATE_KEY.search(content):
        level = Level.ERROR if last in stray_patterns.KEY_FILES else Level.WARNING
        yield _to_finding(name, "holds a private key", level)
    elif (last == ".env" or last.startswith(".env.")) and _SETTING.search(content):
        yield _to_finding(name, "sets what looks like a secret", Level.WARNING)


def _to_finding(name: str, message: str, level: Level) -> Finding:
    return Finding(code="SDI204", level=level, subject=name, message=message, hint=_REVOKE)
