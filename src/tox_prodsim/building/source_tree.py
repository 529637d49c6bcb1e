"""The source tree of the project: a copy in which a build leaves no trace, and what a build has written into it.

The copy has everything that a build can read: files that git does not track, a build/ of an earlier build, times and
modes. A checkout of the commit would lack those. Left out is the list of files that an earlier build of setuptools has
left in ``*.egg-info``. Git works in the copy, because back ends ask it for versions and lists of files: with the
objects of the user's own repository and an index that is private to the copy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import Cancelled, NoTreeError, TreeUnavailableError
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import Runner

LIMIT_BYTES, LIMIT_FILES = 1 << 30, 20_000
"""A larger tree is not copied: that takes longer than the build (20,000 files: 10 s), and the disk may be too small."""
_GIT_LIMIT_S = 60.0
_LEFT_OUT = {".git", ".tox", ".nox", ".venv", "__pycache__", "node_modules"}
_MARKERS = ("pyvenv.cfg", "CACHEDIR.TAG")
"""The marker files of a virtual environment and of a cache (bford.info/cachedir)."""
_MANIFEST = "SOURCES.txt"
_ARCHIVES = (".whl", ".tar.gz", ".zip")
_GIT_RULES = (".gitignore", ".gitattributes")
_BUILD_OUTPUT = lazy_regex(
    r"(^|/)(build|dist|\.eggs|\.tox|\.nox|\.venv|__pycache__|\.pytest_cache|[^/]+\.(egg-info|dist-info))(/|$)|\.py[co]$"
)
"""What builds usually write; it is not reported, even if git does not ignore it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """The repository of the project, as git names its parts."""

    git_dir: Path
    common_dir: Path
    top: Path
    """The work tree."""
    prefix: str
    """The folder of the project in the work tree, with a slash at its end; empty: the work tree itself."""


Status = Mapping[str, tuple[str, int]]
"""Of each path that differs from the commit: the two letters of ``git status``, and when it was written, in ns."""


def status(root: Path, git: Runner) -> Status:
    """Return what is changed and what is new below a folder of a work tree; raises TreeUnavailableError."""
    settings = ("-c", "core.fsmonitor=false")  # it would leave a process that watches the folder
    question = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--", ".")
    completed = git(["git", "-C", str(root), *settings, *question], timeout_s=_GIT_LIMIT_S)
    shown = git(["git", "-C", str(root), "rev-parse", "--show-prefix"], timeout_s=_GIT_LIMIT_S)
    if completed.returncode != 0 or shown.returncode != 0:
        msg = "git does not say what is new in the source tree"
        raise TreeUnavailableError(msg)
    prefix = os.fsdecode(shown.stdout).removesuffix("\n")
    entries = (os.fsdecode(entry) for entry in completed.stdout.split(b"\0") if entry)
    named = ((entry[:2], entry[3:].removeprefix(prefix)) for entry in entries)
    return {name: (letters, _written_at(root / name)) for letters, name in named}


def written(before: Status, after: Status) -> tuple[tuple[str, bool], ...]:
    """Return what was written between two states, and whether git tracks it; usual build output is left out."""
    return tuple(
        (path, entry[0] != "??")
        for path, entry in sorted(after.items())
        if before.get(path) != entry and not _BUILD_OUTPUT.search(path)
    )


def repository(git: Runner) -> Repository:
    """Return the repository of the project; raises TreeUnavailableError when there is none."""
    question = ("--absolute-git-dir", "--path-format=absolute", "--git-common-dir", "--show-toplevel", "--show-prefix")
    completed = git(["git", "rev-parse", *question], timeout_s=_GIT_LIMIT_S)
    lines = os.fsdecode(completed.stdout).split("\n")
    if completed.returncode != 0 or len(lines) < 4:
        msg = "the project is in no git repository"
        raise NoTreeError(msg)
    return Repository(git_dir=Path(lines[0]), common_dir=Path(lines[1]), top=Path(lines[2]), prefix=lines[3])


def tracked(root: Path, git: Runner) -> frozenset[str]:
    """Return the files of a folder that git tracks and that are there; nothing where there is no repository."""
    completed = git(["git", "-C", str(root), "ls-files", "-z", "--", "."], timeout_s=_GIT_LIMIT_S)
    names = os.fsdecode(completed.stdout).split("\0") if completed.returncode == 0 else []
    return frozenset(name for name in names if name and (root / name).is_file())


def old_manifests(root: Path, git: Runner) -> Mapping[Path, frozenset[str]]:
    """Return the folders of metadata that earlier builds left, and the files that each of them names.

    setuptools packs again what an old SOURCES.txt names. In an unpacked sdist (with PKG-INFO) and where git tracks it,
    it is a source like any other.
    """
    folders = [folder for pattern in ("*.egg-info", "*/*.egg-info") for folder in sorted(root.glob(pattern))]
    found = [folder for folder in folders if (folder / _MANIFEST).is_file()]
    if not found or (root / "PKG-INFO").is_file():
        return {}
    kept = tracked(root, git)
    untracked = [folder for folder in found if str((folder / _MANIFEST).relative_to(root)) not in kept]
    texts = {folder: (folder / _MANIFEST).read_text(encoding="utf-8", errors="replace") for folder in untracked}
    return {folder: frozenset(text.splitlines()) for folder, text in texts.items()}


