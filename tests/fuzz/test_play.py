"""Ctrl-C and SIGTERM end the fuzzer with all of its processes, and leave no file of theirs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PLAY = Path(__file__).with_name("play.py")
TARGETS = ("answers_load", "answers_samples")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_processes_of_the_targets(number: signal.Signals, tmp_path: Path) -> None:
    names = [word for name in TARGETS for word in ("--target", name)]
    argv = [sys.executable, str(PLAY), "--seconds", "600", "--jobs", "2", *names]
    with subprocess.Popen(argv, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.DEVNULL) as played:
        children = _await_children(psutil.Process(played.pid), tmp_path)
        played.send_signal(number)
        assert played.wait(30) == 128 + number
    assert not psutil.wait_procs(children, timeout=5)[1]
    assert [*tmp_path.iterdir()] == []


def _await_children(played: psutil.Process, folder: Path) -> list[psutil.Process]:
    """Wait until all targets are played, each in a folder of its own."""
    give_up_at = time.monotonic() + 60
    while len([*folder.glob("*/fuzz-*")]) < len(TARGETS):
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    return played.children(recursive=True)
