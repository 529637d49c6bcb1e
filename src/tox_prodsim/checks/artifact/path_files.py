"""IMP510: a ``.pth`` of the wheel names a folder of the machine where it was built."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

from tox_prodsim.checks.artifact.wheel import installed_path, members, text
from tox_prodsim.model.findings import CheckResult, Finding, warning

_EDITABLE = re.compile(r"_{0,2}editable|easy-install", re.IGNORECASE)
"""What an editable install writes; another check reports it."""
_ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]")


def check_path_files(archive: zipfile.ZipFile) -> CheckResult:
    """Return the lines of ``.pth`` files that add an absolute path, which no other machine has."""
    return CheckResult(detail="", codes=(), findings=tuple(_findings(archive)))


def _findings(archive: zipfile.ZipFile) -> Iterator[Finding]:
    for member in members(archive):
        name = installed_path(member)
        if name.endswith(".pth") and "/" not in name and not _EDITABLE.match(name):
            for line in text(archive, member).splitlines():
                if _ABSOLUTE.match(line.strip()):
                    message = f"adds {line.strip()} to sys.path, which is a folder of the machine where it was built"
                    hint = "leave the file out of the wheel, or write a path relative to site-packages"
                    yield warning("IMP510", name, message, hint)
