"""Probes of HTTP: does a process of ours answer a request as it is wanted."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from tox_prodsim.model.formatting import shortened
from tox_prodsim.model.probes import LOOPBACK, HttpProbe
from tox_prodsim.supervision.expressions import Expressions
from tox_prodsim.supervision.probes.answers import Answer, NotReady, Ready, Refusal, Tree, WrongProcess
from tox_prodsim.supervision.probes.tcp import check_owner, connected, is_local, reason, refusal

BODY_LIMIT_BYTES = 1 << 20
CLOSE_LIMIT_S = 0.2
SHOWN = 200
_HEADERS = 8
_BODY_LINES = 6
_QUERY = "/%:@!$&'()*+,;=~?"


def probe_http(probe: HttpProbe, tree: Tree, expressions: Expressions) -> Answer:
    """Return whether a process of the tree answers as the probe wants it, within the timeout of the probe.

    Raises ExpressionLimitError.
    """
    host, port, path = target(probe.url)
    late = NotReady(reason=f"no answer within {probe.timeout_s:g} s", refusal=Refusal.SILENT)
    give_up_at = time.monotonic() + probe.timeout_s
    try:
        with closing(connected(host, port, probe.timeout_s)) as plain, _ShutAt(plain, give_up_at):
            owner = check_owner(plain, tree)
            if isinstance(owner, WrongProcess):
                return owner
            response, body = _exchange(probe, plain, path)
    except TimeoutError:
        return late
    except (OSError, ValueError, http.client.HTTPException) as problem:
        return late if time.monotonic() >= give_up_at else NotReady(reason=_reason(problem), refusal=_refusal(problem))
    if time.monotonic() >= give_up_at:  # shut while it was talking: what came may look complete
        return late
    answer = _to_answer(probe, response, body, expressions)
    return Ready(detail=answer.detail + owner) if isinstance(answer, Ready) else answer


def _exchange(probe: HttpProbe, plain: socket.socket, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    """Send the request and return the answer with the beginning of its body: no proxy, no redirect followed."""
    host, port, _ = target(probe.url)
    connection = http.client.HTTPConnection(host, port, timeout=probe.timeout_s)
    connection.sock = _encrypted(plain, host) if probe.url.startswith("https") else plain
    sock = connection.sock
    with closing(connection), sock.makefile("rb") as held:
        connection.request(probe.method, path, headers={"User-Agent": "tox-prodsim", "Accept": "*/*"})
        with connection.getresponse() as response:
            is_stream = response.length is None
            body = response.read(BODY_LIMIT_BYTES) if probe.body or not is_stream else b""
            if response.will_close and not is_stream:
                sock.settimeout(CLOSE_LIMIT_S)
                _await_close(held)
            return response, body


def _await_close(connection: BinaryIO) -> None:
    """Let the server close first when it said so, as other clients do: that leaves TIME_WAIT at the server."""
    with suppress(OSError):
        connection.read(1)


def _to_answer(
    probe: HttpProbe, response: http.client.HTTPResponse, body: bytes, expressions: Expressions
) -> Ready | NotReady:
    status = response.status
    unwanted = partial(NotReady, refusal=Refusal.ANSWERED, status=status, got=tuple(_lines(response, body)))
    if status not in probe.statuses if probe.statuses else not 200 <= status < 300:
        return unwanted(reason=f"http {status}")
    if probe.body and not expressions.finds(re.compile(probe.body.encode()), body):
        return unwanted(reason=f"http {status}, but the body does not match /{probe.body}/")
    if probe.header:
        name, pattern = probe.header
        if not expressions.finds(re.compile(pattern), response.headers.get(name, "")):
            return unwanted(reason=f"http {status}, but the header {name} does not match /{pattern}/")
    return Ready(detail=f"http {urlsplit(probe.url).path or '/'} {status}")


def _lines(response: http.client.HTTPResponse, body: bytes) -> Iterator[str]:
    """Yield what a user would see of the answer: its first line, some headers and the begin of its body."""
    yield f"HTTP/{response.version / 10:.1f} {response.status} {response.reason}".rstrip()
    yield from (shortened(f"{name}: {value}", SHOWN) for name, value in response.getheaders()[:_HEADERS])
    lines = body[:BODY_LIMIT_BYTES].decode("utf-8", "replace").strip().splitlines()
    if lines:
        yield ""
        yield from (shortened(line, SHOWN) for line in lines[:_BODY_LINES])
        if len(lines) > _BODY_LINES:
            yield f"… {len(lines) - _BODY_LINES} more lines"


def _encrypted(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """Return the socket with TLS on it; a certificate for the loopback address proves nothing and is not checked."""
    context = ssl.create_default_context()
    if is_local(plain):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


class _ShutAt:
    """Shuts a connection at a moment: a socket's own timeout begins anew with each byte of a server that drips."""

    def __init__(self, connection: socket.socket, at: float) -> None:
        self._copy = connection.dup()  # TLS takes the socket itself over
        self._timer = threading.Timer(max(0.0, at - time.monotonic()), self._shut)

    def __enter__(self) -> None:
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()
        self._copy.close()

    def _shut(self) -> None:
        with suppress(OSError):
            self._copy.shutdown(socket.SHUT_RDWR)


def target(url: str) -> tuple[str, int, str]:
    """Return host, port, and what the request line asks for."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.hostname or LOOPBACK, port, quote(path, safe=_QUERY)


def _refusal(problem: Exception) -> Refusal:
    match problem:
        case OSError():
            return refusal(problem)
        case http.client.HTTPException():
            return Refusal.FOREIGN
    return Refusal.OTHER


def _reason(problem: Exception) -> str:
    match problem:
        case OSError():
            return reason(problem)
        case http.client.HTTPException():
            return f"no HTTP answer ({type(problem).__name__})"
    return str(problem).lower()
