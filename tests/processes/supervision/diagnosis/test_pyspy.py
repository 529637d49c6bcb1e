"""The reader of stacks from outside: fakes of it, because what it may do depends on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tox_prodsim.supervision import Diagnosis, diagnose

SLEEPS = "import time; time.sleep(60)"
DUMP = """\
[{"pid": 1, "thread_id": 140, "thread_name": "MainThread", "os_thread_id": PID, "active": false, "owns_gil": false,
  "frames": [{"name": "inner", "filename": "/a/app.py", "module": null, "short_filename": "app.py", "line": 3,
              "locals": null}, {"name": "<module>", "filename": "/a/app.py", "line": 9}]},
 {"pid": 1, "thread_id": 141, "thread_name": null, "os_thread_id": null, "frames": []}]
"""


@pytest.fixture
def sleepers() -> Iterator[Callable[[int], list[psutil.Process]]]:
    """Starts Python processes without a hook."""
    started: list[subprocess.Popen[bytes]] = []

    def start(number: int) -> list[psutil.Process]:
        started.extend(subprocess.Popen([sys.executable, "-I", "-S", "-c", SLEEPS]) for _ in range(number))
        return [psutil.Process(each.pid) for each in started]

    yield start
    for each in started:
        each.kill()
        each.wait()


@pytest.fixture
def looked(tmp_path: Path, sleepers: Callable[[int], list[psutil.Process]]) -> Callable[[str, int], Diagnosis]:
    """Diagnoses sleepers with a fake of py-spy, which is a shell script."""

    def look(script: str, number: int) -> Diagnosis:
        fake = tmp_path / "py-spy"
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)
        return diagnose(sleepers(number), hook=None, output=None, py_spy=str(fake), limit_s=1.0)

    return look


def test_its_stacks_are_taken_over(looked: Callable[[str, int], Diagnosis], tmp_path: Path) -> None:
    (tmp_path / "dump").write_text(DUMP)
    diagnosis = looked(f'echo "$@" >{tmp_path}/asked; sed "s/PID/$4/" {tmp_path}/dump', 1)
    (process,) = diagnosis.processes
    assert (tmp_path / "asked").read_text() == f"dump --json --pid {process.pid}\n"
    main, other = process.stacks
    assert (process.source, main.thread, main.is_main, other.thread) == ("py-spy", "MainThread", True, "thread 0x8d")
    assert [(frame.function, frame.line) for frame in main.frames] == [("<module>", 9), ("inner", 3)]
    assert main.waits_on


def test_a_refusal_is_one_hint_for_all_processes(looked: Callable[[str, int], Diagnosis]) -> None:
    diagnosis = looked('echo "Permission Denied: Try running again with elevated permissions" >&2; exit 1', 3)
    pids = ", ".join(str(process.pid) for process in diagnosis.processes)
    (hint,) = diagnosis.hints
    assert hint == (
        f"no Python stack of pid {pids}: no hook is active in this run; py-spy has no ptrace rights here "
        "(it needs root, CAP_SYS_PTRACE or kernel.yama.ptrace_scope=0)"
    )


def test_one_that_hangs_is_ended_at_the_limit(looked: Callable[[str, int], Diagnosis]) -> None:
    begin = time.monotonic()
    diagnosis = looked("exec sleep 30", 6)
    assert time.monotonic() - begin < 2.0
    assert diagnosis.took_s < 1.1
    assert diagnosis.gave_up
    assert "py-spy could not read it either" in diagnosis.hints[0]


def test_nonsense_is_no_dump(looked: Callable[[str, int], Diagnosis]) -> None:
    diagnosis = looked("echo nonsense", 1)
    assert [process.stacks for process in diagnosis.processes] == [()]
    assert len(diagnosis.hints) == 1


def test_where_it_is_not_installed_the_extra_is_named(sleepers: Callable[[int], list[psutil.Process]]) -> None:
    diagnosis = diagnose(sleepers(1), hook=None, output=None, py_spy="no-such-py-spy")
    assert "pip install 'tox-prodsim[diag]'" in diagnosis.hints[0]


@pytest.mark.parametrize(
    ("code", "waits"),
    [
        pytest.param("import os; os.read(os.pipe()[0], 1)", "reads (file 3: pipe)", id="a pipe"),
        pytest.param("import socket; socket.create_server(('127.0.0.1', 0)).accept()", "connection", id="a connection"),
        pytest.param("import select; select.select([], [], [])", "waits for events (select)", id="events"),
        pytest.param("import signal; signal.pause()", "waits for a signal", id="a signal"),
        pytest.param("import time; time.sleep(60)", "sleeps", id="nothing"),
        pytest.param("import _thread as t; a = t.allocate_lock(); a.acquire(); a.acquire()", "lock", id="a lock"),
        pytest.param("import os\nif os.fork() == 0: os.read(os.pipe()[0], 1)\nos.wait()", "child", id="a child"),
        pytest.param("while True: pass", "computes", id="work"),
    ],
)
def test_what_a_process_waits_for_is_said_in_words(code: str, waits: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code], stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        until = time.monotonic() + 10
        found = ""
        while waits not in found and time.monotonic() < until:
            (seen,) = diagnose([psutil.Process(process.pid)], hook=None, output=None, py_spy=None).processes
            found = seen.waits_on
        assert waits in found
    finally:
        os.killpg(process.pid, 9)
        process.wait()
