"""WHL160 to WHL162, WHL164, SDI220: the files of a release agree, and are all that is in their folder."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from packaging.metadata import RawMetadata, parse_email

from tox_prodsim.checks.artifact.release_folder import ReleaseFolder
from tox_prodsim.checks.artifact.sdist_vs_wheel import normal_values
from tox_prodsim.checks.artifact.wheel import Wheel, content
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, error, warning
from tox_prodsim.model.formatting import listed, shortened
from tox_prodsim.model.release_files import FileKind

CODES = ("WHL160", "WHL161", "WHL162", "WHL164", "SDI220")

_SHOWN = 3
"""So many names of files in one message."""
_FOREIGN_SHOWN = 6
"""So many files that are neither a wheel nor an sdist have a finding each."""
_OF_INSTALLERS = ("requires_dist", "requires_python", "provides_extra")
_SAID_ELSEWHERE = {"name", "version"}
"""Fields of which WHL105 and WHL160 report a difference."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedMetadata:
    """The fields of METADATA of one wheel."""

    file_name: str
    fields: RawMetadata


def read_metadata(wheel: Wheel) -> NamedMetadata:
    """Return the fields of METADATA of a wheel."""
    with zipfile.ZipFile(wheel.path) as archive:
        fields, _ = parse_email(content(archive, f"{wheel.dist_info}/METADATA"))
    return NamedMetadata(file_name=wheel.file_name, fields=fields)


def check_folder(folder: ReleaseFolder) -> CheckResult:
    """Return what is wrong with the files of a folder, by their names."""
    findings = (*_other_versions(folder), *_second_sdists(folder), *_same_tags(folder), *_foreign(folder))
    return CheckResult(detail="", codes=tuple(code for code in CODES if code != "WHL161"), findings=findings)


def check_same_metadata(wheels: Sequence[NamedMetadata]) -> CheckResult:
    """Return the fields that differ between the wheels of a release: an index and resolvers know those of one only."""
    if len(wheels) < 2:
        return CheckResult(detail="", codes=())
    keys = sorted({key for each in wheels for key in each.fields} - _SAID_ELSEWHERE)
    findings = tuple(found for key in keys if (found := _difference(key, wheels)) is not None)
    return CheckResult(detail="", codes=("WHL161",), findings=findings)


def _other_versions(folder: ReleaseFolder) -> Iterator[Finding]:
    """Yield one finding for all wheels, and one for all sdists, of each other version."""
    hint = f"empty {folder.shown} before each build: everything in it is uploaded"
    for kind, code in ((FileKind.WHEEL, "WHL160"), (FileKind.SDIST, "SDI220")):
        others = defaultdict[str, list[str]](list)
        for each in folder.files:
            if each.kind is kind and each.version != folder.version:
                others[str(each.version)].append(each.name)
        for version, names in others.items():
            verb = "is" if len(names) == 1 else "are"
            message = f"{verb} of version {version}, the release is {folder.version}"
            yield error(code, listed(names, _SHOWN), message, hint)


def _second_sdists(folder: ReleaseFolder) -> Iterator[Finding]:
    names = [each.name for each in folder.sdists if each.version == folder.version]
    if len(names) > 1:
        message = f"are {len(names)} sdists of {folder.version}, an index takes one"
        yield error("SDI220", " and ".join(names), message, f"empty {folder.shown} and build again")


def _same_tags(folder: ReleaseFolder) -> Iterator[Finding]:
    """Yield pairs of wheels for the same tag: an installer takes the later build, or any of them."""
    for one, other in combinations(folder.released, 2):
        if common := one.tags & other.tags:
            tags = listed(sorted(map(str, common)), _SHOWN)
            subject = f"{one.name} and {other.name}"
            if one.build != other.build:
                message = f"are both for {tags}: the one with the lower build number is never installed"
                yield warning("WHL162", subject, message, "upload the later build alone")
            else:
                message = f"are both for {tags}: which of them is installed is chance"
                hint = f"build each tag once; empty {folder.shown} before a build"
                yield error("WHL162", subject, message, hint)


def _foreign(folder: ReleaseFolder) -> Iterator[Finding]:
    hint = f"move it out of {folder.shown}: 'twine upload {folder.shown}*' refuses all files because of it"
    for name, reason in folder.foreign[:_FOREIGN_SHOWN]:
        message = "is neither a wheel nor an sdist" if not reason else f"is neither a wheel nor an sdist: it {reason}"
        yield warning("WHL164", name, message.replace("it an sdist is", "an sdist is"), hint)
    if more := folder.foreign[_FOREIGN_SHOWN:]:
        names = [name for name, _ in more]
        hint = hint.replace("move it", "move them")
        yield warning("WHL164", listed(names, _SHOWN), "are neither wheels nor sdists", hint)


def _difference(key: str, wheels: Iterable[NamedMetadata]) -> Finding | None:
    """Return the finding for one field; None: all wheels have the same."""
    values: Mapping[str, list[str]] = _by_value(key, wheels)
    if len(values) == 1:
        return None
    # the value of most wheels first
    (common, most), *others = sorted(values.items(), key=lambda pair: -len(pair[1]))
    value, names = others[0]
    field = "-".join(word.capitalize() for word in key.split("_"))
    more = f"; and {len(others) - 1} more values" if len(others) > 1 else ""
    here, there = _only(value, common), _only(common, value)
    message = f"is {here} in {listed(names, 1, noun='wheel')}, but {there} in {listed(most, 1, noun='wheel')}{more}"
    if key in _OF_INSTALLERS:
        hint = "write the same in every wheel, with markers (; sys_platform == 'win32'): resolvers read one of them"
        return error("WHL161", field, message, hint)
    hint = "build all wheels from one commit, with one version of the build back end"
    return warning("WHL161", field, message, hint)


def _by_value(key: str, wheels: Iterable[NamedMetadata]) -> Mapping[str, list[str]]:
    found = defaultdict[str, list[str]](list)
    for each in wheels:
        found["\n".join(sorted(normal_values(key, each.fields)))].append(each.file_name)
    return found


def _only(value: str, other: str) -> str:
    """Return the lines of a value that another one has not."""
    lines = [line for line in value.split("\n") if line not in set(other.split("\n"))]
    return shortened(", ".join(lines), 100) or "nothing more" if value else "nothing"
