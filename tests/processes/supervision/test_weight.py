"""What a tree of processes has: memory that is shared counts once, and threads and descriptors are counted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tox_prodsim import supervision
from tox_prodsim.supervision import procfs, weight
from tox_prodsim.supervision.process_tree import with_descendants

SIZE = 40_000_000
PARENT = f"""
import os, socket, sys, threading, time
data = bytes(range(256)) * ({SIZE} // 256)
kept = [socket.socket() for _ in range(6)]
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
for _ in range(2):
    if os.fork() == 0:
        time.sleep(60)
print("up", flush=True)
time.sleep(60)
"""


@contextmanager
def running(code: str) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"up\n"
            yield process.pid
        finally:
            for each in with_descendants(process.pid):
                each.kill()


def test_what_workers_share_counts_once_and_the_rest_of_each_is_added() -> None:
    with running(PARENT) as pid:
        found = supervision.settled_weight(lambda: with_descendants(pid))
    assert found is not None
    assert (found.source, found.processes, found.threads) == ("PSS", 3, 4)
    assert SIZE < found.memory < 2 * SIZE, "three processes have the same 40 MB"
    assert SIZE < found.own <= found.memory
    assert found.kinds["socket"] >= 6
    assert found.descriptors == sum(found.kinds.values())


def test_without_a_rollup_it_is_rss_and_called_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(procfs, "PROC", tmp_path)
    found = weight.weigh([psutil.Process()])
    assert found is not None
    assert (found.source, found.memory > 5_000_000, found.descriptors > 0) == ("RSS", True, True)


def test_nothing_is_known_of_processes_that_have_ended() -> None:
    with running("print('up', flush=True)") as pid:
        gone = with_descendants(pid)
    assert weight.weigh(gone) is None
    assert supervision.settled_weight(lambda: gone) is None
