"""The source tree of the project: what a build has written into it, and a copy that can be built without a trace.

The copy has everything that a build can see: files that git does not know, a build/ that an earlier build has left,
times and modes. Git serves it from the objects of the user's own repository, with an index that is private to the
copy: a checkout of the commit would lack the first, and a plain copy git, which has versions and lists of files.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.model.errors import Cancelled, TreeUnavailableError
from tox_prodsim.model.runner import Runner

LIMIT_BYTES, LIMIT_FILES = 1 << 30, 20_000
"""A tree of more is not copied: it takes longer than the build (20,000 files: 10 s), and the disk may not have it."""
_GIT_LIMIT_S = 60.0
_LEFT_OUT = {".git", ".tox", ".nox", ".venv", "__pycache__", "node_modules"}
_MARKERS = ("pyvenv.cfg", "CACHEDIR.TAG")
"""What is in a virtual environment, and in a folder of things that can be made again (bford.info/cachedir)."""
_ARCHIVES = (".whl", ".tar.gz", ".zip")
_RULES = (".gitignore", ".gitattributes")
_USUAL = re.compile(
    r"(^|/)(build|dist|\.eggs|\.tox|\.nox|\.venv|__pycache__|\.pytest_cache|[^/]+\.(egg-info|dist-info))(/|$)|\.py[co]$"
)
"""What builds write and nobody minds, whether git is told to ignore it or not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A repository as git names it: ``top`` is its work tree, ``prefix`` where the project is in it."""

    own: Path
    common: Path
    top: Path
    prefix: str


Status = Mapping[str, tuple[str, int]]
"""What git would tell of each path that is not as it was committed: two letters, and when it was written, in ns."""


def status(root: Path, git: Runner) -> Status:
    """Return what is changed and what is new below a folder of a work tree; raises Unavailable when git cannot say."""
    quiet = ("-c", "core.fsmonitor=false")  # it would leave a process that watches the folder
    asked = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", ".")
    ran = git(["git", "-C", str(root), *quiet, *asked], timeout_s=_GIT_LIMIT_S)
    shown = git(["git", "-C", str(root), "rev-parse", "--show-prefix"], timeout_s=_GIT_LIMIT_S)
    if ran.returncode != 0 or shown.returncode != 0:
        msg = "git does not tell what is new in the source tree"
        raise TreeUnavailableError(msg)
    prefix = os.fsdecode(shown.stdout).removesuffix("\n")
    entries = (os.fsdecode(entry) for entry in ran.stdout.split(b"\0") if entry)
    named = ((entry[:2], entry[3:].removeprefix(prefix)) for entry in entries)
    return {name: (letters, _written_at(root / name)) for letters, name in named}


def written(before: Status, after: Status) -> tuple[tuple[str, bool], ...]:
    """Return what was written between two looks, and whether git tracks it; what builds usually write is left out."""
    return tuple(
        (path, entry[0] != "??")
        for path, entry in sorted(after.items())
        if before.get(path) != entry and not _USUAL.search(path)
    )


def repository(git: Runner) -> Repository:
    """Return the repository that the project is in; raises Unavailable when it is in none."""
    asked = ("--absolute-git-dir", "--path-format=absolute", "--git-common-dir", "--show-toplevel", "--show-prefix")
    ran = git(["git", "rev-parse", *asked], timeout_s=_GIT_LIMIT_S)
    lines = os.fsdecode(ran.stdout).split("\n")
    if ran.returncode != 0 or len(lines) < 4:
        msg = "the project is in no git repository"
        raise TreeUnavailableError(msg)
    return Repository(own=Path(lines[0]), common=Path(lines[1]), top=Path(lines[2]), prefix=lines[3])


def copy(
    root: Path,
    folder: Path,
    git: Runner,
    *,
    leave_out: Iterable[Path],
    interrupted: Callable[[], bool] = lambda: False,
) -> Path:
    """Return a copy of the project's folder below ``folder``; raises Unavailable when it is too large, and OSError.

    Raises Cancelled when ``interrupted`` while it copies: a tree of many files takes long. Nothing above ``folder`` is
    part of it for git, nor for a back end that looks for the rules of git by itself.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".git").mkdir(parents=True)
    try:
        origin = repository(git)
    except TreeUnavailableError:
        prefix = ""
    else:
        _lend(origin, folder)
        prefix = origin.prefix
    target = folder / prefix
    target.mkdir(parents=True, exist_ok=True)
    _Copying(root.resolve(), target, {path.resolve() for path in leave_out}, interrupted).all()
    if prefix:
        _narrow(folder, prefix, git)
    return target


