"""What tox shows while it works: on a terminal a line that is redrawn and goes away, elsewhere a line every 10 s."""

from __future__ import annotations

import re
import signal

from support.project import Project
from support.terminal import TerminalRun, displayed

SERVER = """\
import http.server, sys, time
time.sleep(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
HALVES = """\
import sys, time
print("half", end="", flush=True)
time.sleep(2.5)
print(" and half", flush=True)
time.sleep(float(sys.argv[1]))
"""
CONFIG = """
[testenv:prodsim]
ignore = PRF
deploy_files =
    app.py
    halves.py
deploy = python app.py {{port}} {tag}
ready = http://127.0.0.1:{{port}}/
commands = python halves.py {sleep_s} {tag}
"""
PROGRESS = re.compile(r"\(\d+ s( of [\d.]+ s)?\)$")


def configure(project: Project, sleep_s: float) -> None:
    project.write("app.py", SERVER)
    project.write("halves.py", HALVES)
    project.write("tox.ini", CONFIG.format(tag=project.tag, sleep_s=sleep_s))


def test_on_a_terminal_a_line_is_redrawn_and_goes_away_also_at_ctrl_c(quick_project: Project) -> None:
    project = quick_project
    configure(project, sleep_s=100)
    run = TerminalRun(
        project._command(("run", "-e", "prodsim", "--installpkg", project.wheel())),
        cwd=project.folder,
        env={**project._environ(None), "TERM": "xterm", "NO_COLOR": "1"},
        columns=60,
    )
    assert len(run.until(r"  deploy   app\.py is not ready yet \(\d+ s of 30 s\)")) < 60
    cut = run.until(r"  commands commands\[0\] python halves.py [^\r]+ … \(\d+ s of 300 s\)")
    assert len(cut) == 59
    run.process.send_signal(signal.SIGINT)
    assert run.end() != 0
    shown = displayed(run.output)
    assert [line for line in shown if PROGRESS.search(line)] == []
    assert "half and half" in shown
    assert sum("KeyboardInterrupt" in line for line in shown) == 1
    assert re.fullmatch(r"prodsim: CANCELLED .*", next(line for line in shown if "CANCELLED" in line))
    assert project.left() == []


def test_without_a_terminal_a_line_comes_every_10_s_also_while_tox_keeps_the_output(quick_project: Project) -> None:
    configure(quick_project, sleep_s=12)
    running = quick_project.start("p", "-e", "prodsim", "--installpkg", quick_project.wheel())
    running.until("  commands prodsim: commands[0] python halves.py 12")
    assert "half and half" not in running.out  # tox shows that when the environment has ended
    result = running.end().passed()
    assert "half and half" in result.out
    assert "\x1b" not in result.out
    assert "\r" not in result.out
