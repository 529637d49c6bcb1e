"""What starts a process is refused in a unit test, by whatever call."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.no_processes import ProcessRefusal

TRUE = [sys.executable, "-c", ""]


def start_by_multiprocessing(method: str) -> None:
    multiprocessing.get_context(method).Process(target=print).start()


def start_in_thread() -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(subprocess.run, TRUE, check=False).result()


@pytest.mark.parametrize(
    ("start", "event"),
    [
        pytest.param(lambda: subprocess.run(TRUE, check=False), "subprocess.Popen", id="subprocess"),
        pytest.param(lambda: asyncio.run(asyncio.create_subprocess_exec(*TRUE)), "subprocess.Popen", id="asyncio"),
        pytest.param(os.fork, "os.fork", id="fork"),
        pytest.param(os.forkpty, "os.forkpty", id="forkpty"),
        pytest.param(lambda: pty.spawn(TRUE), "pty.spawn", id="pty"),
        pytest.param(lambda: os.posix_spawn(TRUE[0], TRUE, os.environ), "os.posix_spawn", id="posix_spawn"),
        pytest.param(lambda: os.spawnv(os.P_WAIT, TRUE[0], TRUE), "os.fork", id="spawn"),
        pytest.param(lambda: os.execv(TRUE[0], TRUE), "os.exec", id="exec"),
        pytest.param(lambda: os.system("true"), "os.system", id="system"),
        pytest.param(lambda: start_by_multiprocessing("fork"), "os.fork", id="multiprocessing by fork"),
        pytest.param(lambda: start_by_multiprocessing("spawn"), "fork_exec", id="multiprocessing by spawn"),
        pytest.param(start_in_thread, "subprocess.Popen", id="in a thread"),
    ],
)
def test_a_process_is_refused(refusal: ProcessRefusal, start: Callable[[], object], event: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="a unit test must not start a process"):
        start()
    attempts = refusal.taken()
    assert attempts
    assert {attempt.partition(" ")[0] for attempt in attempts} == {event}
