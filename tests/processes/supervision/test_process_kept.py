"""What a main process leaves on purpose: it lives on under supervision, until it is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tox_prodsim.supervision import Cause, Process, start

LEAVES = """\
import subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)
sys.exit(3)
"""
LIVES_ON = "import time; time.sleep(60)"
WRITES_AT_ITS_END = """\
import signal, sys, time
def end(*_):
    open("results", "w").write("120 requests")
    sys.exit()
signal.signal(signal.SIGTERM, end)
open("ready", "w").close()
time.sleep(60)
"""


def begin(folder: Path, child: str) -> Process:
    return start(
        [sys.executable, "-c", LEAVES, child],
        cwd=folder,
        env={},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        keeps_left=True,
    )


def test_what_is_kept_lives_on_until_it_is_stopped(tmp_path: Path) -> None:
    process = begin(tmp_path, WRITES_AT_ITS_END)
    main = process.wait(20, for_main=True)
    assert main is not None
    assert (main.cause, main.code, main.survivors) == (Cause.EXITED, 3, ())
    assert process.wait(1.5) is None, "longer than what is left may live otherwise"
    (left,) = process.tree()
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
    ending = process.stop(signal.SIGTERM, 10)
    assert (ending.code, ending.forced, left.is_running()) == (3, False, False)
    assert (tmp_path / "results").read_text() == "120 requests"


@pytest.mark.parametrize("child", [LIVES_ON, "pass"], ids=["killed", "ended by itself"])
def test_nothing_of_it_outlives_its_end(tmp_path: Path, child: str) -> None:
    process = begin(tmp_path, child)
    assert process.wait(20, for_main=True) is not None
    if child == LIVES_ON:
        left = process.tree()
        process.close()
        assert [each.is_running() for each in left] == [False]
    assert process.wait(20) is not None
    assert process.tree() == ()
