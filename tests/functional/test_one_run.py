"""Two runs of tox on one environment: the second waits or refuses, and each report is that of its own run."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import Project, Running

LOCKS = Path(".tox", ".prodsim-locks")
APP = """\
import pathlib, sys, time
print("the deployment of", sys.argv[1])
gate = pathlib.Path(sys.argv[2]) / f"go-{sys.argv[1]}"
while not gate.exists():
    time.sleep(0.02)
"""
"""A job that goes on until the file ``go-NAME`` is there."""
KEYS = """\
deploy_files = app.py
deploy = python app.py {env:WHO:nobody} {toxinidir} TAG
pass_env = WHO
run_timeout = 60
ignore = PRF,RUN631
"""


@pytest.fixture
def project(quick_project: Project) -> Project:
    quick_project.write("app.py", APP)
    quick_project.write("tox.ini", f"[testenv:prodsim]\n{KEYS.replace('TAG', quick_project.tag)}")
    quick_project.wheel()
    return quick_project


def start(project: Project, who: str, *arguments: str, command: str = "run", env: str = "prodsim") -> Running:
    (wheel,) = (project.folder / "dist").glob("*.whl")
    return project.start(command, "-e", env, "--installpkg", wheel, *arguments, env={"WHO": who})


def started(project: Project, who: str, *arguments: str) -> Running:
    return start(project, who, *arguments).until("spawn      pid")


def go(project: Project, *who: str) -> None:
    for each in who:
        project.write(f"go-{each}", "")


def evidence(project: Project) -> tuple[str, str]:
    """Return what the last deployment has printed, and the command in its event log."""
    folder = project.folder / ".tox" / "prodsim" / "prodsim"
    assert json.loads((folder / "report.json").read_text())["summary"]["verdict"] == "passed"
    return (folder / "deploy.log").read_text(), (folder / "events.jsonl").read_text()


def of(who: str) -> tuple[str, str]:
    return f"the deployment of {who}\n", f"app.py {who} "


def test_the_second_run_waits_and_each_has_the_evidence_of_its_own(project: Project) -> None:
    first = started(project, "first")
    second = start(project, "second", "-r").until(f"prodsim: waits for pid {first.process.pid} (")
    assert (project.folder / ".tox" / "prodsim" / "bin" / "python").exists()  # -r has not removed the folder
    go(project, "first")
    first.end().passed()
    second.until("spawn      pid")
    go(project, "second")
    second.end().passed()
    log, events = evidence(project)
    assert (log, of("second")[1] in events, of("first")[1] in events) == (of("second")[0], True, False)


def test_a_run_that_may_not_wait_refuses_in_one_line_and_changes_nothing(project: Project) -> None:
    first = started(project, "first")
    for limit in ("0", "0.5"):
        refused = start(project, "second", "--prodsim-lock-timeout", limit).end().failed()
        told = f"prodsim: failed with --prodsim-lock-timeout {limit}: pid {first.process.pid} ("
        assert [line for line in refused.out.splitlines() if line.startswith(told)], refused.out
        assert refused.code == 1
    go(project, "first")
    first.end().passed()
    log, events = evidence(project)
    assert (log, of("first")[1] in events) == (of("first")[0], True)


def test_a_limit_that_is_no_number_of_seconds_is_refused(project: Project) -> None:
    refused = project.prodsim("--prodsim-lock-timeout", "soon").failed()
    assert (
        "argument --prodsim-lock-timeout: soon is not a time to wait, give a number of seconds from 0.001"
        in refused.out
    )


def test_the_lock_of_a_killed_run_is_none(project: Project) -> None:
    first = started(project, "first")
    second = start(project, "second").until("prodsim: waits for pid ")
    first.send(signal.SIGKILL).process.wait(10)
    second.until("spawn      pid")
    assert all(" first " not in command for command in project.left())  # its supervisors have ended it before
    go(project, "second")
    second.end().passed()
    assert evidence(project)[0] == of("second")[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wait_that_is_interrupted_ends_soon_and_leaves_the_report_alone(
    project: Project, number: signal.Signals
) -> None:
    go(project, "zero")
    start(project, "zero").end().passed()
    first = started(project, "first")
    second = start(project, "second").until("prodsim: waits for pid ")
    report = project.folder / ".tox" / "prodsim" / "prodsim" / "report.json"
    before = report.exists()
    result = second.send(number).end().failed()
    assert result.seconds < 5  # 0.1 on a machine with nothing else to do
    assert report.exists() == before
    go(project, "first")
    first.end().passed()
    assert evidence(project)[0] == of("first")[0]


@pytest.mark.parametrize("command", ["run", "run-parallel"])
def test_two_environments_of_one_run_do_not_wait_for_each_other(project: Project, command: str) -> None:
    """Side by side, the first of the two goes on only when the second has begun."""
    project.write("tox.ini", f"[testenv:prodsim{{,-web}}]\n{KEYS.replace('TAG', project.tag)}")
    if command == "run":
        go(project, "both")
    both = start(project, "both", command=command, env="prodsim,prodsim-web")
    if command == "run-parallel":
        wait_for(lambda: sum(" both " in command for command in project.left()) >= 2)
        go(project, "both")
    result = both.end().passed()
    assert "waits for" not in result.out
    assert [project.report(name)["summary"]["verdict"] for name in ("prodsim", "prodsim-web")] == ["passed", "passed"]


def wait_for(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    give_up_at = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def test_a_run_says_at_once_for_whom_it_waits_also_side_by_side(project: Project) -> None:
    """``tox p`` keeps the output of an environment until its end."""
    first = started(project, "first")
    second = start(project, "second", command="run-parallel").until(f"prodsim: waits for pid {first.process.pid} (")
    go(project, "first", "second")
    first.end().passed()
    second.end().passed()


def test_who_only_reads_does_not_wait_and_exec_does(project: Project) -> None:
    go(project, "zero")
    start(project, "zero").end().passed()
    first = started(project, "first")
    for words in (["report"], ["baseline", "show"]):
        assert "waits for" not in project.tox("prodsim", *words, limit_s=60).out
    tried = project.tox("exec", "-e", "prodsim", "--prodsim-lock-timeout", "0", "--", "python", "-c", "").failed()
    assert f"pid {first.process.pid} (" in tried.out
    go(project, "first")
    first.end().passed()


def test_a_run_in_a_run_would_wait_for_itself(project: Project) -> None:
    (wheel,) = (project.folder / "dist").glob("*.whl")
    inner = f"{{env:TOX}} run -e prodsim --installpkg {wheel}"
    project.write("tox.ini", f"[testenv:prodsim]\n{KEYS}allowlist_externals = *\ncommands = {inner}\n")
    go(project, "outer")
    program = str(Path(sys.executable).with_name("tox"))
    result = project.prodsim("--installpkg", wheel, env={"WHO": "outer", "TOX": program}).failed()
    assert "uses this environment, and waits for the end of this run" in result.out


def a_file(path: Path) -> None:
    path.touch()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_link(path: Path) -> None:
    path.with_name("elsewhere").mkdir()
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("make", [a_file, a_pipe, a_link])
def test_a_run_without_a_lock_says_so_in_one_line(project: Project, make: Callable[[Path], None]) -> None:
    (project.folder / ".tox").mkdir()
    make(project.folder / LOCKS)
    go(project, "alone")
    result = start(project, "alone").end().passed()
    told = "prodsim: there is no lock, another run of this environment would not be noticed: "
    assert sum(line.startswith(told) for line in result.out.splitlines()) == 1, result.out
