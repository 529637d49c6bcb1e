"""Hostile files in a real tox: refused in one finding, ended at a limit, and a signal is answered."""

from __future__ import annotations

import json
import signal
import time

import psutil
import pytest
from support.hostile import SDISTS, WHEELS, many_entries
from support.project import Project, Running

from tox_prodsim.checks.artifact import open_wheel


@pytest.mark.parametrize(
    ("made", "code", "reason"),
    [
        (WHEELS["Tag: of 400 x 200 x 100 parts"], "WHL150", "stands for 8,000,000 tags, more than 1,000"),
        (SDISTS["a pax header of 200 MB"], "SDI210", "a header in it has 210 MB, more than 1.05 MB"),
    ],
)
def test_a_file_beyond_the_limits_is_one_finding(quick_project: Project, made: object, code: str, reason: str) -> None:
    path = made(quick_project.folder)  # type: ignore[operator]
    quick_project.prodsim("--installpkg", path).failed()
    (finding,) = quick_project.findings()
    assert finding["code"] == code
    assert finding["message"].endswith(reason)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_answered_while_a_file_is_read(quick_project: Project, number: signal.Signals) -> None:
    path = many_entries(quick_project.folder, 150_000)
    began = time.monotonic()
    open_wheel(path)
    reading_s = time.monotonic() - began
    running = quick_project.start("run", "-e", "prodsim", "--installpkg", path)
    _await_worker(running)
    sent_at = time.monotonic()
    running.send(number)
    running.end()
    assert time.monotonic() - sent_at < max(1.0, reading_s)
    assert quick_project.report()["summary"]["verdict"] == "cancelled"
    assert "WHL" not in json.dumps(quick_project.report()["findings"])


def _await_worker(running: Running) -> None:
    """Wait until a process of tox reads a file."""
    tox, give_up_at = psutil.Process(running.process.pid), time.monotonic() + 120.0
    while not any("worker.main" in command_line(each) for each in tox.children(recursive=True)):
        assert time.monotonic() < give_up_at, running.out()
        time.sleep(0.02)


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
