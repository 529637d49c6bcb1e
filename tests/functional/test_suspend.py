"""Ctrl-Z: what tox runs stands still with it, and no limit runs on meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from support.project import Project, Running, started

COUNTER = """\
import os, sys, time
end = time.monotonic() + 100
for count in range(int(sys.argv[2]) * 20):
    with open(sys.argv[1], "a") as file:
        file.write("tick\\n")
    time.sleep(0.05)
print("counted")
"""
CONFIG = """
[testenv:prodsim]
ignore = PRF
deploy_files = counter.py
run_timeout = {limit}
{keys}
"""
PAUSE_S = 4.0


def begin(project: Project, keys: str, *, count_s: int = 2, limit: int = 3) -> tuple[Running, Path]:
    """Start tox in a job of its own, as a shell does; not in a session of its own, whose orphans no Ctrl-Z stops."""
    project.write("counter.py", COUNTER)
    ticks = project.folder / "ticks"
    count = f"python counter.py {ticks} {count_s} {project.tag}"
    project.write("tox.ini", CONFIG.format(limit=limit, keys=keys.format(count=count)))
    output = project.folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            Project._command(("run", "-e", "prodsim", "--installpkg", project.wheel())),
            cwd=project.folder,
            env=project._environ(None),
            stdout=file,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            process_group=0,
        )
    running = Running(process=process, output=output)
    started.append(running)
    while not ticks.exists() or len(ticks.read_text()) < 10:
        assert process.poll() is None, running.out
        time.sleep(0.02)
    return running, ticks


def stopped(running: Running) -> psutil.Process:
    running.send(signal.SIGTSTP)
    tox = psutil.Process(running.process.pid)
    give_up_at = time.monotonic() + 5
    while tox.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < give_up_at, running.out
        time.sleep(0.02)
    time.sleep(0.3)
    return tox


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param("deploy = {count}\nexpect_output = counted", id="a job"),
        pytest.param("commands = {count}", id="a command"),
    ],
)
def test_a_pause_counts_for_no_limit_and_all_stands_still(quick_project: Project, keys: str) -> None:
    running, ticks = begin(quick_project, keys)
    stopped(running)
    before = ticks.read_text()
    time.sleep(PAUSE_S)
    assert ticks.read_text() == before
    running.send(signal.SIGCONT).end().passed()
    assert len(ticks.read_text()) > len(before)
    assert quick_project.codes() == []


def test_the_time_before_and_after_a_pause_counts(quick_project: Project) -> None:
    running, _ = begin(quick_project, "deploy = {count}", count_s=30, limit=3)
    stopped(running)
    time.sleep(2)
    began = time.monotonic()
    running.send(signal.SIGCONT).end().failed()
    assert 1 < time.monotonic() - began < 8
    assert "RUN610" in quick_project.codes()


def test_a_cancel_while_it_is_suspended_comes_to_effect_when_it_goes_on(quick_project: Project) -> None:
    running, _ = begin(quick_project, "deploy = {count}", count_s=30, limit=60)
    stopped(running)
    running.send(signal.SIGTERM)
    time.sleep(0.5)
    began = time.monotonic()
    running.send(signal.SIGCONT).end().failed()
    assert time.monotonic() - began < 6.5
    assert quick_project.left() == []
    assert quick_project.report()["summary"]["verdict"] == "cancelled"


def test_kill_9_of_a_suspended_tox_leaves_nothing(quick_project: Project) -> None:
    running, ticks = begin(quick_project, "deploy = {count}", count_s=30, limit=60)
    stopped(running)
    os.kill(running.process.pid, signal.SIGKILL)
    running.end()
    quick_project.gone(6.0)
    assert ticks.exists()
