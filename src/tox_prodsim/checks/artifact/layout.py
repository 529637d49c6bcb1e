"""WHL110 to WHL133 and ENT510: what an installer would put into site-packages, and its effect there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from tox_prodsim.checks.artifact.wheel import Wheel, parents
from tox_prodsim.model import top_levels
from tox_prodsim.model.findings import CheckResult, Finding, error, note, warning
from tox_prodsim.model.formatting import listed
from tox_prodsim.model.regex import lazy_regex

CODES = ("WHL110", "WHL120", "WHL121", "WHL130", "WHL133", "ENT510")

_MARKER = "py.typed"
_NAME = lazy_regex(r"[\w.-]+")
_MODULES_SHOWN = 2
_NAMED_IN = "packages or py-modules of [tool.setuptools], packages of [tool.hatch.build.targets.wheel]"


def check_contents(wheel: Wheel) -> CheckResult:
    """Return what is missing, what hides something else, and what should not be there."""
    findings = (
        *_emptiness(wheel),
        *_typed_without_marker(wheel),
        *_stubs_without_marker(wheel),
        *_shadowed(wheel),
        *_common_top_levels(wheel),
        *wheel.problems,
        *_absent_script_modules(wheel),
    )
    return CheckResult(detail="", codes=CODES, findings=findings)


def _emptiness(wheel: Wheel) -> Iterator[Finding]:
    if wheel.files:
        return
    message = "holds nothing but its metadata"
    if wheel.console_modules:
        shown = " and ".join(wheel.console_modules[:_MODULES_SHOWN])
        hint = f"have the build include {shown}, which its commands import: name the package or the module"
        yield error("WHL110", wheel.file_name, message, hint)
    elif _brings_its_family(wheel):
        hint = (
            "nothing to do if it exists for its requirements, else name the package in the configuration of the build"
        )
        yield note("WHL110", wheel.file_name, f"{message}, and requires other parts of its project", hint)
    else:
        hint = f"name the package or the module in the configuration of the build ({_NAMED_IN})"
        more = "; set ignore = WHL110 if it is there for its requirements" if wheel.requires else ""
        yield error("WHL110", wheel.file_name, message, f"{hint}{more}")


def _brings_its_family(wheel: Wheel) -> bool:
    """Return whether it requires distributions whose names begin as its own does, as jupyter and pyobjc do."""
    family = f"{canonicalize_name(wheel.name)}-"
    names = (found[0] for text in wheel.requires if (found := _NAME.match(text)))
    return any(canonicalize_name(name).startswith(family) for name in names)


def _typed_without_marker(wheel: Wheel) -> Iterator[Finding]:
    """Yield a classifier for types that type checkers ignore; PEP 561 has no marker for a single module."""
    folders = {file.partition("/")[0] for file in wheel.files if "/" in file}
    stubs = any(folder.endswith("-stubs") for folder in folders)
    packages = any(file.endswith("/__init__.py") for file in wheel.files)
    if "Typing :: Typed" in wheel.classifiers and packages and not stubs and not _marked_folders(wheel.files):
        message = f"the classifier says Typing :: Typed, but there is no {_MARKER} in the wheel"
        hint = f"add an empty {_MARKER} beside the __init__.py and have the build include it, or drop the classifier"
        yield error("WHL120", wheel.file_name, message, hint)


def _marked_folders(files: Iterable[str]) -> set[str]:
    """Return the folders with a marker."""
    return {file.rpartition("/")[0] for file in files if file.endswith(f"/{_MARKER}")}


def _stubs_without_marker(wheel: Wheel) -> Iterator[Finding]:
    """Yield stubs that mypy ignores; only those of a whole package are certainly meant for users.

    pandas, scipy and grpcio ship stubs of some modules, for themselves and for editors, and are not typed.
    """
    marked = _marked_folders(wheel.files)
    ignored = [file for file in wheel.files if file.endswith(".pyi") and "/" in file and not _is_marked(file, marked)]
    whole = [file for file in ignored if _describes_package(file, wheel.files)]
    if ignored:
        subject = listed([*whole, *(file for file in ignored if file not in whole)])
        message = f"mypy passes over it, because the package has no {_MARKER}"
        hint = f"add an empty {_MARKER} beside the __init__.py and have the build include it"
        yield (warning if whole else note)("WHL121", subject, message, hint)


def _describes_package(stub: str, files: Iterable[str]) -> bool:
    return stub.endswith("/__init__.pyi") and not stub.startswith("_") and stub[:-1] in files


def _is_marked(stub: str, marked: set[str]) -> bool:
    folders = {str(parent) for parent in PurePosixPath(stub).parents}
    return stub.partition("/")[0].endswith("-stubs") or bool(marked & folders)


def _shadowed(wheel: Wheel) -> Iterator[Finding]:
    files = set(wheel.files)
    for file in wheel.files:
        package = f"{file.removesuffix('.py')}/__init__.py"
        if file.endswith(".py") and package in files:
            message = f"is never imported, because the package {package.removesuffix('__init__.py')} comes first"
            yield warning("WHL130", file, message, "rename one of the two, or leave the module out of the wheel")


def _common_top_levels(wheel: Wheel) -> Iterator[Finding]:
    """Yield the top-levels that every other project could install as well, except the name of this project."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in wheel.files:
        found[file.partition("/")[0].removesuffix(".py")].append(file)
    for name, files in sorted(found.items()):
        if top_levels.is_stray(name, canonicalize_name(wheel.name), wheel.modules):
            yield _stray_top_level(name, files, wheel)


def _stray_top_level(name: str, files: list[str], wheel: Wheel) -> Finding:
    has_code = any(file.endswith(".py") for file in files) and files != [f"{name}.py"]
    is_used = any(module == name or name in parents(module) for module in wheel.console_modules)
    subject = f"{name}/" if "/" in files[0] else f"{name}.py"
    message = f"would be installed as top-level {name}, beside and over that of every other project"
    hint = f"leave {name} out of the wheel (exclude it in the configuration of the build back end)"
    if is_used or name in top_levels.GENERAL:
        return warning("WHL133", subject, message, f"move {name} into the package of the project")
    return (error if has_code else warning)("WHL133", subject, message, hint)


def _absent_script_modules(wheel: Wheel) -> Iterator[Finding]:
    """Yield the commands whose module should be in this wheel; others may be in a dependency."""
    modules = set(wheel.modules)
    for point in wheel.scripts:
        if point.module not in modules and modules & set(parents(point.module)):
            hint = f"have the build include {point.module}, or correct the entry point in pyproject.toml"
            yield error("ENT510", str(point), f"there is no module {point.module} in the wheel", hint)
