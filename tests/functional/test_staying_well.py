"""A service that was ready: is it still, do its children live, and does it wait for them."""

from __future__ import annotations

from typing import Any

from support.kernel import needs_endings
from support.project import Project, Result

SERVER = """\
import http.server, os, pathlib, signal, subprocess, sys, threading, time, urllib.request
bad_from = bad_for = late_s = 0
def is_bad():
    return bad_from and bad_from <= time.monotonic() < bad_from + bad_for
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global bad_from, bad_for, late_s
        word, _, number = self.path.strip("/").partition("/")
        if word == "bad":
            bad_from, bad_for = time.monotonic(), float(number)
        elif word == "late":
            late_s = float(number)
        elif word == "health" and late_s:
            late_s = time.sleep(late_s)
        elif word in globals():
            globals()[word](int(number))
        self.send_response(503 if word == "health" and is_bad() else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    server.serve_forever()
"""
ASK = """\
import sys, time, urllib.request
for path, seconds in zip(sys.argv[2::2], sys.argv[3::2]):
    try:
        urllib.request.urlopen(f"{sys.argv[1]}/{path}").read()
    except ConnectionError as problem:
        print(problem)
    time.sleep(float(seconds))
"""
WSGI = """\
def app(environ, start_response):
    if environ["PATH_INFO"] == "/hang":
        sum(range(10**13))  # no signal handler is run meanwhile
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
CHILDREN = """\
def zombies(number):
    for _ in range(number):
        if os.fork() == 0:
            os._exit(0)
def tools(number):
    for _ in range(number):
        subprocess.run(["grep", "-q", "nothing", os.devnull])
        subprocess.run(["sh", "-c", "for i in 1 2 3 4; do grep -q nothing /dev/null; done; sleep 0.3"])
        subprocess.run(["sleep", "0.3"])
"""
MASTER = """\
def worker(number):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(0.4)
    HOW
    time.sleep(60)
def keep(number):
    while number:
        number -= 1
        pid = os.fork()
        if pid == 0:
            worker(number)
            os._exit(0)
        THEN
        os.waitpid(pid, 0)
def workers(number):
    threading.Thread(target=keep, args=(number,), daemon=True).start()
"""


def serve(project: Project, script: str, ask: str, **keys: object) -> Result:
    project.write("app.py", script)
    project.write("ask.py", ASK)
    lines = {
        "ignore": "PRF,RUN608,RUN622,RUN623,RUN627",
        "deploy_files": "\n  app.py\n  ask.py",
        "deploy": f"python app.py {{port}} {project.tag}",
        "ready": "http://127.0.0.1:{port}/health",
        "commands": f"python ask.py {{url}} {ask}",
        "restarts": 0,
        **keys,
    }
    project.write("tox.ini", "\n".join(["[testenv:prodsim]", *(f"{key} = {value}" for key, value in lines.items())]))
    result = project.prodsim("--installpkg", project.wheel())
    assert project.left() == []
    return result


def master(how: str, then: str = "") -> str:
    return SERVER + MASTER.replace("HOW", how).replace("THEN", then or "pass") + "serve()\n"


def message(project: Project, code: str) -> str:
    (finding,) = (each for each in project.findings() if each["code"] == code)
    return str(finding["message"])


def deploy(project: Project) -> dict[str, Any]:
    (step,) = (each for each in project.report()["steps"] if each["step"] == "deploy")
    return dict(step)


def test_readiness_that_is_lost_before_the_stop_is_found(quick_project: Project) -> None:
    serve(quick_project, SERVER + "serve()\n", "bad/60 0").failed()
    assert quick_project.codes() == ["RUN645"]
    said = message(quick_project, "RUN645")
    assert ", until the stop: http://127.0.0.1:" in said
    assert said.endswith("/health said 'http 503', 3 times in a row")


def test_readiness_that_comes_back_is_found(quick_project: Project) -> None:
    serve(quick_project, SERVER + "serve()\n", "bad/4.5 7").failed()
    assert quick_project.codes() == ["RUN645"]
    assert "for " in message(quick_project, "RUN645")
    assert "until the stop" not in message(quick_project, "RUN645")


@needs_endings
def test_workers_that_crash_and_zombies_that_pile_up_are_found(quick_project: Project) -> None:
    script = master("os.abort()").replace("def keep", CHILDREN + "def keep")
    serve(quick_project, script, "workers/3 1 zombies/6 1.5").failed()
    assert quick_project.codes() == ["RUN646", "RUN647"]
    crashed = message(quick_project, "RUN646")
    assert crashed.startswith("3 children of app.py (pid ")
    assert ") crashed and were started again: python app.py " in crashed
    assert "ended by SIGABRT" in crashed
    assert message(quick_project, "RUN647").startswith("6 zombies of app.py (pid ")


@needs_endings
def test_a_worker_of_gunicorn_that_its_timeout_kills_is_found(quick_project: Project) -> None:
    deploy = f"gunicorn --workers 2 --timeout 1 --bind 127.0.0.1:{{port}} --name {quick_project.tag} app:app"
    serve(quick_project, WSGI, "hang 1.5", deps="gunicorn==23.0.0", deploy=deploy).failed()
    assert quick_project.codes() == ["RUN646"]
    said = message(quick_project, "RUN646")
    assert said.startswith("1 child of gunicorn (pid ")
    assert ") crashed and was started again: gunicorn --workers 2 --timeout 1 " in said
    assert "ended by SIGKILL at " in said


def test_what_a_service_does_as_a_matter_of_course_is_not_found(quick_project: Project) -> None:
    """Workers that end, or that their master ends; programs that answer by their exit code; a few young zombies."""
    script = master("os._exit(0) if number % 2 else None", "number % 2 or [time.sleep(0.6), os.kill(pid, 15)]")
    script = script.replace("def keep", CHILDREN + "def keep")
    serve(quick_project, script, "late/4 0.2 workers/6 0.1 tools/2 0.5 bad/0.8 1 zombies/2 2").passed()
    assert quick_project.codes() == []
    assert "was ready, stayed so, was stopped" in deploy(quick_project)["detail"]


def test_a_service_that_flaps_is_ready_when_it_was_satisfied_for_so_long(quick_project: Project) -> None:
    script = SERVER + "bad_from, bad_for = time.monotonic() + 0.8, 1.5\nserve()\n"
    serve(quick_project, script, "health 0", ready="http://127.0.0.1:{port}/health for=1").passed()
    (event,) = (each for each in deploy(quick_project)["timeline"] if each["name"] == "ready")
    assert event["detail"] == "http /health 200, for 1 s"
    assert event["at_s"] > 3.0
