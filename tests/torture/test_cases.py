"""Cases that are no cell of the matrix: every exit code and signal, limits of the machine, strangers who look alike."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from register import Register
from torture.matrix import ADVERSARIES, GRACE_S, HERE, WAYS, Adversary, Way
from torture.trial import Setting, launched, play

from tox_prodsim.supervision import Cause, Ending, start

ROGUE = [sys.executable, "-I", "-S", str(HERE / "rogue.py")]
HARMLESS = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
STOPPING = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
DEADLY = [signal.Signals(number) for number in range(1, 32) if number not in HARMLESS | STOPPING]


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    folder = tmp_path / "arena"
    folder.mkdir()
    register = Register(folder)
    yield register
    left = register.states()
    register.clear()
    assert left == []


def ended(argv: list[str], limit_s: float = 60.0) -> Ending:
    process = start(argv, cwd=Path("/"), env=os.environ, stdout=None, stderr=None)
    ending = process.wait(limit_s)
    process.close()
    assert ending, "it hung"
    return ending


def adversary(name: str) -> Adversary:
    return next(each for each in ADVERSARIES if each.name == name)


def way(name: str) -> Way:
    return next(each for each in WAYS if each.name == name)


@pytest.mark.torture
def test_all_exit_codes_are_kept() -> None:
    with ThreadPoolExecutor(4) as pool:
        endings = list(pool.map(lambda code: ended(["/bin/sh", "-c", f"exit {code}"]), range(256)))
    assert [(ending.cause, ending.code) for ending in endings] == [(Cause.EXITED, code) for code in range(256)]


def test_every_deadly_signal_is_seen_as_what_it_is() -> None:
    with ThreadPoolExecutor(2) as pool:
        endings = list(pool.map(lambda number: ended(["/bin/sh", "-c", f"ulimit -c 0; kill -{number:d} $$"]), DEADLY))
    assert [(ending.cause, ending.signal, ending.code) for ending in endings] == [
        (Cause.SIGNALLED, number, None) for number in DEADLY
    ]


@pytest.mark.parametrize("number", sorted(STOPPING))
def test_a_command_that_stops_itself_has_not_ended(number: signal.Signals) -> None:
    command = ["/bin/sh", "-c", f"kill -{number:d} $$; exit 3"]
    process = start(command, cwd=Path("/"), env=os.environ, stdout=None, stderr=None)
    # The kernel refuses SIGTSTP and its like to an orphaned group, which that of a session leader is.
    ending = process.wait(0.3)
    assert ending is None if number == signal.SIGSTOP else (ending or process.wait(10)).code == 3
    process.close()


def test_a_thousand_orphans_are_reaped(register: Register) -> None:
    ending = ended([*ROGUE, "thousand_orphans", str(register.folder)])
    assert (ending.cause, ending.code) == (Cause.EXITED, 7)
    assert (register.states(), ending.unkillable) == ([], ())


def test_workers_whose_parent_was_killed_do_not_live_on(register: Register) -> None:
    ending = ended([*ROGUE, "kills_itself", str(register.folder)])
    assert (ending.cause, ending.signal) == (Cause.SIGNALLED, signal.SIGKILL)
    assert register.states() == []


def namespace() -> list[str]:
    """Return what starts a command in a pid namespace of its own."""
    prefix = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--pid", "--fork"]
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may make no pid namespace here")
    return prefix


def test_a_pid_namespace_inside_of_the_command_ends_with_it(register: Register) -> None:
    process = start(
        [*namespace(), *ROGUE, "zoo", str(register.folder)], cwd=Path("/"), env=os.environ, stdout=None, stderr=None
    )
    wait_until(lambda: len(register.registered()) >= 8)
    ending = process.stop(signal.SIGTERM, 0.3)
    assert (ending.cause, register.states(), process.tree()) == (Cause.STOPPED, [], ())


def test_a_host_that_is_process_1_of_a_container_leaves_nothing_and_no_zombies(tmp_path: Path) -> None:
    arena = planned(tmp_path, "daemon_exit")
    host = [*namespace(), "--mount-proc", "--kill-child", sys.executable, str(HERE / "host.py"), str(tmp_path)]
    subprocess.run(host, check=True, timeout=60)
    said = json.loads((tmp_path / "result.json").read_text())
    assert (said["cause"], said["code"], len(said["survivors"])) == ("exited", 0, 1)
    assert len(Register(arena).registered()) == 3


@pytest.mark.parametrize("files", [16, 32])
def test_few_file_descriptors_leave_nothing_behind(files: int, tmp_path: Path) -> None:
    arena = planned(tmp_path, "zoo", files=files)
    with launched(tmp_path) as host:
        assert host.wait(60) == 0, (tmp_path / "host.log").read_text()
    said = json.loads((tmp_path / "result.json").read_text())
    assert (said["verdict"], said["cause"], said["forced"]) == ("timed out", "timed out", True)
    assert Register(arena).states() == []


@pytest.mark.parametrize(
    ("processes", "cause"),
    [
        pytest.param(1, "not started", id="no guard"),
        pytest.param(4, "lost", id="no warden"),
        pytest.param(8, "exited", id="few children of the command"),
    ],
)
def test_a_limit_of_processes_is_said_and_leaves_nothing(processes: int, cause: str, tmp_path: Path) -> None:
    """With a real user id of its own and without two capabilities: no limit holds root."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become a user who has no other processes")
    arena = planned(tmp_path, "zoo", processes=processes)
    limited = ["setpriv", "--ruid", str(100_000 + os.getpid()), "--bounding-set", "-sys_resource,-sys_admin"]
    with launched(tmp_path, *limited) as host:
        assert host.wait(60) == 0, (tmp_path / "host.log").read_text()
    said = json.loads((tmp_path / "result.json").read_text())
    assert said["cause"] == cause
    assert cause == "exited" or "Resource temporarily unavailable" in said["error"]
    assert Register(arena).states() == []


