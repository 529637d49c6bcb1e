"""Files of reports: where one may be written, and what the plugin knows that a format shows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from tox_prodsim.catalogue import CATALOGUE, page
from tox_prodsim.model import files
from tox_prodsim.model.errors import ForeignFileError, ProdsimError
from tox_prodsim.model.printable import has_controls
from tox_prodsim.report import NORMAL, CodeText, RenderOptions

_SOURCE_FOLDERS = ("", "src", "lib", "python")
"""Folders of a project that can hold what a wheel has at its root."""
_PROJECT_FILES = ("pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "tox.toml")
"""Files that stand for a finding without a place: the first that is there."""

_JOB_FOLDERS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""The variables in which GitHub and GitLab name the folder of the repository."""


def reason_not_writable(path: Path) -> str:
    """Return why no report can be written there, empty if it can."""
    try:
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        files.refuse_foreign(path)
        is_writable = not path.exists() or os.access(path, os.W_OK)
        tempfile.TemporaryFile(dir=path.parent).close()  # not even root can on a read-only disk, or in /proc
    except ForeignFileError as problem:
        return f"it is {problem.kind}, name a file"
    except OSError as problem:
        return problem.strerror or str(problem)
    return "" if is_writable else "permission denied"


def write(path: Path, text: str, *, mode: int = files.SHARED) -> None:
    """Write a report in place of a file that was there; raises OSError for anything else, and waits for nothing."""
    with files.atomic_write(path.parent.resolve() / path.name, mode=mode) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def write_or_refuse(path: Path, text: str, *, option: str, mode: int = files.SHARED) -> None:
    """Write a file that an option names; raises ProdsimError with the option when it cannot be written."""
    refuse_unwritable(path, option=option)
    try:
        write(path, text, mode=mode)
    except OSError as problem:
        msg = f"{path} cannot be written: {problem.strerror or problem}"
        raise ProdsimError(option, msg) from problem


def refuse_unwritable(path: Path, *, option: str) -> None:
    """Raise ProdsimError with the option when no file can be written there."""
    if reason := reason_not_writable(path):
        msg = f"{path} cannot be written: {reason}"
        raise ProdsimError(option, msg)


def options(
    root: Path,
    *,
    color: bool = False,
    encoding: str | None = "utf-8",
    verbosity: int = NORMAL,
    report_path: str = "",
) -> RenderOptions:
    """Return what a format shows of the catalogue and of the project."""
    return RenderOptions(
        color=color,
        encoding=encoding,
        verbosity=verbosity,
        report_path=report_path,
        codes=_codes(),
        source_of=partial(source_of, root),
        project_file=next(filter(None, (source_of(root, name) for name in _PROJECT_FILES)), _PROJECT_FILES[0]),
    )


def _codes() -> Mapping[str, CodeText]:
    return {
        check.code: CodeText(title=check.title, why=check.why, page=page(check), level=check.level)
        for check in CATALOGUE.values()
    }


def _repository(root: Path) -> Path:
    """Return the root of the repository: the nearest folder with ``.git``, not above that in which a CI job works."""
    job = next((Path(os.environ[name]).resolve() for name in _JOB_FOLDERS if os.environ.get(name)), None)
    above = [root, *root.parents]
    if job is not None and job in above:
        above = above[: above.index(job) + 1]
        return next((each for each in above if (each / ".git").exists()), job)
    return next((each for each in above if (each / ".git").exists()), root)


def source_of(root: Path, file: str) -> str:
    """Return the path of a file of the wheel or the sdist below the repository; empty: it is not there."""
    name = PurePosixPath(file.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or has_controls(file):
        return ""
    try:
        root = root.resolve()
        found = next((root / folder / name for folder in _SOURCE_FOLDERS if (root / folder / name).is_file()), None)
        top = _repository(root)
    except OSError:  # a name that is too long, a folder that cannot be read
        return ""
    return "" if found is None else found.relative_to(top).as_posix()
