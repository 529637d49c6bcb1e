"""What a deployment may not do while nobody looks: fall silent, flood the disk."""

from __future__ import annotations

import pytest
from support.project import Project

CONFIG = """
[testenv:prodsim]
ignore = PRF
deploy_files = app.py
deploy = python app.py {tag}
stop_timeout = 5
{keys}
"""
SILENT = """\
import sys, time
print("up", flush=True)
time.sleep(60)
"""
STUBBORN = """\
import signal, time
signal.signal(signal.SIGTERM, lambda *_: None)
while True:
    time.sleep(1)
"""
TALKING = """\
import time
for _ in range(20):
    print("working", flush=True)
    time.sleep(0.1)
"""
FLOOD = """\
import sys
while True:
    sys.stdout.write("x" * 100_000 + "\\n")
"""


def play(project: Project, app: str, keys: str):
    project.write("app.py", app)
    project.write("tox.ini", CONFIG.format(tag=project.tag, keys=keys))
    return project.prodsim("--installpkg", project.wheel())


@pytest.mark.parametrize("kind", ["", "ready = log:/up/\ncommands = python -c 'import time; time.sleep(5)'"])
def test_what_falls_silent_is_stopped_and_the_line_where_it_waits_is_shown(quick_project: Project, kind: str) -> None:
    result = play(quick_project, SILENT, f"idle_timeout = 1\n{kind}").failed()
    assert "FAIL RUN615 app.py: printed nothing for idle_timeout = 1 s" in result.out
    assert result.seconds < 30, result.out
    assert quick_project.left() == []


def test_what_talks_all_the_time_is_not_silent(quick_project: Project) -> None:
    play(quick_project, TALKING, "idle_timeout = 1\nexpect_output = working").passed()


def test_a_flood_is_stopped_long_before_the_disk_is_full(quick_project: Project) -> None:
    result = play(quick_project, FLOOD, "output_limit_mb = 20").failed()
    assert "FAIL RUN617 app.py: printed more than output_limit_mb = 20 MB into deploy.log" in result.out
    assert quick_project.left() == []


def test_a_flood_that_is_over_before_anybody_looks_is_one_too(quick_project: Project) -> None:
    play(quick_project, "print('x' * 3_000_000)", "output_limit_mb = 1").failed()
    assert "RUN617" in quick_project.codes()


def test_the_limit_that_was_broken_first_is_told_and_why_it_did_not_stop(quick_project: Project) -> None:
    result = play(quick_project, STUBBORN, "idle_timeout = 1\nrun_timeout = 3").failed()
    assert quick_project.codes() == ["RUN607", "RUN615"]
    assert "what it was doing:" in result.out
    assert "why it did not stop:" in result.out
    assert quick_project.left() == []


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "idle_timeout = -1",
            "idle_timeout: -1 is not a limit, give a number of seconds from 0.001 to 604800, or 0 for no limit",
        ),
        (
            "output_limit_mb = much",
            "output_limit_mb: much is not a limit, give a number of megabytes from 0.001 to 1000000, or 0 for no limit",
        ),
    ],
)
def test_a_limit_that_is_none_is_refused_in_one_line(quick_project: Project, line: str, says: str) -> None:
    result = play(quick_project, TALKING, line).failed()
    assert f"prodsim: failed with {says}" in result.out
