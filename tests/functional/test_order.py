"""The order of commands_pre, start, commands, stop, commands_post: also when one of them is empty or fails."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from support.project import Project

NOTE = """\
import sys
with open("journal", "a") as journal:
    print(sys.argv[1], file=journal)
"""
FAIL = NOTE + "sys.exit(3)\n"
FAIL_ONCE = """\
import sys
with open("journal", "a+") as journal:
    print(sys.argv[1], file=journal, flush=True)
    journal.seek(0)
    sys.exit(3 if journal.read().split().count(sys.argv[1]) == 1 else 0)
"""
SERVICE = """\
import signal, sys, time
def note(word):
    with open("journal", "a") as journal:
        print(word, file=journal)
def stop(*_):
    note("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("start")
print("up", flush=True)
time.sleep(100)
"""
KEYS = {
    "ignore": "PRF",
    "commands_pre": "python note.py pre",
    "deploy": "python service.py {tag}",
    "ready": "log:/up/",
    "restarts": "0",
    "commands": "python note.py smoke",
    "commands_post": "python note.py post",
}
ALL = "pre start smoke stop post"
"""The journal of a run in which everything goes well."""


def play(project: Project, keys: Mapping[str, str]) -> tuple[int, str, str]:
    """Run tox with the keys over those that go well; return its exit code, the journal and the output."""
    for name, text in {"note": NOTE, "fail": FAIL, "fail_once": FAIL_ONCE, "service": SERVICE}.items():
        project.write(f"{name}.py", text)
    lines = [f"{key} = {value}" for key, value in {**KEYS, **keys}.items()]
    text = "\n".join(["[testenv:prodsim]", "deploy_files = *.py", *lines])
    project.write("tox.ini", text.replace("{tag}", project.tag))
    result = project.prodsim("--installpkg", project.wheel())
    journal = project.folder / ".tox/prodsim/tmp/scratch/journal"
    assert project.left() == []
    assert "internal error" not in result.out, result.out
    return result.code, " ".join(journal.read_text().split()) if journal.exists() else "", result.out


def test_the_order_of_everything(any_project: Project) -> None:
    code, journal, out = play(any_project, {})
    assert (code, journal) == (0, ALL), out


@pytest.mark.parametrize(
    ("keys", "order"),
    [
        pytest.param({"commands_pre": ""}, "start smoke stop post", id="commands_pre is empty"),
        pytest.param({"commands": ""}, "pre start stop post", id="commands is empty"),
        pytest.param({"commands_post": ""}, "pre start smoke stop", id="commands_post is empty"),
        pytest.param({"commands_pre": "", "commands": "", "commands_post": ""}, "start stop", id="all are empty"),
        pytest.param({"deploy": "", "ready": ""}, "pre smoke post", id="there is no deployment"),
        pytest.param(
            {"deploy": "", "ready": "", "commands": "python note.py {scratch}", "commands_post": ""},
            "pre SCRATCH",
            id="there is no deployment but a scratch folder",
        ),
        pytest.param({"deploy": "python note.py job", "ready": ""}, "pre job smoke post", id="it is a job"),
        pytest.param({"commands_pre": "- python fail.py pre"}, ALL, id="commands_pre fails and is ignored"),
        pytest.param({"commands_pre": "! python fail.py pre"}, ALL, id="commands_pre fails as it should"),
        pytest.param({"commands": "- python fail.py smoke"}, ALL, id="commands fails and is ignored"),
        pytest.param({"commands_post": "- python fail.py post"}, ALL, id="commands_post fails and is ignored"),
        pytest.param(
            {"commands_retry": "1", "commands_pre": "python fail_once.py pre"},
            "pre pre start smoke stop post",
            id="commands_pre fails and is tried again",
        ),
        pytest.param(
            {"commands_retry": "1", "commands": "python fail_once.py smoke"},
            "pre start smoke smoke stop post",
            id="commands fails and is tried again",
        ),
    ],
)
def test_the_order_of_what_passes(quick_project: Project, keys: dict[str, str], order: str) -> None:
    code, journal, out = play(quick_project, keys)
    assert (code, journal.replace(str(quick_project.folder / ".tox/prodsim/tmp/scratch"), "SCRATCH")) == (0, order), out
    assert quick_project.report()["summary"]["verdict"] == "passed"


TWICE = "\n  python fail.py smoke\n  python note.py smoke2"


@pytest.mark.parametrize(
    ("keys", "order", "codes"),
    [
        pytest.param({"commands_pre": "python fail.py pre"}, "pre post", ["RUN605"], id="commands_pre fails"),
        pytest.param(
            {"commands_pre": "python fail.py pre", "ignore_errors": "true"},
            "pre post",
            ["RUN605"],
            id="commands_pre fails and ignore_errors lets tox go on",
        ),
        pytest.param(
            {"commands_pre": "python fail.py pre", "commands": "", "commands_post": ""},
            "pre",
            ["RUN605"],
            id="commands_pre fails and is all there is",
        ),
        pytest.param({"commands_pre": "sh note.sh"}, "post", ["RUN605"], id="commands_pre is not allowed"),
        pytest.param({"commands": TWICE}, ALL, ["RUN605"], id="the first of two commands fails"),
        pytest.param(
            {"commands": TWICE, "ignore_errors": "true"},
            "pre start smoke smoke2 stop post",
            ["RUN605"],
            id="the first of two commands fails and ignore_errors lets tox go on",
        ),
        pytest.param(
            {"commands": "python fail.py smoke", "commands_retry": "1"},
            "pre start smoke smoke stop post",
            ["RUN605"],
            id="commands fails each time it is tried",
        ),
        pytest.param({"commands": "sh note.sh"}, "pre start stop post", ["RUN605"], id="commands is not allowed"),
        pytest.param({"commands_post": "python fail.py post"}, ALL, ["RUN605"], id="commands_post fails"),
        pytest.param({"deploy": "python fail.py start"}, "pre start post", ["RUN602"], id="the start fails"),
        pytest.param(
            {"deploy": "python fail.py start", "ignore_errors": "true"},
            "pre start post",
            ["RUN602"],
            id="the start fails and ignore_errors lets tox go on",
        ),
        pytest.param(
            {"ready": "log:/never/", "ready_timeout": "1"}, "pre start stop post", ["RUN603"], id="it is never ready"
        ),
        pytest.param({"deploy": "python fail.py job", "ready": ""}, "pre job post", ["RUN609"], id="the job fails"),
    ],
)
def test_the_order_of_what_fails(quick_project: Project, keys: dict[str, str], order: str, codes: list[str]) -> None:
    code, journal, out = play(quick_project, keys)
    assert code != 0, out
    assert "Traceback" not in out, out
    assert journal == order, out
    assert quick_project.codes() == codes
    assert quick_project.report()["summary"]["verdict"] == "failed"


def test_a_leak_of_commands_pre_that_does_not_count_does_not_keep_the_service_from_its_start(
    quick_project: Project,
) -> None:
    daemon = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])"
    code, journal, out = play(quick_project, {"commands_pre": f'python -c "{daemon}"', "ignore": "PRF, RUN620"})
    assert (code, journal) == (0, "start smoke stop post"), out


def test_commands_are_not_run_against_nothing_although_the_failed_start_only_warns(quick_project: Project) -> None:
    code, journal, out = play(quick_project, {"deploy": "python fail.py start", "warn": "RUN602"})
    assert (code, journal) == (1, "pre start post"), out
    assert "the deployment is not running, so the commands were not run" in out


def test_a_run_that_starts_nothing_says_that_nothing_was_checked(quick_project: Project) -> None:
    _, _, out = play(quick_project, {"commands_pre": "python fail.py pre"})
    assert re.search(r"^  deploy   not checked: commands_pre failed, so nothing was started$", out, re.MULTILINE), out


SHOW = """\
import os, sys
print("TOLD", sys.argv[1], *sys.argv[2:], *(os.environ.get(name, "-") for name in sorted(
    ["PRODSIM_URL", "PRODSIM_PORT", "PRODSIM_PID", "PRODSIM_SCRATCH", "HERE", "THERE", "PORT"])))
"""


def test_everybody_is_told_the_same_port_url_and_scratch(quick_project: Project) -> None:
    quick_project.write("show.py", SHOW)
    quick_project.write(
        "server.py",
        SHOW + "import http.server\nsys.stdout.flush()\n"
        "http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), http.server.SimpleHTTPRequestHandler)"
        ".serve_forever()\n",
    )
    quick_project.write(
        "tox.ini",
        """
[testenv:prodsim]
ignore = PRF
deploy_files = *.py
set_env =
    HERE = {url}/here
    THERE = {scratch}/there
deploy = python server.py deploy {port} {url} {scratch}
ready = http://127.0.0.1:{port}/
commands_pre = python show.py pre {port} {url} {scratch}
commands = python show.py smoke {port} {url} {scratch}
commands_post = python show.py post {port} {url} {scratch}
""",
    )
    result = quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    log = (quick_project.folder / ".tox/prodsim/prodsim/deploy.log").read_text()
    told = {line.split()[1]: line.split()[2:] for line in (result.out + log).splitlines() if line.startswith("TOLD")}
    port, url, scratch = told["deploy"][:3]
    pid = re.search(r"spawn +pid (\d+)", result.out)
    assert pid is not None
    assert scratch == str(quick_project.folder / ".tox/prodsim/tmp/scratch")
    assert url == f"http://127.0.0.1:{port}"
    # in the order of the sorted names: HERE, PORT, PRODSIM_PID, _PORT, _SCRATCH, _URL, THERE
    here, there, same = f"{url}/here", f"{scratch}/there", [port, url, scratch]
    assert told["deploy"] == [*same, here, port, "-", "-", "-", "-", there]
    assert told["pre"] == [*same, here, "-", "-", port, scratch, url, there]
    assert told["smoke"] == [*same, here, "-", pid[1], port, scratch, url, there]
    assert told["post"] == told["smoke"]


def test_deploy_files_are_copied_by_name_and_folders_with_their_content(quick_project: Project) -> None:
    quick_project.write("conf/app.ini", "x")
    quick_project.write("conf/other.txt", "x")
    quick_project.write("assets/deep/er/a.txt", "x")
    quick_project.write("tool.py", "import pathlib\nfor p in sorted(pathlib.Path().rglob('*')): print('HAS', p)\n")
    quick_project.write(
        "tox.ini",
        """
[testenv:prodsim]
ignore = PRF
deploy_files = conf/*.ini, assets, tool.py
deploy = python tool.py
expect_output = HAS tool.py
""",
    )
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    log = (quick_project.folder / ".tox/prodsim/prodsim/deploy.log").read_text()
    assert log.splitlines() == [
        "HAS app.ini",
        "HAS assets",
        "HAS assets/deep",
        "HAS assets/deep/er",
        "HAS assets/deep/er/a.txt",
        "HAS tool.py",
    ]
