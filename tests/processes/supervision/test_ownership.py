"""Who adopts orphans, and the mark that stays with the processes of a run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tox_prodsim.supervision import ownership, procfs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a ledger is kept on Linux only")

TAG = "0123456789abcdef" * 2


ASKS = (
    "from tox_prodsim.supervision import ownership as o; a = o.adopter(); print(a.pid == o.own_identity().pid, a.pid)"
)
BECOMES_SUBREAPER = "import ctypes; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0);"
HAS_CHILD = "; import os; print(open(f'/proc/self/task/{os.getpid()}/children').read() != '')"


def answers(source: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def test_the_adopter_is_who_adopts_orphans() -> None:
    adopting = ownership.adopter()
    assert adopting
    orphan = "import os; p = os.getpid(); os.fork() and os._exit(0)\nwhile os.getppid() == p: pass\nprint(os.getppid())"
    assert answers(orphan) == [str(adopting.pid)]


def test_a_subreaper_finds_itself_and_is_left_no_zombie() -> None:
    is_itself, _, has_child = answers(BECOMES_SUBREAPER + ASKS + HAS_CHILD)
    assert (is_itself, has_child) == ("True", "False")


def test_a_subreaper_above_is_found() -> None:
    source = f"{BECOMES_SUBREAPER} import subprocess, sys, os; print(os.getpid(), flush=True); "
    source += f"subprocess.run([sys.executable, '-c', {ASKS!r}])"
    subreaper, is_itself, adopting = answers(source)
    assert (is_itself, adopting) == ("False", subreaper)


@pytest.mark.parametrize(
    ("command", "is_marked"),
    [
        pytest.param([], True, id="a child"),
        pytest.param(["env", "-i"], True, id="without an environment"),
        pytest.param(["setsid", "--wait"], True, id="in a session of its own"),
        pytest.param(["prlimit", "--rttime=1000:"], True, id="with a smaller soft limit"),
    ],
)
def test_a_mark_stays_with_what_is_forked(command: list[str], is_marked: bool) -> None:
    waits = [sys.executable, "-I", "-S", "-c", "import sys, subprocess; input(); subprocess.run(sys.argv[1:])"]
    with subprocess.Popen([*waits, *command, "cat", "/proc/self/limits"], stdin=-1, stdout=-1, text=True) as guard:
        mark = ownership.mark(guard.pid)
        output, _ = guard.communicate("\n")
    (line,) = [line for line in output.splitlines() if line.startswith("Max realtime timeout")]
    assert mark
    assert (str(mark + ownership._OUTER) in line) is is_marked


def test_a_run_in_a_run_has_both_marks() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as guard:
        outer, inner = ownership.mark(guard.pid), ownership.mark(guard.pid)
        both = [ownership.is_marked(ownership.RunIdentity(tag=TAG, mark=mark), guard.pid) for mark in (outer, inner)]
        guard.communicate(b"\n")
    assert outer != inner
    assert both == [True, True]


def test_a_limit_that_means_something_is_left_as_it_is() -> None:
    command = ["prlimit", "--rttime=200000:200000", sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as guard:
        assert guard.stdout
        guard.stdout.readline()
        assert ownership.mark(guard.pid) == 0
        assert procfs.realtime_limits(guard.pid) == [200_000, 200_000]
        guard.communicate(b"\n")
