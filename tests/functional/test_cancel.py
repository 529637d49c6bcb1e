"""Ctrl-C, and what CI systems send: over within their budget at every point, with a report, and nothing is left.

The few that run always are those that tell the most; ``-m torture`` runs all.
"""

from __future__ import annotations

import json
import os
import signal
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.project import PLAIN, UV, Project, Running
from support.terminals import at_a_terminal

BUDGET_S = 6.5
"""CI systems kill some 7.5 s after their first signal; the grace of a cancel is 5 s of it."""
SLACK_S = 2.0
"""For the other tests on the same cores."""
SOON_S = 1.5

DEAF = """\
import signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
sleep = "import signal, time; signal.signal(15, signal.SIG_IGN); signal.signal(2, signal.SIG_IGN); time.sleep(100)"
subprocess.Popen([sys.executable, "-c", sleep, sys.argv[1]], start_new_session=True)
print("up", flush=True)
time.sleep(100)
"""
STOPS_ONCE_ASKED = """\
import signal, subprocess, sys, time
def stop(*_):
    print("asked to stop", flush=True)
    time.sleep(100)
signal.signal(signal.SIGTERM, stop)
print("up", flush=True)
while True:
    time.sleep(1)
"""
BACKEND = """\
import pathlib, runpy, sys
def slow():
    here = pathlib.Path(__file__).parent
    sys.argv = ["deaf.py", (here / "tag.txt").read_text()]
    runpy.run_path(str(here / "deaf.py"))
def build_sdist(sdist_directory, config_settings=None):
    slow()
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    slow()
"""
TWICE = """\
import pathlib, runpy
first = pathlib.Path({first!r})
if first.exists():
    runpy.run_path("deaf.py")
first.touch()
"""
PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "slow"
version = "1"
"""
EIGHT = "[tox]\nenv_list = prodsim-{a,b,c,d,e,f,g,h}\n"
HEAD = "[testenv:prodsim]\nignore = PRF\ndeploy_files = deaf.py\nstop_timeout = 60\n"


def slow_to_build(project: Project, folder: str) -> None:
    """Write a project whose build never ends, and whose backend has a child in a session of its own."""
    files = {"backend.py": BACKEND, "pyproject.toml": PYPROJECT, "deaf.py": DEAF, "tag.txt": project.tag}
    for name, text in files.items():
        project.write(f"{folder}{name}", text)


def at_build(project: Project) -> Running:
    slow_to_build(project, "")
    return started(project, "", install=False)


def at_install(project: Project) -> Running:
    slow_to_build(project, "dependency/")
    return started(project, "deps = ./dependency")


@pytest.mark.parametrize("at", [at_build, at_install], ids=["a build", "an installation"])
def test_what_is_built_and_installed_is_recorded_like_all_that_goes_on(
    project: Project, at: Callable[[Project], Running]
) -> None:
    running = at(project)
    while not project.left():
        time.sleep(0.01)
    records = [json.loads(path.read_text()) for path in (project.folder / ".tox" / ".prodsim-runs").glob("*.json")]
    assert records
    running.send(signal.SIGTERM).end()
    assert not list((project.folder / ".tox" / ".prodsim-runs").glob("*.json"))


def at_build_of_a_given_sdist(project: Project) -> Running:
    slow_to_build(project, "slow-1/")
    with tarfile.open(project.folder / "slow-1.tar.gz", "w:gz") as archive:
        archive.add(project.folder / "slow-1", arcname="slow-1")
    return started(project, "", "--installpkg", project.folder / "slow-1.tar.gz", install=False)


def at_start(project: Project) -> Running:
    return started(project, "deploy = python deaf.py {tag}\nready = log:/never/")


def at_a_job(project: Project) -> Running:
    return started(project, "deploy = python deaf.py {tag}")


def at_commands_pre(project: Project) -> Running:
    return started(project, "commands_pre = python deaf.py {tag}")


def at_commands(project: Project) -> Running:
    keys = "deploy = python deaf.py {tag}\nready = log:/up/\ncommands = python -c 'import time; time.sleep(100)' {tag}"
    return started(project, keys).until("commands[0]")


def at_commands_post(project: Project) -> Running:
    return started(project, "commands_post = python deaf.py {tag}")


def at_stop(project: Project) -> Running:
    project.write("stops.py", STOPS_ONCE_ASKED)
    keys = "deploy_files = *.py\ndeploy = python stops.py {tag}\nready = log:/up/"
    running = started(project, keys)
    log = project.folder / ".tox/prodsim/prodsim/deploy.log"
    while "asked to stop" not in log.read_text():
        time.sleep(0.02)
    return running


def at_compare(project: Project) -> Running:
    """The deployment is started once more, to be timed, and now it does not end."""
    project.write("twice.py", TWICE.format(first=str(project.folder / "first")))
    return started(project, "deploy_files = *.py\nignore = RUN\ndeploy = python twice.py {tag}")


PHASES: dict[str, Callable[[Project], Running]] = {
    "build": at_build,
    "install": at_install,
    "build of a given sdist": at_build_of_a_given_sdist,
    "start": at_start,
    "a job": at_a_job,
    "commands_pre": at_commands_pre,
    "commands": at_commands,
    "commands_post": at_commands_post,
    "stop": at_stop,
    "compare": at_compare,
}


def started(project: Project, keys: str, *arguments: str | Path, install: bool = True) -> Running:
    """Start tox and wait until processes with the tag run."""
    project.write("deaf.py", DEAF)
    head = "\n".join(line for line in HEAD.splitlines() if f"{line.split()[0]} =" not in keys) + "\n"
    project.write("tox.ini", head + keys.replace("{tag}", project.tag) + "\n")
    given = ("--installpkg", project.wheel()) if install else ()
    running = project.start("run", "-e", "prodsim", *given, *arguments)
    while not project.left():
        assert running.process.poll() is None, running.out
        time.sleep(0.02)
    time.sleep(0.2)
    return running


def cancelled(project: Project, running: Running, within_s: float, *, since: float) -> None:
    """Wait for the end of tox and assert what every cancel owes."""
    result = running.end().failed()
    took_s = time.monotonic() - since
    assert took_s < within_s + SLACK_S, f"{took_s:.2f} s\n{result.out}"
    assert project.left() == []
    assert project.report()["summary"]["verdict"] == "cancelled", result.out
    assert "CANCELLED" in result.out.upper(), result.out


QUICK = {("build", "SIGTERM"), ("install", "SIGINT to all"), ("stop", "SIGTERM")}


def everywhere() -> Iterator[object]:
    for phase in PHASES:
        for how in ("SIGINT to all", "SIGTERM"):
            for installer in (PLAIN, UV):
                quick = installer == UV and (phase, how) in QUICK
                marks = () if quick else (pytest.mark.torture,)
                yield pytest.param(phase, how, installer, marks=marks, id=f"{phase}, {how}, {installer}")


@pytest.mark.parametrize(("phase", "how", "installer"), [*everywhere()])
def test_the_first_signal_is_over_within_the_budget(project: Project, phase: str, how: str, installer: str) -> None:
    """What it is told to is deaf, and its stop_timeout is 60 s."""
    project.installer = installer
    running, began = PHASES[phase](project), time.monotonic()
    if how == "SIGTERM":
        running.send(signal.SIGTERM)
    else:
        running.send_group(signal.SIGINT)
    cancelled(project, running, BUDGET_S, since=began)


@pytest.mark.parametrize(
    "phase", [phase if phase == "commands" else pytest.param(phase, marks=pytest.mark.torture) for phase in PHASES]
)
def test_the_second_signal_ends_it_at_once(quick_project: Project, phase: str) -> None:
    running = PHASES[phase](quick_project).send(signal.SIGTERM).until("KeyboardInterrupt")
    time.sleep(0.5)
    began = time.monotonic()
    if running.process.poll() is None:
        running.send(signal.SIGTERM)
    cancelled(quick_project, running, SOON_S, since=began)


@pytest.mark.parametrize(
    "phase", [phase if phase == "build" else pytest.param(phase, marks=pytest.mark.torture) for phase in PHASES]
)
def test_kill_9_leaves_nothing(quick_project: Project, phase: str) -> None:
    PHASES[phase](quick_project).send(signal.SIGKILL).end()
    quick_project.gone(4.0)


@pytest.mark.torture
@pytest.mark.parametrize("after_s", [0.1 * step for step in range(30)], ids=lambda after: f"{after:.1f}s")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_at_any_moment_leaves_a_report_and_nothing_else(
    quick_project: Project, number: signal.Signals, after_s: float
) -> None:
    """From the creation of the environment to the end of the report: a sweep over time."""
    project = quick_project
    project.write("stops.py", "print('up', flush=True)\nimport time\ntime.sleep(100)")
    keys = f"deploy = python stops.py {project.tag}\nready = log:/up/\ncommands = python -c '' {project.tag}"
    project.write("tox.ini", HEAD.replace("deaf.py", "*.py") + keys)
    running = project.start("run", "-e", "prodsim", "--installpkg", project.wheel()).until("prodsim: ")
    time.sleep(after_s)
    began = time.monotonic()
    running.send(number).end()
    assert time.monotonic() - began < BUDGET_S + SLACK_S
    assert project.left() == []
    assert project.report()["summary"]["verdict"] in {"cancelled", "passed"}, running.out
    assert "Traceback" not in running.out


def test_a_storm_of_signals_is_one_stop(quick_project: Project) -> None:
    running = at_commands(quick_project)
    began = time.monotonic()
    for _ in range(100):
        for number in (signal.SIGTERM, signal.SIGCHLD):
            if running.process.poll() is None:
                running.send(number)
        time.sleep(0.01)
    cancelled(quick_project, running, BUDGET_S, since=began)


def test_what_github_sends_comes_in_time(quick_project: Project) -> None:
    """SIGINT to the entry process alone, SIGTERM after 7.5 s, SIGKILL after 2.5 s more: only the first is needed."""
    running = at_commands(quick_project)
    began = time.monotonic()
    cancelled(quick_project, running.send(signal.SIGINT), BUDGET_S, since=began)


@pytest.mark.parametrize(
    "how", [pytest.param("SIGINT to all", marks=pytest.mark.torture), pytest.param("SIGTERM", id="SIGTERM")]
)
def test_eight_environments_at_once_are_stopped_together(quick_project: Project, how: str) -> None:
    """Each of them holds on for the whole grace."""
    project = quick_project
    project.write("deaf.py", DEAF)
    names = [f"prodsim-{letter}" for letter in "abcdefgh"]
    project.write("tox.ini", EIGHT + HEAD + f"deploy = python deaf.py {project.tag}\nready = log:/never/\n")
    running = project.start("p", "-p", "8", "-e", ",".join(names), "--installpkg", project.wheel())
    while len([each for each in project.left() if "deaf.py" in each]) < len(names):
        assert running.process.poll() is None, running.out
        time.sleep(0.05)
    time.sleep(0.5)
    began = time.monotonic()
    if how == "SIGTERM":
        running.send(signal.SIGTERM)
    else:
        running.send_group(signal.SIGINT)
    result = running.end().failed()
    assert time.monotonic() - began < BUDGET_S + SLACK_S, result.out
    assert project.left() == []
    assert {project.report(name)["summary"]["verdict"] for name in names} == {"cancelled"}


@pytest.mark.torture
def test_with_fail_fast_one_failure_does_not_touch_what_runs(quick_project: Project) -> None:
    project = quick_project
    names = [f"prodsim-{letter}" for letter in "abcdefgh"]
    project.write("job.py", "import sys, time\ntime.sleep(0.1 if sys.argv[1] == 'prodsim-a' else 8)\nprint('done')")
    project.write(
        "tox.ini",
        EIGHT + "[testenv:prodsim]\nignore = PRF\ndeploy_files = job.py\nexpect_output = done\n"
        f"deploy = python job.py {{env_name}} {project.tag}\nexit_codes = 0\n"
        "[testenv:prodsim-a]\nexit_codes = 7\n",
    )
    arguments = ("p", "-p", "8", "--fail-fast", "-e", ",".join(names), "--installpkg", project.wheel())
    project.tox(*arguments).failed()
    assert project.left() == []
    verdicts = {name: project.report(name)["summary"]["verdict"] for name in names}
    assert verdicts == {"prodsim-a": "failed"} | dict.fromkeys(names[1:], "passed")


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.torture), 3])
def test_ctrl_c_at_a_terminal(quick_project: Project, times: int) -> None:
    project = quick_project
    project.write("deaf.py", DEAF)
    project.write("tox.ini", HEAD + f"deploy = python deaf.py {project.tag}\nready = log:/never/\n")
    arguments = Project._command(("run", "-e", "prodsim", "--installpkg", project.wheel()))
    tox, terminal = at_a_terminal(arguments, project.folder, project._environ(None))
    try:
        shown = b""
        os.set_blocking(terminal, False)
        while not project.left():
            shown += read(terminal)
            time.sleep(0.05)
        time.sleep(0.5)
        began = time.monotonic()
        for _ in range(times):
            os.write(terminal, b"\x03")
            time.sleep(0.4)
        while tox.poll() is None:
            shown += read(terminal)
            assert time.monotonic() - began < BUDGET_S + SLACK_S, shown
            time.sleep(0.02)
        took_s = time.monotonic() - began
        shown += read(terminal)
    finally:
        tox.kill()
        tox.wait()
        os.close(terminal)
    assert took_s < (BUDGET_S if times == 1 else 0.4 * times + SOON_S) + SLACK_S
    assert b"Traceback" not in shown
    assert b"CANCELLED" in shown.upper()
    assert project.left() == []
    assert project.report()["summary"]["verdict"] == "cancelled"


def read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""
