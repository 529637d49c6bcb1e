"""Requests in flight at a stop: what counts as answered in full, and what does not."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.certificates import self_signed

from tox_prodsim.deployment.in_flight import RequestOutcome, RequestsInFlight, count_answered, not_in_flight
from tox_prodsim.model.probes import HttpProbe

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
Answer = Callable[[socket.socket, threading.Event], None]


class Server:
    """Answers each GET as it is told to, once ``stop`` is set; reads it ``late_s`` seconds after it was sent.

    ``requests`` are the first lines of those that it has read.
    """

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None, late_s: float = 0.0) -> None:
        self.stop = threading.Event()
        self.requests: list[str] = []
        self._answer, self._tls, self._late_s = answer, tls, late_s
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        connection = self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted
        with connection:
            time.sleep(self._late_s)
            begin = b"GET " if self._tls else _begins(connection)
            if begin:
                self.requests.append(connection.recv(1000).decode().partition("\r\n")[0])
            if begin in {b"HEAD", b"OPTI"}:  # the idle connection
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
                self.stop.wait(10)
            else:
                self._answer(connection, self.stop)

    def close(self) -> None:
        self.stop.set()
        self._listening.close()


def _begins(connection: socket.socket) -> bytes:
    """Return the first bytes of a request; nothing for a stream, whose client only reads."""
    connection.settimeout(0.2)
    try:
        return connection.recv(4, socket.MSG_PEEK)
    except TimeoutError:
        return b""
    finally:
        connection.settimeout(None)


def in_full(connection: socket.socket, stop: threading.Event) -> None:
    stop.wait(10)
    connection.sendall(HEAD + b"hello")


def at_once(connection: socket.socket, _stop: threading.Event) -> None:
    connection.sendall(HEAD + b"hello")


def not_at_all(_connection: socket.socket, stop: threading.Event) -> None:
    stop.wait(10)


def cut_short(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(HEAD + b"he")
    stop.wait(10)


def with_an_error(connection: socket.socket, stop: threading.Event) -> None:
    stop.wait(10)
    connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


def stream(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    stop.wait(10)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: %s\r\n\r\n5\r\nhello\r\n"


def chunked(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(CHUNKED % b"text/html")
    stop.wait(10)
    connection.sendall(b"0\r\n\r\n")


def chunked_and_cut(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(CHUNKED % b"text/html")
    stop.wait(10)


def chunked_stream(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(CHUNKED % b"text/event-stream; charset=utf-8")
    stop.wait(10)


def cut_within_a_chunk(connection: socket.socket, stop: threading.Event) -> None:
    connection.sendall(CHUNKED % b"text/html" + b"ffff\r\nhel")
    stop.wait(10)


def not_found(connection: socket.socket, _stop: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def ended_late(connection: socket.socket, stop: threading.Event) -> None:
    stream(connection, stop)
    time.sleep(1.3)


def never_ended(_connection: socket.socket, _stop: threading.Event) -> None:
    time.sleep(10)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(answer: Answer, **options: Any) -> Server:
        servers.append(Server(answer, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    ("answer", "scheme", "in_flight", "problem"),
    [
        pytest.param(in_full, "http", True, "", id="answered in full"),
        pytest.param(at_once, "http", False, "", id="answered before the stop"),
        pytest.param(not_at_all, "http", True, "the connection was closed without an answer", id="dropped"),
        pytest.param(cut_short, "http", True, "the answer was cut short, 3 bytes of it are missing", id="cut short"),
        pytest.param(with_an_error, "http", True, "answered with 503", id="refused"),
        pytest.param(stream, "http", True, "", id="an event stream that is ended"),
        pytest.param(chunked, "http", True, "", id="answered in chunks"),
        pytest.param(
            chunked_and_cut,
            "http",
            True,
            "the answer was cut short, its last chunk is missing",
            id="chunks that are cut",
        ),
        pytest.param(
            cut_within_a_chunk,
            "http",
            True,
            "the answer was cut short, its last chunk is missing",
            id="a chunk that is cut",
        ),
        pytest.param(chunked_stream, "http", True, "", id="an event stream in chunks"),
        pytest.param(stream, "tcp", True, "", id="a connection that is ended"),
        pytest.param(ended_late, "http", True, "not ended within 1 s", id="a stream that ends when all is killed"),
        pytest.param(never_ended, "http", True, "not ended within 1 s", id="never ended"),
    ],
)
def test_what_becomes_of_a_request(
    serve: Callable[..., Server], answer: Answer, scheme: str, in_flight: bool, problem: str
) -> None:
    server = serve(answer)
    requests = RequestsInFlight([f"{scheme}://{server.address}"], limit_s=1)
    server.stop.set()
    (outcome,) = requests.outcomes()
    assert (outcome.in_flight, outcome.problem) == (in_flight, problem)
    assert (outcome.after_s > 0) is in_flight


def test_a_certificate_that_signs_itself_is_accepted(serve: Callable[..., Server], tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(self_signed(tmp_path))
    server = serve(in_full, tls=tls)
    requests = RequestsInFlight([f"https://{server.address}/slow"], limit_s=5, probes=[HttpProbe(url="http://none")])
    server.stop.set()
    (outcome,) = requests.outcomes()
    assert (outcome.in_flight, outcome.problem, outcome.status) == (True, "", 200)


def test_the_idle_connection_asks_what_the_probe_asks(serve: Callable[..., Server]) -> None:
    server = serve(in_full)
    probe = HttpProbe(url=f"http://{server.address}/health?deep=1", method="OPTIONS")
    requests = RequestsInFlight([f"http://{server.address}/"], limit_s=1, probes=[probe])
    server.stop.set()
    requests.outcomes()
    assert server.requests == ["OPTIONS /health?deep=1 HTTP/1.1", "GET / HTTP/1.1"]


def closes_and_waits(connection: socket.socket, stop: threading.Event) -> None:
    """Answer, and close like a server with TLS, which waits until the client has closed, too."""
    connection.recv(1000)
    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
    stop.wait(10)
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(5)
    assert connection.recv(1) == b""


def test_the_idle_connection_closes_when_the_server_does() -> None:
    stop, closed = threading.Event(), threading.Event()

    def serve(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            closes_and_waits(connection, stop)
        closed.set()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        probe = HttpProbe(url=f"http://127.0.0.1:{listening.getsockname()[1]}/")
        requests = RequestsInFlight(["http://127.0.0.1:1/"], limit_s=1, probes=[probe])
        stop.set()
        assert closed.wait(5)
        requests.outcomes()


def test_the_stop_waits_until_a_slow_server_has_read_the_request(serve: Callable[..., Server]) -> None:
    server = serve(in_full, late_s=0.7)
    requests = RequestsInFlight([f"http://{server.address}"], limit_s=5, probes=[HttpProbe(url="http://127.0.0.1:1")])
    assert server.requests == ["GET / HTTP/1.1"]
    server.stop.set()
    (outcome,) = requests.outcomes()
    assert (outcome.in_flight, outcome.problem) == (True, "")


def test_a_request_that_was_answered_before_the_stop_proves_nothing(serve: Callable[..., Server]) -> None:
    servers = serve(in_full), serve(not_found)
    requests = RequestsInFlight([f"http://{server.address}/" for server in servers], limit_s=5)
    servers[0].stop.set()
    outcomes = requests.outcomes()
    assert count_answered(outcomes) == ", 1 of 2 requests in flight answered (1 answered before the stop)"
    (reason,) = not_in_flight(outcomes)
    assert f"whether http://{servers[1].address}/ is answered during the stop: it was answered with 404" in reason


def test_nothing_is_said_of_requests_where_there_are_none() -> None:
    assert count_answered([]) == ""
    failed = RequestOutcome(url="http://127.0.0.1/", in_flight=False, problem="the connection was refused", after_s=-1)
    assert list(not_in_flight([failed])) == []
