"""The key ``simulate`` as a user has it: one line of evidence, a finding for each condition that breaks something."""

from __future__ import annotations

import os
import re

import pytest
from support.project import Project

from tox_prodsim import supervision

SERVER = """\
import http.server, os, pathlib, sys
pathlib.Path("state").write_text("ours" if not pathlib.Path("state").exists() else sys.exit("not the first start"))
if os.environ.get("CACHE"):
    pathlib.Path.home().joinpath(".cache").mkdir(exist_ok=True)
if os.environ.get("REGISTER"):
    import socket
    socket.create_connection(("127.0.0.1", int(os.environ["REGISTER"]))).close()
http.server.HTTPServer.server_bind = http.server.socketserver.TCPServer.server_bind
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
CLI = "import os, sys\ndef main():\n    print('usage: acme' + ('' if os.environ.get('TZ') != 'UTC' else sys.exit(1)))\n"


def simulated(project: Project, conditions: str, *lines: str) -> list[str]:
    """Run tox with a service, and return its findings of the family; nothing of it may be left."""
    project.write("app.py", SERVER)
    files = {"acme/__init__.py": "import sys\nsys.stdin.fileno()\n", "acme/cli.py": CLI}
    project.write(
        "tox.ini",
        "[testenv:prodsim]\nignore = PRF\ndeploy = python app.py {port} " + project.tag + "\n"
        "ready = http://127.0.0.1:{port}/\ndeploy_files = app.py\nready_timeout = 20\nrestarts = 0\n"
        f"simulate = {conditions}\n" + "".join(f"{line}\n" for line in lines),
    )
    project.prodsim(
        "--installpkg", project.wheel(files=files, entry_points="[console_scripts]\nacme = acme.cli:main\n")
    )
    assert project.left() == []
    found = project.findings()
    return [f"{each['code']} {each['subject']}: {each['message']}" for each in found if each["code"] > "SIM"]


def simulation(project: Project) -> dict[str, object]:
    (step,) = (each for each in project.report()["steps"] if each["step"] == "simulate")
    return step


def test_each_condition_is_played_by_itself_and_named_by_what_it_breaks(quick_project: Project) -> None:
    found = simulated(quick_project, "no_home utc closed_stdin c_locale", "set_env = CACHE = yes")
    problem = "AttributeError: 'NoneType' object has no attribute 'fileno'"
    assert found[1:] == [
        "SIM802 [console_scripts] acme = acme.cli:main: --help fails with utc: it exited with 1",
        f"SIM801 acme: import fails with closed_stdin: {problem}",
        f"SIM802 [console_scripts] acme = acme.cli:main: --help fails with closed_stdin: it exited with 1: {problem}",
    ]
    message = r"fails with no_home: exit code 1 after [\d.]+ s, before it was ready \(last answer: connection refused\)"
    assert re.fullmatch(f"SIM803 app.py: {message}", found[0])
    assert simulation(quick_project)["detail"] == "c_locale"
    log = quick_project.folder / ".tox/prodsim/prodsim/simulate-no_home.log"
    assert "NotADirectoryError: [Errno 20] Not a directory: '/dev/null/.cache'" in log.read_text()
    assert [path.name for path in log.parent.glob("simulate-*")] == [log.name]
    assert not [*(quick_project.folder / ".tox/prodsim/tmp").glob("*simulated")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the network of a service")
def test_a_service_without_a_network_is_asked_in_its_own(quick_project: Project) -> None:
    assert simulated(quick_project, "no_network, non_root, umask_077") == []
    assert simulation(quick_project)["detail"] == "no_network, non_root, umask_077"


def test_what_has_failed_already_is_not_simulated(quick_project: Project) -> None:
    assert simulated(quick_project, "utc", "set_env = REGISTER = 1") == []
    assert (simulation(quick_project)["outcome"], simulation(quick_project)["detail"]) == (
        "not checked",
        "the run has failed already",
    )


# as PID 1

PID1 = """\
import http.server, os, signal, sys, threading
def raise_again(number, frame):
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
if "orphans" in sys.argv:
    for _ in range(3):
        if os.fork() == 0:
            os.fork()
            os._exit(0)
        os.wait()
http.server.HTTPServer.server_bind = http.server.socketserver.TCPServer.server_bind
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
if "handler" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
if "again" in sys.argv:
    signal.signal(signal.SIGTERM, raise_again)
server.serve_forever()
"""
NO_PID1 = supervision.no_pid1()


def play_as_pid1(project: Project, words: str, *lines: str) -> list[str]:
    """Return the findings of the family: their messages without pids and ports."""
    project.write("server.py", PID1)
    project.write(
        "tox.ini",
        f"[testenv:prodsim]\nignore = PRF\ndeploy = python server.py {{port}} {project.tag} {words}\n"
        "ready = http://127.0.0.1:{port}/\ndeploy_files = server.py\nready_timeout = 20\nrestarts = 0\n"
        "stop_timeout = 2\nsimulate = pid1\n" + "".join(f"{line}\n" for line in lines),
    )
    project.prodsim("--installpkg", project.wheel())
    assert project.left() == []
    found = [f"{each['level']}: {each['message']}" for each in project.findings() if each["code"] == "SIM803"]
    return [re.sub(r": pid \d+ [^;]*", "", message) for message in found]


IGNORED = (
    "error: fails with pid1: did not stop within stop_timeout = 2 s after SIGTERM and was killed; "
    "PID 1 has no default action for SIGTERM: "
)


@pytest.mark.skipif(bool(NO_PID1), reason=NO_PID1)
@pytest.mark.parametrize(
    ("words", "lines", "found"),
    [
        pytest.param("handler", [], [], id="a handler"),
        pytest.param("", [], [IGNORED + "without a handler it ignores the signal"], id="none"),
        pytest.param(
            "", ["stop_signal = SIGINT"], [], id="that of Python for SIGINT, which it raises again at its end"
        ),
        pytest.param(
            "again",
            ["stop_to = tree"],
            [IGNORED + "a handler that restores it and raises the signal again does not end the process"],
            id="one that raises the signal again, as that of node",
        ),
        pytest.param(
            "handler orphans",
            [],
            ["warning: with pid1 it does not reap the processes that it inherits: 3 zombies (python, python, python)"],
            id="a handler, and orphans that it does not reap",
        ),
    ],
)
def test_as_pid_1_a_service_needs_a_handler(
    quick_project: Project, words: str, lines: list[str], found: list[str]
) -> None:
    assert play_as_pid1(quick_project, words, *lines) == found


@pytest.mark.skipif(bool(NO_PID1), reason=NO_PID1)
def test_a_job_may_be_pid_1_and_without_a_deployment_there_is_none(quick_project: Project) -> None:
    job = "deploy = python -c \"import os; print('pid', os.getpid())\"\nexpect_output = pid \\d+\n"
    quick_project.write("tox.ini", f"[testenv:prodsim]\nignore = PRF\nsimulate = pid1\n{job}")
    quick_project.prodsim("--installpkg", quick_project.wheel()).passed()
    assert simulation(quick_project)["detail"] == "pid1"
    quick_project.write("tox.ini", "[testenv:prodsim]\nignore = PRF\nsimulate = pid1\n")
    (wheel,) = (quick_project.folder / "dist").glob("*.whl")
    quick_project.prodsim("--installpkg", wheel).passed()
    assert simulation(quick_project)["not_checked"] == ["pid1: there is no deployment"]
