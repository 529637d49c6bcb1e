"""Leaks: what is new in real folders, what the records of the hook say, and what cannot be seen."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from tox_prodsim.deployment import leaks
from tox_prodsim.deployment.leaks import LeakEvidence, files, find_leaks, hook_records
from tox_prodsim.model.leaks import Grade, LeakKind, LeakReport


class RunFolders:
    """The folders of a run, and what is done in them after the snapshot."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("tmp", "scratch", "shm", "hook"):
            (folder / name).mkdir()
        self.tmp, self.scratch, self.shm, self.hook = (folder / name for name in ("tmp", "scratch", "shm", "hook"))
        self.table = folder / "sysvipc"

    def take_snapshot(self) -> leaks.Snapshot:
        return leaks.take_snapshot(temporary=self.tmp, scratch=self.scratch, shared=self.shm, system_v=self.table)

    def record(self, *records: object, pid: int = 7) -> None:
        text = "".join(f"{json.dumps(record)}\n" for record in records)
        (self.hook / f"{pid}.witness.jsonl").write_text(text)


@pytest.fixture
def run_folders(tmp_path: Path) -> RunFolders:
    return RunFolders(tmp_path)


def texts(report: LeakReport) -> list[str]:
    return [f"{leak.grade} {leak.subject}: {leak.detail}" for leak in report.leaks]


# folders


def test_what_is_new_in_tmpdir_is_left_and_a_folder_counts_once(run_folders: RunFolders) -> None:
    (run_folders.tmp / "old").write_text("old")
    snapshot = run_folders.take_snapshot()
    (run_folders.tmp / "one").write_bytes(b"12345")
    (run_folders.tmp / "deep/er").mkdir(parents=True)
    (run_folders.tmp / "deep/er/a").write_bytes(b"1" * 1500)
    (run_folders.tmp / "deep/b").write_bytes(b"1" * 500)
    (run_folders.tmp / "empty").mkdir()
    assert sorted(texts(find_leaks(snapshot))) == [
        "certain deep: folder in TMPDIR with 2 files, 2.0 kB",
        "certain empty: empty folder in TMPDIR",
        "certain one: file in TMPDIR, 5 bytes",
    ]


def test_a_new_file_in_an_old_folder_is_named_by_its_path(run_folders: RunFolders) -> None:
    (run_folders.tmp / "old").mkdir()
    snapshot = run_folders.take_snapshot()
    (run_folders.tmp / "old/new").write_text("")
    assert texts(find_leaks(snapshot)) == ["certain old/new: file in TMPDIR, 0 bytes"]


def test_what_was_there_or_only_changed_or_went_away_is_not_left(run_folders: RunFolders) -> None:
    (run_folders.tmp / "kept").write_text("1")
    (run_folders.tmp / "removed").write_text("1")
    snapshot = run_folders.take_snapshot()
    (run_folders.tmp / "kept").write_text("another")
    (run_folders.tmp / "removed").unlink()
    assert find_leaks(snapshot).leaks == ()


def test_of_the_working_folder_only_what_a_live_process_needs_is_left(run_folders: RunFolders) -> None:
    (run_folders.scratch / "old.pid").write_text("1")
    snapshot = run_folders.take_snapshot()
    for name in ("app.pid", "data.db", "report.txt", "uv.lock"):
        (run_folders.scratch / name).write_text("1")
    (run_folders.scratch / "big.lock").write_text("x" * 300)
    (run_folders.scratch / "run").mkdir()
    (run_folders.scratch / "run/held.lock").write_text("77 host")
    (run_folders.scratch / "run/free.lock").write_text("")
    os.mkfifo(run_folders.scratch / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(run_folders.scratch / "api"))
    assert sorted(texts(find_leaks(snapshot))) == [
        "certain api: socket in the working folder, one of 9 files written there",
        "certain app.pid: pid file in the working folder, one of 9 files written there",
        "certain pipe: named pipe in the working folder, one of 9 files written there",
        "certain run/held.lock: lock file in the working folder, one of 9 files written there",
        "hint run/free.lock: lock file in the working folder, one of 9 files written there",
    ]


def test_a_tmpdir_inside_of_the_working_folder_is_looked_at_once(run_folders: RunFolders) -> None:
    inside = run_folders.scratch / "tmp"
    inside.mkdir()
    snapshot = leaks.take_snapshot(
        temporary=inside, scratch=run_folders.scratch, shared=run_folders.shm, system_v=run_folders.table
    )
    (inside / "a.pid").write_text("1")
    assert texts(find_leaks(snapshot)) == ["certain a.pid: file in TMPDIR, 1 byte"]


