"""Whatever ends tox, and whenever: nothing of the deployment, its commands or its helpers is left."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.project import Project, Running

STUBBORN = """\
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
sleep = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(100)"
subprocess.Popen([sys.executable, "-c", sleep, sys.argv[1]], start_new_session=True)
print("up", flush=True)
time.sleep(100)
"""
CONFIG = """
[testenv:prodsim]
ignore = PRF
deploy_files = stubborn.py
stop_timeout = {stop_timeout}
{keys}
"""
SLEEP = "python -c \"import sys, time; print('NOW', flush=True); time.sleep(100)\" {tag}"
PHASES = {
    "commands_pre": "commands_pre = {sleep}\ndeploy = python stubborn.py {tag}\nready = log:/up/",
    "not yet ready": "deploy = python stubborn.py {tag}\nready = log:/never/",
    "commands": "deploy = python stubborn.py {tag}\nready = log:/up/\ncommands = {sleep}",
    "a job": "deploy = python stubborn.py {tag}",
    "commands_post": "commands_post = {sleep}",
}
SIGNS = {
    "commands_pre": "\nNOW",
    "not yet ready": "spawn",
    "commands": "\nNOW",
    "a job": "spawn",
    "commands_post": "\nNOW",
}


def begin(project: Project, phase: str, head: str = "", stop_timeout: int = 1) -> Running:
    """Start tox and wait until it is in the phase, with processes of the tag running."""
    project.write("stubborn.py", STUBBORN)
    sleep = SLEEP.format(tag=project.tag)
    keys = PHASES[phase].format(sleep=sleep, tag=project.tag)
    project.write("tox.ini", head + CONFIG.format(keys=keys, stop_timeout=stop_timeout))
    running = project.start("run", "-e", "prodsim", "--installpkg", project.wheel())
    running.until(SIGNS[phase])
    while not project.left():
        time.sleep(0.01)
    return running


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_in_any_phase_leaves_nothing_and_writes_the_report(project: Project, phase: str) -> None:
    running = begin(project, phase)
    result = running.send_group(signal.SIGINT).end().failed()
    assert project.left() == []
    assert result.seconds < 6.5 + 5, result.out
    assert project.report()["summary"]["verdict"] == "cancelled", result.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("phase", ["commands", "a job"])
def test_a_signal_to_tox_alone_leaves_nothing_and_writes_the_report(
    quick_project: Project, number: signal.Signals, phase: str
) -> None:
    begin(quick_project, phase).send(number).end().failed()
    assert quick_project.left() == []
    assert quick_project.report()["summary"]["verdict"] == "cancelled"


@pytest.mark.parametrize("phase", PHASES)
def test_kill_9_of_tox_leaves_nothing(quick_project: Project, phase: str) -> None:
    begin(quick_project, phase).send(signal.SIGKILL).end()
    quick_project.gone()


def test_kill_9_of_the_whole_group_of_tox_leaves_nothing(quick_project: Project) -> None:
    begin(quick_project, "commands").send_group(signal.SIGKILL).end()
    quick_project.gone()


def test_the_second_signal_ends_the_grace(quick_project: Project) -> None:
    """A grace of 5 s is left for a deaf service; with the second signal it is not waited for."""
    running = begin(quick_project, "commands", stop_timeout=60)
    began = time.monotonic()
    running.send(signal.SIGTERM).until("interrupt tox environment")
    running.send(signal.SIGTERM).end().failed()
    assert time.monotonic() - began < 5
    assert quick_project.left() == []


def test_the_event_log_of_a_killed_tox_can_still_be_read(quick_project: Project) -> None:
    begin(quick_project, "commands").send(signal.SIGKILL).end()
    result = quick_project.tox("prodsim", "report", "--format", "json").passed()
    document = json.loads(result.out[result.out.index("{") :])
    assert document["summary"]["verdict"] == "incomplete"


def test_a_process_that_is_not_ours_is_left_alone(quick_project: Project) -> None:
    """It has the same command line as a child of the deployment."""
    with psutil.Popen([sys.executable, "-c", "import time; time.sleep(100)", quick_project.tag]) as foreign:
        begin(quick_project, "commands").send(signal.SIGTERM).end().failed()
        assert foreign.is_running()
        assert len(quick_project.left()) == 1
        foreign.kill()


@pytest.mark.index
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_signal_to_the_outer_tox_alone_leaves_nothing_of_the_provisioned_one(
    project: Project, number: signal.Signals
) -> None:
    repository = Path(__file__).parents[2]
    running = begin(project, "commands", head=f"[tox]\nrequires =\n    tox-prodsim @ file://{repository}\n    six")
    assert "will run in automatically provisioned tox" in running.out
    running.send(number).end()
    project.gone()
