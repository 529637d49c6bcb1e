"""Environments under test on every Python of this machine, whichever tox runs on; ``tox -e pythons`` has them all."""

from __future__ import annotations

import pytest
from support.interpreters import SPECS
from support.project import Project, Result
from support.pythons import python

pytestmark = [pytest.mark.pythons, pytest.mark.parametrize("spec", SPECS)]

SERVER = """\
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args): pass
def main():
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
"""
SOUND = {"acme/__init__.py": "import acme.web", "acme/web.py": SERVER, "acme/part.py": "import json, socket, asyncio"}
SMOKE = "import sys, urllib.request as r; assert r.urlopen(sys.argv[1]).read() == b'ok'"
BROKEN = {
    "acme/__init__.py": "import socket, threading\nsocket_ = socket.socket()\nprint('loaded')\n"
    "threading.Thread(target=threading.Event().wait, daemon=True).start()\n",
    "acme/gone.py": "import nothing_of_the_kind",
    "acme/old.py": "print 'a statement'",
    "acme/cli.py": "def main():\n    import nothing_of_the_kind\n",
}
LEAVES = """\
import os, subprocess, sys, tempfile, threading
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(os.path.join(tempfile.gettempdir(), "left.txt"), "w").close()
socket = __import__("socket").socket()
print("done", flush=True)
"""
HANGS = """\
import threading
def waits_for_the_impossible():
    threading.Event().wait()
waits_for_the_impossible()
"""


def checked(project: Project, spec: str, files: dict[str, str], scripts: str, *options: str, **keys: object) -> Result:
    lines = {"base_python": python(spec), **keys}
    config = ["[testenv:prodsim]", *(f"{key} = {value}" for key, value in lines.items())]
    project.write("tox.ini", "\n".join(config))
    wheel = project.wheel(files=files, entry_points=f"[console_scripts]\n{scripts}\n")
    result = project.prodsim("--installpkg", wheel, *options)
    project.gone()
    return result


def test_a_sound_service_passes_and_is_compared_with_its_baseline(spec: str, quick_project: Project) -> None:
    project = quick_project
    keys = {
        "deploy": "acme-serve {port}",
        "ready": "http://127.0.0.1:{port}/",
        "measure_startup": "false",
        "commands": f'python -c "{SMOKE}" {{url}}',
    }
    arguments = (project, spec, SOUND, "acme-serve = acme.web:main")
    checked(*arguments, "--prodsim-update-baseline", **keys).passed()
    assert project.accused() == []
    checked(*arguments, ignore="PRF", **keys).passed()
    assert project.accused() == []
    details = {step["step"]: step["detail"] for step in project.report()["steps"]}
    assert "left nothing running, started once more" in details["deploy"]
    assert "no baseline yet" not in details["contents"]


def test_what_is_broken_is_found(spec: str, quick_project: Project) -> None:
    project = quick_project
    project.write("job.py", LEAVES)
    keys = {"deploy_files": "job.py", "deploy": f"python job.py {project.tag}", "expect_output": "done"}
    checked(project, spec, BROKEN, "acme-cli = acme.cli:main", ignore="PRF", **keys).failed()
    imports, deployment = ["IMP504", "IMP520", "IMP521", "IMP523"], ["RUN620", "RUN622", "RUN623"]
    assert project.codes() == ["ENT512", *imports, *deployment, "VER305"]


def test_a_hang_is_reported_with_its_stack(spec: str, quick_project: Project) -> None:
    project = quick_project
    project.write("hangs.py", HANGS)
    keys = {"deploy_files": "hangs.py", "deploy": "python hangs.py", "run_timeout": 3, "ignore": "PRF"}
    result = checked(project, spec, {"acme/__init__.py": ""}, "", **keys).failed()
    assert "waits_for_the_impossible" in result.out
