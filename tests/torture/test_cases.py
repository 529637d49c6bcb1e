"""Cases that are not cells of the matrix: a storm of signals, four at once, process 1, strangers who look alike."""

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
from support.register import Register
from torture.matrix import ADVERSARIES, GRACE_S, HERE, WAYS, Adversary, Way
from torture.trial import Setting, launched, play

from tox_prodsim.supervision import Cause, Ending, start

ROGUE = [sys.executable, "-I", "-S", str(HERE / "rogue.py")]
STOPPING = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    folder = tmp_path / "register"
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


@pytest.mark.parametrize("number", sorted(STOPPING))
def test_a_command_that_stops_itself_has_not_ended(number: signal.Signals) -> None:
    command = ["/bin/sh", "-c", f"kill -{number:d} $$; exit 3"]
    process = start(command, cwd=Path("/"), env=os.environ, stdout=None, stderr=None)
    # The kernel refuses SIGTSTP and its like to an orphaned group, which that of a session leader is.
    ending = process.wait(0.3)
    assert ending is None if number == signal.SIGSTOP else (ending or process.wait(10)).code == 3
    process.close()


def namespace() -> list[str]:
    """Return what starts a command in a pid namespace of its own."""
    prefix = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--pid", "--fork"]
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may make no pid namespace here")
    return prefix


def test_a_host_that_is_process_1_of_a_container_leaves_nothing_and_no_zombies(tmp_path: Path) -> None:
    register_folder = planned(tmp_path, "daemon_exit")
    host = [*namespace(), "--mount-proc", "--kill-child", sys.executable, str(HERE / "host.py"), str(tmp_path)]
    subprocess.run(host, check=True, timeout=60)
    said = json.loads((tmp_path / "result.json").read_text())
    assert (said["cause"], said["code"], len(said["survivors"])) == ("exited", 0, 1)
    assert len(Register(register_folder).registered()) == 3


def planned(folder: Path, kind: str) -> Path:
    """Write a plan for a host into a folder, and return where its adversary registers."""
    register_folder = folder / "register"
    register_folder.mkdir()
    argv = [*ROGUE, kind, str(register_folder)]
    plan = {"argv": argv, "containment": "auto", "ledger": None, "timeout_s": 0.5, "grace_s": GRACE_S, "shares": True}
    (folder / "plan.json").write_text(json.dumps(plan))
    (folder / "go").touch()
    return register_folder


def test_four_timeouts_at_once_hold_their_bounds(tmp_path: Path, setting: Setting) -> None:
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()
    with ThreadPoolExecutor(4) as pool:
        cells = list(pool.map(lambda folder: play(adversary("zoo"), way("timeout"), folder, setting), folders))
    assert [cell.trouble for cell in cells] == [()] * 4


def test_a_storm_of_signals_to_the_host_is_one_cancel(tmp_path: Path) -> None:
    register_folder = planned(tmp_path, "zoo")
    (tmp_path / "go").unlink()
    with launched(tmp_path) as host:
        wait_until((register_folder / "ready").exists)
        for _ in range(200):
            host.send_signal(signal.SIGTERM)
            time.sleep(0.001)
        # At its very end Python gives a signal its default action back.
        assert host.wait(30) in {0, -signal.SIGTERM}, (tmp_path / "host.log").read_text()
    said = json.loads((tmp_path / "result.json").read_text())
    assert (said["verdict"], said["cause"]) == ("cancelled", "stopped")
    assert said["signals_to_host"][0] == signal.SIGTERM
    assert Register(register_folder).states() == []


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
