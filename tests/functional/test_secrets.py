"""Secrets that a user passes to a deployment stand in no output of ours: terminal, report, events, logs, ledger."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from support.project import Project

PLANTED = {
    "option": "planted-option",
    "word": "planted-word",
    "variable": "planted-variable",
    "url": "planted-url",
    "command": "planted-command",
    "probe": "planted-probe",
    "child": "planted-child",
    "lines": "planted-first-line",
}
SERVER = """\
import http.server, os, signal, subprocess, sys, threading
print(sys.argv, dict(os.environ), flush=True)
child = [sys.executable, "-c", "import time; time.sleep(60)", "--secret=planted-child"]
subprocess.Popen(child, start_new_session=True)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
server.serve_forever()
raise ValueError("cannot log in with " + os.environ["DB_PASSWORD"] + " at " + os.environ["DATABASE_URL"])
"""
CONFIG = """\
[testenv:prodsim]
ignore = PRF
reports = junit, markdown, github, gitlab, sarif, trace
deploy_files = app.py
deploy = python app.py {port} --api-key=planted-option --password planted-word
ready =
    http://127.0.0.1:{port}/
    exec:python -c "" --access-key=planted-probe
restarts = 0
set_env =
    DB_PASSWORD = planted-variable
    DATABASE_URL = postgresql://acme:planted-url@db.example/acme
    PRIVATE_KEY = planted-first-line
commands = python -c "raise SystemExit(3)" --token=planted-command
"""


def outputs(project: Project, out: str) -> dict[str, str]:
    """Return every output of a run by its name."""
    work = project.folder / ".tox"
    files = [*(work / "prodsim" / "prodsim").rglob("*"), *(work / ".prodsim-runs").rglob("*")]
    texts = {str(path): path.read_text(errors="replace") for path in files if path.is_file()}
    return {"the terminal": out, **texts}


def test_no_secret_of_the_configuration_is_printed_or_kept(project: Project) -> None:
    project.write("app.py", SERVER)
    project.write("tox.ini", CONFIG)
    ran = project.prodsim("--installpkg", project.wheel(), "-vv", "--result-json", project.folder / "result.json")
    assert ran.code != 0, ran.out
    assert {"RUN605", "RUN609", "RUN620"} <= set(project.codes())
    found = outputs(project, ran.out) | {
        "the journal": json.dumps(
            json.loads((project.folder / "result.json").read_text())["testenvs"]["prodsim"]["prodsim"]
        ),
        "the report": project.tox("prodsim", "report", "-e", "prodsim", "-v").out,
    }
    for name in ("deploy.log", "report.junit.xml", "report.md", "report.sarif", "report.trace.json"):
        assert any(each.endswith(f"/{name}") for each in found)
    leaked = {f"{kind} in {name}" for name, text in found.items() for kind, secret in PLANTED.items() if secret in text}
    assert leaked == set()
    assert "***" in found["the terminal"]


@pytest.mark.parametrize(("key", "expected"), [("", 0o600), ("report_mode = 0644\n", 0o644)])
def test_logs_and_reports_have_the_mode_that_is_asked_for(project: Project, key: str, expected: int) -> None:
    project.write("app.py", "print('done')")
    project.write(
        "tox.ini",
        "[testenv:prodsim]\nignore = PRF\ndeploy_files = app.py\ndeploy = python app.py\nexpect_output = done\n" + key,
    )
    old = os.umask(0)
    try:
        project.prodsim("--installpkg", project.wheel()).passed()
    finally:
        os.umask(old)
    folder: Path = project.folder / ".tox" / "prodsim" / "prodsim"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}
    assert {"deploy.log", "events.jsonl", "report.json"} <= modes.keys()
    private = {name for name in modes if name.endswith((".log", ".jsonl")) or name == "report.json"}
    assert {name: oct(modes[name]) for name in private} == dict.fromkeys(private, oct(expected))
