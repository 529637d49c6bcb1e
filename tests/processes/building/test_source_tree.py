from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tox_prodsim.building import source_tree
from tox_prodsim.model.errors import Cancelled, TreeUnavailableError
from tox_prodsim.model.runner import NO_VARIABLES, Completed

Git = source_tree.Runner


def git_in(root: Path) -> Git:
    def run(argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES) -> Completed:
        env = {**os.environ, **variables, "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(argv, cwd=root, env=env, capture_output=True, timeout=timeout_s, check=False)
        return Completed(returncode=done.returncode, timed_out=False, stdout=done.stdout, stderr=done.stderr)

    return run


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}\n")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def committed(root: Path, *names: str) -> Git:
    """Make a repository with one tagged commit of these files."""
    write(root, *names)
    git = git_in(root)
    for line in ("init -q", "add -A", "-c user.name=a -c user.email=a commit -q -m x", "tag v1.5"):
        assert git(["git", *line.split()], timeout_s=10).returncode == 0
    return git


def said(git: Git, folder: Path, *arguments: str) -> str:
    return git(["git", "-C", str(folder), *arguments], timeout_s=10).stdout.decode().strip()


def files(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return {str(path) for path in found if path.parts[0] != ".git"}


def test_the_copy_has_what_a_build_can_see_and_no_environments(root: Path) -> None:
    git = committed(root, "acme/__init__.py")
    write(root, "acme/new.py", "build/lib/acme/old.py", ".tox/x/a", "env/pyvenv.cfg", "env/b", "acme/__pycache__/c.pyc")
    write(root, "work/d", "dist/acme-1.0.tar.gz")
    copied = source_tree.copy(root, root.parent / "copy", git, leave_out=[root / "work"])
    assert files(copied) == {"acme/__init__.py", "acme/new.py", "build/lib/acme/old.py"}
    assert set(source_tree.stale_files(copied)) == {"acme/old.py"}


def test_times_and_modes_are_kept_because_builds_look_at_them(root: Path) -> None:
    write(root, "run.sh")
    (root / "run.sh").chmod(0o755)
    os.utime(root / "run.sh", (1_000_000_000, 1_000_000_000))
    found = (source_tree.copy(root, root.parent / "copy", git_in(root), leave_out=()) / "run.sh").stat()
    assert (found.st_mode & 0o777, found.st_mtime) == (0o755, 1_000_000_000)


def test_git_says_the_same_in_the_copy_and_the_repository_knows_nothing_of_it(root: Path) -> None:
    git = committed(root, "a.py", "b.py")
    write(root, "new.py")
    before = sorted(str(path) for path in (root / ".git").rglob("*"))
    copied = source_tree.copy(root, root.parent / "copy", git, leave_out=())
    for question in ("describe --tags --dirty", "status --porcelain", "ls-files", "rev-parse HEAD"):
        assert said(git, copied, *question.split()) == said(git, root, *question.split())
    said(git, copied, "add", "new.py")
    assert said(git, root, "status", "--porcelain") == "?? new.py"
    after = sorted(str(path) for path in (root / ".git").rglob("*"))
    assert [path for path in after if "/objects/" not in path] == [path for path in before if "/objects/" not in path]


def test_a_project_in_a_folder_of_a_repository_is_as_clean_in_the_copy(root: Path) -> None:
    git = committed(root, ".gitignore", "other/file", "libs/acme/a.py")
    inner = git_in(root / "libs" / "acme")
    copied = source_tree.copy(root / "libs" / "acme", root.parent / "copy", inner, leave_out=())
    assert copied == root.parent / "copy" / "libs" / "acme"
    assert said(git, copied, "describe", "--tags", "--dirty") == "v1.5"
    assert said(git, copied, "rev-parse", "--show-toplevel") == str(root.parent / "copy")
    assert (root.parent / "copy" / ".gitignore").is_file()


def test_outside_of_git_no_repository_above_is_seen(root: Path) -> None:
    write(root, "a.py")
    copied = source_tree.copy(root, root.parent / "copy", git_in(root), leave_out=())
    assert files(copied) == {"a.py"}
    assert said(git_in(root), copied, "rev-parse", "--show-toplevel") == ""
    with pytest.raises(TreeUnavailableError, match="the project is in no git repository"):
        source_tree.repository(git_in(root))


def test_a_link_still_leads_to_where_it_did(root: Path) -> None:
    write(root, "a.py")
    write(root.parent, "LICENSE")
    (root / "inside").symlink_to("a.py")
    (root / "LICENSE").symlink_to("../LICENSE")
    copied = source_tree.copy(root, root.parent / "far" / "copy", git_in(root), leave_out=())
    assert (copied / "inside").readlink() == Path("a.py")
    assert (copied / "LICENSE").read_text() == "this is LICENSE\n"


@pytest.mark.parametrize(("limit", "value", "told"), [("LIMIT_BYTES", 20, "0 MB"), ("LIMIT_FILES", 1, "1 files")])
def test_a_tree_that_is_too_large_is_not_copied(
    root: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, told: str
) -> None:
    write(root, "a.py", "b.py")
    monkeypatch.setattr(source_tree, limit, value)
    with pytest.raises(TreeUnavailableError, match=f"the source tree has more than {told}"):
        source_tree.copy(root, root.parent / "copy", git_in(root), leave_out=())


def test_a_copy_that_is_interrupted_goes_on_no_further(root: Path) -> None:
    write(root, "a.py", "b.py", "c.py")
    answers = iter((False, True))
    with pytest.raises(Cancelled):
        source_tree.copy(root, root.parent / "copy", git_in(root), leave_out=(), interrupted=lambda: next(answers))
    assert len(files(root.parent / "copy")) == 1


def test_what_a_build_writes_is_seen_unless_git_ignores_it_or_it_is_usual(root: Path) -> None:
    git = committed(root, "acme/a.py", "acme/b.py", "acme/same.py")
    (root / ".gitignore").write_text("ignored.py\n")
    before = source_tree.status(root, git)
    write(root, "acme/_version.py", "acme/ignored.py", "build/x", "acme.egg-info/PKG-INFO", "acme/c.pyc")
    (root / "acme" / "a.py").write_text("changed")
    assert source_tree.written(before, source_tree.status(root, git)) == (
        ("acme/_version.py", False),
        ("acme/a.py", True),
    )


def test_what_is_written_once_more_is_seen_again(root: Path) -> None:
    git = committed(root, "a.py")
    write(root, "_version.py")
    os.utime(root / "_version.py", (1, 1))
    before = source_tree.status(root, git)
    assert source_tree.written(before, source_tree.status(root, git)) == ()
    write(root, "_version.py")
    assert source_tree.written(before, source_tree.status(root, git)) == (("_version.py", False),)


def test_the_files_that_git_tracks_and_that_are_there_are_known(root: Path) -> None:
    git = committed(root, "sub/acme/rules.json", "sub/acme/gone.json")
    (root / "sub/acme/gone.json").unlink()
    write(root, "sub/acme/new.json")
    assert source_tree.tracked(root / "sub", git) == {"acme/rules.json"}


def test_outside_of_git_nothing_is_tracked(root: Path) -> None:
    write(root, "acme.py")
    assert source_tree.tracked(root, git_in(root)) == frozenset()


def test_an_old_list_of_files_is_found(root: Path) -> None:
    git = committed(root, "pyproject.toml", "lib/kept.egg-info/SOURCES.txt")
    write(root, "acme.egg-info/SOURCES.txt", "src/acme.egg-info/SOURCES.txt", "src/acme.egg-info/PKG-INFO")
    found = source_tree.old_manifests(root, git)
    assert {str(folder.relative_to(root)) for folder in found} == {"acme.egg-info", "src/acme.egg-info"}
    assert found[root / "acme.egg-info"] == {"this is acme.egg-info/SOURCES.txt"}


def test_the_list_of_an_unpacked_sdist_is_a_source(root: Path) -> None:
    write(root, "PKG-INFO", "acme.egg-info/SOURCES.txt")
    assert source_tree.old_manifests(root, git_in(root)) == {}
