"""WHL163: for which of the Pythons that a release claims, and on which platforms, there is a wheel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag

from tox_prodsim.checks.artifact.release_folder import FolderFile
from tox_prodsim.model.dataclass import dataclass, field
from tox_prodsim.model.findings import CheckResult, Finding, error, note, warning
from tox_prodsim.model.formatting import counted, listed
from tox_prodsim.model.regex import lazy_regex

CODE = "WHL163"

_CLASSIFIER = lazy_regex(r"Programming Language :: Python :: 3\.(\d+)")
_FREE_THREADING = "Programming Language :: Python :: Free Threading :: "
_UNSUPPORTED = "1 - Unstable"
_PYPY = "Programming Language :: Python :: Implementation :: PyPy"
_LINUX = lazy_regex(r"(?P<libc>manylinux|musllinux|linux)(?:_?\d+)*_(?P<machine>[a-z].*)")
_MACOS = lazy_regex(r"macosx_\d+_\d+_(?P<machine>\w+)")
_MACHINES_OF_MACOS = {"universal2": ("arm64", "x86_64"), "universal": ("x86_64",), "intel": ("x86_64",)}
_ANY = "any"
_MINORS = range(100)
_SHOWN = 6


@dataclass(kw_only=True, slots=True)
class _Covered:
    """The minor versions of CPython 3 for which there are wheels on one platform."""

    exact: set[int] = field(default_factory=set)
    since: int | None = None
    """From this one on, because of the stable ABI or of a wheel for any Python; None: there is no such wheel."""

    def holds(self, minor: int) -> bool:
        """Return whether there is a wheel for this version."""
        return minor in self.exact or (self.since is not None and minor >= self.since)

    @property
    def lowest(self) -> int:
        """Return the oldest version."""
        return min([*self.exact, *([] if self.since is None else [self.since])], default=0)


def check_coverage(
    wheels: Sequence[FolderFile], requires_python: str, classifiers: Iterable[str], *, has_sdist: bool
) -> CheckResult:
    """Return the Pythons for which the wheels of a release are missing."""
    classifiers, tags = list(classifiers), [tag for each in wheels for tag in each.tags]
    covered = _covered(tags)
    claimed = _claimed(requires_python, classifiers, covered)
    absent = [minor for minor in claimed if not any(each.holds(minor) for each in covered.values())]
    holes = _holes(covered, [minor for minor in claimed if minor not in absent])
    findings = (
        *_nowhere(absent, requires_python, has_sdist=has_sdist),
        *_somewhere(holes),
        *_other_kinds(tags, classifiers, has_sdist=has_sdist),
    )
    platforms = [name for name in covered if name != _ANY]
    where = f" on {counted(len(platforms), 'platform')}" if platforms else ""
    complete = f"complete for CPython {_range(claimed)}{where}" if claimed and not absent and not holes else ""
    return CheckResult(detail=complete, codes=(CODE,), findings=findings)


def _covered(tags: Iterable[Tag]) -> Mapping[str, _Covered]:
    """Return what there is by platform; wheels for any platform count for all of them."""
    found = defaultdict[str, _Covered](_Covered)
    for tag in tags:
        for name in _platforms(tag.platform):
            _add(found[name], tag)
    anywhere = found.get(_ANY, _Covered())
    for each in found.values():
        each.exact |= anywhere.exact
        each.since = min((since for since in (each.since, anywhere.since) if since is not None), default=None)
    return {name: each for name, each in sorted(found.items()) if each.exact or each.since is not None}


def _add(covered: _Covered, tag: Tag) -> None:
    kind, number = tag.interpreter[:2], tag.interpreter[2:]
    if kind not in {"py", "cp"} or not number.startswith("3") or tag.abi.endswith("t"):
        return
    minor = int(number[1:] or 0)
    if kind == "py" or tag.abi == "abi3":
        covered.since = minor if covered.since is None else min(covered.since, minor)
    else:
        covered.exact.add(minor)


def _platforms(tag: str) -> Iterator[str]:
    """Yield the platforms for which a tag stands, by their names for people."""
    if match := _LINUX.fullmatch(tag):
        yield f"{match['libc']} {match['machine']}"
    elif match := _MACOS.fullmatch(tag):
        yield from (f"macOS {each}" for each in _MACHINES_OF_MACOS.get(match["machine"], (match["machine"],)))
    else:
        yield tag


def _claimed(requires_python: str, classifiers: Iterable[str], covered: Mapping[str, _Covered]) -> list[int]:
    """Return the minor versions that Requires-Python allows, up to the newest that is named or has a wheel."""
    named = {int(match[1]) for each in classifiers if (match := _CLASSIFIER.fullmatch(each))}
    exact = {minor for each in covered.values() for minor in each.exact}
    top = max(named | exact, default=-1)
    try:
        allowed = SpecifierSet(requires_python, prereleases=True)
    except InvalidSpecifier:
        allowed = SpecifierSet()
    possible = [minor for minor in _MINORS if any(f"3.{minor}.{patch}" in allowed for patch in (0, 99))]
    lowest = min(possible, default=0)
    if lowest == 0:  # nothing is said of the oldest one
        lowest = min(named, default=min(exact, default=0))
    return [minor for minor in possible if minor in named or lowest <= minor <= top]


def _nowhere(absent: Sequence[int], requires_python: str, *, has_sdist: bool) -> Iterator[Finding]:
    if not absent:
        return
    subject = f"CPython {', '.join(f'3.{minor}' for minor in absent)}"
    claim = f"Requires-Python {requires_python} or a classifier claims it" if requires_python else "it is claimed"
    message = f"{claim}, and no wheel is for it"
    hint = "build the missing wheels (CIBW_BUILD of cibuildwheel), or claim the Pythons that there are wheels for"
    if has_sdist:
        yield warning(CODE, subject, f"{message}: there the sdist is built", hint)
    else:
        yield error(CODE, subject, f"{message}, nor is there an sdist: nothing can be installed there", hint)


def _holes(covered: Mapping[str, _Covered], claimed: Sequence[int]) -> Mapping[tuple[int, ...], list[str]]:
    """Return the platforms by the versions that they lack; before its first wheel a platform lacks none."""
    found = defaultdict[tuple[int, ...], list[str]](list)
    for name, each in covered.items():
        if missing := tuple(minor for minor in claimed if minor > each.lowest and not each.holds(minor)):
            found[missing].append(name)
    return found


def _somewhere(holes: Mapping[tuple[int, ...], list[str]]) -> Iterator[Finding]:
    for missing, platforms in holes.items():
        versions = ", ".join(f"3.{minor}" for minor in missing)
        verb = "has" if len(platforms) == 1 else "have"
        message = f"{verb} no wheel for CPython {versions}, other platforms have one"
        hint = "see whether a job of the build was skipped or its artifact was lost; ignore it if that is meant"
        yield warning(CODE, listed(platforms, _SHOWN), message, hint)


def _other_kinds(tags: Sequence[Tag], classifiers: Sequence[str], *, has_sdist: bool) -> Iterator[Finding]:
    """Yield what is claimed of other kinds of Python: they take no wheel for the ABI of CPython."""
    takes_any = any(tag.abi == "none" and tag.interpreter.startswith("py") for tag in tags)
    then = "there the sdist is built" if has_sdist else "nothing can be installed there"
    hint = "build wheels for it (CIBW_ENABLE of cibuildwheel), or remove the classifier"
    free = [each for each in classifiers if each.startswith(_FREE_THREADING) and not each.endswith(_UNSUPPORTED)]
    if free and not takes_any and not any(tag.abi.endswith("t") for tag in tags):
        yield note(CODE, "free-threaded CPython", f"a classifier claims it, and no wheel is for it: {then}", hint)
    if _PYPY in classifiers and not takes_any and not any(tag.interpreter.startswith("pp") for tag in tags):
        yield note(CODE, "PyPy", f"a classifier claims it, and no wheel is for it: {then}", hint)


def _range(minors: Sequence[int]) -> str:
    if len(minors) > 1 and minors[-1] - minors[0] == len(minors) - 1:
        return f"3.{minors[0]} to 3.{minors[-1]}"
    return ", ".join(f"3.{minor}" for minor in minors)
