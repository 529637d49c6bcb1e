"""WHL112 and WHL114: files that are not Python, which the sources of a package have and its wheel lacks."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from tox_prodsim.checks.artifact.exclusions import is_excluded
from tox_prodsim.checks.artifact.non_code import NON_CODE, TESTS
from tox_prodsim.checks.artifact.package_folders import all_folders
from tox_prodsim.checks.artifact.sdist import Sdist
from tox_prodsim.checks.artifact.wheel import Wheel, members, source
from tox_prodsim.checks.artifact.wheel_strays import is_stray
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.findings import CheckResult, Finding, note, warning
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex

CODES = ("WHL112", "WHL114")

_TAKE_ALL = ("hatchling", "poetry", "flit", "pdm", "uv_build", "maturin", "scikit_build_core", "whey")
"""Build back ends that take every file of a package unless they are told not to."""
_SOURCES = lazy_regex(
    r".+\.(c|cc|cpp|cxx|h|hh|hpp|hxx|inc|ipp|pyx|pxd|pxi|pyf|rs|f|f90|for|m|mm|s|S|asm|go|java|swift|def|rc|y|l|i|src|in"
    r"|am|ac|m4|cmake|mk|gradle|bzl|bazel|po|pot|ts|tsx|jsx|vue|coffee|scss|sass|less|styl|map|ipynb|xcf|psd|ai|diff|patch"
    r"|lock|build|py[cod]|so|dll|dylib|a|o|lib)"
)
"""What something is made from; a program does not read it."""
_SELDOM = lazy_regex(r".+\.(md|rst|tex|sh|bat|ps1|proto|thrift|capnp|fbs|idl|cu|cuh|cl|ui|qrc|ini)")
"""What a program reads if its code names it, and otherwise is there for those who develop it."""
_NAMES = lazy_regex(
    r"(makefile|cmakelists\.txt|meson[._].*|build|sconscript|dockerfile.*|manifest\.in|pipfile.*|setup\.cfg|(tox|pytest|mypy)\.ini"
    r"|(pyproject|ruff)\.toml|package(-lock)?\.json|tsconfig.*\.json|[^.]+\.config\.[cm]?js|requirements.*\.txt|owners|codeowners|vendor.*"
    r"|(readme|change|history|news|licen[cs]e|copying|notice|authors|contribut|todo|thanks|install|release).*)",
    re.IGNORECASE,
)
_OTHER_PROJECTS = frozenset({"package.json", "Cargo.toml", "CMakeLists.txt", "go.mod"})
_VENDORED = frozenset({"vendor", "_vendor", "vendored", "_vendored", "extern", "third_party", "thirdparty"})
_LICENCE = lazy_regex(r"(un)?licen[cs]e|copying", re.IGNORECASE)
_OF_METADATA = frozenset({"entry_points.txt", "top_level.txt", "namespace_packages.txt", "DESCRIPTION.rst"})
_SHOWN = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class _Lost:
    """A file that the wheel lacks: where it would be installed, and where it is."""

    installed: str
    source: str
    tracked: bool
    """Whether it is not even in the sdist, and known from git alone."""


def check_package_data(sdist: Sdist, wheel: Wheel, tracked: Collection[str] = ()) -> CheckResult:
    """Return the data files and the licence that the wheel lacks; ``tracked`` are the files that git tracks."""
    lost = _lost(sdist, wheel, tracked)
    findings = (*_findings(lost, wheel, takes_all=sdist.backend.startswith(_TAKE_ALL)), *_licence(sdist, wheel))
    return CheckResult(detail="", codes=CODES, findings=findings)


def lost_data(sdist: Sdist, wheel: Wheel, tracked: Collection[str] = ()) -> frozenset[str]:
    """Return the paths at which the data files would be installed that the wheel lacks."""
    return frozenset(each.installed for each in _lost(sdist, wheel, tracked))


def _lost(sdist: Sdist, wheel: Wheel, tracked: Collection[str]) -> list[_Lost]:
    """Return the files that only the sources have; what the sdist has is not looked for in git."""
    found: dict[str, _Lost] = {}
    for files, only_git in ((sdist.files, False), (tracked, True)):
        folders = all_folders(files, wheel)
        moved = _moved(files, wheel, folders)
        for path, folder in folders.items():
            for each in _missing(files, wheel, path, folder):
                source = folder + each.removeprefix(path)
                known = each in found or PurePosixPath(each).name in moved or is_excluded(source, sdist.excluded)
                if not known:
                    found[each] = _Lost(installed=each, source=source, tracked=only_git)
    return sorted(found.values(), key=lambda each: each.installed)


def _moved(files: Collection[str], wheel: Wheel, folders: Mapping[str, str]) -> set[str]:
    """Return the names of the data that the wheel has at other paths than the sources, such as below ``share``."""
    targets = {path + file.removeprefix(folder) for path, folder in folders.items() for file in files}
    return {PurePosixPath(file).name for file in wheel.files if file not in targets}


def _missing(files: Collection[str], wheel: Wheel, path: str, folder: str) -> Iterator[str]:
    """Yield where the data files of a package would be installed that the wheel lacks."""
    shipped, left_out = _shipped_folders(files, wheel, path, folder), {*wheel.files, *_annotations(files)}
    projects = _projects(files, folder)
    for file in files:
        target = path + file.removeprefix(folder)
        inside = file.startswith(f"{folder}/") and not left_out & {file, target} and not file.startswith(projects)
        if inside and _is_data(target, path, shipped):
            yield target


def _annotations(files: Collection[str]) -> set[str]:
    """Return the pages that Cython writes beside the C that it has made of a module."""
    made = (file.rpartition(".")[0] for file in files if file.endswith((".c", ".cpp")))
    return {f"{stem}.html" for stem in made}


def _projects(files: Collection[str], folder: str) -> tuple[str, ...]:
    """Return the folders inside of a package that are projects of another language: something is built from them."""
    found = (file.rpartition("/")[0] for file in files if file.rpartition("/")[2] in _OTHER_PROJECTS)
    return tuple(f"{each}/" for each in found if each.startswith(f"{folder}/"))


def _shipped_folders(files: Collection[str], wheel: Wheel, path: str, folder: str) -> Mapping[str, bool]:
    """Return the installed folders that hold modules in the sources, and whether the wheel has any of those."""
    installed, shipped = set(wheel.files), dict[str, bool]()
    modules = {module.replace(".", "/") for module in wheel.modules}
    for file in files:
        if file.startswith(f"{folder}/") and file.endswith(".py"):
            target = path + file.removeprefix(folder)
            its_folder = str(PurePosixPath(target).parent)
            there = target in installed or target.removesuffix(".py") in modules
            shipped[its_folder] = shipped.get(its_folder, False) or there
    return shipped


def _is_data(installed: str, path: str, shipped: Mapping[str, bool]) -> bool:
    """Return whether it looks like something that the program reads, in a part of the package that is shipped."""
    file = PurePosixPath(installed)
    if (
        file.suffix in {"", ".py"}
        or file.name == "py.typed"
        or _SOURCES.fullmatch(file.name)
        or _NAMES.fullmatch(file.name)
    ):
        return False
    hidden = any(part.startswith((".", "__pycache__")) for part in file.parts)
    for_tests = NON_CODE & {*file.parts, *re.split(r"[._-]", file.stem.lower())}
    if hidden or for_tests or is_stray(installed):
        return False
    above = next((str(parent) for parent in file.parents if str(parent) in shipped), path)
    return shipped.get(above, True)


def _findings(lost: list[_Lost], wheel: Wheel, *, takes_all: bool) -> Iterator[Finding]:
    """Yield the files that the code of the wheel names, one finding a folder, and the others as one."""
    users = _users(wheel, {_name(each) for each in lost})
    folders = {_folder(each) for each in lost if _name(each) in users}
    for folder in sorted(folders):
        files = sorted((each for each in lost if _folder(each) == folder), key=lambda each: _name(each) not in users)
        yield _finding(files, f" and {users[_name(files[0])]} names it", is_warning=True)
    rest = [each for each in lost if _folder(each) not in folders and not _is_seldom_read(each)]
    if rest:
        yield _finding(rest, "", is_warning=not takes_all)


def _is_seldom_read(lost: _Lost) -> bool:
    """Return whether it is probably not for the program, if no code names it."""
    file = PurePosixPath(lost.installed)
    return bool(_SELDOM.fullmatch(file.name) or _VENDORED & set(file.parts))


def _name(lost: _Lost) -> str:
    return PurePosixPath(lost.installed).name


def _folder(lost: _Lost) -> str:
    return str(PurePosixPath(lost.installed).parent)


def _finding(files: list[_Lost], named: str, *, is_warning: bool) -> Finding:
    first = files[0]
    message = f"is tracked by git ({first.source})" if first.tracked else f"is in the sdist ({first.source})"
    where = "neither in the sdist nor in the wheel" if first.tracked else "not in the wheel"
    hint = "have the build include it: package-data of [tool.setuptools], or 'include' of the build back end"
    make = warning if is_warning else note
    return make(
        "WHL112", listed([each.installed for each in files], _SHOWN), f"{message}{named}, but it is {where}", hint
    )


def _users(wheel: Wheel, names: Collection[str]) -> Mapping[str, str]:
    """Return which module of the wheel names each of the files."""
    found: dict[str, str] = {}
    if not names:
        return found
    alternatives = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"""["'/\\]({alternatives})["']""".encode())
    with zipfile.ZipFile(wheel.path) as archive:
        for member in members(archive):
            path = PurePosixPath(member)
            if path.suffix == ".py" and not TESTS & {*path.parts, path.stem}:
                for name in pattern.findall(source(archive, member)):
                    found.setdefault(name.decode(), member)
    return found


def _licence(sdist: Sdist, wheel: Wheel) -> Iterator[Finding]:
    """Yield the licence that the sdist has in its top folder, if the wheel has none anywhere."""
    theirs = [file for file in sdist.files if "/" not in file and _is_licence(file)]
    with zipfile.ZipFile(wheel.path) as archive:
        ours = any(_is_licence_of_wheel(member) for member in members(archive))
    if theirs and not ours and "\n" not in wheel.licence:
        message = "is in the sdist, but the wheel has no licence, which has to go with most copies"
        hint = f"name it in 'license-files' of [project]: license-files = ['{theirs[0]}']"
        yield warning("WHL114", theirs[0], message, hint)


def _is_licence_of_wheel(member: str) -> bool:
    """Return whether a member is a licence, also one that is named by its SPDX identifier, such as ``MIT.txt``."""
    path = PurePosixPath(member)
    in_metadata = len(path.parts) == 2 and path.parts[0].endswith(".dist-info")
    named = in_metadata and path.suffix in {".txt", ".md", ".rst"} and path.name not in _OF_METADATA
    return _is_licence(path.name) or "/licenses/" in member or named


def _is_licence(name: str) -> bool:
    return bool(_LICENCE.match(name)) and not name.endswith((".py", ".pyc"))
