from __future__ import annotations

import json
from pathlib import Path

from tox_prodsim.model.runner import Completed
from tox_prodsim.plugin.packages.build_record import BuildRecord, save


def completed(stdout: bytes, stderr: bytes, returncode: int = 0) -> Completed:
    return Completed(returncode=returncode, timed_out=False, stdout=stdout, stderr=stderr)


def test_a_record_has_both_streams_of_each_program_in_their_order() -> None:
    record = BuildRecord()
    record.installed("install_requires", "Resolved 1 package\n", "", succeeded=True)
    record.hook("build_sdist", "started backend x\nrunning sdist\n", "warning: no files found matching 'LICENSE'\n")
    assert record.text == (
        "==> install_requires\nResolved 1 package\n\n"
        "==> build_sdist\nrunning sdist\nwarning: no files found matching 'LICENSE'\n"
    )


def test_only_build_hooks_warn() -> None:
    record = BuildRecord()
    record.installed("install_requires", "", "WARNING: Running pip as root\n", succeeded=True)
    record.hook("build_wheel", "", "warning: no files found matching 'LICENSE'\n")
    assert record.warnings == ("no files found matching 'LICENSE'",)


def test_what_the_plugin_ran_is_a_hook_or_an_installer() -> None:
    record = BuildRecord()
    record.ran(["python", "-m", "pip", "install", "-q", "acme"], completed(b"", b"ERROR: no such file\n", 1))
    record.ran(["python", "/lib/pyproject_hooks/_in_process.py", "build_wheel", "/tmp/x"], completed(b"out", b"err"))
    assert record.text == "==> install\nERROR: no such file\n\n==> build_wheel\nout\nerr\n"
    assert "ERROR: no such file" in record.failed_install


def test_an_installer_that_succeeds_after_all_has_not_failed() -> None:
    record = BuildRecord()
    record.installed("install", "", "no network", succeeded=False)
    record.installed("install", "", "", succeeded=True)
    assert record.failed_install == ""


def test_a_log_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    path = save("one\n", tmp_path / "prodsim")
    assert path is not None
    assert path.read_text("utf-8") == "one\n"
    assert save("", tmp_path / "prodsim") is None
    assert not path.exists()


def test_a_log_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert save("one", tmp_path / "file") is None


def test_warnings_that_a_hook_answers_with_are_part_of_its_output(tmp_path: Path) -> None:
    answer = {"return_val": "x", "warnings": [{"message": "it is deprecated", "filename": "/e/dist.py", "lineno": 7}]}
    (tmp_path / "output.json").write_text(json.dumps(answer))
    record = BuildRecord()
    record.ran(["python", "/lib/pyproject_hooks/_in_process.py", "build_wheel", str(tmp_path)], completed(b"out", b""))
    assert record.text == "==> build_wheel\nout\n/e/dist.py:7: UserWarning: it is deprecated\n"
    assert record.warnings == ("UserWarning: it is deprecated",)


def test_an_answer_that_cannot_be_read_has_no_warnings(tmp_path: Path) -> None:
    (tmp_path / "output.json").write_text('{"warnings": [1]}')
    record = BuildRecord()
    record.ran(["python", "/lib/pyproject_hooks/_in_process.py", "build_wheel", str(tmp_path)], completed(b"out", b""))
    assert record.text == "==> build_wheel\nout\n"
