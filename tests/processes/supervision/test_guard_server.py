"""Guards that are forks of one server: what the runs of a host share, and what becomes of them without it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tox_prodsim import supervision

SLEEPS = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"]
LIMIT_S = 30.0


@pytest.fixture
def _shared() -> Iterator[None]:
    """Share guards; at the end nothing of the server is left."""
    with supervision.shared_guards():
        yield
    assert servers() == []


def servers() -> list[psutil.Process]:
    return [each for each in psutil.Process().children() if "guards.serve" in " ".join(each.cmdline())]


def started(argv: list[str], stdout: int = subprocess.DEVNULL) -> supervision.Process:
    return supervision.start(argv, cwd=Path("/"), env={}, stdout=stdout, stderr=subprocess.DEVNULL)


def parent_of_guard(process: supervision.Process) -> int:
    """The guard is above the warden, and the warden above the command."""
    parents = psutil.Process(process.pid).parents()
    return parents[2].pid


def ended(process: supervision.Process) -> supervision.Ending:
    ending = process.wait(LIMIT_S)
    process.close()
    assert ending
    return ending


@pytest.mark.usefixtures("_shared")
def test_runs_share_a_server_and_have_their_own_files() -> None:
    read_end, write_end = os.pipe()
    first, second = (
        started(SLEEPS),
        started([sys.executable, "-c", "import sys; print(sys.stdin.read(), 'out')"], write_end),
    )
    os.close(write_end)
    assert ended(second).code == 0
    with os.fdopen(read_end, "rb") as output:
        assert output.read() == b" out\n"
    (server,) = servers()
    assert parent_of_guard(first) == server.pid
    assert first.stop(signal.SIGTERM, 5.0).signal == signal.SIGTERM
    first.close()
    until = time.monotonic() + LIMIT_S
    while server.children() and time.monotonic() < until:  # it reaps its guards a moment later
        time.sleep(0.01)
    assert server.children() == []


@pytest.mark.usefixtures("_shared")
def test_runs_go_on_without_their_server_and_the_next_gets_another() -> None:
    first = started(SLEEPS)
    (server,) = servers()
    server.kill()
    while server.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    second = started(SLEEPS)
    assert parent_of_guard(second) not in {server.pid, os.getpid()}
    for process in (first, second):
        ending = process.stop(signal.SIGTERM, 5.0)
        assert (ending.cause, ending.signal) == (supervision.Cause.STOPPED, signal.SIGTERM)
        process.close()


@pytest.mark.usefixtures("_shared")
def test_a_server_that_is_stopped_is_continued() -> None:
    ended(started([sys.executable, "-c", ""]))
    (server,) = servers()
    server.send_signal(signal.SIGSTOP)
    while server.status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    assert ended(started([sys.executable, "-c", ""])).code == 0
    assert [each.pid for each in servers()] == [server.pid]


@pytest.mark.usefixtures("_shared")
def test_a_guard_that_is_killed_is_seen_and_reaped() -> None:
    process = started(SLEEPS)
    guard = psutil.Process(process.pid).parents()[1]
    guard.kill()
    assert ended(process).cause is supervision.Cause.LOST
    assert not psutil.pid_exists(guard.pid)


@pytest.mark.usefixtures("_shared")
def test_a_command_that_does_not_exist_is_reported() -> None:
    process = started(["/nothing/here"])
    assert ended(process).cause is supervision.Cause.NOT_STARTED


def test_without_sharing_each_guard_is_a_child() -> None:
    process = started(SLEEPS)
    assert parent_of_guard(process) == os.getpid()
    process.close()
    assert servers() == []


def test_a_host_that_has_closed_its_standard_files_can_share() -> None:
    program = """
import os, subprocess, sys
from pathlib import Path
from tox_prodsim import supervision
kept = os.dup(1)
os.closerange(0, 3)
with supervision.shared_guards():
    ends = []
    for stdin_null in (True, False):
        process = supervision.start(
            [sys.executable, "-c", ""], cwd=Path("/"), env={}, stdout=None, stderr=None, stdin_null=stdin_null
        )
        ends.append(process.wait(30).code)
        process.close()
os.write(kept, str(ends).encode())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=LIMIT_S * 2)
    assert done.stdout == b"[0, 0]", done.stderr
