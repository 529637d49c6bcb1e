"""The wheel of another version of the project: kept by its sha256, built from its commit, or had from the index.

Git works in a worktree of its own, which is always removed: nothing in the user's tree is touched, however dirty.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tox_prodsim.model.errors import ProdsimError, WheelUnavailableError
from tox_prodsim.model.runner import Completed, Runner

KEPT_RUNS = 8
"""So many wheels are kept that were only run, the newest ones."""
KEPT_ACCEPTED = 24
"""So many wheels are kept that a baseline was accepted with, the newest ones."""
_ACCEPTED = "accepted"
_STALE_S = 3600.0
_GIT_LIMIT_S = 120.0
_LOCAL_TO_A_TREE = re.compile(
    r"GIT_(ALTERNATE_OBJECT_DIRECTORIES|CONFIG|CONFIG_PARAMETERS|CONFIG_COUNT|OBJECT_DIRECTORY|DIR|WORK_TREE"
    r"|IMPLICIT_WORK_TREE|GRAFT_FILE|INDEX_FILE|NO_REPLACE_OBJECTS|REPLACE_REF_BASE|PREFIX|SHALLOW_FILE|COMMON_DIR"
    r"|INTERNAL_SUPER_PREFIX)"
)
"""What ``git rev-parse --local-env-vars`` lists: a hook that runs tox has them, and with them git meets its index."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is known of the wheel to get; texts may be empty, and what is not ``public`` was never uploaded."""

    name: str
    version: str = ""
    sha256: str = ""
    commit: str = ""
    public: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Artefact:
    """A wheel, and one phrase that says what it is."""

    wheel: Path
    origin: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WheelSources:
    """Where wheels come from: ``cache`` keeps them, ``git`` runs in the project, ``folder`` is private.

    ``build(source, folder)`` and ``fetch(requirement, folder)`` return a wheel in the folder, or raise ProdsimError.
    """

    cache: Path
    folder: Path
    git: Runner
    build: Callable[[Path, Path], Path]
    fetch: Callable[[str, Path], Path]


def obtain(wanted: Wanted, sources: WheelSources) -> Artefact:
    """Return the wheel from the first source that has it; raises Unavailable with the reason of every source."""
    reasons = []
    for source in (_from_cache, from_commit, from_index):
        try:
            return source(wanted, sources)
        except WheelUnavailableError as problem:
            reasons.append(str(problem))
    raise WheelUnavailableError("; ".join(reasons))


def _from_cache(wanted: Wanted, sources: WheelSources) -> Artefact:
    wheel = kept(sources.cache, wanted.sha256) if wanted.sha256 else None
    if wheel is None:
        msg = "its wheel is not kept here"
        raise WheelUnavailableError(msg)
    return Artefact(wheel=wheel, origin=f"wheel {wanted.version}, kept since then")


def from_commit(wanted: Wanted, sources: WheelSources) -> Artefact:
    """Return the wheel built from the commit; raises Unavailable."""
    if not wanted.commit:
        msg = "its commit is not known"
        raise WheelUnavailableError(msg)
    short, folder = wanted.commit[:12], _emptied(sources.folder / "built")
    try:
        with checkout(wanted.commit, folder / "tree", sources.git) as source:
            wheel = sources.build(source, folder)
    except ProdsimError as problem:
        msg = f"commit {short} does not build: {problem.message}"
        raise WheelUnavailableError(msg) from problem
    return Artefact(wheel=wheel, origin=f"{_named(wheel)}, built from commit {short}")


def from_index(wanted: Wanted, sources: WheelSources) -> Artefact:
    """Return the wheel that the index has under this name and version; raises Unavailable."""
    # A version of these kinds is never uploaded, and a private name on a public index belongs to somebody else.
    if not wanted.version or not wanted.public or re.search(r"\+|\.dev", wanted.version):
        reason = "the project is private" if not wanted.public else f"version {wanted.version or 'unknown'}"
        msg = f"the index is not asked ({reason})"
        raise WheelUnavailableError(msg)
    requirement = f"{wanted.name}=={wanted.version}"
    try:
        wheel = sources.fetch(requirement, _emptied(sources.folder / "fetched"))
    except ProdsimError as problem:
        msg = f"{requirement} cannot be had from the index: {problem.message}"
        raise WheelUnavailableError(msg) from problem
    return Artefact(wheel=wheel, origin=f"{requirement} from the index")


def _named(wheel: Path) -> str:
    return f"wheel {wheel.name.split('-')[1]}"


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


# the cache


def keep(wheel: Path, cache: Path) -> Path:
    """Keep a copy of the wheel, whole or not at all, and forget the oldest ones; return its place.

    Raises OSError when it cannot be written.
    """
    place = cache / _sha256(wheel)
    cache.mkdir(parents=True, exist_ok=True)
    if not (place / wheel.name).is_file():
        _put(wheel, place)
    os.utime(place)
    _forget(cache)
    return place / wheel.name


