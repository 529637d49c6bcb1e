"""The step of the release: the other files of a folder, and what must be true of all of them together."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tox_prodsim.checks import artifact
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.findings import CheckResult, Finding, error
from tox_prodsim.model.formatting import counted, joined, listed
from tox_prodsim.model.runner import BoundedCall

_AT_ONCE = 2
_SHOWN = 2
"""So many names of wheels in one message."""
_CHANGED = "WHL166"


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A folder with the files of a release, and their digests when the run began."""

    folder: artifact.ReleaseFolder
    digests: Mapping[str, str]
    """By the names of the files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Checked:
    """What checking one of the other wheels came to."""

    result: CheckResult
    metadata: artifact.NamedMetadata | None = None
    """None: it cannot be read."""


def check(
    release: Release, wheel: artifact.Wheel, tested_pythons: frozenset[str] | None, call: BoundedCall
) -> CheckResult:
    """Return what is wrong with the other wheels, and with the files as a whole; ``wheel`` is the one under test."""
    folder = release.folder
    others = [each for each in folder.wheels if each.name != wheel.file_name]
    check_one = functools.partial(_check_other, tested_pythons=tested_pythons, call=call)
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="prodsim-release") as pool:
        checked = dict(zip((each.name for each in others), pool.map(check_one, others), strict=True))
    released = {each.name for each in folder.released}
    own = call(artifact.read_metadata, wheel)
    named = [own, *(each.metadata for name, each in checked.items() if each.metadata and name in released)]
    coverage = artifact.check_coverage(
        folder.released, wheel.requires_python, wheel.classifiers, has_sdist=folder.sdist is not None
    )
    return CheckResult.of(
        CheckResult(detail=f"{counted(len(others), 'other wheel')}{' checked' if others else ''}", codes=()),
        artifact.check_folder(folder),
        artifact.check_same_metadata(named),
        coverage,
        CheckResult(
            detail="",
            codes=(_CHANGED, *sorted({code for each in checked.values() for code in each.result.codes})),
            findings=(
                *_merged({name: each.result.findings for name, each in checked.items()}),
                *_changed(release, call),
            ),
        ),
    )


def _check_other(
    file: artifact.FolderFile,
    *,
    tested_pythons: frozenset[str] | None,
    call: BoundedCall,
) -> _Checked:
    """Check a wheel that is not installed here: as the one under test, without what needs an interpreter."""
    try:
        wheel = artifact.read_bounded(call, artifact.open_wheel, file.path)
        metadata = call(artifact.read_metadata, wheel)
    except (ProdsimError, OSError) as problem:
        reason = problem if isinstance(problem, ProdsimError) else ProdsimError("wheel", str(problem))
        return _Checked(result=artifact.unreadable_file(file.path, reason))
    check_versions = functools.partial(artifact.check_versions, wheel, tested_pythons)
    result = CheckResult.of(
        artifact.checked_bounded(call, functools.partial(artifact.check_wheel, wheel), file.path),
        artifact.checked_bounded(call, check_versions, file.path),
        artifact.checked_bounded(
            call.with_room(wheel.largest_bytes), functools.partial(artifact.check_native, wheel), file.path
        ),
    )
    return _Checked(result=result, metadata=metadata)


def _changed(release: Release, call: BoundedCall) -> Iterator[Finding]:
    """Yield the files that are not what they were when the run began."""
    for file in release.folder.files:
        try:
            digest = call(artifact.file_sha256, file.path)
        except (ProdsimError, OSError):
            digest = ""
        if digest != release.digests.get(file.name, digest):
            message, hint = "changed while it was checked", "let nothing write there, and run again"
            yield error(_CHANGED, file.name, message, hint)


def _merged(found: Mapping[str, Iterable[Finding]]) -> Iterator[Finding]:
    """Yield one finding for what several wheels have in common, with their names."""
    same = defaultdict[Finding, list[str]](list)
    for name, findings in found.items():
        for each in findings:
            same[_without_name(each, name)].append(name)
    for finding, names in same.items():
        yield _with_names(finding, list(dict.fromkeys(names)))


def _without_name(finding: Finding, name: str) -> Finding:
    return replace(
        finding, subject=finding.subject.replace(name, "{wheel}"), message=finding.message.replace(name, "{wheel}")
    )


def _with_names(finding: Finding, names: list[str]) -> Finding:
    """Return the finding of these wheels: its subject is that of the first, or of all if it is the wheel itself."""
    shown = listed(names, _SHOWN)
    if finding.subject == "{wheel}":
        return replace(finding, subject=shown, message=finding.message.replace("{wheel}", names[0]))
    subject, message = finding.subject.replace("{wheel}", names[0]), finding.message.replace("{wheel}", names[0])
    return replace(finding, subject=subject, message=joined((message, f"(in {shown})"), " "))
