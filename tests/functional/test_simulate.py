"""The key ``simulate`` as a user has it: one line of evidence, a finding for each condition that breaks something."""

from __future__ import annotations

import os
import re

import pytest
from support.project import Project

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
    assert re.fullmatch(f"SIM803 python: {message}", found[0])
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
