from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import psutil
import pytest
from support.expressions import Here
from support.probing import around, asked, nobody

from tox_prodsim.model.probes import (
    ExecProbe,
    FileProbe,
    HttpProbe,
    ListenProbe,
    LogProbe,
    NotifyProbe,
    Probe,
    TcpProbe,
)
from tox_prodsim.model.runner import Completed
from tox_prodsim.supervision import (
    ExecWatch,
    LogWatch,
    NotReady,
    Ready,
    WrongProcess,
    evaluate_probe,
    port_owner,
)
from tox_prodsim.supervision.probes import sockets
from tox_prodsim.supervision.probes.evaluate import LINE_LIMIT_BYTES, LOG_BYTES_PER_POLL, poll_intervals, probe_ports


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(60):
                time.sleep(0.05)
                self.wfile.write(b"x-y: z\r\n")
            return
        status = {"/health": 200, "/moved": 302, "/busy": 503}.get(self.path, 404)
        self.send_response(status)
        self.send_header("x-app", "web 1")
        self.send_header("location", "/health")
        self.end_headers()
        self.wfile.write(b"it is ok")

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()[1]


def http(port: int, path: str, **options: object) -> HttpProbe:
    return HttpProbe(url=f"http://127.0.0.1:{port}{path}", **options)


@pytest.mark.parametrize(
    ("path", "options", "answer"),
    [
        pytest.param("/health", {}, Ready(detail="http /health 200"), id="any 2xx is ready"),
        pytest.param("/busy", {}, NotReady(reason="http 503"), id="an error is not"),
        pytest.param("/busy", {"statuses": (200, 503)}, Ready(detail="http /busy 503"), id="unless it is wanted"),
        pytest.param("/moved", {}, NotReady(reason="http 302"), id="a redirect is not followed"),
        pytest.param(
            "/health",
            {"body": "^ok"},
            NotReady(reason="http 200, but the body does not match /^ok/"),
            id="the body does not match",
        ),
        pytest.param("/health", {"body": "is ok"}, Ready(detail="http /health 200"), id="the body matches"),
        pytest.param("/health", {"header": ("X-App", "^web")}, Ready(detail="http /health 200"), id="a header matches"),
        pytest.param(
            "/health",
            {"header": ("x-app", "^app")},
            NotReady(reason="http 200, but the header x-app does not match /^app/"),
            id="a header does not match",
        ),
        pytest.param("/health", {"method": "HEAD"}, Ready(detail="http /health 200"), id="HEAD"),
        pytest.param("/a b?c=d e", {}, NotReady(reason="http 404"), id="blanks in a URL are quoted"),
    ],
)
def test_an_http_probe_looks_at_the_answer(port: int, path: str, options: dict[str, object], answer: object) -> None:
    assert asked(http(port, path, **options)) == answer


def test_a_server_that_drips_cannot_outlast_the_timeout(port: int) -> None:
    begin = time.monotonic()
    assert asked(http(port, "/drip", timeout_s=0.3)) == NotReady(reason="no answer within 0.3 s")
    assert time.monotonic() - begin < 1.5


def test_a_server_that_never_answers_is_late() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf:
        assert asked(http(deaf.getsockname()[1], "/", timeout_s=0.2)) == NotReady(reason="no answer within 0.2 s")


def test_a_server_that_speaks_something_else_is_not_ready() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=lambda: answer_once(listener, b"SSH-2.0-x\r\n")).start()
        assert asked(http(listener.getsockname()[1], "/")) == NotReady(reason="no HTTP answer (BadStatusLine)")


