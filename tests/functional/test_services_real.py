"""Several services with real ones among them: redis, gunicorn, RQ and Celery."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.documents import ROOT
from support.project import Project

pytestmark = [
    pytest.mark.index,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]

TASKS = """\
import os, time
import celery
app = celery.Celery("acme", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
@app.task
def slow(seconds):
    print("begins", flush=True)
    time.sleep(seconds)
    print("is done", flush=True)
"""
SEND = """\
import pathlib, sys, time
sys.path.insert(0, ".")
import tasks
tasks.slow.delay(2)
log = pathlib.Path("../../prodsim/deploy-worker.log")
until = time.monotonic() + 60
while "begins" not in log.read_text() and time.monotonic() < until:
    time.sleep(0.05)
"""
CELERY = """\
[testenv:prodsim]
deps = celery[redis]
ignore = PRF, RUN623, RUN626, RUN627
deploy_files = tasks.py, send.py
services = worker, broker
set_env =
    BROKER = redis://127.0.0.1:{broker_port}/0
commands = python send.py
allowlist_externals = redis-server
restarts = 0

[prodsim:broker]
deploy = redis-server --port {port} --bind 127.0.0.1 --dir {scratch} --save "" TAG
ready = tcp://127.0.0.1:{port}

[prodsim:worker]
deploy = python -m celery -A tasks worker --loglevel INFO --concurrency 1 -n TAG@localhost
ready = log:/ ready[.]/
depends = broker
expect_output = is done
ready_timeout = 60
stop_timeout = 30
"""


def test_the_example_of_several_services_passes(quick_project: Project) -> None:
    ignore = shutil.ignore_patterns(".tox", ".prodsim", "__pycache__")
    shutil.copytree(ROOT / "examples" / "orders", quick_project.folder, ignore=ignore, dirs_exist_ok=True)
    result = quick_project.prodsim("-x", "testenv:prodsim.ignore+=PRF").passed()
    assert quick_project.accused() == [], result.out
    (step,) = (each for each in quick_project.report()["steps"] if each["step"] == "deploy")
    assert "web: started, was ready, stayed so, was stopped, 1 of 1 requests in flight answered" in step["detail"]
    again = [each["service"] for each in step["timeline"] if each["name"] == "again"]
    assert (again[0], sorted(again[1:])) == ("db", ["web", "worker"])


def test_a_task_in_flight_is_done_before_its_broker_is_stopped(quick_project: Project) -> None:
    quick_project.write("tasks.py", TASKS)
    quick_project.write("send.py", SEND)
    tag = quick_project.tag.replace("-", "")
    quick_project.write("tox.ini", CELERY.replace("TAG@", f"{tag}@").replace(" TAG", ""))
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    assert quick_project.accused() == [], result.out
    (step,) = (each for each in quick_project.report()["steps"] if each["step"] == "deploy")
    stopped = [each["service"] for each in step["timeline"] if each["name"] == "stopped"]
    assert stopped == ["worker", "broker"]
    log = Path(quick_project.folder, ".tox/prodsim/prodsim/deploy-worker.log").read_text()
    assert log.index("begins") < log.index("Warm shutdown") < log.index("is done")
