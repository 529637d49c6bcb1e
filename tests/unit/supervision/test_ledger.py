from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.supervision import ledger, ownership, procfs
from tox_prodsim.supervision.ledger import SCHEMA, Record, RunRecord, SweepResult, sweep
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


# the record of this host


def test_a_run_is_recorded_before_its_start_with_its_host_and_guard_and_then_with_its_warden(path: Path) -> None:
    entry = RunRecord(path.parent, tag=TAG, argv=["serve", "--now"])
    entry.begin()
    entry.guarded(os.getppid(), 0)
    begun = ledger.read(path)
    entry.started(1)
    assert (begun.host, begun.warden) == (ownership.own_identity(), None)
    assert begun.guard
    assert begun.guard.pid == os.getppid()
    assert ledger.read(path) == replace(begun, warden=Identity(pid=1, started=procfs.read_status(1).identity.started))
    assert (begun.boot, begun.argv, begun.adopter) == (procfs.boot(), ("serve", "--now"), ownership.adopter())


def test_a_record_is_readable_by_its_owner_alone_and_nothing_lies_beside_it(path: Path) -> None:
    RunRecord(path.parent / "new", tag=TAG, argv=[]).begin()
    (only,) = (path.parent / "new").iterdir()
    assert (only.name, stat.S_IMODE(only.stat().st_mode)) == (path.name, 0o600)


def test_what_was_removed_is_not_written_again(path: Path) -> None:
    entry = RunRecord(path.parent, tag=TAG, argv=[])
    entry.begin()
    entry.remove()
    entry.started(1)
    entry.remove()
    assert not path.exists()


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = RunRecord(None, tag=TAG, argv=[])
    entry.begin()
    entry.guarded(1, 0)
    entry.started(1)
    entry.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_written_is_an_error_that_says_so(path: Path) -> None:
    path.parent.joinpath("file").touch()
    entry = RunRecord(path.parent / "file", tag=TAG, argv=[])
    with pytest.raises(ProdsimError, match=r"ledger: cannot write .*/file/\w+\.json: File exists"):
        entry.begin()


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
        pytest.param(json.dumps(content(schema="1")).encode(), id="a schema that is no number"),
        pytest.param(json.dumps(content(tag="")).encode(), id="an empty tag, which much carries"),
        pytest.param(json.dumps(content(tag="f" * 32)).encode(), id="the tag of another record"),
        pytest.param(json.dumps(content(mark=200_000)).encode(), id="a limit that means something as its mark"),
        pytest.param(json.dumps(content(mark=True)).encode(), id="a mark that is no number"),
        pytest.param(json.dumps(content(host=None)).encode(), id="no host"),
        pytest.param(json.dumps(content(host={"pid": 1, "started": -1})).encode(), id="a start before the boot"),
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
    assert sweep(path.parent) == told(f"left alone: {path} is no record")
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


def test_a_link_to_a_record_is_refused(path: Path, tmp_path: Path) -> None:
    ledger.write(tmp_path / "elsewhere", record())
    path.symlink_to(tmp_path / "elsewhere")
    assert sweep(path.parent) == told(f"left alone: {path} cannot be read: Too many levels of symbolic links")


def test_a_pipe_among_the_records_holds_nobody_up(path: Path) -> None:
    os.mkfifo(path, 0o600)
    assert sweep(path.parent) == told(f"left alone: {path} is no record")


def test_what_a_host_was_killed_in_the_middle_of_writing_is_removed_after_an_hour(tmp_path: Path) -> None:
    old, new = tmp_path / "a.1.tmp", tmp_path / "b.2.tmp"
    for file in (old, new):
        file.touch()
    os.utime(old, (0, 0))
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [new]


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


# who adopts, and the mark


ASKS = (
    "from tox_prodsim.supervision import ownership as o; a = o.adopter(); print(a.pid == o.own_identity().pid, a.pid)"
)
BECOMES_SUBREAPER = "import ctypes; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0);"
HAS_CHILD = "; import os; print(open(f'/proc/self/task/{os.getpid()}/children').read() != '')"


def answers(source: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def test_the_adopter_is_who_adopts_orphans() -> None:
    adopting = ownership.adopter()
    assert adopting
    orphan = "import os; p = os.getpid(); os.fork() and os._exit(0)\nwhile os.getppid() == p: pass\nprint(os.getppid())"
    assert answers(orphan) == [str(adopting.pid)]


def test_a_subreaper_finds_itself_and_is_left_no_zombie() -> None:
    is_itself, _, has_child = answers(BECOMES_SUBREAPER + ASKS + HAS_CHILD)
    assert (is_itself, has_child) == ("True", "False")


def test_a_subreaper_above_is_found() -> None:
    source = f"{BECOMES_SUBREAPER} import subprocess, sys, os; print(os.getpid(), flush=True); "
    source += f"subprocess.run([sys.executable, '-c', {ASKS!r}])"
    subreaper, is_itself, adopting = answers(source)
    assert (is_itself, adopting) == ("False", subreaper)


@pytest.mark.parametrize(
    ("command", "is_marked"),
    [
        pytest.param([], True, id="a child"),
        pytest.param(["env", "-i"], True, id="without an environment"),
        pytest.param(["setsid", "--wait"], True, id="in a session of its own"),
        pytest.param(["prlimit", "--rttime=1000:"], True, id="with a smaller soft limit"),
    ],
)
def test_a_mark_stays_with_what_is_forked(command: list[str], is_marked: bool) -> None:
    waits = [sys.executable, "-I", "-S", "-c", "import sys, subprocess; input(); subprocess.run(sys.argv[1:])"]
    with subprocess.Popen([*waits, *command, "cat", "/proc/self/limits"], stdin=-1, stdout=-1, text=True) as guard:
        mark = ownership.mark(guard.pid)
        output, _ = guard.communicate("\n")
    (line,) = [line for line in output.splitlines() if line.startswith("Max realtime timeout")]
    assert mark
    assert (str(mark + ownership._OUTER) in line) is is_marked


def test_a_run_in_a_run_has_both_marks() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as guard:
        outer, inner = ownership.mark(guard.pid), ownership.mark(guard.pid)
        both = [ownership.is_marked(ownership.RunIdentity(tag=TAG, mark=mark), guard.pid) for mark in (outer, inner)]
        guard.communicate(b"\n")
    assert outer != inner
    assert both == [True, True]


def test_a_limit_that_means_something_is_left_as_it_is() -> None:
    command = ["prlimit", "--rttime=200000:200000", sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as guard:
        assert guard.stdout
        guard.stdout.readline()
        assert ownership.mark(guard.pid) == 0
        assert procfs.realtime_limits(guard.pid) == [200_000, 200_000]
        guard.communicate(b"\n")


def test_no_mark_is_no_evidence() -> None:
    assert not ownership.is_marked(ownership.RunIdentity(tag=TAG), os.getpid())
