"""The wheel of another version of the project: from the cache, built from its commit, or from the index.

Git uses a worktree of its own, which is always removed: the user's tree is not touched, even if it is dirty.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tox_prodsim.model import files
from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.errors import ForeignFileError, ProdsimError, ReleaseRefusedError, WheelUnavailableError
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.model.runner import Completed, Runner

KEPT_RUNS = 8
"""How many wheels of runs are kept; the oldest ones are removed."""
KEPT_ACCEPTED = 24
"""How many wheels of accepted baselines are kept."""
_ACCEPTED = "accepted"
_SHA256 = lazy_regex(r"[0-9a-f]{64}")
_GIT_LIMIT_S = 120.0
_LOCAL_TO_A_TREE = lazy_regex(
    r"GIT_(ALTERNATE_OBJECT_DIRECTORIES|CONFIG|CONFIG_PARAMETERS|CONFIG_COUNT|OBJECT_DIRECTORY|DIR|WORK_TREE"
    r"|IMPLICIT_WORK_TREE|GRAFT_FILE|INDEX_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE|PREFIX|SHALLOW_FILE|COMMON_DIR"
    r"|INTERNAL_SUPER_PREFIX)"
)
"""What ``git rev-parse --local-env-vars`` lists. In a hook that runs tox they are set, and name the hook's index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceSpec:
    """What is known of the wheel to get; an empty text is not known. A wheel with another sha256 is not used."""

    name: str
    version: str = ""
    sha256: str = ""
    commit: str = ""
    public: bool = True
    """Whether it can have been uploaded to an index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReferenceWheel:
    """The wheel of another version, and where it comes from, in a phrase."""

    wheel: Path
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelSources:
    """Where wheels come from."""

    cache: Path
    """The folder of kept wheels."""
    folder: Path
    """A private folder for builds and downloads."""
    git: Runner
    """Runs git in the project."""
    build: Callable[[Path, Path], Path]
    """``build(source, folder)`` returns a wheel in the folder; raises ProdsimError."""
    fetch: Callable[[str, Path], Path]
    """``fetch(requirement, folder)`` returns a wheel of the index as it is, nothing is built; raises ProdsimError."""
    fetch_or_build: Callable[[str, Path], Path]
    """As ``fetch``; where the index has no wheel, the sdist is built."""


def obtain(spec: ReferenceSpec, sources: WheelSources) -> ReferenceWheel:
    """Return the wheel from the first source that has it; raises WheelUnavailableError with all reasons."""
    problems: list[WheelUnavailableError] = []
    for source in (_from_cache, from_commit, from_index):
        try:
            return source(spec, sources)
        except WheelUnavailableError as problem:
            problems.append(problem)
    kind = type(problems[-1])
    raise kind("; ".join(map(str, problems)))


def _from_cache(spec: ReferenceSpec, sources: WheelSources) -> ReferenceWheel:
    wheel = kept(sources.cache, spec.sha256) if spec.sha256 else None
    if wheel is None:
        msg = "its wheel is not kept here"
        raise WheelUnavailableError(msg)
    return ReferenceWheel(wheel=wheel, origin=f"wheel {spec.version}, kept since then")


def from_commit(spec: ReferenceSpec, sources: WheelSources) -> ReferenceWheel:
    """Return the wheel built from the commit; raises WheelUnavailableError."""
    if not spec.commit:
        msg = "its commit is not known"
        raise WheelUnavailableError(msg)
    short, folder = spec.commit[:12], _empty(sources.folder / "built")
    try:
        with checkout(spec.commit, folder / "tree", sources.git) as source:
            wheel = sources.build(source, folder)
    except ProdsimError as problem:
        msg = f"commit {short} does not build: {problem.message}"
        raise WheelUnavailableError(msg) from problem
    return ReferenceWheel(wheel=wheel, origin=f"{_format_name(wheel)}, built from commit {short}")


def from_index(spec: ReferenceSpec, sources: WheelSources) -> ReferenceWheel:
    """Return the wheel that the index has of this name and version; raises WheelUnavailableError.

    Raises ReleaseRefusedError when it has another sha256 than the one that is known: whoever can upload there, or can
    change a baseline, must not choose what is run.
    """
    # Such versions are never uploaded, and the name of a private project on a public index is another project's.
    if not spec.version or not spec.public or re.search(r"\+|\.dev", spec.version):
        reason = "the project is private" if not spec.public else f"version {spec.version or 'unknown'}"
        msg = f"the index is not asked ({reason})"
        raise WheelUnavailableError(msg)
    requirement = f"{spec.name}=={spec.version}"
    try:
        fetch = sources.fetch if spec.sha256 else sources.fetch_or_build
        wheel = fetch(requirement, _empty(sources.folder / "fetched"))
    except ProdsimError as problem:
        msg = f"{requirement} is not available from the index: {problem.message}"
        raise WheelUnavailableError(msg) from problem
    if spec.sha256 and (found := _sha256(wheel)) != spec.sha256:
        msg = f"{requirement} of the index has sha256 {found[:12]}, the baseline recorded {spec.sha256[:12]}"
        raise ReleaseRefusedError(f"{msg}: it is neither installed nor run")
    return ReferenceWheel(wheel=wheel, origin=f"{requirement} from the index")


def _format_name(wheel: Path) -> str:
    return f"wheel {wheel.name.split('-')[1]}"


def _empty(folder: Path) -> Path:
    """Return the folder, made and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


# the cache


