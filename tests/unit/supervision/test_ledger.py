from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tox_prodsim.supervision import ledger, ownership, procfs
from tox_prodsim.supervision.ledger import SCHEMA, Record, RunRecord, SweepResult, runs_ending, sweep
from tox_prodsim.supervision.procfs import Identity

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a ledger is kept on Linux only")

TAG = "0123456789abcdef" * 2
GONE = Identity(pid=1, started=987_654_321)


def record(**changes: Any) -> Record:
    """The record of a run of this boot of which nobody is alive."""
    lost = Record(tag=TAG, boot=procfs.boot(), namespace=procfs.namespace(), host=GONE, argv=("serve", "--now"))
    return replace(lost, **changes)


def content(**changes: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, **asdict(record()), **changes}


def told(reason: str, command: str = "") -> tuple[SweepResult, ...]:
    return (SweepResult(tag=TAG, command=command, killed=(), reason=reason),)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / f"{TAG}.json"


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = RunRecord(None, tag=TAG, argv=[])
    entry.begin()
    entry.guarded(1, 0)
    entry.started(1)
    entry.remove()
    assert list(tmp_path.iterdir()) == []


# records that a sweep does not act on


def test_no_folder_is_nothing_to_sweep(tmp_path: Path) -> None:
    assert sweep(tmp_path / "none") == ()


def test_a_record_of_an_earlier_boot_is_removed_without_a_word(path: Path) -> None:
    ledger.write(path, record(boot="an earlier one", host=ownership.own_identity()))
    assert (sweep(path.parent), path.exists()) == ((), False)


def test_a_record_of_another_pid_namespace_is_left_and_named(path: Path) -> None:
    ledger.write(path, record(namespace="pid:[1]"))
    assert sweep(path.parent) == told(f"left alone: {path} is of another pid namespace", "serve --now")
    assert path.exists()


@pytest.mark.parametrize("who", ["host", "guard", "warden"])
def test_a_run_of_which_one_supervising_process_lives_is_left_alone(path: Path, who: str) -> None:
    ledger.write(path, record(**{who: ownership.own_identity()}))
    assert (sweep(path.parent), path.exists()) == ((), True)


@pytest.mark.parametrize(("alive", "ending"), [("host", ()), ("guard", ("serve --now",)), ("warden", ("serve --now",))])
def test_a_run_is_ending_when_only_its_host_is_gone(path: Path, alive: str, ending: tuple[str, ...]) -> None:
    ledger.write(path, record(**{"warden": GONE, alive: ownership.own_identity()}))
    path.with_name("other.json").write_text("no record")
    assert runs_ending(path.parent) == ending


@pytest.mark.parametrize("change", [{}, {"boot": "an earlier one"}, {"namespace": "pid:[1]"}])
def test_a_run_is_not_ending_when_nobody_of_it_is_known_here(path: Path, change: dict[str, str]) -> None:
    ledger.write(path, record(guard=ownership.own_identity() if change else GONE, **change))
    assert runs_ending(path.parent) == ()


def test_a_run_of_which_nothing_is_left_is_forgotten_without_a_word(path: Path) -> None:
    recycled = replace(ownership.own_identity(), started=ownership.own_identity().started - 1)
    ledger.write(path, record(guard=recycled, warden=recycled))
    assert (sweep(path.parent), path.exists()) == ((), False)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"schema": 1', id="half of a record"),
        pytest.param(b"\xff\xfe\0", id="no text"),
        pytest.param(b"[" * 100_000, id="brackets without end"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no schema"),
        pytest.param(json.dumps(content(schema="1")).encode(), id="a schema that is not a number"),
        pytest.param(json.dumps(content(tag="")).encode(), id="an empty tag, which much carries"),
        pytest.param(json.dumps(content(tag="f" * 32)).encode(), id="the tag of another record"),
        pytest.param(json.dumps(content(mark=200_000)).encode(), id="a limit that means something as its mark"),
        pytest.param(json.dumps(content(mark=True)).encode(), id="a mark that is not a number"),
        pytest.param(json.dumps(content(host=None)).encode(), id="no host"),
        pytest.param(json.dumps(content(host={"pid": 1, "started": -1})).encode(), id="a start before the boot"),
        pytest.param(json.dumps(content(host={"pid": 10**400, "started": 1})).encode(), id="a pid of 400 digits"),
        pytest.param(json.dumps(content(host={"pid": "1", "started": 1})).encode(), id="a pid that is text"),
        pytest.param(json.dumps(content(host={"pid": 1})).encode(), id="a pid without a start"),
        pytest.param(json.dumps(content(argv=[1])).encode(), id="a command of numbers"),
        pytest.param(json.dumps(content(cgroup=7)).encode(), id="a cgroup that is a number"),
        pytest.param(json.dumps(content(more=1)).encode(), id="a field that nobody knows"),
    ],
)
def test_what_is_no_record_is_left_and_named(path: Path, written: bytes) -> None:
    path.write_bytes(written)
    path.chmod(0o600)
    assert sweep(path.parent) == told(f"left alone: {path} is not a record")
    assert path.read_bytes() == written


