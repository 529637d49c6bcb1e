"""The wheel of another version, built from a commit of a real repository."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.reference_wheels import WANTED, made, sources
from support.wheels import Ended

from tox_prodsim.building import reference_wheel
from tox_prodsim.model.errors import ProdsimError, WheelUnavailableError


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
