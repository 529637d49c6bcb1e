"""The stop of a service as production does it: requests in flight, a second start, and a start after a crash."""

from __future__ import annotations

import re
import socket

import pytest
from support.project import Project, Result

SERVER = """\
import http.server, os, pathlib, signal, sys, threading, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(1.5 if self.path.startswith("/slow") else 0)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.daemon_threads = False
"""
GRACEFUL = """\
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
server.serve_forever()
server.server_close()
"""
AT_ONCE = """\
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server.serve_forever()
"""
LOCK = """\
lock = pathlib.Path("app.lock")
if lock.exists():
    sys.exit("app.lock: is it running already?")
lock.touch()
"""
UNLOCK = "lock.unlink()\n"


def serve(project: Project, script: str, *options: str, **keys: object) -> Result:
    project.write("app.py", script)
    lines = {
        "ignore": "PRF,RUN608,RUN622,RUN623",
        "deploy_files": "app.py",
        "deploy": f"python app.py {{port}} {project.tag}",
        "ready": "http://127.0.0.1:{port}/",
        **keys,
    }
    project.write("tox.ini", "\n".join(["[testenv:prodsim]", *(f"{key} = {value}" for key, value in lines.items())]))
    result = project.prodsim("--installpkg", project.wheel(), *options)
    assert project.left() == []
    return result


def test_requests_in_flight_are_answered(quick_project: Project) -> None:
    drain = "\n  {url}/slow\n  {url}/slow?again"
    serve(quick_project, SERVER + GRACEFUL, drain=drain, commands="python -c pass").passed()
    (step,) = (each for each in quick_project.report()["steps"] if each["step"] == "deploy")
    assert "was stopped, 2 of 2 requests in flight answered, left nothing running, started once more" in step["detail"]
    events = {each["name"]: each["detail"] for each in step["timeline"]}
    order = ["spawn", "listening", "ready", "commands", "steady", "requests", "SIGTERM", "stopped", "restart", "again"]
    assert [*events] == order
    assert re.fullmatch(r"127\.0\.0\.1:\d+", events["listening"])
    assert events["commands"].startswith("1 command ran in ")
    assert events["requests"] == "2 requests begun: /slow, /slow"
    times = [each["at_s"] for each in step["timeline"]]
    assert times == sorted(times)


def test_a_request_in_flight_is_dropped(quick_project: Project) -> None:
    serve(quick_project, SERVER + AT_ONCE, drain="{url}/slow", restarts=0).failed()
    (finding,) = quick_project.findings()
    assert (finding["code"], finding["subject"].endswith("/slow")) == ("RUN640", True)


def test_the_answer_may_come_when_nothing_is_accepted_any_more(quick_project: Project) -> None:
    refuses = SERVER.replace("server.daemon_threads = False\n", "server.daemon_threads = True\n")
    serve(quick_project, refuses + GRACEFUL, drain="{url}/slow", restarts=0).failed()
    (finding,) = quick_project.findings()
    assert (finding["code"], "closed without an answer" in finding["message"]) == ("RUN640", True)


TWO_WORKERS = """\
for _ in range(2):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        server.serve_forever()
signal.signal(signal.SIGTERM, lambda *_: None)  # the main process takes the signal, and passes it to nobody
os.wait()
"""


def test_a_main_process_that_passes_the_signal_to_nobody(quick_project: Project) -> None:
    serve(quick_project, SERVER + TWO_WORKERS, stop_timeout=2).failed()
    (finding,) = (each for each in quick_project.findings() if each["code"] == "RUN607")
    assert finding["message"].count("pid ") == 3, "the main process and both workers, alive when the grace was over"


IPV6 = """\
import socket
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
server.server_close()
server = Server(("::1", int(sys.argv[1])), Handler)
server.daemon_threads = False
"""
ASK = "import sys, urllib.request; print('ASKED', sys.argv[1], urllib.request.urlopen(sys.argv[1]).status)"


def test_the_url_is_the_address_that_answered(quick_project: Project) -> None:
    quick_project.write("ask.py", ASK)
    result = serve(
        quick_project,
        SERVER + IPV6 + GRACEFUL,
        deploy_files="\n  app.py\n  ask.py",
        ready="http://[::1]:{port}/",
        drain="{url}/slow",
        commands="python ask.py {url}",
    ).passed()
    assert "ASKED http://[::1]:" in result.out
    (step,) = (each for each in quick_project.report()["steps"] if each["step"] == "deploy")
    assert "1 of 1 requests in flight answered" in step["detail"]


@pytest.mark.parametrize(
    ("deploy", "says"),
    [
        pytest.param("python app.py {port} | tee app.log", "sh -c", id="a pipe"),
        pytest.param("WORKERS=2 python app.py {port}", "set_env", id="a variable"),
    ],
)
def test_no_shell_by_accident(quick_project: Project, deploy: str, says: str) -> None:
    result = serve(quick_project, SERVER + GRACEFUL, deploy=deploy).failed()
    (line,) = (line for line in result.out.splitlines() if "deploy" in line)
    assert says in line


