"""What real servers do with a request or a task in flight when SIGTERM comes, and what a run says of each.

All servers are installed from the index into the environment of one tox project. Each is started by itself, as
production does it; a request that takes two seconds is begun, and half a second later the main process gets SIGTERM.
The same is done with an event stream that never ends by itself, and for the task queues with a task that takes two
seconds. Noted is what the client saw, or whether the task came to its end, how the main process ended, and after how
many seconds; a server that runs on for LIMIT_S is killed. Then the same command is the ``deploy`` of a prodsim run,
with the request as its ``drain``, or the end of the task as its ``expect_output``: the codes are those of its errors.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from in_flight_servers import FILES, REQUEST, SERVERS, STREAM, Server
from overhead import ROOT, environ, environment

sys.path.insert(0, str(ROOT / "tests"))

from support.wheels import wheel

LIMIT_S = 15.0
IN_FLIGHT_S = 0.5
READY_LIMIT_S = 30.0
TOX_INI = """\
[testenv:prodsim]
deps =
    {requirements}
recreate = false
ignore = PRF
stop_timeout = {limit:g}
{keys}
"""
OF_SERVER = "ready = http://127.0.0.1:{port}/\ndrain = {url}%s"
OF_TASK = "commands_pre = python -m in_flight.begin %s\nready = file:began\nexpect_output = the task is done"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What production sees of one stop, and the codes that a run has for it (empty: it passes)."""

    client: str
    ending: str
    stop_s: float
    codes: str = ""

    def __str__(self) -> str:
        return f"{self.client} | {self.ending} | {self.stop_s:.1f} s | {self.codes or '-'}"


def main() -> int:
    """Install the servers, stop each, print the table."""
    options = _options()
    servers = [each for each in SERVERS if not options.server or any(name in each.name for name in options.server)]
    with tempfile.TemporaryDirectory(prefix="in-flight-") as name:
        project = Project(Path(name), servers)
        print(f"Python {platform.python_version()}, {project.versions(servers)}", flush=True)
        print("server | in flight | seen | main process | after SIGTERM | codes", flush=True)
        for server in servers:
            for path in (REQUEST, STREAM) if not server.queue else ("",):
                seen = _stop(server, path, project)
                codes = "" if options.without_us else project.codes(server, path)
                what = {REQUEST: "request", STREAM: "stream"}.get(path, "task")
                row = Seen(client=seen.client, ending=seen.ending, stop_s=seen.stop_s, codes=codes)
                print(f"{server.name} | {what} | {row}", flush=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure what servers do with requests in flight at SIGTERM.")
    parser.add_argument(
        "--server", action="append", help="only those whose name contains this; more than once for several"
    )
    parser.add_argument("--without-us", action="store_true", help="do not run the checks, only stop the servers")
    return parser.parse_args()


class Project:
    """A tox project whose environment has all servers; ``folder`` is its place."""

    def __init__(self, folder: Path, servers: Sequence[Server]) -> None:
        self.folder = folder
        self._python = environment(folder / "with-us", "tox", "tox-uv", str(ROOT))
        self._requirements = "\n    ".join(sorted({server.package for server in servers}))
        self._tox = [str(self._python), "-m", "tox", "run", "-c", str(folder), "-e", "prodsim"]
        made = wheel(folder, name="in_flight", files=FILES)
        self._write("")
        subprocess.run(
            [*self._tox, "--notest", "--installpkg", str(made)], check=True, env=environ(), capture_output=True
        )

    @property
    def scripts(self) -> Path:
        """Return the folder of the servers."""
        return self.folder / ".tox" / "prodsim" / "bin"

    def versions(self, servers: Sequence[Server]) -> str:
        """Return the versions of what is measured."""
        names = sorted({package for server in servers for package in (server.package, server.package.split("-")[0])})
        program = "import sys, importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"
        argv = [str(self.scripts / "python"), "-c", program, *names]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def codes(self, server: Server, path: str) -> str:
        """Return the codes of the errors of a run whose ``deploy`` is the server."""
        keys = OF_TASK % server.queue if server.queue else OF_SERVER % path
        self._write(f"deploy = {server.command}\n{keys}")
        report = self.folder / ".tox" / "prodsim" / "prodsim" / "report.json"
        report.unlink(missing_ok=True)
        subprocess.run([*self._tox, "--skip-pkg-install"], check=False, env=environ(), capture_output=True)
        found = json.loads(report.read_text(encoding="utf-8"))["findings"]
        return " ".join(sorted({each["code"] for each in found if each["level"] == "error"}))

    def _write(self, keys: str) -> None:
        text = TOX_INI.format(requirements=self._requirements, limit=LIMIT_S, keys=keys)
        (self.folder / "tox.ini").write_text(text, encoding="utf-8")


def _stop(server: Server, path: str, project: Project) -> Seen:
    """Start the server in a folder of its own, begin the request or the task, stop it."""
    folder = project.folder / "stopped"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    port = _free_port()
    variables = environ() | {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    if server.queue:
        begin = [str(project.scripts / "python"), "-m", "in_flight.begin", server.queue]
        subprocess.run(begin, check=True, cwd=folder, env=variables)
    program, *arguments = server.command.format(port=port).split()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [str(project.scripts / program), *arguments],
            cwd=folder,
            env=variables,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        return _stop_task(process, folder) if server.queue else _stop_server(process, port, path)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _stop_task(process: subprocess.Popen[bytes], folder: Path) -> Seen:
    _wait_for((folder / "began").exists, process)
    ending, stop_s = _terminate(process)
    return Seen(client="finished" if (folder / "done").exists() else "lost", ending=ending, stop_s=stop_s)


def _stop_server(process: subprocess.Popen[bytes], port: int, path: str) -> Seen:
    _wait_for(lambda: _answers(port), process)
    client = Client(port, path)
    client.start()
    ending, stop_s = _terminate(process)
    client.join(LIMIT_S)
    return Seen(client=client.seen, ending=ending, stop_s=stop_s)


def _terminate(process: subprocess.Popen[bytes]) -> tuple[str, float]:
    """Send SIGTERM to the main process; return how it ended, and after how many seconds."""
    time.sleep(IN_FLIGHT_S)
    sent_at = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return "runs on, killed", LIMIT_S
    return (signal.Signals(-code).name if code < 0 else f"exit code {code}"), time.monotonic() - sent_at


class Client(threading.Thread):
    """One GET that reads its answer to the end; ``seen`` is what became of it."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2 * LIMIT_S)
        self._path = path
        self.seen = "nothing"

    def run(self) -> None:
        """Note how the answer ends."""
        try:
            self._connection.request("GET", self._path)
            response = self._connection.getresponse()
            read = response.read()
        except http.client.IncompleteRead:
            self.seen = "cut"
        except (OSError, http.client.HTTPException) as problem:
            self.seen = "dropped" if isinstance(problem, http.client.RemoteDisconnected) else "reset"
        else:
            self.seen = "ended" if self._path == STREAM else "answered" if read == b"ok" else f"HTTP {response.status}"


def _wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + READY_LIMIT_S
    while not condition():
        if process.poll() is not None or time.monotonic() > give_up_at:
            sys.exit(f"{process.args!r} is not ready")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