def copy(
    root: Path,
    folder: Path,
    git: Runner,
    *,
    leave_out: Iterable[Path],
    interrupted: Callable[[], bool] = lambda: False,
) -> Path:
    """Return a copy of the project's folder below ``folder``, which is the top of a work tree for git.

    Raises TreeUnavailableError for a tree that is too large, OSError, and Cancelled once it is ``interrupted``.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / ".git").mkdir(parents=True)  # git, and back ends that read its rules themselves, look no further up
    prefix = _share_repository(folder, git)
    target = folder / prefix
    target.mkdir(parents=True, exist_ok=True)
    _TreeCopy(root.resolve(), target, {path.resolve() for path in leave_out}, interrupted).run()
    if prefix:
        _limit_checkout(folder, prefix, git)
    return target


def _share_repository(folder: Path, git: Runner) -> str:
    """Make the folder a work tree of the project's repository, if any, and return the project's prefix in it."""
    try:
        origin = repository(git)
    except TreeUnavailableError:
        return ""
    _share_git_dir(origin, folder / ".git")
    if origin.prefix:
        _copy_rules(origin, folder)
    return origin.prefix


def _share_git_dir(origin: Repository, git_dir: Path) -> None:
    """Make the git folder of a work tree of which the repository itself has no record."""
    (git_dir / "info").mkdir()
    (git_dir / "commondir").write_text(f"{origin.common_dir}\n", encoding="utf-8")
    for name in ("HEAD", "index"):
        if (origin.git_dir / name).is_file():
            shutil.copy2(origin.git_dir / name, git_dir / name)


def _copy_rules(origin: Repository, top: Path) -> None:
    """Copy the git rules of the folders above the project."""
    above = [origin.top, *(origin.top / parent for parent in Path(origin.prefix).parents if parent != Path())]
    for rules in (folder / name for folder in above for name in _GIT_RULES):
        if rules.is_file():
            target = top / rules.relative_to(origin.top)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(rules, target)


def _limit_checkout(top: Path, prefix: str, git: Runner) -> None:
    """Tell git that the copy has only the project's folder checked out: files elsewhere are not deleted ones."""
    (top / ".git" / "info" / "sparse-checkout").write_text(f"/{prefix}\n", encoding="utf-8")
    settings = ("-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false")
    git(["git", "-C", str(top), *settings, "sparse-checkout", "reapply"], timeout_s=_GIT_LIMIT_S)


class _TreeCopy:
    """Copies one tree, and counts what it has copied."""

    def __init__(self, root: Path, target: Path, leave_out: set[Path], interrupted: Callable[[], bool]) -> None:
        self._root = root
        self._target = target
        self._leave_out = leave_out
        self._interrupted = interrupted
        self._size_bytes = self._files = 0

    def run(self) -> None:
        """Copy the tree."""
        self._copy_folder(self._root, self._target)

    def _copy_folder(self, source: Path, target: Path) -> None:
        with os.scandir(source) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.name in _LEFT_OUT or path in self._leave_out or self._is_old_archive(path):
                    continue
                if entry.is_symlink():
                    self._copy_link(path, target / entry.name)
                elif entry.is_file():
                    self._copy_file(entry, target / entry.name)
                elif entry.is_dir() and not any((path / marker).is_file() for marker in _MARKERS):
                    (target / entry.name).mkdir()
                    self._copy_folder(path, target / entry.name)
                    shutil.copystat(path, target / entry.name)

    def _is_old_archive(self, path: Path) -> bool:
        return path.parent == self._root / "dist" and path.name.endswith(_ARCHIVES)

    def _copy_file(self, entry: os.DirEntry[str], target: Path) -> None:
        if self._interrupted():
            raise Cancelled
        self._size_bytes += entry.stat().st_size
        self._files += 1
        if self._size_bytes > LIMIT_BYTES or self._files > LIMIT_FILES:
            limit = f"{LIMIT_BYTES >> 20} MB" if self._size_bytes > LIMIT_BYTES else f"{LIMIT_FILES} files"
            msg = f"the source tree has more than {limit} beside its environments and caches"
            raise TreeUnavailableError(msg)
        shutil.copy2(entry.path, target)

    def _copy_link(self, path: Path, target: Path) -> None:
        """Copy a link; one that points out of the tree points to the same file."""
        pointed_to = path.resolve()
        inside = pointed_to.is_relative_to(self._root) and not path.readlink().is_absolute()
        target.symlink_to(path.readlink() if inside else pointed_to)


def stale_files(root: Path) -> Iterator[str]:
    """Yield the files in build/lib* of a tree, at the paths where setuptools would install them."""
    for folder in sorted((root / "build").glob("lib*")):
        yield from (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _written_at(path: Path) -> int:
    try:
        return path.lstat().st_mtime_ns
    except OSError:
        return 0
