"""The processes of a run as they come and go, seen from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support.kernel import needs_endings

from tox_prodsim.supervision import CAN_FOLLOW, DescendantEnding, Descendants, pidfd, process_tree, procfs

pytestmark = pytest.mark.skipif(not CAN_FOLLOW, reason="needs /proc")
LIMIT_S = 20.0
MASTER = """
import os, signal, sys, time
pid = os.fork()
if pid == 0:
    time.sleep(0.4)
    {how}
{then}
print("done", flush=True)
time.sleep(60)
"""
REAP = "os.waitpid(pid, 0)"
"""At once: a zombie is hardly ever seen."""


@contextmanager
def followed(how: str, then: str) -> Iterator[tuple[Descendants, subprocess.Popen[bytes]]]:
    main = subprocess.Popen([sys.executable, "-c", MASTER.format(how=how, then=then)], stdout=subprocess.DEVNULL)

    def pids() -> list[int]:
        return [main.pid, *process_tree.pids_below(main.pid)]

    try:
        with closing(Descendants(pids, main.pid)) as descendants:
            yield descendants, main
    finally:
        main.kill()
        main.wait()


def until(condition: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def first_ending(descendants: Descendants) -> DescendantEnding:
    endings: list[DescendantEnding] = []

    def look() -> bool:
        descendants.wait(0.05)
        endings.extend(descendants.look())
        return bool(endings)

    until(look)
    (ending,) = endings
    return ending


@needs_endings
@pytest.mark.parametrize(
    ("how", "code", "number"),
    [
        pytest.param("os._exit(3)", 3, None, id="exit code"),
        pytest.param("os.kill(os.getpid(), 9)", None, signal.SIGKILL, id="killed"),
        pytest.param("os.kill(os.getpid(), 11)", None, signal.SIGSEGV, id="fault"),
    ],
)
def test_the_end_of_a_child_that_was_reaped_is_known(how: str, code: int | None, number: int | None) -> None:
    with followed(how, REAP) as (descendants, main):
        ending = first_ending(descendants)
    assert (ending.code, ending.signal) == (code, number)
    assert (ending.parent.pid, ending.is_copy) == (main.pid, True)
    assert ending.command == ending.parent_command
    assert ending.lived_s > 0


def test_the_end_of_a_child_that_nobody_reaps_is_known_and_it_is_a_zombie() -> None:
    with followed("os._exit(3)", "") as (descendants, main):
        ending = first_ending(descendants)
        assert ending.code == 3
        (zombie,) = descendants.zombies()
        assert (zombie.pid, zombie.parent.pid) == (ending.pid, main.pid)
        assert descendants.look() == [], "it is reported once"


def test_what_the_kernel_does_not_tell_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pidfd, "reaped_status", lambda _: None)
    monkeypatch.setattr(procfs.ProcessStatus, "is_zombie", False)  # the parent was faster
    with followed("os._exit(3)", REAP) as (descendants, _):
        assert first_ending(descendants).status is None


def test_a_program_that_is_started_is_no_copy_and_a_late_reap_is_noted() -> None:
    with followed("os.execvp('sleep', ['sleep', '0.5'])", "time.sleep(2); os.waitpid(pid, 0)") as (descendants, main):
        ending = first_ending(descendants)
        assert (ending.command, ending.is_copy, ending.code) == ("sleep 0.5", False, 0)
        until(lambda: descendants.look() == [] and not descendants.zombies())
        assert [parent.pid for parent in descendants.reaped_late(0.5)] == [main.pid]


def test_the_wait_ends_when_a_process_ends() -> None:
    with followed("os._exit(0)", "") as (descendants, _):
        until(lambda: descendants.look() == [] and descendants.alive())
        began = time.monotonic()
        descendants.wait(LIMIT_S)
        assert time.monotonic() - began < LIMIT_S / 2


def test_no_descriptor_is_left() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    with followed("os._exit(0)", "") as (descendants, _):
        first_ending(descendants)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
