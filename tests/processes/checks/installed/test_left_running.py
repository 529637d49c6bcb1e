"""What imports, commands and the start of Python leave running is reported; everything of it is ended by then."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil
import pytest
from support.installed import Put
from support.wheels import Env

from tox_prodsim import supervision
from tox_prodsim.checks import installed
from tox_prodsim.checks.installed import Distribution
from tox_prodsim.model.findings import Finding, Level
from tox_prodsim.model.runner import NO_VARIABLES, Completed

START = """\
import os, subprocess, sys
def start(seconds="57", detached=True):
    quiet = {{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}}
    subprocess.Popen([{program}, seconds], start_new_session=detached, **quiet)
"""
DAEMON = START.format(program='"sleep"')
CLI = "\ndef main():\n    {}\n    print('usage: acme [--help]')\n"
SCRIPT = "[console_scripts]\nacme = acme:main\nacme2 = acme:main\n"
POINT = "[console_scripts] acme = acme:main"
TRACKER = """\
from multiprocessing import resource_tracker, shared_memory
resource_tracker.ensure_running()
"""


class Supervised:
    """Runs programs under supervision, in the environment."""

    def __init__(self, env: Env, folder: Path) -> None:
        self._env, self._folder = env, folder

    def __call__(
        self, argv: Sequence[str], *, timeout_s: float, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Completed:
        env = {**os.environ, **variables}
        return supervision.outcome(supervision.run(argv, cwd=self._folder, env=env, timeout_s=timeout_s))


def found_by_imports(env: Env, subject: Distribution, folder: Path) -> tuple[Finding, ...]:
    """Import as a run does: the top-levels, then all other modules."""
    runner = Supervised(env, folder)
    watched = installed.WatchedRunner(runner)
    tops = installed.check_imports(subject, watched, env.python)
    installed.check_modules(subject, watched, env.python, imported=tops.modules)
    installed.check_start(subject, watched, env.python)
    alone = installed.PlainImports(runner=runner, python=env.python)
    return installed.check_left_by_imports(watched, alone, subject.name).findings


def found_by_scripts(env: Env, subject: Distribution, folder: Path) -> list[Finding]:
    checked = installed.check_scripts(subject, Supervised(env, folder), env.python, env.scripts_dir)
    assert "ENT517" in checked.codes
    return [found for found in checked.findings if found.code == "ENT517"]


def pids(finding: Finding) -> list[int]:
    return [*map(int, re.findall(r"pid (\d+)", finding.message))]


def assert_ended(finding: Finding) -> None:
    assert pids(finding)
    assert not [pid for pid in pids(finding) if psutil.pid_exists(pid)]


@pytest.mark.parametrize("call", ["start()", "start(detached=False)"], ids=["a daemon", "a child"])
def test_a_process_that_an_import_leaves_is_named(env: Env, put: Put, tmp_path: Path, call: str) -> None:
    (finding,) = found_by_imports(env, put({"acme.py": f"{DAEMON}{call}\n"}), tmp_path)
    assert (finding.code, finding.level, finding.subject) == ("IMP514", Level.WARNING, "acme")
    assert re.fullmatch(r"importing it leaves 1 process running, which was ended: pid \d+ sleep 57", finding.message), (
        finding.message
    )
    assert_ended(finding)


def test_the_module_of_many_that_leaves_it_is_found(env: Env, put: Put, tmp_path: Path) -> None:
    names = [f"acme/m{number}.py" for number in range(9)]
    files = {"acme/__init__.py": "", **dict.fromkeys(names, ""), "acme/m5.py": f"{DAEMON}start()\n"}
    (finding,) = found_by_imports(env, put(files), tmp_path)
    assert (finding.code, finding.subject) == ("IMP514", "acme.m5")
    assert "sleep 57" in finding.message


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(f"{DAEMON}start('0.1')\n", id="what ends by itself within a moment"),
        pytest.param(TRACKER, id="Python's resource tracker"),
        pytest.param("import subprocess\nsubprocess.run(['true'])\n", id="what it waits for"),
        pytest.param(
            f"{DAEMON}import atexit\nproc = subprocess.Popen(['sleep', '57'])\natexit.register(proc.kill)\n",
            id="what is ended at its exit",
        ),
    ],
)
def test_what_ends_in_time_is_not_reported(env: Env, put: Put, tmp_path: Path, source: str) -> None:
    assert found_by_imports(env, put({"acme.py": source}), tmp_path) == ()


def test_a_process_that_the_start_of_python_leaves_is_named(env: Env, put: Put, tmp_path: Path) -> None:
    line = "import os; os.environ.get('ACME') or exec(\"import acme_start; acme_start.start()\")\n"
    (finding,) = found_by_imports(env, put({"acme_start.py": DAEMON, "acme.pth": line}), tmp_path)
    assert (finding.code, "sleep 57" in finding.message) == ("IMP514", True)


def test_a_process_that_help_leaves_is_named_once(env: Env, put: Put, tmp_path: Path) -> None:
    subject = put({"acme.py": DAEMON + CLI.format("start()")}, entry_points=SCRIPT)
    (finding,) = found_by_scripts(env, subject, tmp_path)
    assert (finding.level, finding.subject) == (Level.WARNING, POINT)
    assert re.fullmatch(r"--help leaves 1 process running, which was ended: pid \d+ sleep 57", finding.message), (
        finding.message
    )
    assert_ended(finding)


def test_a_process_that_loading_a_command_leaves_is_that_of_the_module(env: Env, put: Put, tmp_path: Path) -> None:
    subject = put({"acme.py": f"{DAEMON}start(){CLI.format('pass')}"}, entry_points=SCRIPT)
    (finding,) = found_by_scripts(env, subject, tmp_path)
    assert finding.subject == "acme"
    assert finding.message.startswith("loading its entry points leaves 1 process running, which was ended: pid ")


def test_help_that_leaves_nothing_is_not_reported(env: Env, put: Put, tmp_path: Path) -> None:
    subject = put({"acme.py": DAEMON + CLI.format("start('0.1')")}, entry_points=SCRIPT)
    assert found_by_scripts(env, subject, tmp_path) == []
