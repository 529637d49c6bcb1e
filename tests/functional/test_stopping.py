"""The stop of a service as production does it: requests in flight, a second start, and a start after a crash."""

from __future__ import annotations

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


def serve(project: Project, script: str, **keys: object) -> Result:
    project.write("app.py", script)
    lines = {
        "ignore": "PRF,RUN608,RUN622,RUN623",
        "deploy_files": "app.py",
        "deploy": f"python app.py {{port}} {project.tag}",
        "ready": "http://127.0.0.1:{port}/",
        **keys,
    }
    project.write("tox.ini", "\n".join(["[testenv:prodsim]", *(f"{key} = {value}" for key, value in lines.items())]))
    result = project.prodsim("--installpkg", project.wheel())
    assert project.left() == []
    return result


def test_requests_in_flight_are_answered(quick_project: Project) -> None:
    serve(quick_project, SERVER + GRACEFUL, drain="\n  {url}/slow\n  {url}/slow?again").passed()
    (step,) = (each for each in quick_project.report()["steps"] if each["step"] == "deploy")
    assert "was stopped, 2 of 2 requests in flight answered, left nothing running, started once more" in step["detail"]


def test_a_request_in_flight_is_dropped(quick_project: Project) -> None:
    serve(quick_project, SERVER + AT_ONCE, drain="{url}/slow", restarts=0).failed()
    (finding,) = quick_project.findings()
    assert (finding["code"], finding["subject"].endswith("/slow")) == ("RUN640", True)


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