def test_no_link_is_followed(run_folders: RunFolders, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "foreign.pid").write_text("1" * 5000)
    snapshot = run_folders.take_snapshot()
    (run_folders.tmp / "link").symlink_to(elsewhere)
    (run_folders.scratch / "link").symlink_to(elsewhere)
    (run_folders.scratch / "round").symlink_to(run_folders.scratch)
    assert texts(find_leaks(snapshot)) == [
        "certain link: symbolic link in TMPDIR, " + files.format_size(len(str(elsewhere)))
    ]


def test_a_name_that_is_no_text_can_be_written_in_any_report(run_folders: RunFolders) -> None:
    snapshot = run_folders.take_snapshot()
    os.close(os.open(os.fsencode(run_folders.tmp) + b"/a\xff", os.O_CREAT))
    (leak,) = find_leaks(snapshot).leaks
    assert leak.subject == r"a\xff"


def test_a_tree_deeper_than_a_path_may_be_long_ends_somewhere(run_folders: RunFolders) -> None:
    snapshot = run_folders.take_snapshot()
    here = os.open(run_folders.tmp, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert texts(find_leaks(snapshot)) == [f"certain {'d' * 100}: empty folder in TMPDIR"]


def test_more_than_can_be_held_is_said_and_not_held(run_folders: RunFolders) -> None:
    snapshot = run_folders.take_snapshot()
    for number in range(files.LIMIT + 5):
        os.close(os.open(run_folders.tmp / str(number), os.O_CREAT))
    report = find_leaks(snapshot)
    assert len(report.leaks) == files.LIMIT + 1
    assert report.not_observable[0] == "files left in TMPDIR are not all observable: it has more than 10000 entries"
    assert find_leaks(run_folders.take_snapshot()).not_observable[0] == (
        "files left in TMPDIR are not observable: it had more than 10000 entries before the start"
    )


def test_a_folder_that_is_gone_or_never_was_holds_nothing(run_folders: RunFolders) -> None:
    snapshot = run_folders.take_snapshot()
    run_folders.tmp.rmdir()
    run_folders.scratch.rmdir()
    assert find_leaks(snapshot).leaks == ()


# shared memory


def test_shared_memory_is_left_when_it_is_new_even_under_an_old_name(run_folders: RunFolders) -> None:
    (run_folders.shm / "kept").write_text("1")
    (run_folders.shm / "again").write_text("1")
    snapshot = run_folders.take_snapshot()
    (run_folders.shm / "spare").write_text("")  # so that the inode of the old one is not used again
    (run_folders.shm / "other").write_text("1")
    (run_folders.shm / "other").rename(run_folders.shm / "again")
    (run_folders.shm / "spare").unlink()
    (run_folders.shm / "sem.lock").write_text("1")
    assert texts(find_leaks(snapshot)) == [
        "firm again: shared memory, 1 byte, made by this user during the run",
        "firm sem.lock: semaphore, 1 byte, made by this user during the run",
    ]


def test_shared_memory_that_a_process_holds_is_its_own(run_folders: RunFolders) -> None:
    snapshot = run_folders.take_snapshot()
    with (run_folders.shm / "held").open("w"):
        assert find_leaks(snapshot).leaks == ()
    assert len(find_leaks(snapshot).leaks) == 1


def test_shared_memory_of_another_user_is_not_ours(run_folders: RunFolders) -> None:
    snapshot = run_folders.take_snapshot()
    (run_folders.shm / "theirs").write_text("1")
    try:
        os.chown(run_folders.shm / "theirs", os.getuid() + 1, -1)
    except PermissionError:
        pytest.skip("only root can give a file away")
    assert find_leaks(snapshot).leaks == ()


def test_a_machine_without_dev_shm_says_so(run_folders: RunFolders) -> None:
    run_folders.shm.rmdir()
    report = find_leaks(run_folders.take_snapshot())
    assert report.not_observable[0] == f"shared memory is not observable: there is no {run_folders.shm}"


HEAD = "key shmid perms size cpid lpid nattch uid gid cuid cgid\n"


def test_a_segment_is_left_when_nobody_holds_it_and_its_creator_is_dead(run_folders: RunFolders) -> None:
    me, dead = os.getuid(), 2**22 + 1
    old = f"0 1 600 10 {dead} 0 0 {me} 0 {me} 0\n"
    run_folders.table.write_text(HEAD + old)
    snapshot = run_folders.take_snapshot()
    rows = [
        f"0 2 600 2000 {dead} 0 0 {me} 0 {me} 0\n",
        f"0 3 600 10 {os.getpid()} 0 0 {me} 0 {me} 0\n",
        f"0 4 600 10 {dead} 0 1 {me} 0 {me} 0\n",
        f"0 5 600 10 {dead} 0 0 {me} 0 {me + 1} 0\n",
    ]
    run_folders.table.write_text(HEAD + old + "".join(rows))
    assert texts(find_leaks(snapshot)) == [
        f"firm shmid 2: System V segment, 2.0 kB, made during the run by pid {dead}, which has ended"
    ]


@pytest.mark.parametrize("text", ["", "garbage", HEAD + "1 2", HEAD + "a b c d e f g h i j k"])
def test_a_table_that_cannot_be_read_holds_nothing(run_folders: RunFolders, text: str) -> None:
    snapshot = run_folders.take_snapshot()
    run_folders.table.write_text(text)
    assert find_leaks(snapshot).leaks == ()


def test_what_another_distribution_does_not_close_is_a_hint_where_one_knows_whose_it_is(
    run_folders: RunFolders,
) -> None:
    site = Path("/venv/lib/python3.11/site-packages")
    sources = [site / "acme/app.py", site / "waitress/wasyncore.py", Path("/usr/lib/python3.11/tempfile.py")]
    lines = [f"{file}:7: ResourceWarning: unclosed {at}".encode() for at, file in enumerate(sources)]
    snapshot = run_folders.take_snapshot()
    known = find_leaks(snapshot, LeakEvidence(lines=lines, own_code=[site / "acme", site / "acme.py"]))
    assert [leak.grade for leak in known.leaks] == [Grade.FIRM, Grade.HINT, Grade.FIRM]
    assert {leak.grade for leak in find_leaks(snapshot, LeakEvidence(lines=lines)).leaks} == {Grade.FIRM}


def test_a_connection_that_we_held_open_is_no_leak_of_the_server(run_folders: RunFolders) -> None:
    unclosed = "sys:1: ResourceWarning: unclosed <socket.socket fd=9, laddr=('127.0.0.1', 80), raddr=('127.0.0.1', %d)>"
    lines = [(unclosed % port).encode() for port in (41353, 41354)]
    left = find_leaks(run_folders.take_snapshot(), LeakEvidence(lines=lines, client_ports={41353})).leaks
    assert ["41354" in leak.subject for leak in left] == [True]


# the records of the hook


def test_the_hook_records_warnings_exceptions_and_tasks(run_folders: RunFolders) -> None:
    snapshot = run_folders.take_snapshot()
    run_folders.record(
        {"kind": "warning", "category": "ResourceWarning", "message": "unclosed x", "file": "/a.py", "line": 3},
        {"kind": "exception", "where": "thread T", "type": "KeyError", "message": "1", "file": "/a.py", "line": 4},
        {"kind": "task", "name": "Task-7", "message": "Task was destroyed but it is pending!"},
        {"kind": "exit"},
    )
    report = find_leaks(snapshot, LeakEvidence(hook_folder=run_folders.hook))
    assert texts(report) == [
        "firm ResourceWarning: unclosed x: ",
        "firm KeyError: 1: in thread T",
        "firm task Task-7: destroyed while pending",
    ]
    assert [(leak.file, leak.line) for leak in report.leaks if leak.file] == [("/a.py", 3), ("/a.py", 4)]
    assert report.not_observable == ()


@pytest.mark.parametrize(
    ("where", "detail"),
    [
        ("thread T", "in thread T"),
        ("D.__del__", "in D.__del__"),
        ("ignored in FileIO", "ignored in FileIO"),
        ("Exception ignored in atexit callback function", "ignored in atexit callback function"),
    ],
)
def test_the_hook_says_where_an_exception_ended_as_the_log_does(
    run_folders: RunFolders, where: str, detail: str
) -> None:
    run_folders.record({"kind": "exception", "where": where, "type": "KeyError", "message": "1"})
    assert [leak.detail for leak in hook_records.read(run_folders.hook)] == [detail]


def test_what_log_and_hook_both_report_counts_once(run_folders: RunFolders) -> None:
    snapshot = run_folders.take_snapshot()
    run_folders.record(
        {"kind": "warning", "category": "ResourceWarning", "message": "unclosed <x at 0x12>"},
        {"kind": "exception", "where": "thread T", "type": "Broken", "message": "it\nhas lines"},
        {"kind": "task", "name": "stuck", "message": "Task was destroyed but it is pending!"},
    )
    lines = (
        b"sys:1: ResourceWarning: unclosed <x at 0xabc>\n",
        b"Exception in thread T:\n",
        b"acme.errors.Broken: it\n",
        b"Task was destroyed but it is pending!\n",
        b"task: <Task pending name='stuck' coro=<f() running at /a.py:1>>\n",
        b"sys:1: ResourceWarning: another\n",
    )
    report = find_leaks(snapshot, LeakEvidence(lines=lines, hook_folder=run_folders.hook))
    assert [leak.subject for leak in report.leaks] == [
        "ResourceWarning: unclosed <x>",
        "Broken: it",
        "task stuck",
        "ResourceWarning: another",
    ]
    assert [leak.line for leak in report.leaks if leak.kind is LeakKind.TASK] == [1]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"kind": "exception", "type": "half', id="half written"),
        pytest.param(b"\xff\xfe\x00garbage\n", id="garbage"),
        pytest.param(b'[1]\n7\nnull\n"text"\n', id="other JSON"),
        pytest.param(
            b'{"kind": ["exception"]}\n{"kind": "exception", "type": 7}\n{"kind": "exception"}\n', id="other types"
        ),
        pytest.param(b'{"kind": "warning", "category": {}, "message": 1}\n', id="a warning without words"),
        pytest.param(b"[" * 100_000 + b"\n", id="nested without end"),
        pytest.param(b'{"kind": "exception", "type": "' + b"x" * 200_000 + b'"}\n', id="a line too long"),
        pytest.param(b'{"kind": "warning", "line": 1' + b"0" * 9000 + b"}\n", id="a number too long"),
    ],
)
def test_a_record_that_cannot_be_understood_is_nothing(run_folders: RunFolders, content: bytes) -> None:
    (run_folders.hook / "7.witness.jsonl").write_bytes(content)
    assert list(hook_records.read(run_folders.hook)) == []


