"""Requests that are in flight while a service is stopped: each must be answered in full, and a stream must end.

Right before the stop each request is begun in a thread of its own, and one idle keep-alive connection is held.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tox_prodsim.supervision import clock

_BEGIN_S = 0.3
"""How long before the stop the requests are begun: a server has accepted them by then."""
_IDLE_TIMEOUT_S = 2.0
_END_S = 2.0
"""After the end of all processes the kernel ends their connections, so that no thread waits for longer."""
_BLOCK_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestOutcome:
    """What became of one request."""

    url: str
    in_flight: bool
    """Whether it was still unanswered when the stop signal was sent."""
    problem: str
    """Why it was not answered in full; empty: it was."""
    after_s: float
    """Seconds from the stop signal to its end; negative: it ended before."""


class RequestsInFlight:
    """Some requests, begun when this is made; ``limit_s`` is the longest time until they must have ended."""

    def __init__(self, urls: Sequence[str], limit_s: float) -> None:
        self._limit_s = limit_s
        self._idle = [idle for idle in (_idle_connection(url) for url in urls[:1]) if idle is not None]
        self._requests = [(_Stream if url.startswith("tcp:") else _Request)(url, limit_s) for url in urls]
        for request in self._requests:
            request.start()
        begun_at = clock.now()
        for request in self._requests:
            request.join(max(0.0, begun_at + _BEGIN_S - clock.now()))
        self._stopped_at = clock.now()

    def outcomes(self) -> list[RequestOutcome]:
        """Wait for the ends, and return what became of each request; to be called when the service has ended."""
        for request in self._requests:
            request.join(_END_S)
        for idle in self._idle:
            idle.close()
        return [self._outcome(request) for request in self._requests]

    def _outcome(self, request: _Request) -> RequestOutcome:
        ended_at = request.ended_at or clock.now()
        problem = request.problem if request.ended_at else "it never ended"
        return RequestOutcome(
            url=request.url,
            in_flight=ended_at > self._stopped_at,
            problem=problem,
            after_s=ended_at - self._stopped_at,
        )


class _Request(threading.Thread):
    """One GET; ``ended_at`` is the ``clock.now()`` of its end, 0 before that."""

    def __init__(self, url: str, limit_s: float) -> None:
        super().__init__(name=f"prodsim-request {url}", daemon=True)
        self.url, self._limit_s = url, limit_s
        self.problem = ""
        self.ended_at = 0.0

    def run(self) -> None:
        """Send it, and read the answer to its end."""
        try:
            self.problem = self.exchange()
        except TimeoutError:
            self.problem = f"not ended within {self._limit_s:g} s"
        except (OSError, ValueError, http.client.HTTPException) as problem:
            self.problem = _reason(problem)
        self.ended_at = clock.now()

    def exchange(self) -> str:
        """Return why the answer is not one in full, or nothing."""
        connection = _connection(self.url, self._limit_s)
        try:
            connection.request("GET", _path(self.url), headers={"User-Agent": "tox-prodsim", "Accept": "*/*"})
            response = connection.getresponse()
            is_stream = response.length is None
            try:
                while response.read(_BLOCK_BYTES):
                    pass
            except http.client.IncompleteRead:
                return "" if is_stream else "the answer was cut short"
            if response.length:
                return f"the answer was cut short, {response.length} bytes of it are missing"
            return (
                f"answered with {response.status}" if response.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR else ""
            )
        finally:
            connection.close()


class _Stream(_Request):
    """One TCP connection that is read to its end."""

    def exchange(self) -> str:
        """Return nothing when the other side has closed it."""
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), self._limit_s) as connection:
            while connection.recv(_BLOCK_BYTES):
                pass
        return ""


def _idle_connection(url: str) -> http.client.HTTPConnection | None:
    """Return a keep-alive connection that has had one answer; None where that cannot be had."""
    if not url.startswith("http"):
        return None
    connection = _connection(url, _IDLE_TIMEOUT_S)
    with suppress(OSError, ValueError, http.client.HTTPException):
        connection.request("HEAD", "/", headers={"User-Agent": "tox-prodsim", "Connection": "keep-alive"})
        connection.getresponse().read()
        return connection
    connection.close()
    return None


def _connection(url: str, timeout_s: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":  # a certificate for the loopback address proves nothing and is not checked
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=_unverified())
    return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


def _reason(problem: Exception) -> str:
    match problem:
        case ConnectionRefusedError():
            return "the connection was refused"
        case http.client.RemoteDisconnected():
            return "the connection was closed without an answer"
        case ConnectionResetError() | BrokenPipeError():
            return "the connection was reset"
        case OSError():
            return (problem.strerror or str(problem)).lower()
        case _:
            return str(problem) or type(problem).__name__
