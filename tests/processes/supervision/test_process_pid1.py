"""A command as PID 1 of a pid namespace: what the kernel does for that one, and that nothing of it is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.adversaries import Adversaries

import tox_prodsim
from tox_prodsim.supervision import Cause, ContainmentKind, no_pid1, unreaped

pytestmark = pytest.mark.skipif(bool(no_pid1()), reason=no_pid1())
SOURCE = str(Path(tox_prodsim.__file__).parents[1])
HANDLER = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"
WAIT = "import time\nprint('up', flush=True)\ntime.sleep(60)\n"
ORPHANS = "import os\nfor _ in 'ab':\n    if os.fork() == 0:\n        os.fork()\n        os._exit(0)\n    os.wait()\n"
REAP = """\
import os, signal
def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
signal.signal(signal.SIGCHLD, reap)
"""
HOST = """if True:
    import os, sys, time
    from pathlib import Path
    from tox_prodsim.supervision import start

    start(sys.argv[1:], cwd=Path("/"), env=os.environ, stdout=None, stderr=None, as_pid1=True)
    time.sleep(60)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def is_up(adversaries: Adversaries) -> bool:
    return adversaries.wait_for(lambda: "up" in adversaries.output.read_text())


@pytest.mark.parametrize("containment", ["auto", "pidns"])
def test_it_sees_its_own_pids_and_the_host_those_of_the_host(
    adversaries: Adversaries, containment: ContainmentKind
) -> None:
    code = "import json, os\nprint(json.dumps([os.getpid(), os.getppid(), os.readlink('/proc/self')]))\n" + WAIT
    process = adversaries.run(python(code), as_pid1=True, containment=containment)
    assert is_up(adversaries)
    assert json.loads(adversaries.output.read_text().splitlines()[0]) == [1, 0, "1"]
    assert process.pid > 1
    assert [each.pid for each in process.tree()] == [process.pid]
    assert psutil.Process(process.pid).cmdline()[0] == sys.executable


@pytest.mark.parametrize("to", ["main", "group", "tree"])
def test_without_a_handler_a_signal_is_ignored(adversaries: Adversaries, to: str) -> None:
    process = adversaries.run(python(WAIT), as_pid1=True)
    assert is_up(adversaries)
    ending = process.stop(signal.SIGTERM, 0.5, to=to)  # type: ignore[arg-type] # one of the three words
    assert (ending.cause, ending.forced, ending.signal) == (Cause.STOPPED, True, signal.SIGKILL)
    assert [each.pid for each in ending.unstopped] == [process.pid]


@pytest.mark.parametrize(
    ("code", "number", "exit_code"),
    [
        pytest.param(HANDLER + WAIT, signal.SIGTERM, 3, id="it has a handler"),
        pytest.param(WAIT, signal.SIGINT, 130, id="Python has one for SIGINT"),
    ],
)
def test_with_a_handler_it_ends(adversaries: Adversaries, code: str, number: signal.Signals, exit_code: int) -> None:
    process = adversaries.run(python(code), as_pid1=True)
    assert is_up(adversaries)
    ending = process.stop(number, 10, to="main")
    assert (ending.code, ending.forced) == (exit_code, False)


def test_what_it_leaves_the_kernel_kills(adversaries: Adversaries) -> None:
    code = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nos._exit(7)\n"
    ending = adversaries.run(python(code), as_pid1=True).wait(20)
    assert ending is not None
    assert (ending.code, ending.survivors, ending.duration_s < 10) == (7, (), True)


@pytest.mark.parametrize(("reaps", "left"), [(REAP, 0), ("", 2)])
def test_orphans_are_its_children_and_zombies_until_it_reaps_them(
    adversaries: Adversaries, reaps: str, left: int
) -> None:
    process = adversaries.run(python(reaps + ORPHANS + WAIT.replace("60", "20")), as_pid1=True)
    assert is_up(adversaries)
    if left:
        assert adversaries.wait_for(lambda: len(unreaped(process.pid, 0.1)) == left)
    assert len(unreaped(process.pid, 1.0)) == left
    process.stop(signal.SIGKILL, 0)
    assert unreaped(process.pid, 1.0) == ()


@pytest.mark.parametrize("adversary", ["zoo", "ghost", "hydra"])
def test_a_stop_leaves_nothing(adversaries: Adversaries, adversary: str) -> None:
    process = adversaries.start(adversary, as_pid1=True)
    adversaries.wait_ready()
    ending = process.stop(signal.SIGTERM, 0.3)
    assert (ending.unkillable, process.tree(), running(adversaries)) == ((), (), [])


def running(adversaries: Adversaries) -> list[int]:
    """The pids of the adversaries of this test, by their command lines: their own pids mean nothing here."""
    words = psutil.process_iter(["cmdline"])
    lines = [(each.pid, each.info["cmdline"] or []) for each in words]
    return [pid for pid, line in lines if str(adversaries.folder) in line and "-c" not in line]


@pytest.mark.parametrize("how_many", [1, 2, 3], ids=["the host", "with its guard", "and its warden"])
def test_it_dies_with_its_host(adversaries: Adversaries, how_many: int) -> None:
    env = {**os.environ, "PYTHONPATH": SOURCE}
    with subprocess.Popen([sys.executable, "-c", HOST, *adversaries.command("zoo")], env=env) as host:
        adversaries.wait_ready(8)
        assert len(running(adversaries)) >= 5
        above = [psutil.Process(host.pid)]
        while len(above) < 3:
            above.append(above[-1].children()[0])
        for each in above[:how_many]:
            each.kill()
    assert adversaries.wait_for(lambda: not running(adversaries), 8)


def test_where_it_is_refused_nothing_is_started_and_the_reason_is_known() -> None:
    script = """if True:
        import os
        from pathlib import Path
        from tox_prodsim.supervision import no_pid1, start
        print(no_pid1())
        try:
            start(["echo", "started"], cwd=Path("/"), env=os.environ, stdout=None, stderr=None, as_pid1=True)
        except Exception as problem:
            print(problem)
    """
    limit = 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$@"'
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh", sys.executable, "-c", script]
    ran = subprocess.run(command, env={**os.environ, "PYTHONPATH": SOURCE}, capture_output=True, text=True, check=False)
    reason = "a new pid namespace: No space left on device"
    assert ran.stdout.splitlines() == [reason, f"containment: pid1 is not available here: {reason}"], ran.stderr
