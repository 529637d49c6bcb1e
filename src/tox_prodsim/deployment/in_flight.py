"""Requests that are in flight while a service is stopped: each must be answered in full, and a stream must end.

Right before the stop each request is begun in a thread of its own, and one idle keep-alive connection is held.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from urllib.parse import quote, urlsplit

from tox_prodsim.model.dataclass import dataclass
from tox_prodsim.model.formatting import counted, listed
from tox_prodsim.model.probes import HttpProbe, Probe
from tox_prodsim.supervision import clock, unread_connections

_SENT_LIMIT_S = 5.0
"""A busy machine has sent a request after this time."""
_BEGIN_S = 0.3
"""How long before the stop the requests have been sent."""
_READ_LIMIT_S = 1.0
"""After this time a request that the server has not read waits for a free worker, as it does in production."""
_POLL_S = 0.05
_MOST_NAMED = 3
_IDLE_TIMEOUT_S = 2.0
_END_S = 2.0
"""After the end of all processes the kernel ends their connections, so that no thread waits for longer."""
_BLOCK_BYTES = 1 << 16
_HEADERS = {"User-Agent": "tox-prodsim", "Accept": "*/*"}
_SAFE = "/%:@!$&'()*+,;=~?"
_STREAMS = frozenset(
    {
        "text/event-stream",
        "multipart/x-mixed-replace",
        "application/x-ndjson",
        "application/jsonl",
        "application/json-seq",
        "application/stream+json",
    }
)
"""Content types of answers without an end of their own: their clients expect that the connection is closed."""


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
    status: int = 0
    """The HTTP status of the answer; 0: there was none."""


def describe_requests(urls: Sequence[str]) -> str:
    """Return how many requests are begun, and which, without their queries."""
    names = [urlsplit(url).path or urlsplit(url).netloc or url for url in urls]
    return f"{counted(len(urls), 'request')} begun: {listed(names, _MOST_NAMED)}"


def count_answered(outcomes: Sequence[RequestOutcome]) -> str:
    """Return how many requests were in flight and answered, as a part of a sentence; nothing without requests."""
    answered = sum(each.in_flight for each in outcomes)
    early = len(outcomes) - answered
    too_soon = f" ({early} answered before the stop)" if early else ""
    return f", {answered} of {len(outcomes)} requests in flight answered{too_soon}" if outcomes else ""


def not_in_flight(outcomes: Iterable[RequestOutcome]) -> Iterator[str]:
    """Yield what the requests leave open that were answered before the stop."""
    for each in outcomes:
        if not each.in_flight and not each.problem:
            what = f"was answered with {each.status}" if each.status else "ended"
            yield f"whether {each.url} is answered during the stop: it {what} {-each.after_s:.1f} s before"


class RequestsInFlight:
    """Some requests, begun when this is made; ``limit_s`` is the longest time until they must have ended.

    The idle connection asks what the first HTTP probe of ``probes`` asks, which is known to be answered.
    ``client_ports`` are our ends of the connections.
    """

    def __init__(self, urls: Sequence[str], limit_s: float, probes: Iterable[Probe] = ()) -> None:
        self._limit_s = limit_s
        self._idle = _idle_connection(urls, probes)
        self._requests = [(_Stream if url.startswith("tcp:") else _Request)(url, limit_s) for url in urls]
        for request in self._requests:
            request.start()
        self._wait_until_in_flight()
        self.client_ports = {request.local_port for request in self._requests}
        if self._idle is not None:
            self.client_ports.add(self._idle.local_port)
        self._stopped_at = clock.now()

    def _wait_until_in_flight(self) -> None:
        """Wait until the server has read the requests, ``_BEGIN_S`` at least; what has ended is not waited for."""
        sent_by = clock.now() + _SENT_LIMIT_S
        for request in self._requests:
            request.sent.wait(max(0.0, sent_by - clock.now()))
        sent_at = clock.now()
        while running := [request for request in self._requests if not request.ended_at]:
            passed_s = clock.now() - sent_at
            is_read = passed_s >= _READ_LIMIT_S or not unread_connections(request.local_port for request in running)
            if passed_s >= _BEGIN_S and is_read:
                return
            running[0].join(_POLL_S)

    def outcomes(self) -> list[RequestOutcome]:
        """Wait for the ends, and return what became of each request; to be called when the service has ended."""
        for request in self._requests:
            request.join(_END_S)
        if self._idle is not None:
            self._idle.close()
        return [self._outcome(request) for request in self._requests]

    def _outcome(self, request: _Request) -> RequestOutcome:
        after_s = (request.ended_at or clock.now()) - self._stopped_at
        is_late = after_s > self._limit_s  # what is open then is ended by SIGKILL, and not by the server
        problem = f"not ended within {self._limit_s:g} s" if is_late else request.problem
        return RequestOutcome(
            url=request.url, in_flight=after_s > 0, problem=problem, after_s=after_s, status=request.status
        )


class _Request(threading.Thread):
    """One GET; ``ended_at`` is the ``clock.now()`` of its end, 0 before that.

    ``sent`` is set once the server can read the request, from ``local_port``, or once that failed.
    """

    def __init__(self, url: str, limit_s: float) -> None:
        super().__init__(name=f"prodsim-request {url}", daemon=True)
        self.url, self._limit_s = url, limit_s
        self.problem = ""
        self.status = 0
        self.sent = threading.Event()
        self.local_port = 0
        self.ended_at = 0.0

    @property
    def _timeout_s(self) -> float:
        """Return the longest silence of the server: the request waits before the stop, too."""
        return self._limit_s + _SENT_LIMIT_S + _READ_LIMIT_S

    def run(self) -> None:
        """Send it, and read the answer to its end."""
        try:
            self.problem = self.exchange()
        except TimeoutError:
            self.problem = f"not ended within {self._limit_s:g} s"
        except (OSError, ValueError, http.client.HTTPException) as problem:
            self.problem = _reason(problem)
        self.ended_at = clock.now()
        self.sent.set()

    def exchange(self) -> str:
        """Return why the answer is not one in full, or nothing."""
        connection = _connection(self.url, self._timeout_s)
        try:
            connection.request("GET", _path(self.url), headers=_HEADERS)
            self._note_sent(connection.sock)
            response = connection.getresponse()
            self.status = response.status
            return _cut(response) or (f"answered with {self.status}" if self.status >= 500 else "")
        finally:
            connection.close()

    def _note_sent(self, connected: socket.socket) -> None:
        self.local_port = _port(connected)
        self.sent.set()


class _Stream(_Request):
    """One TCP connection that is read to its end."""

    def exchange(self) -> str:
        """Return nothing when the other side has closed it."""
        parts = urlsplit(self.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0), self._timeout_s) as connection:
            self._note_sent(connection)
            while connection.recv(_BLOCK_BYTES):
                pass
        return ""


class _Idle(threading.Thread):
    """A keep-alive connection that has had its answer; as other clients do, it closes when the server has closed."""

    def __init__(self, connected: socket.socket) -> None:
        super().__init__(name="prodsim-idle-connection", daemon=True)
        self._connected = connected
        self.local_port = _port(connected)
        connected.settimeout(None)

    def run(self) -> None:
        """Wait until either side closes: TLS is closed in order only when both have said so."""
        with suppress(OSError, ValueError), self._connected:
            while self._connected.recv(_BLOCK_BYTES):
                pass

    def close(self) -> None:
        """Close it, if the server has not."""
        with suppress(OSError, ValueError):
            self._connected.shutdown(socket.SHUT_RDWR)
        self.join(_END_S)


def _port(connected: socket.socket) -> int:
    port: int = connected.getsockname()[1]
    return port


def _cut(response: http.client.HTTPResponse) -> str:
    """Read an answer to its end; return what of it is missing, or nothing."""
    is_stream = response.headers.get_content_type() in _STREAMS
    try:
        while response.read(_BLOCK_BYTES):
            pass
    except http.client.IncompleteRead:
        return "" if is_stream else "the answer was cut short, its last chunk is missing"
    return f"the answer was cut short, {response.length} bytes of it are missing" if response.length else ""


def _idle_connection(urls: Sequence[str], probes: Iterable[Probe]) -> _Idle | None:
    """Return a keep-alive connection that has had one answer; None where that cannot be had."""
    known = [(probe.method, probe.url) for probe in probes if isinstance(probe, HttpProbe)]
    roots = [("HEAD", f"{url.split('/', 3)[0]}//{urlsplit(url).netloc}/") for url in urls if url.startswith("http")]
    for method, url in [*known, *roots][:1] if roots else []:
        connection = _connection(url, _IDLE_TIMEOUT_S)
        with suppress(OSError, ValueError, http.client.HTTPException):
            connection.request(method, _path(url), headers={**_HEADERS, "Connection": "keep-alive"})
            connection.getresponse().read()
            if connection.sock:  # the server keeps it
                idle = _Idle(connection.sock)
                idle.start()
                return idle
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
    return quote(f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}", safe=_SAFE)


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
