"""WHL154: members of a wheel that are not files: an installer writes the text of a link, and no link."""

from __future__ import annotations

import stat
import zipfile

from tox_prodsim.model.findings import CheckResult, error
from tox_prodsim.model.formatting import listed

CODES = ("WHL154",)


def check_kinds(archive: zipfile.ZipFile) -> CheckResult:
    """Return the symbolic links, and what is neither a file nor a folder."""
    kinds = {info.filename: stat.S_IFMT(info.external_attr >> 16) for info in archive.infolist()}
    links = [name for name, kind in kinds.items() if kind == stat.S_IFLNK]
    others = [name for name, kind in kinds.items() if kind not in {0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}]
    findings = []
    if links:
        message = "is a symbolic link: installers write a file with the path of its target, and unzip makes a link"
        hint = "put the file itself in its place; a wheel has no links"
        findings.append(error("WHL154", listed(links), message, hint))
    if others:
        message = "is a device or a pipe, which a wheel cannot have"
        findings.append(error("WHL154", listed(others), message, "leave it out of the wheel"))
    return CheckResult(detail="", codes=CODES, findings=tuple(findings))