def answer_once(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(answer)


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_nobody_there_is_connection_refused(free_port: int, kind: str) -> None:
    probe = http(free_port, "/") if kind == "http" else TcpProbe(host="127.0.0.1", port=free_port)
    assert asked(probe) == NotReady(reason="connection refused")


def test_a_tcp_probe_is_ready_when_we_listen(port: int) -> None:
    assert asked(TcpProbe(host="127.0.0.1", port=port)) == Ready(detail=f"tcp 127.0.0.1:{port} accepted")


@pytest.mark.parametrize("path", ["/health", "/busy"])
def test_an_answer_from_somebody_else_is_foreign_whatever_it_says(port: int, path: str) -> None:
    answer = asked(http(port, path), tree=nobody)
    assert isinstance(answer, WrongProcess)
    assert (answer.address, answer.pid) == (f"127.0.0.1:{port}", os.getpid())
    assert "python" in answer.command
    assert answer.since.startswith("running since 20")


def test_a_connection_accepted_by_somebody_else_is_foreign(port: int) -> None:
    assert isinstance(asked(TcpProbe(host="127.0.0.1", port=port), tree=nobody), WrongProcess)


def test_a_tree_that_grows_between_two_looks_is_not_foreign(port: int) -> None:
    looks = iter([(), (psutil.Process(),)])
    assert isinstance(asked(http(port, "/health"), tree=lambda: next(looks)), Ready)


def test_an_owner_that_cannot_be_seen_is_said(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(pid: int) -> set[int]:
        raise PermissionError(pid)

    monkeypatch.setattr(sockets, "tokens", closed)
    note = f", owner not checked: no right to look into pid {os.getpid()}"
    assert asked(http(port, "/health")) == Ready(detail=f"http /health 200{note}")


def test_a_listen_probe_waits_for_its_own_port(free_port: int) -> None:
    reason = f"no process of the deployment listens on port {free_port}"
    assert asked(ListenProbe(port=free_port), tree=nobody) == NotReady(reason=reason)
    assert asked(ListenProbe(), tree=nobody) == NotReady(reason="no process of the deployment listens on a TCP port")


def test_a_log_probe_finds_a_line_and_shows_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    probe = LogProbe(pattern="^serving on .*$")
    assert evaluate_probe(probe, around(folder=tmp_path)) == NotReady(reason="no line matches /^serving on .*$/")
    log.write_bytes(b"\xff\x00 noise\nserving on 80\n")
    assert evaluate_probe(probe, around(folder=tmp_path)) == Ready(detail='log "serving on 80"')


def test_a_log_is_read_on_in_bounded_steps_and_no_line_is_lost_between_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    watch = LogWatch(log)
    half = LOG_BYTES_PER_POLL - 4
    log.write_bytes(b"x\n" * (half // 2) + b"ready to serve\n")
    assert watch.find("ready to serve", Here()) is None
    assert watch.find("ready to serve", Here()) == "ready to serve"


def test_a_last_line_without_its_end_counts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"> ready")
    assert LogWatch(log).find("ready$", Here()) == "> ready"


def test_a_line_without_end_costs_no_memory(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 3_000_000 + b"ready")
    watch = LogWatch(log)
    found = [watch.find("ready$", Here()) for _ in range(3)]
    assert found[:2] == [None, None]
    assert found[2]
    assert max(len(rest) for _, rest in watch._places.values()) <= LINE_LIMIT_BYTES


def test_a_file_probe_is_ready_when_the_file_is_there(tmp_path: Path) -> None:
    probe = FileProbe(path="app.pid")
    assert evaluate_probe(probe, around(folder=tmp_path)) == NotReady(reason="no file app.pid")
    (tmp_path / "app.pid").touch()
    assert evaluate_probe(probe, around(folder=tmp_path)) == Ready(detail="file app.pid")


def test_a_port_that_somebody_listens_on_is_taken(port: int, free_port: int) -> None:
    pid, command = port_owner("127.0.0.1", port)
    assert (pid, "python" in command) == (os.getpid(), True)
    assert port_owner("localhost", port)
    assert port_owner("127.0.0.1", free_port) is None


@pytest.mark.skipif(sys.platform != "linux", reason="these are the two ways in which Linux tells")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_both_ways_to_list_sockets_agree(family: int, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(socket.create_server((host, 0), family=family)) as listener:
        address, port = listener.getsockname()[:2]
        inode = os.fstat(listener.fileno()).st_ino
        expected = sockets.TcpListener(ipaddress.ip_address(address), port, inode)
        assert expected in sockets._tcp_from_kernel(family)
        assert expected in sockets.tcp_listeners()

        def refused(_: int) -> None:
            raise PermissionError

        monkeypatch.setattr(sockets, "_tcp_from_kernel", refused)
        assert expected in sockets.tcp_listeners()


def test_a_listener_on_another_address_does_not_take_the_port(port: int) -> None:
    assert port_owner("127.0.0.2", port) is None


def test_the_ports_of_this_machine_that_probes_name() -> None:
    named = probe_ports(
        [
            HttpProbe(url="http://127.0.0.1:8000/x"),
            HttpProbe(url="https://localhost/"),
            HttpProbe(url="http://192.0.2.7:8000/"),
            TcpProbe(host="127.0.0.1", port=8000),
            TcpProbe(host="::1", port=9000),
            ListenProbe(port=7000),
            ListenProbe(),
            LogProbe(pattern="x"),
            FileProbe(path="x"),
        ]
    )
    assert named == (("127.0.0.1", 8000), ("localhost", 443), ("::1", 9000), ("127.0.0.1", 7000))


def test_polls_begin_20_ms_apart_and_end_one_second_apart() -> None:
    pauses = list(islice(poll_intervals(), 20))
    assert pauses[0] == 0.02
    assert pauses[-1] == 1.0
    assert pauses == sorted(pauses)


class Commands:
    """Runs nothing: answers what it is told to, and keeps what it was asked."""

    def __init__(self, **how: object) -> None:
        self.how = {"returncode": 0, "timed_out": False, "stdout": b"", "stderr": b""} | how
        self.asked: list[tuple[tuple[str, ...], float]] = []
        self.now = 100.0

    def __call__(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        self.asked.append((tuple(argv), timeout_s))
        self.now += 0.5
        return Completed(**self.how)


CHECK = ExecProbe(argv=("/usr/bin/pg_isready", "-p", "5433"))


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        pytest.param({}, Ready(detail="exec pg_isready exit code 0"), id="exit code 0"),
        pytest.param({"returncode": 2}, NotReady(reason="exec pg_isready exit code 2"), id="another one"),
        pytest.param(
            {"returncode": 2, "stdout": b"a\nno \xff response\r\n\n"},
            NotReady(reason="exec pg_isready exit code 2: no \ufffd response"),
            id="the last line says why",
        ),
        pytest.param(
            {"returncode": 1, "stdout": b"out\n", "stderr": b"lost " * 999},
            NotReady(reason=f"exec pg_isready exit code 1: {'lost ' * 39}…"),
            id="errors before output, and never much of it",
        ),
        pytest.param({"returncode": -9}, NotReady(reason="exec pg_isready ended by signal 9"), id="killed"),
        pytest.param({"returncode": None}, NotReady(reason="exec pg_isready could not be run"), id="not started"),
        pytest.param(
            {"returncode": 0, "timed_out": True},
            NotReady(reason="exec pg_isready did not end within 2 s"),
            id="an exit code 0 after the timeout is none",
        ),
    ],
)
def test_an_exec_probe_is_ready_when_its_command_says_so(how: dict[str, object], answer: object) -> None:
    commands = Commands(**how)
    assert evaluate_probe(CHECK, replace(around(), execute=ExecWatch(commands))) == answer
    assert commands.asked == [(("/usr/bin/pg_isready", "-p", "5433"), 2.0)]


def test_a_command_is_not_run_again_at_once_and_meanwhile_its_last_answer_holds() -> None:
    commands = Commands(returncode=1)
    watch = ExecWatch(commands, clock=lambda: commands.now)
    no = NotReady(reason="exec pg_isready exit code 1")
    for later_s, runs in ((0.0, 1), (0.09, 1), (0.02, 2), (0.0, 2)):
        commands.now += later_s
        assert watch.answer(CHECK, 30.0) == no
        assert len(commands.asked) == runs
    other = ExecProbe(argv=("true",))
    watch.answer(other, 30.0)
    assert commands.asked[-1][0] == ("true",)


def test_a_command_gets_no_more_time_than_is_left() -> None:
    commands = Commands(returncode=1)
    watch = ExecWatch(commands, clock=lambda: commands.now)
    assert watch.answer(CHECK, 0.0) == NotReady(reason="exec pg_isready never asked")
    watch.answer(CHECK, 0.25)
    assert [timeout_s for _, timeout_s in commands.asked] == [0.25]


@pytest.mark.parametrize("probe", [NotifyProbe(), CHECK])
def test_a_probe_that_lacks_what_it_needs_is_our_mistake(probe: Probe) -> None:
    with pytest.raises(ValueError, match="the context lacks"):
        evaluate_probe(probe, around())
