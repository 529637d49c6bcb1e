"""WHL108, DEP201 and DEP207: whether PyPI would accept the upload, as far as that is known offline.

Not checked: whether this version can still be uploaded. WHL141 and WHL142 have the description and the classifiers.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from typing import cast

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tox_prodsim.checks.artifact import pep440
from tox_prodsim.checks.artifact.archive_scan import disagreement
from tox_prodsim.checks.artifact.member_paths import path_parts
from tox_prodsim.checks.artifact.wheel import Wheel, content, members
from tox_prodsim.model.findings import CheckResult, Finding, Level, error, note
from tox_prodsim.model.regex import lazy_regex

CODES = ("WHL108", "DEP201", "DEP207")

_TOLERANT = "2.4"
"""Older metadata is checked against this Metadata-Version: setuptools wrote License-File of 2.4 into 2.1 for years."""
_FORMER = {"2.0"}
_LIMIT_BYTES = 100 << 20
_SUMMARY_LIMIT, _LABEL_LIMIT = 512, 32
_ADDRESS = lazy_regex(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_USER = lazy_regex(r"://[^/@\s]+@")
_LOWER_BOUNDS = {">=", ">", "~=", "==", "==="}
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_REPACK = "build it again; a tool that changes a finished wheel has to write the whole archive anew (wheel pack)"


def check_upload(wheel: Wheel, archive: zipfile.ZipFile) -> CheckResult:
    """Return why the upload would be refused; notes only for a wheel with a ``Private ::`` classifier."""
    raw, unparsed = _fields(content(archive, f"{wheel.dist_info}/METADATA"))
    version = raw.get("metadata_version", "")
    unknown = f"Metadata-Version {version} is newer than what can be checked here" if _is_newer(version) else ""
    about_metadata = [
        *_metadata_findings(wheel, raw, unparsed),
        *_value_findings(wheel, raw),
        *_license_findings(wheel, raw, archive),
        *_direct_url_findings(wheel),
    ]
    return CheckResult(
        detail="" if about_metadata or unknown else "METADATA",
        codes=tuple(code for code in CODES if not (unknown and code == "WHL108")),
        findings=(
            *about_metadata,
            *_archive_findings(wheel, archive),
            *_name_findings(wheel),
            *_unbounded_findings(wheel),
        ),
        not_checked=(("WHL108", unknown),) if unknown else (),
    )


def _fields(content: bytes) -> tuple[RawMetadata, Mapping[str, list[str]]]:
    """Return the fields; those with the UNKNOWN of distutils are absent, as they are for PyPI."""
    raw, unparsed = parse_email(content)
    return cast("RawMetadata", {key: value for key, value in raw.items() if value != "UNKNOWN"}), unparsed


def _refused(
    wheel: Wheel, subject: str, message: str, hint: str, *, code: str = "WHL108", level: Level = Level.ERROR
) -> Finding:
    level = Level.NOTE if wheel.is_private else level
    return Finding(code=code, level=level, subject=subject, message=f"PyPI refuses it: {message}", hint=hint)


def _metadata_findings(wheel: Wheel, raw: RawMetadata, unparsed: Mapping[str, list[str]]) -> Iterator[Finding]:
    """Yield what contradicts the specification of core metadata; fields of a later version are allowed."""
    version = raw.get("metadata_version", "")
    if version in _FORMER:
        hint = "build it again with a current build back end"
        message = f"{version} was never a version of the specification; PyPI accepted it in the past"
        yield _refused(wheel, "Metadata-Version", message, hint, level=Level.NOTE)
    elif not (_is_known(version) or _is_newer(version)):
        message = f"{version!r} is not a version of the specification" if version else "METADATA has none"
        yield _refused(wheel, "Metadata-Version", message, "have a build back end write METADATA")
    for key in unparsed:
        if _is_field(key):
            message = "it is there twice, or cannot be read"
            yield _refused(wheel, _header(key), message, _correct(key))
    tolerant = version if _is_known(version) and Version(version) > Version(_TOLERANT) else _TOLERANT
    for problem in _problems({**raw, "metadata_version": tolerant}):
        if problem.field not in unparsed:
            message = _USER.sub("://", str(problem))
            yield _refused(wheel, _header(problem.field), message, _correct(problem.field))


def _problems(raw: RawMetadata) -> list[InvalidMetadata]:
    try:
        Metadata.from_raw(raw)
    except ExceptionGroup as group:
        problems = [problem for problem in group.exceptions if isinstance(problem, InvalidMetadata)]
        return sorted(problems, key=lambda problem: problem.field)
    return []


def _is_known(version: str) -> bool:
    return not _problems({"metadata_version": version, "name": "acme", "version": "1"})


def _is_newer(version: str) -> bool:
    parsed = pep440.parsed(version)
    return parsed is not None and parsed > Version(_TOLERANT) and not _is_known(version)


def _is_field(key: str) -> bool:
    name = key.replace("-", "_")
    return bool({name, f"{name}s"} & RawMetadata.__annotations__.keys())


def _header(key: str) -> str:
    return "-".join(word.capitalize() for word in key.split("-"))


def _correct(key: str) -> str:
    return f"correct what {_header(key)} is made from in the configuration of the project, and build again"


def _value_findings(wheel: Wheel, raw: RawMetadata) -> Iterator[Finding]:
    """Yield what contradicts the rules of PyPI beyond the specification."""
    if len(raw.get("summary", "")) > _SUMMARY_LIMIT:
        message = f"it has {len(raw['summary'])} characters, more than {_SUMMARY_LIMIT}"
        yield _refused(wheel, "Summary", message, _correct("summary"))
    if raw.get("license") and raw.get("license_expression"):
        yield _refused(wheel, "License", "License-Expression is there, too", "keep License-Expression alone")
    for key, text in (("author-email", raw.get("author_email")), ("maintainer-email", raw.get("maintainer_email"))):
        address = parseaddr(text or "")[1]
        if address and not _ADDRESS.fullmatch(address):
            yield _refused(wheel, _header(key), f"{address} is not an address", _correct(key))
    for key, url in (("home-page", raw.get("home_page")), ("download-url", raw.get("download_url"))):
        if url and not _is_url(url):
            yield _refused(wheel, _header(key), f"{url} does not begin with https:// or http://", _correct(key))
    for label, url in raw.get("project_urls", {}).items():
        if problem := _url_problem(label, url):
            yield _refused(wheel, "Project-Url", problem, _correct("project-url"))


def _url_problem(label: str, url: str) -> str:
    if len(label) > _LABEL_LIMIT:
        return f"the label {label!r} is longer than {_LABEL_LIMIT} characters"
    if not label or not url:
        return f"{label or url!r} is not a label and a URL"
    return "" if _is_url(url) else f"{url} does not begin with https:// or http://"


def _is_url(text: str) -> bool:
    return text.lower().startswith(("https://", "http://"))


def _direct_url_findings(wheel: Wheel) -> Iterator[Finding]:
    for requirement in _requirements(wheel):
        if requirement.url is not None:
            hint = f"release {requirement.name} and require its version; a fork for development is named in tox.ini"
            message = f"the wheel requires it from {_without_secrets(requirement.url)}, not from an index"
            yield _refused(wheel, requirement.name, message, hint, code="DEP201")


def _without_secrets(url: str) -> str:
    """Return the URL without the parts that may be secret."""
    return _USER.sub("://", url).partition("?")[0].partition("#")[0]


def _requirements(wheel: Wheel) -> Iterator[Requirement]:
    for text in wheel.requires:
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue  # reported for Requires-Dist as a whole


def _license_findings(wheel: Wheel, raw: RawMetadata, archive: zipfile.ZipFile) -> Iterator[Finding]:
    """Yield the licence files that are named but absent; before 2.4 there was no rule about their place."""
    version = raw.get("metadata_version", "")
    if _is_known(version) and Version(version) >= Version(_TOLERANT):
        known = set(members(archive))
        for name in raw.get("license_files", ()):
            path = f"{wheel.dist_info}/licenses/{name}"
            if path not in known:
                hint = "correct license-files in pyproject.toml, or use a newer build back end"
                yield _refused(wheel, "License-File", f"{path} is not in the wheel", hint)


def _archive_findings(wheel: Wheel, archive: zipfile.ZipFile) -> Iterator[Finding]:
    for info in archive.infolist():
        if info.filename.startswith("/") or ".." in path_parts(info.filename):
            message = "is outside of where it would be installed, so that pip refuses the wheel"
            yield error("WHL108", info.filename, message, _REPACK)
        if info.compress_type not in _METHODS:
            message = f"it is compressed by method {info.compress_type}, which is neither stored nor deflated"
            yield _refused(wheel, info.filename, message, _REPACK)
    twice = len(set(archive.namelist())) < len(archive.namelist())  # WHL104, which says which
    if not twice and (problem := disagreement(wheel.path, archive)):
        yield _refused(wheel, wheel.file_name, problem, _REPACK)
    if wheel.size_bytes > _LIMIT_BYTES:
        message = f"it is larger than {_LIMIT_BYTES >> 20} MB, unless the project was granted more"
        hint = "ask for a higher limit in the settings of the project on PyPI, or ship less"
        yield _refused(wheel, wheel.file_name, message, hint, level=Level.NOTE)


def _name_findings(wheel: Wheel) -> Iterator[Finding]:
    name, version = wheel.file_name.split("-")[:2]
    expected = canonicalize_name(wheel.name).replace("-", "_")
    if name != expected and canonicalize_name(name) == canonicalize_name(wheel.name):
        hint = "build it again with a current build back end"
        yield _refused(wheel, wheel.file_name, f"it has to begin with {expected}-", hint, level=Level.NOTE)
    folder = f"{name}-{version}.dist-info"
    if (
        name == expected
        and folder != wheel.dist_info
        and canonicalize_name(folder) == canonicalize_name(wheel.dist_info)
    ):
        yield _refused(wheel, wheel.file_name, f"its metadata is in {wheel.dist_info}, not in {folder}", _REPACK)


def _unbounded_findings(wheel: Wheel) -> Iterator[Finding]:
    """Yield one finding for all dependencies without a lower bound."""
    always = (requirement for requirement in _requirements(wheel) if "extra" not in str(requirement.marker))
    found = [requirement.name for requirement in always if requirement.url is None and not _is_bounded(requirement)]
    if found:
        message = "any version that was ever released may be installed, because no lower bound is given"
        hint = "give the oldest version that is tested, such as: acme-http>=2.1"
        subject = ", ".join(dict.fromkeys(found))
        yield note("DEP207", subject, message, hint)


def _is_bounded(requirement: Requirement) -> bool:
    return any(part.operator in _LOWER_BOUNDS for part in requirement.specifier)
