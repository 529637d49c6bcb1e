"""Requests in flight at a stop: what counts as answered in full, and what does not."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tox_prodsim.deployment.in_flight import RequestsInFlight

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
Answer = Callable[[socket.socket, threading.Event], None]


class Server:
    """Answers each GET as it is told to, once ``stop`` is set."""

    def __init__(self, answer: Answer) -> None:
        self.stop = threading.Event()
        self._answer = answer
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

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            begin = _begins(connection)
            if begin:
                connection.recv(1000)
            if begin == b"HEAD":  # the idle connection
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


def never_ended(_connection: socket.socket, _stop: threading.Event) -> None:
    time.sleep(10)


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Server]]:
    servers: list[Server] = []

    def start(answer: Answer) -> Server:
        servers.append(Server(answer))
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
        pytest.param(stream, "tcp", True, "", id="a connection that is ended"),
        pytest.param(never_ended, "http", True, "not ended within 1 s", id="never ended"),
    ],
)
def test_what_becomes_of_a_request(
    serve: Callable[[Answer], Server], answer: Answer, scheme: str, in_flight: bool, problem: str
) -> None:
    server = serve(answer)
    requests = RequestsInFlight([f"{scheme}://{server.address}"], limit_s=1)
    server.stop.set()
    (outcome,) = requests.outcomes()
    assert (outcome.in_flight, outcome.problem) == (in_flight, problem)
    assert (outcome.after_s > 0) is in_flight
