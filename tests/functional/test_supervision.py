"""Supervision as a user meets it: readiness that is told, what is left behind, containment by name, a lost run."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from support.project import Project, Result

CONFIG = """
[testenv:prodsim]
ignore = {ignore}
deploy_files = app.py
deploy = python app.py {tag}
stop_timeout = 5
{keys}
"""
NOTIFY = """\
import os, socket, sys, time
def tell(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        name = os.environ["NOTIFY_SOCKET"]
        ear.sendto(text.encode(), "\\0" + name[1:] if name.startswith("@") else name)
"""
READY = NOTIFY + 'tell("READY=1\\nSTATUS=serving")\ntime.sleep(60)\n'
SLOW = NOTIFY + (
    'for _ in range(8):\n    tell("EXTEND_TIMEOUT_USEC=1000000")\n    time.sleep(0.3)\n'
    'tell("READY=1")\ntime.sleep(60)\n'
)
ALIVE = NOTIFY + (
    'tell("READY=1")\nassert os.environ["WATCHDOG_USEC"] == "1000000"\n'
    "def hang():\n    time.sleep(60)\n"
    'for _ in range(int(os.environ["BEATS"])):\n    tell("WATCHDOG=1")\n    time.sleep(0.2)\nhang()\n'
)
ON_A_SOCKET = """\
import os, socket, time
if os.path.exists("app.sock"):
    os.unlink("app.sock")
ear = socket.socket(socket.AF_UNIX)
ear.bind("app.sock")
ear.listen()
open("is.up", "w").close()
time.sleep(60)
"""
JOB = 'print("done", flush=True)\n'


def play(project: Project, app: str, keys: str, *, ignore: str = "PRF,RUN608") -> Result:
    project.write("app.py", app)
    project.write("tox.ini", CONFIG.format(tag=project.tag, keys=keys, ignore=ignore))
    return project.prodsim("--installpkg", project.wheel())


def said(project: Project, code: str) -> str:
    """Return what the findings of a code say."""
    return "; ".join(f["message"] for f in project.findings() if f["code"] == code)


# readiness


def test_a_service_that_says_it_is_ready_is_ready(quick_project: Project) -> None:
    out = play(quick_project, READY, "ready = notify").passed().out
    assert 'ready      notify READY=1 "serving"' in out


def test_a_service_gets_the_time_that_it_asks_for(quick_project: Project) -> None:
    play(quick_project, SLOW, "ready = notify\nready_timeout = 1").passed()


def test_a_service_that_does_not_ask_gets_none(quick_project: Project) -> None:
    play(quick_project, "import time; time.sleep(60)", "ready = notify\nready_timeout = 1").failed()
    assert said(quick_project, "RUN603") == "not ready within ready_timeout = 1 s (last answer: no READY=1)"


@pytest.mark.parametrize(("beats", "codes"), [(20, []), (2, ["RUN616"])], ids=["in time", "missed"])
def test_a_watchdog_that_is_missed_ends_the_service_and_shows_where_it_is(
    quick_project: Project, beats: int, codes: list[str]
) -> None:
    keys = f"ready = notify\nwatchdog_timeout = 1\nset_env = BEATS={beats}\n"
    result = play(quick_project, ALIVE, f"{keys}commands = python -c 'import time; time.sleep(2.5)'")
    assert quick_project.codes() == codes, result.out
    if codes:
        assert said(quick_project, "RUN616") == "sent no WATCHDOG=1 for watchdog_timeout = 1 s"
        assert "> app.py:9  hang: time.sleep(60)" in result.out


@pytest.mark.parametrize(
    "probe",
    ["unix:app.sock", "exec:python -c 'import os; os.stat(\"is.up\")'", "unix:{scratch}/app.sock\n  file:is.up"],
    ids=["unix", "exec", "both"],
)
def test_a_socket_and_a_command_are_probes(quick_project: Project, probe: str) -> None:
    play(quick_project, ON_A_SOCKET, f"ready = {probe}\nallow_leaks = files:app.sock").passed()


def test_a_command_that_never_succeeds_is_told_with_its_last_line(quick_project: Project) -> None:
    probe = "exec:python -c 'raise SystemExit(\"no database\")'"
    play(quick_project, ON_A_SOCKET, f"ready = {probe}\nready_timeout = 2\nallow_leaks = files:app.sock").failed()
    assert "(last answer: exec python exit code 1: no database)" in said(quick_project, "RUN603")


def test_a_command_of_a_probe_that_is_not_there_is_refused_before_the_start(quick_project: Project) -> None:
    result = play(quick_project, ON_A_SOCKET, "ready = exec:pg_isready_not").failed()
    assert "failed with ready[0]: no command 'pg_isready_not' in the environment; " in result.out
    assert "spawn" not in result.out


# what is left behind


LEAKS = {
    "RUN622": "import tempfile; tempfile.mkdtemp()",
    "RUN623": "open('kept.txt', 'w')",
    "RUN625": (
        "from multiprocessing import resource_tracker, shared_memory as s; m = s.SharedMemory(create=True, size=9);"
        " resource_tracker.unregister(m._name, 'shared_memory')"
    ),
    "RUN626": "import threading; t = threading.Thread(target=lambda: [][1]); t.start(); t.join()",
}
ACCEPTED = {
    "RUN622": "files:*",
    "RUN623": "warnings:unclosed file",
    "RUN625": "shared_memory",
    "RUN626": "warnings:IndexError",
}


@pytest.mark.parametrize("code", LEAKS)
def test_what_a_job_leaves_is_a_warning_and_can_be_accepted(quick_project: Project, code: str) -> None:
    keys = "expect_output = done\n"
    result = play(quick_project, LEAKS[code] + "\n" + JOB, keys, ignore="PRF,RUN624").passed()
    assert quick_project.codes(of_the_machine=code == "RUN625") == [code], result.out
    play(quick_project, LEAKS[code] + "\n" + JOB, f"{keys}allow_leaks = {ACCEPTED[code]}", ignore="PRF,RUN624").passed()
    assert quick_project.codes(of_the_machine=code == "RUN625") == []


def test_what_a_command_leaves_is_not_the_deployments(quick_project: Project) -> None:
    keys = "expect_output = done\ncommands = python -c 'import tempfile; tempfile.mkdtemp()'"
    play(quick_project, JOB, keys).passed()
    assert quick_project.codes() == []


def test_a_word_that_is_no_kind_of_leak_is_refused(quick_project: Project) -> None:
    result = play(quick_project, JOB, "allow_leaks = proceses").failed()
    assert "failed with allow_leaks: 'proceses' is not a kind of leak, did you mean processes?" in result.out


# the hook


def test_the_hook_is_there_while_nothing_is_timed_and_then_it_is_gone(quick_project: Project) -> None:
    starts = quick_project.folder / "starts"
    app = f"import sys\nprint('_tox_prodsim_hook' in sys.modules, file=open({str(starts)!r}, 'a'))\n" + JOB
    play(quick_project, app, "expect_output = done\nallow_leaks = warnings:unclosed", ignore="RUN6").passed()
    first, *timed = starts.read_text().split()
    assert first == "True"
    assert set(timed) == {"False"}
    assert len(timed) >= 4
    assert hooks(quick_project) == []


def test_the_hook_is_gone_also_when_tox_is_killed_while_nothing_is_deployed(quick_project: Project) -> None:
    quick_project.write("app.py", "import time\nprint('at work', flush=True)\ntime.sleep(60)\n")
    keys = f"deploy_files = app.py\ncommands = python app.py {quick_project.tag}"
    quick_project.write("tox.ini", f"[testenv:prodsim]\n{keys}\n")
    running = quick_project.start("run", "-e", "prodsim", "--installpkg", quick_project.wheel()).until("at work")
    assert hooks(quick_project) != []
    running.send(signal.SIGKILL)
    quick_project.gone()
    give_up_at = time.monotonic() + 5
    while hooks(quick_project) and time.monotonic() < give_up_at:
        time.sleep(0.05)
    assert hooks(quick_project) == []


def hooks(project: Project) -> list[Path]:
    return list((project.folder / ".tox" / "prodsim" / "lib").rglob("*tox_prodsim*"))


# containment


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("subreaper", "nested subreaper"),
        ("pidns", "pid namespace + nested subreaper"),
        ("cgroup", "cgroup + nested subreaper"),
        ("group", "process group + psutil"),
    ],
)
def test_a_containment_is_asked_for_by_name_and_is_that_or_an_error(
    quick_project: Project, name: str, shown: str
) -> None:
    keys = "commands = python -c pass"
    result = play(
        quick_project, ON_A_SOCKET, f"ready = unix:app.sock\nallow_leaks = files:*\ncontainment = {name}\n{keys}"
    )
    if f"failed with containment: {name} is not available here: " in result.out:
        pytest.skip(result.out[result.out.index("failed with containment") :].splitlines()[0])
    assert f"  contain  {shown}" in result.passed().out
    assert quick_project.left() == []


def test_a_containment_that_does_not_exist_is_refused(quick_project: Project) -> None:
    result = play(quick_project, JOB, "containment = docker").failed()
    assert "failed with containment: 'docker' is not one of auto, subreaper, cgroup, pidns, group" in result.out


# a lost run


def test_what_is_left_when_all_were_killed_is_ended_by_the_next_run(quick_project: Project) -> None:
    quick_project.write("app.py", "import subprocess, sys, time\nprint('up', flush=True)\ntime.sleep(50)\n")
    quick_project.write("tox.ini", CONFIG.format(tag=quick_project.tag, keys="ready = log:/never/", ignore="PRF"))
    wheel = quick_project.wheel()
    running = quick_project.start("run", "-e", "prodsim", "--installpkg", wheel).until("spawn")
    supervisors = above(deployed(quick_project), running.process.pid)
    assert len(supervisors) == 3, "the warden, the guard, and the process that forks guards"
    for pid in (*supervisors, running.process.pid):
        os.kill(pid, signal.SIGSTOP)  # so that none of them sees another die
    for pid in (*supervisors, running.process.pid):
        os.kill(pid, signal.SIGKILL)
    running.end()
    time.sleep(1)  # what the kernel ends with its parent is gone then
    left = quick_project.left()
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\n")
    out = quick_project.prodsim("--installpkg", wheel).passed().out
    assert left == [] or "ended now: pid" in out
    quick_project.gone()
    assert list((quick_project.folder / ".tox" / ".prodsim-runs").iterdir()) == []


def deployed(project: Project) -> psutil.Process:
    """Return the process of the deployment: the one with the tag."""
    while True:
        for process in psutil.process_iter():
            with process.oneshot():
                if process.status() != psutil.STATUS_ZOMBIE and project.tag in process.cmdline():
                    return process


def above(process: psutil.Process, top: int) -> list[int]:
    """Return the pids between a process and one above it, nearest first."""
    parents = [parent.pid for parent in process.parents()]
    return parents[: parents.index(top)]


def test_the_report_of_a_run_holds_where_it_hung(quick_project: Project) -> None:
    play(quick_project, "import time\ntime.sleep(60)\n", "run_timeout = 1").failed()
    (step,) = [step for step in quick_project.report()["steps"] if step["step"] == "deploy"]
    assert "app.py:2" in json.dumps(step["evidence"])