def planned(folder: Path, kind: str, **limits: int) -> Path:
    """Write a plan for a host into a folder, and return where its adversary registers."""
    arena = folder / "arena"
    arena.mkdir()
    argv = [*ROGUE, kind, str(arena)]
    plan = {"argv": argv, "containment": "auto", "ledger": None, "timeout_s": 0.5, "grace_s": GRACE_S, **limits}
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "go").touch()
    return arena


def test_four_timeouts_at_once_hold_their_bounds(tmp_path: Path, setting: Setting) -> None:
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(4) as pool:
        cells = list(pool.map(lambda folder: play(adversary("zoo"), way("timeout"), folder, setting), folders))
    assert [cell.trouble for cell in cells] == [()] * 4


def test_a_storm_of_signals_to_the_host_is_one_cancel(tmp_path: Path) -> None:
    arena = planned(tmp_path, "zoo")
    (tmp_path / "go").unlink()
    with launched(tmp_path) as host:
        wait_until((arena / "ready").exists)
        for _ in range(200):
            host.send_signal(signal.SIGTERM)
            time.sleep(0.001)
        # At its very end Python gives a signal its default action back.
        assert host.wait(30) in {0, -signal.SIGTERM}, (tmp_path / "host.log").read_text()
    said = json.loads((tmp_path / "result.json").read_text())
    assert (said["verdict"], said["cause"]) == ("cancelled", "stopped")
    assert said["signals_to_host"][0] == signal.SIGTERM
    assert Register(arena).states() == []


@pytest.mark.parametrize("kind", ["daemon_exit", "kills_both"])
def test_who_only_looks_like_a_process_of_the_run_lives(kind: str, register: Register, tmp_path: Path) -> None:
    """Its command line and folder, and in its environment everything of the run but the run's own tag."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    command = [*ROGUE, "deaf_main", str(register.folder)]
    tags = ["0" * 32, "", ":", "TOX_PRODSIM_RUN"]
    strangers = [
        subprocess.Popen(command, cwd=register.folder, env={**os.environ, "TOX_PRODSIM_RUN": tag}) for tag in tags
    ]
    try:
        wait_until(lambda: len(register.registered()) >= len(strangers))
        processes = [start_and_wait(kind, folder) for _ in range(2)]
        assert [ending.cause for ending in processes] == [Cause.LOST if kind == "kills_both" else Cause.EXITED] * 2
        assert [stranger.poll() for stranger in strangers] == [None] * len(strangers)
    finally:
        for stranger in strangers:
            stranger.kill()
            stranger.wait()
    Register(folder).clear()


def start_and_wait(kind: str, folder: Path) -> Ending:
    return ended([*ROGUE, kind, str(folder)])


def wait_until(what, limit_s: float = 20.0) -> None:
    until = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < until
        time.sleep(0.005)