def test_a_record_of_a_newer_version_is_left_and_named(path: Path) -> None:
    path.write_text(json.dumps({"schema": SCHEMA + 1, "anything": "else"}))
    path.chmod(0o600)
    assert sweep(path.parent) == told(f"left alone: {path} was written by a newer tox-prodsim")


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_record_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    ledger.write(path, record())
    path.chmod(mode)
    assert sweep(path.parent) == told(f"left alone: {path} can be written by others")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_record_of_another_user_is_refused(path: Path) -> None:
    ledger.write(path, record())
    os.chown(path, 12345, -1)
    assert sweep(path.parent) == told(f"left alone: {path} belongs to another user")


def named(path: Path, kind: str) -> tuple[SweepResult, ...]:
    return told(f"left alone: {path} cannot be read: {kind} is in the place of {path.name!r}, remove it")


def test_a_link_to_a_record_is_refused(path: Path, tmp_path: Path) -> None:
    ledger.write(tmp_path / "elsewhere", record())
    path.symlink_to(tmp_path / "elsewhere")
    assert sweep(path.parent) == told(
        f"left alone: {path} cannot be read: a symbolic link is in the place of {path.name!r}, remove it"
    )


def test_a_pipe_among_the_records_holds_nobody_up(path: Path) -> None:
    os.mkfifo(path, 0o600)
    assert sweep(path.parent) == told(
        f"left alone: {path} cannot be read: a FIFO is in the place of {path.name!r}, remove it"
    )


def test_a_folder_among_the_records_is_passed_over_and_named(path: Path) -> None:
    path.mkdir()
    lost = path.with_name(f"{'e' * 32}.json")
    ledger.write(lost, record(tag="e" * 32))
    assert sweep(path.parent) == told(
        f"left alone: {path} cannot be read: a folder is in the place of {path.name!r}, remove it"
    )
    assert (path.is_dir(), lost.exists()) == (True, False), "the record beside it is swept all the same"


def test_records_behind_a_link_are_not_swept(tmp_path: Path) -> None:
    elsewhere, runs = tmp_path / "elsewhere", tmp_path / "runs"
    ledger.write(elsewhere / f"{TAG}.json", record(boot="another"))
    runs.symlink_to(elsewhere)
    assert [each.reason for each in sweep(runs)] == [
        f"the records cannot be read: {runs}: a symbolic link is in its place, remove it"
    ]
    assert (elsewhere / f"{TAG}.json").exists()


def test_what_a_host_was_killed_in_the_middle_of_writing_is_removed(tmp_path: Path) -> None:
    left, foreign = tmp_path / f".{TAG}.json.7-0123abcd.tmp", tmp_path / "notes.tmp"
    for file in (left, foreign):
        file.touch()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [foreign]


def test_a_cgroup_that_is_made_of_pipes_holds_nobody_up(tmp_path: Path) -> None:
    cgroup = tmp_path / f"prodsim-{TAG}"
    cgroup.mkdir()
    for name in ("cgroup.procs", "cgroup.kill"):
        os.mkfifo(cgroup / name)
    ledger.write(tmp_path / f"{TAG}.json", record(cgroup=str(cgroup)))
    assert sweep(tmp_path) == ()


@pytest.mark.parametrize(
    ("name", "is_ours"),
    [pytest.param(f"prodsim-{TAG}", True, id="the run"), pytest.param("user.slice", False, id="somebody else")],
)
def test_a_cgroup_is_killed_only_if_it_is_named_for_the_run(tmp_path: Path, name: str, is_ours: bool) -> None:
    cgroup = tmp_path / name
    cgroup.mkdir()
    (cgroup / "cgroup.procs").write_text("")
    (cgroup / "cgroup.kill").touch()
    ledger.write(tmp_path / f"{TAG}.json", record(cgroup=str(cgroup)))
    sweep(tmp_path)
    assert (cgroup / "cgroup.kill").read_text() == ("1" if is_ours else "")