def test_records_that_are_no_plain_file_are_not_opened(run_folders: RunFolders) -> None:
    (run_folders.folder / "foreign").write_text('{"kind": "exception", "type": "foreign"}\n')
    (run_folders.hook / "1.witness.jsonl").symlink_to(run_folders.folder / "foreign")
    os.mkfifo(run_folders.hook / "2.witness.jsonl")
    (run_folders.hook / "3.witness.jsonl").mkdir()
    assert list(hook_records.read(run_folders.hook)) == []


def test_one_bad_line_does_not_hide_the_others(run_folders: RunFolders) -> None:
    (run_folders.hook / "7.witness.jsonl").write_bytes(b'{"kind"\n{"kind": "exception", "type": "T\\ud800"}\n')
    assert [leak.subject for leak in hook_records.read(run_folders.hook)] == [r"T\ud800"]


@pytest.mark.parametrize(
    ("hook", "stacks", "exits", "unlogged", "ended_by", "expected"),
    [
        pytest.param(True, True, True, "x", "", [], id="the hook records what stderr does not"),
        pytest.param(True, True, False, "", "", ["exit is not observable: none reached it (os._exit"], id="os._exit"),
        pytest.param(True, True, False, "", "SIGTERM", ["exit is not observable: SIGTERM ended it"], id="a signal"),
        pytest.param(True, False, False, "", "", [], id="no Python"),
        pytest.param(False, False, False, "", "", [], id="no hook"),
        pytest.param(False, False, False, "its stderr is closed", "", ["its stderr is closed"], id="stderr closed"),
    ],
)
def test_what_could_not_be_seen_is_said_with_its_reason(
    run_folders: RunFolders, hook: bool, stacks: bool, exits: bool, unlogged: str, ended_by: str, expected: list[str]
) -> None:
    if stacks:
        (run_folders.hook / "7.stacks").write_text("")
    if exits:
        run_folders.record({"kind": "exit"})
    hook_folder = run_folders.hook if hook else None
    report = find_leaks(
        run_folders.take_snapshot(), LeakEvidence(hook_folder=hook_folder, unlogged_because=unlogged, ended_by=ended_by)
    )
    assert len(report.not_observable) == len(expected)
    assert all(part in reason for part, reason in zip(expected, report.not_observable, strict=True))


def test_nothing_is_known_of_the_stderr_of_a_process_that_is_gone(tmp_path: Path) -> None:
    assert leaks.unlogged_stderr(2**22 + 1, tmp_path) == ""
