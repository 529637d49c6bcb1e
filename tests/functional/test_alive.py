"""A live process is never taken for dead, and "left nothing running" is said of an empty tree only."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.project import Project
from torture.table import may_trace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the first thread does not end alone")

CONFIG = """
[testenv:prodsim]
ignore = PRF,RUN608
deploy_files = app.py
deploy = python app.py {tag}
run_timeout = 4
stop_timeout = 2
{keys}
"""
THREADS = """\
import ctypes, os, signal, socket, sys, threading, time
signal.alarm(60)
def go_on(action):
    threading.Thread(target=action).start()
    ctypes.CDLL(None).pthread_exit(None)
"""
LEAVES_A_CHILD = f"""{THREADS}
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.setsid()
    os.close(1), os.close(2)
    go_on(lambda: time.sleep(60))
time.sleep(0.3)
print("done", flush=True)
"""
SERVER = f"""{THREADS}
listening = socket.create_server(("127.0.0.1", int(sys.argv[2])))
def serve():
    while True:
        connection, _ = listening.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
        connection.close()
go_on(serve)
"""
TRACED = """\
import os, pathlib, signal, sys, time
if (child := os.fork()) == 0:
    signal.alarm(60)
    os.setsid()
    os.close(1), os.close(2)
    time.sleep(60)
print("child", child, flush=True)
while not pathlib.Path(sys.argv[2]).exists():
    time.sleep(0.01)
"""
TRACER = """if True:
    import ctypes, signal, sys, time
    signal.alarm(60)
    assert ctypes.CDLL(None).ptrace(0x4206, int(sys.argv[1]), None, None) == 0
    print("traced", flush=True)
    time.sleep(60)
"""


def test_a_job_is_not_late_for_a_child_whose_first_thread_has_ended(quick_project: Project) -> None:
    quick_project.write("app.py", LEAVES_A_CHILD)
    quick_project.write("tox.ini", CONFIG.format(tag=quick_project.tag, keys="expect_output = done"))
    quick_project.prodsim("--installpkg", quick_project.wheel()).failed()
    (finding,) = quick_project.findings()
    assert finding["code"] == "RUN620"
    assert f"python app.py {quick_project.tag}" in finding["message"]
    quick_project.gone()


def test_a_service_whose_first_thread_has_ended_is_ready_and_stops(quick_project: Project) -> None:
    quick_project.write("app.py", SERVER)
    keys = "ready = http://127.0.0.1:{port}/ status=200\ncommands = python -c pass"
    config = CONFIG.format(tag=f"{quick_project.tag} {{port}}", keys=keys)
    quick_project.write("tox.ini", config)
    out = quick_project.prodsim("--installpkg", quick_project.wheel()).passed().out
    assert "left nothing running" in out
    assert "owner not checked" not in out
    quick_project.gone()


@pytest.mark.skipif(not may_trace(), reason="this user may not trace what is not below it")
def test_a_tree_that_is_not_empty_is_reported_and_makes_no_job_late(quick_project: Project, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    quick_project.write("app.py", TRACED)
    quick_project.write("tox.ini", CONFIG.format(tag=f"{quick_project.tag} {go_on}", keys="expect_output = child"))
    running = quick_project.start("run", "-e", "prodsim", "--installpkg", quick_project.wheel()).until("spawn")
    log = quick_project.folder / ".tox" / "prodsim" / "prodsim" / "deploy.log"
    child = int(wait_for_line(log).split()[1])
    with subprocess.Popen([sys.executable, "-c", TRACER, str(child)], stdout=subprocess.PIPE) as tracer:
        assert tracer.stdout
        assert tracer.stdout.readline() == b"traced\n"
        go_on.touch()
        result = running.end()
        assert psutil.Process(child).status() == psutil.STATUS_ZOMBIE
        tracer.send_signal(signal.SIGKILL)
    assert result.failed()
    assert "left nothing running" not in result.out
    assert quick_project.codes() == ["RUN618", "RUN620"]
    (message,) = [each["message"] for each in quick_project.findings() if each["code"] == "RUN618"]
    assert message.startswith(f"could not kill 1 process: pid {child} ")
    assert f"traced by pid {tracer.pid}" in message


def wait_for_line(file: Path, limit_s: float = 20.0) -> str:
    give_up_at = time.monotonic() + limit_s
    while not (file.exists() and file.read_text().endswith("\n")):
        assert time.monotonic() < give_up_at
        time.sleep(0.01)
    return file.read_text()
