"""Which file of the repository a finding is shown at, and where a report cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.plugin.report_files import reason_not_writable, source_of, write, write_or_refuse


def project(folder: Path, *files: str) -> Path:
    for each in files:
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (folder / each).touch()
    return folder


@pytest.mark.parametrize(
    ("there", "source"),
    [
        pytest.param("acme/a.py", "acme/a.py", id="at the root"),
        pytest.param("src/acme/a.py", "src/acme/a.py", id="below src"),
        pytest.param("python/acme/a.py", "python/acme/a.py", id="below python"),
        pytest.param("other/acme/a.py", "", id="elsewhere"),
    ],
)
def test_a_file_of_the_wheel_is_that_of_the_project(tmp_path: Path, there: str, source: str) -> None:
    assert source_of(project(tmp_path, there), "acme/a.py") == source


def test_the_path_begins_at_the_root_of_the_repository(tmp_path: Path) -> None:
    project(tmp_path, ".git", "libs/one/src/acme/a.py")
    assert source_of(tmp_path / "libs" / "one", "acme/a.py") == "libs/one/src/acme/a.py"


@pytest.mark.parametrize("file", ["../secret.py", "a\nb.py", "\0", "\ud800.py", "a" * 5000, "C:\\x.py"])
def test_a_name_that_leads_elsewhere_is_no_file_of_the_project(tmp_path: Path, file: str) -> None:
    project(tmp_path, "secret.py", "one/acme.py")
    assert source_of(tmp_path / "one", file) == ""


def test_an_absolute_name_is_no_file_of_the_project(tmp_path: Path) -> None:
    assert source_of(project(tmp_path, "a.py"), str(tmp_path / "a.py")) == ""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can make a file")
def test_a_folder_in_which_not_even_root_can_make_a_file_is_known_before() -> None:
    assert reason_not_writable(Path("/proc/report.xml")) in {"No such file or directory", "Permission denied"}


def test_looking_leaves_nothing(tmp_path: Path) -> None:
    assert reason_not_writable(tmp_path / "report.xml") == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        pytest.param("no/x.xml", "there is no folder no", id="a missing folder"),
        pytest.param("folder", "it is a folder, name a file", id="a folder"),
        pytest.param("file/x.xml", "there is no folder file", id="below a file"),
        pytest.param("x" * 300, "File name too long", id="a long name"),
    ],
)
def test_where_a_report_cannot_be_written_there_is_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    monkeypatch.chdir(project(tmp_path, "folder/x", "file"))
    assert reason_not_writable(Path(name)) == reason


def test_a_file_that_was_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")
    (tmp_path / "real" / "old.xml").write_text("old")
    assert reason_not_writable(tmp_path / "linked" / "old.xml") == ""
    write(tmp_path / "linked" / "old.xml", "n\u00e9w\ud800")
    assert (tmp_path / "real" / "old.xml").read_bytes() == b"n\xc3\xa9w\\ud800"


@pytest.mark.parametrize("kind", ["a FIFO", "a symbolic link", "a device"])
def test_what_is_not_a_file_is_refused_and_hangs_nothing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "precious").write_text("precious")
    path = Path("/dev/full") if kind == "a device" else tmp_path / "report"
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a symbolic link":
        path.symlink_to("precious")
    assert reason_not_writable(path) == f"it is {kind}, name a file"
    with pytest.raises(OSError, match=f"{kind} is in its place"):
        write(path, "x")
    with pytest.raises(ProdsimError, match=f"^--svg: {path} cannot be written: it is {kind}, name a file$"):
        write_or_refuse(path, "x", option="--svg")
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("variable", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"])
def test_the_path_begins_at_the_folder_of_the_job_if_there_is_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    work = project(tmp_path, ".git", "work/libs/one/src/acme/a.py", "work/two/.git", "work/two/acme/a.py") / "work"
    monkeypatch.setenv(variable, str(work / "libs" / ".."))
    assert source_of(work / "libs" / "one", "acme/a.py") == "libs/one/src/acme/a.py"
    assert source_of(work / "two", "acme/a.py") == "acme/a.py"
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert source_of(work / "libs" / "one", "acme/a.py") == "work/libs/one/src/acme/a.py"
