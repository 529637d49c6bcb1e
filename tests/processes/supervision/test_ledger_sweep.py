"""The one case in which nobody is there to clean up: host, guard and warden are killed in the same moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from support.adversaries import Adversaries

import tox_prodsim
from tox_prodsim.supervision import Cause, ledger, ownership, procfs, start
from tox_prodsim.supervision.ledger import Record
from tox_prodsim.supervision.procfs import RUN_TAG

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a ledger is kept on Linux only")

ENV = {**os.environ, "PYTHONPATH": str(Path(tox_prodsim.__file__).parents[1])}
HOST = """if True:
    import os, signal, sys, time
    from pathlib import Path
    from tox_prodsim.supervision import start

    signal.alarm(60)
    folder, contain, *command = sys.argv[1:]
    options = {"stdout": None, "stderr": None, "containment": contain, "ledger": Path(folder)}
    process = start(command, cwd=Path("/"), env=os.environ, **options)
    print("started", flush=True)
    time.sleep(60)
"""
SWEEPER = """if True:
    import dataclasses, json, sys
    from pathlib import Path
    from tox_prodsim.supervision import sweep

    print(json.dumps([dataclasses.asdict(swept) for swept in sweep(Path(sys.argv[1]))]))
"""
SLEEPER = "import signal, time; signal.alarm(60); time.sleep(60)"


@pytest.fixture(autouse=True)
def reaped(adversaries: Adversaries) -> Iterator[None]:
    """Process 1 may take its time to reap what it adopted."""
    yield
    assert adversaries.wait_for(lambda: not adversaries.states(), 20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def sweeper(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SWEEPER, str(folder)], env=ENV, stdout=subprocess.PIPE, text=True)


def sweep(folder: Path) -> list[dict[str, Any]]:
    with sweeper(folder) as process:
        swept: list[dict[str, Any]] = json.loads(process.communicate(timeout=30)[0])
    return swept


def recorded(folder: Path) -> Record:
    (path,) = folder.glob("*.json")
    return ledger.read(path)


def rewrite(folder: Path, record: Record) -> None:
    ledger.write(folder / f"{record.tag}.json", record)


@contextmanager
def host(command: Sequence[str], folder: Path, contain: str = "subreaper") -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-c", HOST, str(folder), contain, *command]
    with subprocess.Popen(words, env=ENV, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        try:
            assert process.stdout.readline() == b"started\n"
            yield process
        finally:
            process.kill()


def kill_all(record: Record) -> None:
    """Stop host, guard and warden, then kill them in the other order, so that none of them sees the others die.

    A guard continues a stopped warden, and so does its death; the death of the host continues the guard.
    """
    supervisors = [each for each in (record.host, record.guard, record.warden) if each]
    until = time.monotonic() + 5
    for each in supervisors:
        os.kill(each.pid, signal.SIGSTOP)
        while psutil.Process(each.pid).status() != psutil.STATUS_STOPPED and time.monotonic() < until:
            time.sleep(0.001)
    for each in reversed(supervisors):
        os.kill(each.pid, signal.SIGKILL)
    while any(procfs.lives(each) for each in supervisors) and time.monotonic() < until:
        time.sleep(0.005)


def lose(adversaries: Adversaries, folder: Path, kind: str = "zoo", processes: int = 8) -> Record:
    """Run an adversary and lose it; return its record."""
    with host(adversaries.command(kind), folder) as process:
        adversaries.output.touch()
        adversaries.wait_ready(processes)
        record = recorded(folder)
        assert record.host.pid == process.pid
        assert record.guard
        assert record.warden
        assert psutil.Process(record.warden.pid).ppid() == record.guard.pid
        kill_all(record)
    return record


# what is left behind is ended


def test_the_next_run_ends_what_was_left_behind_ghosts_too(adversaries: Adversaries, folder: Path) -> None:
    record = lose(adversaries, folder)
    # The kernel killed the main process, and may hang up on what is stopped in its orphaned group.
    assert adversaries.wait_for(lambda: 4 <= adversaries.alive() <= 5)
    alive = {pid for pid, _ in adversaries.registered() if (now := procfs.read_status(pid)) and now.lives}
    (swept,) = sweep(folder)
    assert adversaries.wait_for(lambda: adversaries.alive() == 0)
    assert {pid for pid, _ in swept["killed"]} == alive
    assert swept["tag"] == record.tag
    assert swept["command"] == " ".join(adversaries.command("zoo"))
    assert swept["reason"] == "its supervising processes and their host were killed together"
    assert list(folder.iterdir()) == []
    assert sweep(folder) == []


@pytest.mark.parametrize("kind", ["hopper", "forker", "hydra", "fan_out"])
def test_nothing_runs_away_from_a_sweep(adversaries: Adversaries, folder: Path, kind: str) -> None:
    lose(adversaries, folder, kind, processes=1)
    sweep(folder)
    assert adversaries.wait_for(lambda: adversaries.alive() == 0, 1)


def test_two_sweeps_at_once_do_no_harm(adversaries: Adversaries, folder: Path) -> None:
    lose(adversaries, folder)
    sweepers = [sweeper(folder) for _ in range(3)]
    outputs = [process.communicate(timeout=30) for process in sweepers]
    assert [process.returncode for process in sweepers] == [0, 0, 0], outputs
    assert adversaries.wait_for(lambda: adversaries.alive() == 0)


def test_without_a_mark_the_tag_is_enough_but_for_ghosts(adversaries: Adversaries, folder: Path) -> None:
    record = lose(adversaries, folder)
    killed: list[tuple[int, str]] = []
    until = time.monotonic() + 10
    while adversaries.alive() > 1 and time.monotonic() < until:  # a process that is just orphaned may be missed
        rewrite(folder, replace(record, mark=0))
        killed += [each for swept in sweep(folder) for each in swept["killed"]]
    assert killed
    (ghost,) = [pid for pid, _ in adversaries.registered() if (now := procfs.read_status(pid)) and now.lives]
    assert ghost not in [pid for pid, _ in killed]
    rewrite(folder, record)
    assert [pid for pid, _ in sweep(folder)[0]["killed"]] == [ghost]


def test_what_is_below_a_tagged_process_goes_with_it(adversaries: Adversaries, folder: Path) -> None:
    start_both = f"""import os, subprocess, sys, time
