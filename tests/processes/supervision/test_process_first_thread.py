"""A process whose first thread has ended is a zombie to /proc and psutil, and alive: it is seen, named and killed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import psutil
import pytest
from support.adversaries import Adversaries

from tox_prodsim.supervision import Cause, ContainmentKind, diagnose, port_owner, summary
from tox_prodsim.supervision.diagnosis import lives

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the first thread does not end alone")

ROGUE = Path(__file__).parents[2] / "torture" / "rogue.py"
SERVER = """if True:
    import ctypes, signal, socket, sys, threading, time
    signal.alarm(60)
    listening = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=time.sleep, args=(60,)).start()
    print(listening.getsockname()[1], flush=True)
    ctypes.CDLL(None).pthread_exit(None)
"""


def command(adversaries: Adversaries, kind: str) -> list[str]:
    return [sys.executable, "-I", "-S", str(ROGUE), kind, str(adversaries.folder)]


def wait_for_zombies(adversaries: Adversaries, number: int) -> None:
    """Wait until so many processes are zombies to psutil."""
    pids = [pid for pid, _ in adversaries.registered()]
    assert adversaries.wait_for(
        lambda: [psutil.Process(pid).status() for pid in pids].count(psutil.STATUS_ZOMBIE) >= number
    )


@pytest.mark.parametrize("containment", ["subreaper", "group"])
def test_a_tree_whose_first_threads_have_ended_is_seen_and_killed(
    adversaries: Adversaries, containment: ContainmentKind
) -> None:
    process = adversaries.run(command(adversaries, "first_thread_ends"), containment=containment)
    adversaries.wait_ready(2)
    wait_for_zombies(adversaries, 2)
    assert len(process.tree()) == 2
    assert not process.main_exited()
    ending = process.stop(signal.SIGTERM, 0.2)
    assert adversaries.alive() == 0
    assert adversaries.wait_for(lambda: not adversaries.states()), "orphaned zombies are for process 1 to reap"
    assert (ending.cause, ending.forced, ending.unkillable) == (Cause.STOPPED, True, ())
    assert sorted(each.pid for each in ending.unstopped) == sorted(pid for pid, _ in adversaries.registered())
    assert all("first_thread_ends" in each.command for each in ending.unstopped)


def test_what_outlives_an_exit_is_named_though_its_first_thread_has_ended(adversaries: Adversaries) -> None:
    process = adversaries.run(command(adversaries, "first_thread_ends_exit"))
    ending = process.wait(20)
    assert ending
    assert (ending.cause, ending.code, ending.unkillable) == (Cause.EXITED, 0, ())
    (survivor,) = ending.survivors
    assert survivor.pid in {pid for pid, _ in adversaries.registered()}
    assert survivor.pid != process.pid
    assert survivor.command.endswith(f"first_thread_ends_exit {adversaries.folder}")
    assert survivor.state == "sleeping"
    assert survivor.holds_output
    assert adversaries.states() == []


def test_the_time_of_a_main_process_that_has_ended_is_not_up(adversaries: Adversaries) -> None:
    process = adversaries.run(command(adversaries, "first_thread_ends_exit"))
    assert adversaries.wait_for(process.main_exited)
    ending = process.wait_in_time(0.0)
    assert ending
    assert (ending.cause, ending.code) == (Cause.EXITED, 0)


def test_a_diagnosis_shows_the_threads_that_go_on(adversaries: Adversaries) -> None:
    process = adversaries.run(command(adversaries, "first_thread_ends"))
    adversaries.wait_ready(2)
    wait_for_zombies(adversaries, 2)
    diagnosis = diagnose(process.tree(), hook=None, output=adversaries.output, py_spy=None)
    assert sorted(each.pid for each in diagnosis.processes) == sorted(pid for pid, _ in adversaries.registered())
    assert all(each.state == "sleeping" and each.is_python and each.holds_output for each in diagnosis.processes)
    assert all(each.memory_bytes > 1e6 for each in diagnosis.processes)
    assert any("first_thread_ends" in line for line in summary(diagnosis))
    process.stop(signal.SIGKILL, 0)


def test_the_owner_of_a_port_is_found_by_a_thread_that_lives(adversaries: Adversaries) -> None:
    process = adversaries.run([sys.executable, "-c", SERVER])
    assert adversaries.wait_for(lambda: adversaries.output.read_bytes().endswith(b"\n"))
    main = psutil.Process(process.pid)
    assert adversaries.wait_for(lambda: main.status() == psutil.STATUS_ZOMBIE)
    owner = port_owner("127.0.0.1", int(adversaries.output.read_bytes()))
    assert owner is not None
    assert (owner[0], "threading.Thread" in owner[1]) == (process.pid, True)
    process.stop(signal.SIGKILL, 0)


def test_a_zombie_is_dead(adversaries: Adversaries) -> None:
    process = adversaries.start("zombies")
    adversaries.wait_ready(21)
    wait_for_zombies(adversaries, 20)
    assert len(process.tree()) == 1
    dead = [psutil.Process(pid) for pid, _ in adversaries.registered() if pid != process.pid]
    assert [each.pid for each in dead if lives(each)] == []
    process.stop(signal.SIGKILL, 0)
