"""BLD107: a wheel that was given against the one that its sdist builds here, member by member.

The given one was built elsewhere, perhaps by other versions of the compiler and of the back end, and repaired: what
such tools add or write differently is not a difference. Of compiled files only the part that is loaded counts.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from packaging.metadata import parse_email
from packaging.utils import parse_wheel_filename

from tox_prodsim.checks.artifact.equality import WheelMember, differ, read_members, varying_members
from tox_prodsim.checks.artifact.sdist import Sdist
from tox_prodsim.checks.artifact.sdist_vs_wheel import normal_values
from tox_prodsim.checks.artifact.wheel import Wheel, content, open_wheel
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, error, note
from tox_prodsim.model.formatting import listed, shortened
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import BoundedCall, unbounded

CODE = "BLD107"

_REPAIRED = lazy_regex(r"(^|/)[^/]+\.libs/|(^|/)\.dylibs/|^\.dist-info/sboms/|^\.dist-info/(RECORD|WHEEL)")
"""What repairing a wheel adds or writes: libraries, a list of them, the tag."""
_KEY_FILES = {".dist-info/METADATA", ".dist-info/entry_points.txt"}
_OF_INSTALLERS = ("version", "requires_dist", "requires_python", "provides_extra")
_OF_BACKEND = {"metadata_version", "dynamic", "license_files", "description_content_type"}
"""Fields that another version of a back end writes differently."""
_SHOWN = 5
_AGAIN = "build both from one commit in one go: python -m build makes the wheel from the sdist"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """The given wheel and the one that was built here."""

    given: Wheel
    built: Wheel
    same_backend: bool
    """Whether both were written by the same version of the back end."""


def check_given(
    sdist: Sdist, given: Wheel, built: Path, *, rebuild: Callable[[], Path], call: BoundedCall = unbounded
) -> CheckResult:
    """Return how the given wheel differs from the one that its sdist builds; ``rebuild`` builds that once more."""
    pair = call(_pair, given, built)
    one, other = call(read_members, given.path), call(read_members, built)
    unclear = dict(_unclear_names(one, other, pair))
    only = {name for name in one.keys() ^ other.keys() if not _is_added(name, pair) and name not in unclear}
    common = [name for name in one.keys() & other.keys() if _counts(name, pair) and differ(one[name], other[name])]
    varying = varying_members(other, common, rebuild, call)
    for name in sorted(set(common) - varying.keys()):
        if reason := _unclear(name, (one[name], other[name]), pair, sdist, call):
            unclear[name] = reason
    changed = [name for name in sorted(common) if name not in varying and name not in unclear]
    findings = (
        *call(_key_differences, pair),
        *_shortened(sorted(only & one.keys()), "is in the given wheel, its sdist builds none"),
        *_shortened(sorted(only & other.keys()), "is not in the given wheel, though its sdist builds it"),
        *_shortened(changed, "has another content than what the sdist builds"),
        *map(_not_reproducible, sorted(varying)),
    )
    return CheckResult(
        detail="" if findings or unclear else "builds the given wheel",
        codes=(CODE, "BLD105") if common else (CODE,),
        findings=findings,
        not_checked=tuple((CODE, f"{name} {reason}") for name, reason in unclear.items()),
    )


def _pair(given: Wheel, built: Path) -> _Pair:
    other = open_wheel(built)
    generators = {_generator(given), _generator(other)}
    return _Pair(given=given, built=other, same_backend=len(generators) == 1)


def _generator(wheel: Wheel) -> str:
    with zipfile.ZipFile(wheel.path) as archive:
        lines = content(archive, f"{wheel.dist_info}/WHEEL").decode("utf-8", "replace").splitlines()
    return next((line for line in lines if line.lower().startswith("generator:")), "")


def _is_added(name: str, pair: _Pair) -> bool:
    """Return whether a file that only one wheel has may come from repairing, or from another back end."""
    return bool(_REPAIRED.search(name)) or (name.startswith(".dist-info/") and not pair.same_backend)


def _counts(name: str, pair: _Pair) -> bool:
    """Return whether the content of a file is compared as it is; the files for installers are read."""
    if name in _KEY_FILES or _REPAIRED.search(name):
        return False
    return pair.same_backend or not name.startswith(".dist-info/")


def _unclear_names(
    one: Mapping[str, WheelMember], other: Mapping[str, WheelMember], pair: _Pair
) -> Iterator[tuple[str, str]]:
    """Yield compiled files that both wheels have under another name: those for one Python and for the stable ABI."""
    ours = {name.partition(".")[0]: name for name in other.keys() - one.keys() if other[name].compiled}
    for name in sorted(one.keys() - other.keys()):
        its = ours.get(name.partition(".")[0])
        if one[name].compiled and its and set(pair.given.extensions) == set(pair.built.extensions):
            yield name, f"is built here as {its}"
            yield its, f"is {name} in the given wheel"


def _unclear(name: str, members: tuple[WheelMember, WheelMember], pair: _Pair, sdist: Sdist, call: BoundedCall) -> str:
    """Return why the meaning of a difference is not known; empty: it is."""
    given, built = members
    if given.opaque or built.opaque:
        return "differs, perhaps in its debug information only"
    if given.compiled or built.compiled:
        return _other_compiler(given, built, pair)
    if name.startswith(".dist-info/") or call(sdist.holds, name, built.sha256):
        return ""
    return "is generated by the build, and not the same here"


def _other_compiler(given: WheelMember, built: WheelMember, pair: _Pair) -> str:
    if not given.compiler or not built.compiler:
        return "differs, and does not say by which compiler it was made"
    if given.compiler != built.compiler:
        return f"differs: it was compiled by {shortened(given.compiler, 60)}, here by {shortened(built.compiler, 60)}"
    if not pair.same_backend or pair.given.file_name != pair.built.file_name:
        return "differs: the given wheel was built by another back end, or repaired"
    return ""


def _key_differences(pair: _Pair) -> tuple[Finding, ...]:
    """Return the fields of METADATA, the entry points and the tags that differ."""
    return tuple(_each_key_difference(pair))


def _each_key_difference(pair: _Pair) -> Iterator[Finding]:
    given, built = ({**parse_email(_text(each, "METADATA"))[0]} for each in (pair.given, pair.built))
    for key in sorted({*given, *built}):
        if key not in _OF_INSTALLERS and (key in _OF_BACKEND or not pair.same_backend):
            continue
        its, here = normal_values(key, given), normal_values(key, built)  # type: ignore[arg-type]  # RawMetadata again
        yield from _difference("-".join(word.capitalize() for word in key.split("_")), its, here)
    wheels = (pair.given, pair.built)
    yield from _difference("entry_points.txt", *({str(point) for point in each.entry_points} for each in wheels))
    yield from _difference("WHEEL", *map(_tags, wheels))


def _tags(wheel: Wheel) -> set[str]:
    """Return the tags without the platform, which repairing a wheel changes."""
    return {f"{tag.interpreter}-{tag.abi}" for tag in parse_wheel_filename(wheel.file_name)[3]}


def _difference(subject: str, its: set[str], here: set[str]) -> Iterator[Finding]:
    if its != here:
        message = f"the given wheel says {_shown(its - here)} where its sdist builds {_shown(here - its)}"
        yield error(CODE, subject, message, _AGAIN)


def _text(wheel: Wheel, name: str) -> bytes:
    with zipfile.ZipFile(wheel.path) as archive:
        return content(archive, f"{wheel.dist_info}/{name}")


def _shown(values: set[str]) -> str:
    return shortened(", ".join(sorted(values)), 100) or "nothing"


def _shortened(names: list[str], message: str) -> Iterator[Finding]:
    """Yield a finding for each of the first names, and one for all that are left."""
    shown = names if len(names) <= _SHOWN + 1 else names[:_SHOWN]
    for name in shown:
        yield error(CODE, name, message, _AGAIN)
    if more := names[len(shown) :]:
        yield error(CODE, listed(more), f"and others: each {message}", _AGAIN)


def _not_reproducible(name: str) -> Finding:
    message = "comes out differently each time the same sdist is built"
    hint = "keep times, random numbers and paths of the build out of it, or take them from SOURCE_DATE_EPOCH"
    return note("BLD105", name, message, hint)