def keep(wheel: Path, cache: Path) -> Path:
    """Keep a complete copy of the wheel, remove the oldest wheels, and return the path of the copy; raises OSError."""
    entry = files.folder(files.folder(cache) / _sha256(wheel))
    copy = entry / wheel.name
    files.refuse_foreign(copy)
    if not copy.exists():
        with wheel.open("rb") as source, files.atomic_write(copy) as target:
            shutil.copyfileobj(source, target)
    os.utime(entry)
    _prune(cache)
    return copy


def accept(sha256: str, cache: Path) -> None:
    """Keep a wheel longer, because it belongs to an accepted baseline."""
    entry = _entry(cache, sha256)
    if entry is not None:
        with contextlib.suppress(OSError):
            files.write(entry / _ACCEPTED, b"")


def kept(cache: Path, sha256: str) -> Path | None:
    """Return the wheel with this sha256, or None; a damaged one is removed."""
    entry = _entry(cache, sha256)
    wheel = next(iter(sorted(entry.glob("*.whl"))), None) if entry is not None else None
    if entry is None or wheel is None:
        return None
    try:
        if _sha256(wheel) == sha256:
            return wheel
    except ForeignFileError:
        return None
    shutil.rmtree(entry, ignore_errors=True)
    return None


def _entry(cache: Path, sha256: str) -> Path | None:
    """Return the folder of a wheel in the cache; None: there is none.

    A sha256 comes from a file in the repository, so a text that is not one must not lead out of the cache.
    """
    is_entry = _SHA256.fullmatch(sha256) and not cache.is_symlink() and _is_folder(cache / sha256)
    return cache / sha256 if is_entry else None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _prune(cache: Path) -> None:
    """Remove the oldest entries beyond the two limits, and what killed runs have left in the others."""
    names = [name for name in os.listdir(cache) if _entry(cache, name) is not None]  # noqa: PTH208 - names
    entries = sorted((cache / name for name in names), key=_age_s)
    accepted = [entry for entry in entries if (entry / _ACCEPTED).exists()]
    others = [entry for entry in entries if entry not in accepted]
    for entry in [*accepted[KEPT_ACCEPTED:], *others[KEPT_RUNS:]]:
        shutil.rmtree(entry, ignore_errors=True)
    for entry in entries:
        files.remove_leftovers(entry)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _sha256(path: Path) -> str:
    with files.open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# git


def git_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for git: the user's own without those that name a tree or an index, and without prompts."""
    own = {name: value for name, value in environ.items() if not _LOCAL_TO_A_TREE.fullmatch(name)}
    return {**own, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def commit_of(ref: str, git: Runner) -> str | None:
    """Return the full hash of the commit that a ref, a tag or a hash names, or None."""
    completed = _git(git, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return completed.stdout.decode().strip() or None if completed.returncode == 0 else None


def merge_base(commit: str, git: Runner) -> str:
    """Return the merge base of HEAD and a commit; raises WheelUnavailableError when they have none."""
    completed = _git(git, "merge-base", "HEAD", commit)
    if completed.returncode != 0:
        msg = f"HEAD and {commit[:12]} have no commit in common here; in a shallow clone fetch more of the history"
        raise WheelUnavailableError(msg)
    return completed.stdout.decode().strip()


@contextmanager
def checkout(commit: str, tree: Path, git: Runner) -> Iterator[Path]:
    """Yield the project's folder of a commit in a temporary worktree at ``tree``; raises WheelUnavailableError.

    The worktree is removed with plain file operations, because after a Ctrl-C no process may be started.
    """
    common_dir, prefix = _git_dir_and_prefix(git)
    if commit_of(commit, git) is None:
        msg = f"commit {commit[:12]} is not in this clone"
        raise WheelUnavailableError(msg)
    records = common_dir / "worktrees"
    _remove_worktree(tree, records)
    try:
        _add_worktree(tree, commit, git)
        yield tree / prefix
    finally:
        _remove_worktree(tree, records)


def _git_dir_and_prefix(git: Runner) -> tuple[Path, str]:
    """Return the git folder that all worktrees share, and the project's folder in the work tree."""
    completed = _git(git, "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-prefix")
    if completed.returncode != 0:
        msg = "the project is in no git repository"
        raise WheelUnavailableError(msg)
    common_dir, _, prefix = completed.stdout.decode().partition("\n")
    return Path(common_dir), prefix.strip()


def _add_worktree(tree: Path, commit: str, git: Runner) -> None:
    # Without the user's hooks: this is not a checkout of theirs.
    settings = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")
    completed = _git(git, *settings, "worktree", "add", "--quiet", "--detach", "--force", str(tree), commit)
    if completed.returncode != 0:
        last = completed.stderr.decode(errors="replace").strip().splitlines()[-1:]
        msg = f"commit {commit[:12]} cannot be checked out: {''.join(last)}"
        raise WheelUnavailableError(msg)


def _remove_worktree(tree: Path, records: Path) -> None:
    """Remove the worktree and its record in the repository, even an incomplete one."""
    shutil.rmtree(tree, ignore_errors=True)
    for git_dir in records.glob("*/gitdir"):
        with contextlib.suppress(OSError):
            if Path(git_dir.read_text(encoding="utf-8").strip()) == tree / ".git":
                shutil.rmtree(git_dir.parent)
    with contextlib.suppress(OSError):
        records.rmdir()


def _git(git: Runner, *arguments: str) -> Completed:
    return git(["git", *arguments], timeout_s=_GIT_LIMIT_S)
