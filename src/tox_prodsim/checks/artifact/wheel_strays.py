"""WHL131: stray files, which are in the wheel only because they were in the folder of the build."""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator

from tox_prodsim.checks.artifact import stray_patterns
from tox_prodsim.checks.artifact.wheel import Wheel, content
from tox_prodsim.model.findings import CheckResult, Finding, error, warning
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex

CODES = ("WHL131",)

_STRAYS = stray_patterns.StrayPatterns(
    {
        "is the setting of an editor": r"\.(idea|vscode)/",
        "is a baseline of tox-prodsim": r"\.?prodsim/baselines/(?=.*\.json$)",
    }
)
_EGG_INFO = lazy_regex(r"[^/]+\.egg-info/")
_TEMPLATES = lazy_regex(r"(^|/)[^/]*(test|template|skeleton|fixture|example|scaffold|\{\{)[^/]*/", re.IGNORECASE)
"""Folders of files that are copied or shown; any file in them may be there on purpose."""
_KEY_FILE = lazy_regex(r"\.(pem|key)$")
_EXCLUDE = "exclude it in the configuration of the build back end, and build from a clean checkout"
_REVOKE = "revoke the secrets in it, then exclude it in the configuration of the build back end"


def is_stray(file: str) -> bool:
    """Return whether a file at the root of the wheel is reported as a stray one."""
    return bool(_STRAYS.find(file) or _EGG_INFO.match(file)) or file in stray_patterns.SECRET_FILES


def check_strays(wheel: Wheel, archive: zipfile.ZipFile) -> CheckResult:
    """Return the stray files, one finding for each kind."""
    files = [file for file in wheel.files if not _TEMPLATES.search(file)]
    return CheckResult(detail="", codes=CODES, findings=(*_strays(files), *_leftovers(files), *_keys(files, archive)))


def _strays(files: list[str]) -> Iterator[Finding]:
    if found := [file for file in files if file.rpartition("/")[2] in stray_patterns.SECRET_FILES]:
        yield error("WHL131", listed(found), "is where secrets are kept", _REVOKE)
    kinds: dict[str, list[str]] = defaultdict(list)
    for file in files:
        if stray := _STRAYS.find(file):
            kinds[stray.what].append(file)
    for what, found in kinds.items():
        grave = what == stray_patterns.REPOSITORY
        yield (error if grave else warning)("WHL131", listed(found), what, _REVOKE if grave else _EXCLUDE)
    if found := [file for file in files if _EGG_INFO.match(file)]:
        message = "is the metadata of another build, which installers and importlib.metadata take for a distribution"
        yield warning("WHL131", listed(found), message, _EXCLUDE)


def _leftovers(files: list[str]) -> Iterator[Finding]:
    """Yield bytecode beside its source; without its source it is a way to ship programs."""
    known = set(files)
    if found := [file for file in files if file.endswith((".pyc", ".pyo")) and file[:-1] in known]:
        yield warning("WHL131", listed(found), "is bytecode beside its source", _EXCLUDE)


def _keys(files: list[str], archive: zipfile.ZipFile) -> Iterator[Finding]:
    known = set(archive.namelist())
    named = [file for file in files if _KEY_FILE.search(file) and file in known]
    if found := [file for file in named if b"PRIVATE KEY-----" in content(archive, file)]:
        hint = "if it protects anything, revoke it: it is published with the wheel"
        yield warning("WHL131", listed(found), "holds a private key", hint)