def accept(sha256: str, cache: Path) -> None:
    """Have a kept wheel stay longer: a baseline was accepted with it."""
    with contextlib.suppress(OSError):  # it is not kept
        (cache / sha256 / _ACCEPTED).touch()


def kept(cache: Path, sha256: str) -> Path | None:
    """Return the wheel with this sha256, or None; one that is damaged is removed."""
    place = cache / sha256
    wheel = next(iter(sorted(place.glob("*.whl"))), None)
    if wheel is None:
        return None
    if _sha256(wheel) != sha256:
        shutil.rmtree(place, ignore_errors=True)
        return None
    return wheel


def _put(wheel: Path, place: Path) -> None:
    """Copy beside the place, then rename: nobody ever sees half of it, and of two that come at once one is first."""
    fresh = place.with_name(f".{place.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    fresh.mkdir()
    try:
        shutil.copyfile(wheel, fresh / wheel.name)
        with contextlib.suppress(FileExistsError):
            _rename(fresh, place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _rename(fresh: Path, place: Path) -> None:
    try:
        fresh.rename(place)
    except OSError:
        if not place.is_dir():  # somebody else's is as good: its name is its content
            raise


def _forget(cache: Path) -> None:
    """Remove what is beyond the two bounds, oldest first, and what a killed run left half done."""
    places = sorted((place for place in cache.iterdir() if place.is_dir()), key=_age_s)
    for left in places:
        if left.suffix == ".tmp" and _age_s(left) > _STALE_S:
            shutil.rmtree(left, ignore_errors=True)
    whole = [place for place in places if place.suffix != ".tmp"]
    accepted = [place for place in whole if (place / _ACCEPTED).exists()]
    for place in [*accepted[KEPT_ACCEPTED:], *[place for place in whole if place not in accepted][KEPT_RUNS:]]:
        shutil.rmtree(place, ignore_errors=True)


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# git


def git_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for git: the user's own, less those that name another tree or index, and no questions."""
    own = {name: value for name, value in environ.items() if not _LOCAL_TO_A_TREE.fullmatch(name)}
    return {**own, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def commit_of(ref: str, git: Runner) -> str | None:
    """Return the full name of the commit that a ref, a tag or a commit stands for, or None."""
    ran = _git(git, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    return ran.stdout.decode().strip() or None if ran.returncode == 0 else None


def merge_base(commit: str, git: Runner) -> str:
    """Return the commit at which HEAD parted from this one; raises Unavailable when they have none in common."""
    ran = _git(git, "merge-base", "HEAD", commit)
    if ran.returncode != 0:
        msg = f"HEAD and {commit[:12]} have no commit in common here; in a shallow clone fetch more of the history"
        raise WheelUnavailableError(msg)
    return ran.stdout.decode().strip()


@contextmanager
def checkout(commit: str, tree: Path, git: Runner) -> Iterator[Path]:
    """Have the project's folder of a commit in a temporary worktree at ``tree``; raises Unavailable.

    It is taken off with plain file operations: that works when nothing may be started any more, after a Ctrl-C.
    """
    known = _git(git, "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-prefix")
    if known.returncode != 0:
        msg = "the project is in no git repository"
        raise WheelUnavailableError(msg)
    if commit_of(commit, git) is None:
        msg = f"commit {commit[:12]} is not in this clone"
        raise WheelUnavailableError(msg)
    common, _, prefix = known.stdout.decode().partition("\n")
    registered = Path(common) / "worktrees"
    _remove_tree(tree, registered)
    try:
        _add_tree(tree, commit, git)
        yield tree / prefix.strip()
    finally:
        _remove_tree(tree, registered)


def _add_tree(tree: Path, commit: str, git: Runner) -> None:
    # A hook is the user's: it would run at a checkout that is not theirs.
    quiet = ("-c", f"core.hooksPath={os.devnull}", "-c", "advice.detachedHead=false")
    ran = _git(git, *quiet, "worktree", "add", "--quiet", "--detach", "--force", str(tree), commit)
    if ran.returncode != 0:
        last = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
        msg = f"commit {commit[:12]} cannot be checked out: {''.join(last)}"
        raise WheelUnavailableError(msg)


def _remove_tree(tree: Path, registered: Path) -> None:
    """Remove the worktree and what the repository knows of it, also of one that was begun only."""
    shutil.rmtree(tree, ignore_errors=True)
    for note in registered.glob("*/gitdir"):
        with contextlib.suppress(OSError):
            if Path(note.read_text(encoding="utf-8").strip()) == tree / ".git":
                shutil.rmtree(note.parent)
    with contextlib.suppress(OSError):
        registered.rmdir()


def _git(git: Runner, *arguments: str) -> Completed:
    return git(["git", *arguments], timeout_s=_GIT_LIMIT_S)
