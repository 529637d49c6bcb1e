"""Expressions of a user that take for ever, in a real tox: one finding names key and expression, a signal ends them."""

from __future__ import annotations

import signal
import time
from contextlib import suppress

import psutil
import pytest
from support.project import Project, Running

SLOW = "^(a+)+b"
TEXT = "a" * 64
JOB = f"print({TEXT!r}, flush=True)\n"
SERVICE = f"""\
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("X-Text", {TEXT!r})
        self.end_headers()
        self.wfile.write(b{TEXT!r})

print({TEXT!r}, flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
LEAVING = f"import threading\n\ndef fail():\n    raise ValueError({TEXT!r})\n\nthreading.Thread(target=fail).start()\n"
LEAK = "ValueError: (a+)+b"
KEYS = {
    "reject": ("reject_output", SLOW, f"deploy = python job.py\nreject_output = {SLOW}"),
    "expect": ("expect_output", SLOW, f"deploy = python job.py\nexpect_output = {SLOW}"),
    "log": ("ready", SLOW, f"deploy = python service.py {{port}}\nready = log:/{SLOW}/"),
    "body": ("ready", SLOW, f"deploy = python service.py {{port}}\nready = http://127.0.0.1:{{port}}/ body=/{SLOW}/"),
    "header": (
        "ready",
        SLOW,
        f"deploy = python service.py {{port}}\nready = http://127.0.0.1:{{port}}/ header=/X-Text: {SLOW}/",
    ),
    "leaks": ("allow_leaks", LEAK, f"deploy = python leaving.py\nallow_leaks = warnings:{LEAK}"),
}
"""What is in the configuration, by environment: the key that is named, the expression, and the lines."""
SEARCH_LIMIT_S = 2.0
ANSWERED_S = 30.0
"""A run that waits for a search to end by itself takes for ever."""


@pytest.fixture
def searching(quick_project: Project) -> Project:
    """A project with an environment for each key that has a slow expression."""
    for name, source in (("job", JOB), ("service", SERVICE), ("leaving", LEAVING)):
        quick_project.write(f"{name}.py", source)
    sections = (f"[testenv:prodsim-{name}]\n{lines}\n" for name, (_, _, lines) in KEYS.items())
    shared = "[testenv:prodsim]\nselect = RUN658\ndeploy_files = *.py\n"
    quick_project.write(
        "tox.ini", f"[tox]\nenv_list = prodsim-{{{','.join(KEYS)}}}\n\n{shared}\n" + "\n".join(sections)
    )
    return quick_project


def test_a_search_that_takes_too_long_is_an_error_that_names_it(searching: Project) -> None:
    result = searching.tox("run", "--installpkg", searching.wheel()).failed()
    for name, (key, expression, _) in KEYS.items():
        found = [(each["code"], each["subject"], each["message"]) for each in searching.findings(f"prodsim-{name}")]
        said = f"not checked: the search for {expression!r} was ended, it took longer than 2 s"
        assert found == [("RUN658", key, said)], result.out
        assert f"FAIL RUN658 {key}: not checked: the search for {expression!r}" in result.out


@pytest.mark.parametrize(
    ("name", "number"), [("body", signal.SIGINT), ("header", signal.SIGTERM), ("leaks", signal.SIGINT)]
)
def test_a_signal_ends_a_search(searching: Project, name: str, number: signal.Signals) -> None:
    running = searching.start("run", "-e", f"prodsim-{name}", "--installpkg", searching.wheel())
    _await_search(running.until("  deploy   python"))
    assert running.send(number).end().seconds < ANSWERED_S
    assert searching.report(f"prodsim-{name}")["summary"]["verdict"] == "cancelled"
    assert searching.findings(f"prodsim-{name}") == []


def _await_search(running: Running) -> None:
    """Wait until a worker has searched for a while, and has time left: it works on nothing else meanwhile."""
    tox, give_up_at = psutil.Process(running.process.pid), time.monotonic() + 120.0
    before: dict[int, float] = {}
    while True:
        for worker in tox.children(recursive=True):
            with suppress(psutil.Error):
                if "worker.main" in " ".join(worker.cmdline()):
                    used_s = worker.cpu_times().user
                    if used_s - before.setdefault(worker.pid, used_s) > SEARCH_LIMIT_S / 8:
                        return
        assert time.monotonic() < give_up_at, running.out
        time.sleep(0.02)