if os.fork(): time.sleep(60)
os.setsid()
subprocess.Popen(["env", "-i", *{adversaries.command("deaf_main")!r}])
{SLEEPER}"""
    with host([sys.executable, "-c", start_both], folder):
        adversaries.output.touch()
        adversaries.wait_ready(1)
        record = recorded(folder)
        kill_all(record)
    rewrite(folder, replace(record, mark=0))
    (swept,) = sweep(folder)
    assert adversaries.wait_for(lambda: adversaries.alive() == 0)
    assert len(swept["killed"]) == 2


def test_where_only_the_group_contains_the_next_run_ends_what_a_killed_host_left(
    adversaries: Adversaries, folder: Path
) -> None:
    with host(adversaries.command("daemon"), folder, "group"):
        adversaries.output.touch()
        adversaries.wait_ready(3)
        os.kill(recorded(folder).host.pid, signal.SIGKILL)
    sweep(folder)
    assert adversaries.wait_for(lambda: adversaries.alive() == 0)


# a run that is going on is left alone


def test_a_run_that_goes_on_is_left_alone(adversaries: Adversaries, folder: Path) -> None:
    with host(adversaries.command("zoo"), folder):
        adversaries.output.touch()
        adversaries.wait_ready(8)
        before = adversaries.alive()
        assert sweep(folder) == []
        assert adversaries.alive() == before >= 6
        assert recorded(folder).argv == tuple(adversaries.command("zoo"))


@pytest.mark.parametrize("kind", ["daemon_exit", "obedient"])
def test_the_record_is_there_while_the_run_is_and_no_longer(adversaries: Adversaries, folder: Path, kind: str) -> None:
    process = adversaries.start(kind, ledger=folder)
    assert recorded(folder).host == ownership.own_identity()
    process.close()
    assert list(folder.iterdir()) == []


def test_a_command_that_cannot_be_started_leaves_no_record(folder: Path) -> None:
    process = start(["/no/such/command"], cwd=folder.parent, env={}, stdout=None, stderr=None, ledger=folder)
    assert process.poll()
    assert list(folder.iterdir()) == []


# foreign processes live


@contextmanager
def child(env: dict[str, str], *words: str) -> Iterator[psutil.Process]:
    """A process of somebody else who lives: of this test."""
    command = [sys.executable, "-I", "-S", "-c", SLEEPER, *words]
    with subprocess.Popen(command, env=env, start_new_session=True) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


@contextmanager
def orphan(env: dict[str, str], *words: str) -> Iterator[psutil.Process]:
    """A daemon of somebody else."""
    command = [sys.executable, "-I", "-S", "-c", SLEEPER, *words]
    starts = f"import subprocess, sys; print(subprocess.Popen({command!r}, stdout=2, start_new_session=True).pid)"
    pid = int(subprocess.run([sys.executable, "-c", starts], env=env, stdout=subprocess.PIPE, check=True).stdout)
    process = psutil.Process(pid)
    try:
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.parametrize(
    ("foreign", "env", "words"),
    [
        pytest.param(orphan, {}, "{tag}", id="the tag in the command line"),
        pytest.param(orphan, {"OTHER": "{tag}"}, "", id="the tag in another variable"),
        pytest.param(orphan, {RUN_TAG: "{tag}0"}, "", id="the tag as the beginning of a longer one"),
        pytest.param(orphan, {RUN_TAG: "a:0{tag}:b"}, "", id="the tag as the end of a longer one"),
        pytest.param(orphan, {RUN_TAG: "a:b"}, "", id="another tag"),
        pytest.param(orphan, {f"X_{RUN_TAG}": "{tag}"}, "", id="a variable whose name ends so"),
        pytest.param(child, {RUN_TAG: "{tag}"}, "", id="the very tag, from a parent that lives"),
        pytest.param(child, {RUN_TAG: "a:{tag}:b"}, "", id="the very tag among others, from a parent that lives"),
    ],
)
def test_a_look_alike_lives(
    adversaries: Adversaries, folder: Path, foreign: Any, env: dict[str, str], words: str
) -> None:
    record = lose(adversaries, folder)
    carried = {name: value.format(tag=record.tag) for name, value in env.items()}
    with foreign(carried, words.format(tag=record.tag)) as process:
        (swept,) = sweep(folder)
        assert adversaries.wait_for(lambda: adversaries.alive() == 0)
        assert process.is_running()
        assert process.status() != psutil.STATUS_ZOMBIE
        assert process.pid not in [pid for pid, _ in swept["killed"]]


def test_the_same_command_line_is_no_evidence(adversaries: Adversaries, folder: Path) -> None:
    lose(adversaries, folder, "daemon", processes=3)
    with subprocess.Popen(adversaries.command("daemon"), stderr=subprocess.DEVNULL) as process:
        adversaries.wait_for(lambda: adversaries.alive() >= 3)
        sweep(folder)
        assert process.poll() is None
        process.kill()
    for pid, _ in adversaries.registered():  # those of this test
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).cmdline() == adversaries.command("daemon"):
                psutil.Process(pid).kill()
    assert adversaries.wait_for(lambda: not adversaries.states())


@pytest.mark.parametrize("foreign", [child, orphan])
@pytest.mark.parametrize("who", ["host", "guard", "warden"])
def test_a_hostile_record_that_names_a_foreign_process_hurts_nobody(folder: Path, foreign: Any, who: str) -> None:
    with foreign({}) as process:
        now = procfs.read_status(process.pid)
        assert now
        lost = replace(now.identity, started=now.identity.started - 1)
        for named in (now.identity, lost):
            record = Record(tag="a" * 32, boot=procfs.boot(), namespace=procfs.namespace(), host=lost)
            rewrite(folder, replace(record, **{who: named}))
            assert sweep(folder) == []
        assert process.is_running()


def test_an_orphan_that_is_older_than_the_run_is_not_of_it() -> None:
    with orphan({RUN_TAG: "b" * 32}) as process:
        now = procfs.read_status(process.pid)
        assert now
        adopting = ownership.adopter()
        run = ownership.RunIdentity(tag="b" * 32, adopters=(adopting,) if adopting else (), since=now.identity.started)
        assert ownership.is_ours(run, now)
        assert not ownership.is_ours(replace(run, since=now.identity.started + 1), now)


# guard and warden are killed, and the host lives


def test_a_host_ends_all_of_a_run_whose_supervisors_are_killed_and_spares_look_alikes(
    adversaries: Adversaries, folder: Path
) -> None:
    process = adversaries.start("zoo", ledger=folder)
    adversaries.wait_ready(8)
    record = recorded(folder)
    with child({RUN_TAG: record.tag}) as foreign:
        kill_all(replace(record, host=record.guard))
        ending = process.wait(10)
        assert adversaries.wait_for(lambda: adversaries.alive() == 0)
        assert foreign.is_running()
        assert foreign.status() != psutil.STATUS_ZOMBIE
    assert ending
    assert ending.cause is Cause.LOST
    assert list(folder.iterdir()) == []
    assert adversaries.wait_for(lambda: not adversaries.states())
