"""IMP510, IMP513: a ``.pth`` names a folder of the build machine, a file goes to one Python's site-packages only."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence

from tox_prodsim.checks.artifact.data_files import scheme_path
from tox_prodsim.checks.artifact.wheel import installed_path, members, text
from tox_prodsim.model.findings import CheckResult, Finding, warning
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex

CODES = ("IMP513",)

_EDITABLE = lazy_regex(r"_{0,2}editable|easy-install", re.IGNORECASE)
"""What an editable install writes; another check reports it."""
_SITE_PACKAGES = lazy_regex(r"lib(?:64)?/python[\d.]+/(?:site|dist)-packages/")
_ABSOLUTE = lazy_regex(r"/|[A-Za-z]:[\\/]")


def check_path_files(archive: zipfile.ZipFile) -> CheckResult:
    """Return the lines of ``.pth`` files that add an absolute path, and the files that only one Python finds."""
    names = members(archive)
    return CheckResult(detail="", codes=CODES, findings=(*_absolute_lines(archive), *_for_one_python(names)))


def _for_one_python(names: Sequence[str]) -> Iterator[Finding]:
    """Yield the files that the data scheme brings to the site-packages of the Python that built the wheel."""
    found = {name: match for name in names if (match := _SITE_PACKAGES.match(scheme_path(name, "data")))}
    for folder in dict.fromkeys(match[0] for match in found.values()):
        paths = [scheme_path(name, "data") for name, match in found.items() if match[0] == folder]
        python = folder.split("/")[1]
        message = f"goes to {folder}, where only {python} finds it"
        hint = "put it at the root of the wheel (purelib), which every installer brings to site-packages"
        yield warning("IMP513", listed([path.removeprefix(folder) for path in paths]), message, hint)


def _absolute_lines(archive: zipfile.ZipFile) -> Iterator[Finding]:
    for member in members(archive):
        name = installed_path(member)
        if name.endswith(".pth") and "/" not in name and not _EDITABLE.match(name):
            for line in text(archive, member).splitlines():
                if _ABSOLUTE.match(line.strip()):
                    message = f"adds {line.strip()} to sys.path, which is a folder of the machine where it was built"
                    hint = "leave the file out of the wheel, or write a path relative to site-packages"
                    yield warning("IMP510", name, message, hint)