def _lend(origin: Repository, top: Path) -> None:
    """Make a work tree of the user's repository that the repository itself knows nothing of."""
    git_dir = top / ".git"
    (git_dir / "info").mkdir()
    (git_dir / "commondir").write_text(f"{origin.common}\n", encoding="utf-8")
    for name in ("HEAD", "index"):
        if (origin.own / name).is_file():
            shutil.copy2(origin.own / name, git_dir / name)
    above = [origin.top, *(origin.top / parent for parent in Path(origin.prefix).parents if parent != Path())]
    for rules in (folder / name for folder in above for name in _RULES):
        if origin.prefix and rules.is_file():
            target = top / rules.relative_to(origin.top)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(rules, target)


def _narrow(top: Path, prefix: str, git: Runner) -> None:
    """Tell git that only the project's folder is checked out in the copy: the rest is not there, and not deleted."""
    (top / ".git" / "info" / "sparse-checkout").write_text(f"/{prefix}\n", encoding="utf-8")
    settings = ("-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false")
    git(["git", "-C", str(top), *settings, "sparse-checkout", "reapply"], timeout_s=_GIT_LIMIT_S)


class _Copying:
    """Copies one tree, and knows how much it has copied."""

    def __init__(self, root: Path, target: Path, leave_out: set[Path], interrupted: Callable[[], bool]) -> None:
        self._root = root
        self._target = target
        self._leave_out = leave_out
        self._interrupted = interrupted
        self._size_bytes = self._files = 0

    def all(self) -> None:
        """Copy the tree."""
        self._folder(self._root, self._target)

    def _folder(self, source: Path, target: Path) -> None:
        with os.scandir(source) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.name in _LEFT_OUT or path in self._leave_out or self._is_old_archive(path):
                    continue
                if entry.is_symlink():
                    self._link(path, target / entry.name)
                elif entry.is_file():
                    self._file(entry, target / entry.name)
                elif entry.is_dir() and not any((path / marker).is_file() for marker in _MARKERS):
                    (target / entry.name).mkdir()
                    self._folder(path, target / entry.name)
                    shutil.copystat(path, target / entry.name)

    def _is_old_archive(self, path: Path) -> bool:
        return path.parent == self._root / "dist" and path.name.endswith(_ARCHIVES)

    def _file(self, entry: os.DirEntry[str], target: Path) -> None:
        if self._interrupted():
            raise Cancelled
        self._size_bytes += entry.stat().st_size
        self._files += 1
        if self._size_bytes > LIMIT_BYTES or self._files > LIMIT_FILES:
            limit = f"{LIMIT_BYTES >> 20} MB" if self._size_bytes > LIMIT_BYTES else f"{LIMIT_FILES} files"
            msg = f"the source tree has more than {limit} beside its environments and caches"
            raise TreeUnavailableError(msg)
        shutil.copy2(entry.path, target)

    def _link(self, path: Path, target: Path) -> None:
        """Copy a link; one that leads out of the tree still leads to where it did."""
        pointed = path.resolve()
        inside = pointed.is_relative_to(self._root) and not path.readlink().is_absolute()
        target.symlink_to(path.readlink() if inside else pointed)


def stale_files(root: Path) -> Iterator[str]:
    """Yield what lies in build/lib and its like of a tree, at the paths where setuptools would install it."""
    for folder in sorted((root / "build").glob("lib*")):
        yield from (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _written_at(path: Path) -> int:
    try:
        return path.lstat().st_mtime_ns
    except OSError:
        return 0
