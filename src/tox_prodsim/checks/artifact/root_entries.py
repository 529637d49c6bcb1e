"""WHL135: what a wheel puts into the root of site-packages, although it is not to be imported.

Names that can be imported are left to ``layout`` (WHL133), strays to ``wheel_strays`` (WHL131).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from packaging.utils import canonicalize_name

from tox_prodsim.checks.artifact.member_paths import path_suffix
from tox_prodsim.checks.artifact.wheel import Wheel, module_parts
from tox_prodsim.checks.artifact.wheel_strays import is_stray
from tox_prodsim.model import top_levels
from tox_prodsim.model.findings import CheckResult, Finding, warning
from tox_prodsim.model.formatting import listed

CODES = ("WHL135",)

_KINDS = frozenset({".py", ".pyc", ".pyi", ".pth", ".so", ".pyd", ".dll", ".dylib"})
"""Modules, stubs of them, libraries beside them, and what the interpreter reads as it starts."""
_TOOL_FOLDERS = (".data", ".libs", ".dylibs", ".prefix", ".egg-info", "-stubs")
"""What installers and tools that repair wheels give a meaning to."""
_LICENCES = ("licen", "copying", "notice", "authors")
_SHOWN = 3


def check_root(wheel: Wheel) -> CheckResult:
    """Return what would lie in the root of site-packages, beside the files of every other project."""
    return CheckResult(detail="", codes=CODES, findings=(*_files(wheel.files), *_folders(wheel, wheel.files)))


def _files(files: Sequence[str]) -> Iterator[Finding]:
    roots = (file for file in files if "/" not in file and path_suffix(file) not in _KINDS)
    found = [file for file in roots if not is_stray(file)]
    if found:
        many = len(found) > 1
        message = f"would be written into the root of site-packages, where other projects have {_them(many=many)}, too"
        licences = any(file.lower().startswith(_LICENCES) for file in found)
        hint = "leave it out of the wheel: do not name it in 'include', 'package-data' or 'data_files'"
        hint = f"{hint}; name licences in 'license-files' of [project]" if licences else hint
        yield warning("WHL135", listed(found, _SHOWN), message, hint)


def _them(*, many: bool) -> str:
    return "files of these names" if many else "a file of this name"


def _folders(wheel: Wheel, files: Sequence[str]) -> Iterator[Finding]:
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        top, slash, _ = file.partition("/")
        if slash and not top.endswith(_TOOL_FOLDERS):
            found[top].append(file)
    for top, its_files in sorted(found.items()):
        own = [] if _is_own(wheel, top) else [file for file in its_files if not is_stray(file)]
        if own and not any(map(_is_for_python, own)):
            message = "would be written into the root of site-packages, and holds nothing to import"
            hint = f"leave {top}/ out of the wheel, or move what the program reads into its package"
            yield warning("WHL135", f"{top}/", message, hint)


def _is_own(wheel: Wheel, top: str) -> bool:
    """Return whether a folder has the name of the project, or of a namespace that it is in, or is reported already."""
    project, name = canonicalize_name(wheel.name), canonicalize_name(top)
    is_reported = top_levels.is_stray(top, project, wheel.modules)
    return is_reported or name == project or project.startswith(f"{name}-")


def _is_for_python(file: str) -> bool:
    """Return whether it can be imported, or is a stub, a library or a script of Python."""
    return bool(module_parts(file)) or path_suffix(file) in _KINDS
