"""Where the wheel contradicts the sdist that it was built from: metadata, modules, py.typed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import cast

from packaging.metadata import RawMetadata
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from tox_prodsim.checks.artifact import pep440
from tox_prodsim.checks.artifact.internal_imports import references
from tox_prodsim.checks.artifact.non_code import NON_CODE
from tox_prodsim.checks.artifact.package_folders import package_folders
from tox_prodsim.checks.artifact.sdist import Sdist
from tox_prodsim.checks.artifact.wheel import Wheel
from tox_prodsim.model.findings import CheckResult, Finding, error, warning

_FIELDS = {
    "requires_dist": "Requires-Dist",
    "requires_python": "Requires-Python",
    "provides_extra": "Provides-Extra",
}
"""The fields that installers use; another version of the back end may write the others differently."""
_KEPT_SINCE = "2.2"
"""From this Metadata-Version on a field that is not Dynamic is the same in every wheel (PEP 643)."""


def check_sdist_vs_wheel(sdist: Sdist, wheel: Wheel, tracked: Collection[str] = ()) -> CheckResult:
    """Return where the wheel differs from what the sdist says; ``tracked`` are the files that git tracks."""
    return CheckResult.of(_metadata(sdist, wheel), _packages(sdist, wheel, tracked))


# the metadata


def _metadata(sdist: Sdist, wheel: Wheel) -> CheckResult:
    sdist_metadata = sdist.metadata
    if sdist_metadata is None or not sdist_metadata.get("version"):
        return _not_checked("PKG-INFO has no version", "SDI202")
    return CheckResult(detail="", codes=("SDI202",), findings=tuple(_differences(sdist_metadata, wheel)))


def _not_checked(reason: str, *codes: str) -> CheckResult:
    return CheckResult(detail="", codes=(), not_checked=tuple((code, reason) for code in codes))


def _differences(expected: RawMetadata, wheel: Wheel) -> Iterator[Finding]:
    if pep440.normal(expected["version"]) != pep440.normal(wheel.version):
        yield _differs("Version", expected["version"], wheel.version)
    if not pep440.reaches(expected.get("metadata_version", ""), _KEPT_SINCE):
        return
    dynamic = {name.lower() for name in expected.get("dynamic", ())}
    for key, shown in _FIELDS.items():
        before, after = _normal(key, expected), _normal(key, _fields(wheel))
        if shown.lower() not in dynamic and before != after:
            yield _differs(shown, _display(before - after), _display(after - before))


def _fields(wheel: Wheel) -> RawMetadata:
    return {
        "requires_dist": list(wheel.requires),
        "requires_python": wheel.requires_python,
        "provides_extra": list(wheel.provides_extras),
    }


def _normal(key: str, fields: RawMetadata) -> set[str]:
    """Return the values of a field in their normal form."""
    match key:
        case "requires_dist":
            return {_requirement(each) for each in fields.get("requires_dist", ())}
        case "provides_extra":
            return {canonicalize_name(each) for each in fields.get("provides_extra", ())}
        case _:
            return {_specifiers(fields.get("requires_python", ""))} - {""}


def normal_values(key: str, fields: RawMetadata) -> set[str]:
    """Return the values of any field in a form in which another order or another end of line is no difference."""
    if key in _FIELDS:
        return _normal(key, fields)
    value = cast("dict[str, object]", fields).get(key)
    if isinstance(value, dict):
        return {f"{name}, {each}" for name, each in value.items()}
    if isinstance(value, list):
        return {str(each) for each in value}
    return {"\n".join(line.rstrip() for line in str(value or "").strip().splitlines())} - {""}


def _requirement(text: str) -> str:
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return text
    marker = str(parsed.marker).replace("_", "-") if parsed.marker else ""
    extras = ",".join(sorted(canonicalize_name(extra) for extra in parsed.extras))
    return f"{canonicalize_name(parsed.name)}[{extras}]{parsed.specifier}{parsed.url or ''};{marker}".rstrip(
        ";"
    ).replace("[]", "")


def _specifiers(text: str) -> str:
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return text


def _display(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "nothing"


def _differs(field: str, before: str, after: str) -> Finding:
    message = f"PKG-INFO says {before} where METADATA of the wheel built from it says {after}"
    return error("SDI202", field, message, _hint(field))


def _hint(field: str) -> str:
    """Return what to do; a version may not be declared dynamic (PEP 643)."""
    match field:
        case "Version":
            return "have the build read the version from PKG-INFO or a file of the sdist, not from git or the clock"
        case "Requires-Dist":
            return (
                "write it with a marker (tomli; python_version < '3.11'), or add 'dependencies' to dynamic of [project]"
            )
        case "Requires-Python":
            return "write one requires-python for every build, or add 'requires-python' to dynamic of [project]"
    return "declare the same extras in every build, or add 'optional-dependencies' to dynamic of [project]"


# the modules


def _packages(sdist: Sdist, wheel: Wheel, tracked: Collection[str]) -> CheckResult:
    folders = package_folders(sdist.files, wheel)
    if not folders and any("/" in file for file in wheel.files):
        return _not_checked("the sdist has no folder from which a package of the wheel comes", "WHL111")
    in_git = package_folders(tracked, wheel)
    markers = {**_lost_markers(tracked, wheel, in_git, "tracked by git"), **_lost_markers(sdist.files, wheel, folders)}
    findings = (*_modules(sdist, wheel, folders), *markers.values())
    return CheckResult(detail="", codes=("WHL111", "WHL120"), findings=findings)


def _modules(sdist: Sdist, wheel: Wheel, folders: Mapping[str, str]) -> Iterator[Finding]:
    missing = {name: file for path, folder in folders.items() for name, file in _missing(sdist, wheel, path, folder)}
    if not missing:
        return
    used = references(wheel)
    for name, file in sorted(missing.items()):
        importers = sorted(used.get(name, ()))
        if importers:
            message = f"is in the sdist ({file}) and {importers[0]} imports it, but it is not in the wheel"
            yield error("WHL111", name, message, f"have the build of the wheel include {name}")
        elif file.endswith("/__init__.py") and name.rpartition(".")[0] not in missing:
            message = f"is a package in the sdist ({file}), but it is not in the wheel"
            yield error(
                "WHL111", name, message, f"have the build include {name}; ignore WHL111 if it is left out on purpose"
            )


def _missing(sdist: Sdist, wheel: Wheel, path: str, folder: str) -> Iterator[tuple[str, str]]:
    """Yield the modules of a package that only the sdist has, and their files, except tests and the like."""
    modules = set(wheel.modules)
    for file in sdist.files:
        if file.startswith(f"{folder}/") and file.endswith(".py"):
            parts = PurePosixPath(path + file.removeprefix(folder).removesuffix(".py")).parts
            parts = parts[:-1] if parts[-1] == "__init__" else parts
            expected = all(part.isidentifier() for part in parts) and not NON_CODE & set(parts)
            if expected and ".".join(parts) not in modules:
                yield ".".join(parts), file


def _lost_markers(
    files: Collection[str], wheel: Wheel, folders: Mapping[str, str], where: str = "in the sdist"
) -> Mapping[str, Finding]:
    """Return a warning for each py.typed that only the sources have, by the path where it would be installed.

    Of a wheel that says that it is typed, its own check reports that.
    """
    found = {}
    for path, folder in folders.items():
        target, source = f"{path}/py.typed", f"{folder}/py.typed"
        if source in files and target not in wheel.files and "Typing :: Typed" not in wheel.classifiers:
            message = f"is {where} ({source}), but not in the wheel: type checkers ignore its types"
            hint = "name it as package data: package-data = { '*' = ['py.typed'] } of [tool.setuptools]"
            found[target] = warning("WHL120", target, message, hint)
    return found
