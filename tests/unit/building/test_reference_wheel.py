"""The wheel of another version: kept by its sha256, built from a commit in a worktree of its own, or from the index."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.wheels import Ended, wheel

from tox_prodsim.building import reference_wheel
from tox_prodsim.building.reference_wheel import ReferenceSpec, ReferenceWheel, WheelSources
from tox_prodsim.model.errors import ProdsimError, WheelUnavailableError


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def made(folder: Path, version: str = "1.0") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return wheel(folder, version=version)


# the cache


def test_a_kept_wheel_is_found_by_its_sha256_under_its_own_name(tmp_path: Path) -> None:
    one = made(tmp_path)
    reference_wheel.keep(one, tmp_path / "cache")
    found = reference_wheel.kept(tmp_path / "cache", sha256(one))
    assert found == tmp_path / "cache" / sha256(one) / one.name
    assert found.read_bytes() == one.read_bytes()
    assert reference_wheel.kept(tmp_path / "cache", "0" * 64) is None


def test_a_wheel_that_was_damaged_is_not_returned_and_can_be_kept_again(tmp_path: Path) -> None:
    one, cache = made(tmp_path), tmp_path / "cache"
    reference_wheel.keep(one, cache).write_bytes(b"half of i")
    assert reference_wheel.kept(cache, sha256(one)) is None
    reference_wheel.keep(one, cache)
    assert reference_wheel.kept(cache, sha256(one)) is not None


def test_of_wheels_that_were_only_run_the_newest_are_kept_and_accepted_ones_longer(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wheels = [made(tmp_path, f"1.{minor}") for minor in range(reference_wheel.KEPT_RUNS + 3)]
    for at, one in enumerate(wheels):
        reference_wheel.keep(one, cache)
        if at == 0:
            reference_wheel.accept(sha256(one), cache)
        os.utime(cache / sha256(one), (time.time() - 1000 + at, time.time() - 1000 + at))
    reference_wheel.keep(wheels[-1], cache)
    left = [at for at, one in enumerate(wheels) if reference_wheel.kept(cache, sha256(one)) is not None]
    assert left == [0, *range(3, len(wheels))]


def test_accepted_wheels_are_bounded_too(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wheels = [made(tmp_path, f"1.{minor}") for minor in range(reference_wheel.KEPT_ACCEPTED + 2)]
    for at, one in enumerate(wheels):
        reference_wheel.keep(one, cache)
        reference_wheel.accept(sha256(one), cache)
        os.utime(cache / sha256(one), (time.time() - 1000 + at, time.time() - 1000 + at))
    reference_wheel.keep(wheels[-1], cache)
    assert len([*cache.iterdir()]) == reference_wheel.KEPT_ACCEPTED
    assert reference_wheel.kept(cache, sha256(wheels[0])) is None


def test_what_a_killed_run_left_half_done_is_never_found_and_goes_after_an_hour(tmp_path: Path) -> None:
    one, cache = made(tmp_path), tmp_path / "cache"
    half = cache / f".{sha256(one)}.1-abcd.tmp"
    half.mkdir(parents=True)
    (half / one.name).write_bytes(b"half")
    assert reference_wheel.kept(cache, sha256(one)) is None
    reference_wheel.keep(one, cache)
    assert half.exists()  # it may belong to a run that is writing now
    os.utime(half, (time.time() - 4000, time.time() - 4000))
    reference_wheel.keep(one, cache)
    assert [path.name for path in cache.iterdir()] == [sha256(one)]


def test_a_wheel_that_cannot_be_kept_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="exists"):
        reference_wheel.keep(made(tmp_path), tmp_path / "cache")


def test_accepting_what_is_not_kept_is_no_error(tmp_path: Path) -> None:
    reference_wheel.accept("0" * 64, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


# the order of the sources

WANTED = ReferenceSpec(name="acme", version="1.0", sha256="0" * 64, commit="c" * 40)


def never(*_: object, **__: object) -> Path:
    raise AssertionError


def without_git(argv: Sequence[str], *, timeout_s: float) -> Ended:  # noqa: ARG001 - a Runner
    return Ended(128, False, b"", b"fatal: not a git repository")


def sources(tmp_path: Path, **more: object) -> WheelSources:
    offline = WheelSources(
        cache=tmp_path / "cache", folder=tmp_path / "private", git=without_git, build=never, fetch=never
    )
    return replace(offline, **more)  # type: ignore[arg-type]


def refused(reason: str) -> Callable[..., Path]:
    def refuse(*_: object) -> Path:
        raise ProdsimError("base", reason)

    return refuse


def test_the_kept_wheel_comes_first(tmp_path: Path) -> None:
    one = made(tmp_path)
    place = reference_wheel.keep(one, tmp_path / "cache")
    found = reference_wheel.obtain(replace(WANTED, sha256=sha256(one)), sources(tmp_path))
    assert found == ReferenceWheel(wheel=place, origin="wheel 1.0, kept since then")


def test_where_there_is_no_commit_the_index_is_asked(tmp_path: Path) -> None:
    one = made(tmp_path)
    found = reference_wheel.obtain(WANTED, sources(tmp_path, fetch=lambda *_: one))
    assert found == ReferenceWheel(wheel=one, origin="acme==1.0 from the index")


def test_when_nobody_has_it_every_source_says_why(tmp_path: Path) -> None:
    with pytest.raises(WheelUnavailableError) as problem:
        reference_wheel.obtain(WANTED, sources(tmp_path, fetch=refused("there is no network")))
    assert str(problem.value) == (
        "its wheel is not kept here; the project is in no git repository; "
        "acme==1.0 cannot be had from the index: there is no network"
    )


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        pytest.param(replace(WANTED, public=False), "the project is private", id="a private project"),
        pytest.param(replace(WANTED, version="1.0+local"), "version 1.0+local", id="a local version"),
        pytest.param(replace(WANTED, version="1.0.dev3"), "version 1.0.dev3", id="a development version"),
        pytest.param(replace(WANTED, version=""), "version unknown", id="no version"),
    ],
)
def test_the_index_is_not_asked_for_what_was_never_uploaded(tmp_path: Path, wanted: ReferenceSpec, reason: str) -> None:
    with pytest.raises(WheelUnavailableError, match="the index is not asked") as problem:
        reference_wheel.from_index(wanted, sources(tmp_path))
    assert reason in str(problem.value)


# git


class Repository:
    """A real repository with two commits, the project in a folder of it; ``argvs`` are what git was asked."""

    def __init__(self, folder: Path) -> None:
        self.top = folder / "repository"
        self.project = self.top / "python"
        self.project.mkdir(parents=True)
        self.env = reference_wheel.git_environ({"PATH": os.environ["PATH"], "HOME": str(folder)})
        self.argvs: list[Sequence[str]] = []
        self("init", "-q", "-b", "main", str(self.top))
        self.first = self.commit("one")
        self.second = self.commit("two")

    def __call__(self, *arguments: str) -> str:
        who = ("-c", "user.name=one", "-c", "user.email=one@example.org")
        return subprocess.run(
            ["git", *who, *arguments], cwd=self.project, env=self.env, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, text: str) -> str:
        (self.project / "file.txt").write_text(text)
        self("add", "file.txt")
        self("commit", "-q", "-m", text)
        return self("rev-parse", "HEAD")

    def git(self, argv: Sequence[str], *, timeout_s: float) -> Ended:
        self.argvs.append(argv)
        ran = subprocess.run(argv, cwd=self.project, env=self.env, capture_output=True, timeout=timeout_s, check=False)
        return Ended(ran.returncode, False, ran.stdout, ran.stderr)

    def worktrees(self) -> int:
        return len(self("worktree", "list").splitlines())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_commit_is_built_in_a_worktree_and_a_dirty_tree_stays_as_it_is(
    repository: Repository, tmp_path: Path
) -> None:
    (repository.project / "file.txt").write_text("not committed")
    (repository.project / "new.txt").write_text("not known to git")
    repository("add", "file.txt")
    before = repository("status", "--porcelain"), (repository.top / ".git/index").read_bytes()
    seen = []

    def build(source: Path, folder: Path) -> Path:
        seen.append((source.name, (source / "file.txt").read_text(), (source / "new.txt").exists()))
        return made(folder)

    wanted = replace(WANTED, commit=repository.first)
    found = reference_wheel.obtain(wanted, sources(tmp_path, git=repository.git, build=build))
    assert seen == [("python", "one", False)]
    assert found.origin == f"wheel 1.0, built from commit {repository.first[:12]}"
    assert found.wheel.is_file()
    assert (repository("status", "--porcelain"), (repository.top / ".git/index").read_bytes()) == before
    assert repository.worktrees() == 1
    assert not (repository.top / ".git/worktrees").exists()


@pytest.mark.parametrize("problem", [KeyboardInterrupt, ProdsimError("pyproject.toml", "no backend"), ValueError])
def test_the_worktree_is_removed_whatever_ends_the_build_and_with_no_further_command(
    repository: Repository, tmp_path: Path, problem: BaseException
) -> None:
    asked = 0

    def build(*_: Path) -> Path:
        nonlocal asked
        asked = len(repository.argvs)
        raise problem

    wanted = replace(WANTED, commit=repository.first)
    with pytest.raises((KeyboardInterrupt, WheelUnavailableError, ValueError)):
        reference_wheel.from_commit(wanted, sources(tmp_path, git=repository.git, build=build))
    assert len(repository.argvs) == asked
    assert repository.worktrees() == 1
    assert not (tmp_path / "private/built/tree").exists()


def test_a_worktree_that_a_killed_run_left_is_taken_over_and_those_of_the_user_stay(
    repository: Repository, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    repository("worktree", "add", "-q", "--detach", str(tree), "HEAD")
    repository("worktree", "add", "-q", "--detach", str(tmp_path / "of the user"), "HEAD")
    with reference_wheel.checkout(repository.first, tree, repository.git) as source:
        assert (source / "file.txt").read_text() == "one"
    assert repository.worktrees() == 2
    assert (tmp_path / "of the user/python/file.txt").read_text() == "two"


def test_hooks_of_the_user_do_not_run_at_the_checkout(repository: Repository, tmp_path: Path) -> None:
    hook = repository.top / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    with reference_wheel.checkout(repository.first, tmp_path / "tree", repository.git):
        pass
    assert not (tmp_path / "ran").exists()


def test_a_hook_that_runs_tox_does_not_lend_it_its_index(repository: Repository) -> None:
    of_a_hook = {"GIT_INDEX_FILE": ".git/index", "GIT_DIR": ".git", "GIT_PREFIX": "", "GIT_SSH": "ssh", "HOME": "h"}
    kept = reference_wheel.git_environ(of_a_hook)
    assert {name for name in of_a_hook if name in kept} == {"GIT_SSH", "HOME"}
    listed = repository("rev-parse", "--local-env-vars").split()
    assert not set(reference_wheel.git_environ(dict.fromkeys(listed, "x"))) & set(listed)


def test_a_commit_that_is_not_in_this_clone_is_said(repository: Repository, tmp_path: Path) -> None:
    wanted = replace(WANTED, commit="0123456789abcdef")
    with pytest.raises(WheelUnavailableError, match="commit 0123456789ab is not in this clone"):
        reference_wheel.from_commit(wanted, sources(tmp_path, git=repository.git))


def test_a_ref_is_where_head_parted_from_it(repository: Repository) -> None:
    repository("checkout", "-q", "-b", "mine", repository.first)
    repository.commit("mine")
    main = reference_wheel.commit_of("main", repository.git)
    assert main == repository.second
    assert reference_wheel.merge_base(main, repository.git) == repository.first
    assert reference_wheel.commit_of("nowhere", repository.git) is None
    assert reference_wheel.commit_of("--all", repository.git) is None


def test_histories_with_nothing_in_common_are_said(repository: Repository) -> None:
    repository("checkout", "-q", "--orphan", "alone")
    alone = repository.commit("alone")
    repository("checkout", "-q", "main")
    with pytest.raises(WheelUnavailableError, match="no commit in common"):
        reference_wheel.merge_base(alone, repository.git)