LEAVES_LOAD = """\
import subprocess, sys
subprocess.Popen([sys.executable, "load.py", *sys.argv[1:]], start_new_session=True)
"""
LOAD = """\
import signal, sys, time, urllib.request
seen = []
def end(*_):
    open("load.txt", "w").write(" ".join(seen))
    sys.exit()
signal.signal(signal.SIGTERM, end)
while True:
    try:
        seen.append(str(urllib.request.urlopen(sys.argv[1], timeout=5).status))
    except OSError:
        seen.append("refused")
    time.sleep(0.02)
"""
SEEN = """\
seen = open("load.txt").read().split()
print("LOAD", *dict.fromkeys(seen))
assert seen[0] == "200" and "refused" in seen, "it has seen the service, and its stop"
"""


def test_a_load_generator_that_commands_leave_lives_through_the_stop(quick_project: Project) -> None:
    for name, text in {"leave.py": LEAVES_LOAD, "load.py": LOAD, "seen.py": SEEN}.items():
        quick_project.write(name, text)
    result = serve(
        quick_project,
        SERVER + GRACEFUL,
        deploy_files="*.py",
        commands=f"python leave.py {{url}} {quick_project.tag}",
        commands_post="python seen.py",
        allow_leaks="command_processes",
        restarts=0,
    ).passed()
    assert "LOAD 200 refused" in result.out
    assert quick_project.accused() == []


@pytest.mark.parametrize(
    ("script", "keys", "codes"),
    [
        pytest.param(SERVER + LOCK + AT_ONCE, {}, ["RUN641"], id="a lock is left"),
        pytest.param(SERVER + LOCK + AT_ONCE, {"restarts": 0}, [], id="no second start is wanted"),
        pytest.param(SERVER + LOCK + GRACEFUL + UNLOCK, {"crash": "true"}, ["RUN641"], id="a lock is left by a crash"),
        pytest.param(SERVER + GRACEFUL, {"crash": "true", "restarts": 2}, [], id="it can be started again"),
    ],
)
def test_the_second_start(quick_project: Project, script: str, keys: dict[str, object], codes: list[str]) -> None:
    result = serve(quick_project, script, **keys)
    assert quick_project.codes() == codes, result.out
    if codes:
        assert "app.lock: is it running already?" in result.out


ELSEWHERE = """\
import os, pathlib, sys
lock = pathlib.Path(os.environ["LOCK"])
if lock.exists():
    sys.exit("elsewhere.lock: is it running already?")
lock.touch()
"""
TIME_WAIT = """\
import signal, socket, sys
server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    client, _ = server.accept()
    client.recv(1000)
    client.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    client.close()
"""
FIXED_PORT: dict[str, object] = {"port": "fixed"}
JOB = "print('done', flush=True)\n"


@pytest.mark.parametrize(
    ("script", "keys", "reason", "printed"),
    [
        pytest.param(
            ELSEWHERE + SERVER + AT_ONCE,
            {},
            "exit code 1 after ",
            "elsewhere.lock: is it running already?",
            id="a lock outside of the folder",
        ),
        pytest.param(TIME_WAIT, FIXED_PORT, "exit code 1 after ", "Address already in use", id="TIME_WAIT"),
        pytest.param(
            ELSEWHERE + JOB,
            {"deploy": "python app.py", "ready": "", "expect_output": "done"},
            "exit code 1 is not among the allowed ends (0)",
            "elsewhere.lock: is it running already?",
            id="a job",
        ),
    ],
)
def test_a_start_that_fails_while_start_up_is_timed_is_a_second_start_that_fails(
    quick_project: Project, script: str, keys: dict[str, object], reason: str, printed: str
) -> None:
    if keys == FIXED_PORT:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        keys = {"deploy": f"python app.py {port} {quick_project.tag}", "ready": f"http://127.0.0.1:{port}/"}
    place = quick_project.folder / "elsewhere.lock"
    common = {"ignore": "RUN608,RUN622,RUN623", "restarts": 0, "set_env": f"LOCK = {place}"}
    result = serve(quick_project, script, "--prodsim-update-baseline", **{**common, **keys})
    assert result.code == 1, result.out
    (finding,) = quick_project.findings()
    assert (finding["code"], finding["level"], finding["subject"]) == ("RUN641", "error", "app.py"), result.out
    assert finding["message"].startswith(f"the second start fails, while its start-up is timed: {reason}")
    (step,) = [step for step in quick_project.report()["steps"] if step["step"] == "compare"]
    assert step["outcome"] == "failed"
    assert [each["title"] for each in step["evidence"]] == ["end of startup.log"]
    assert printed in "".join(step["evidence"][0]["lines"])
    assert "baseline not stored: RUN641 must be mended first" in step["detail"]
    assert not list(quick_project.folder.glob(".prodsim/**/*.json"))
