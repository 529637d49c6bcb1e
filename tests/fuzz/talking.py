"""What a deployment says: answers over HTTP, notifications, the output of a command and of the service, tracebacks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest import mock

from fuzz.engine import Target
from fuzz.inputs import edited, edited_lines

from tox_prodsim.deployment import tracebacks
from tox_prodsim.model.errors import ProdsimError
from tox_prodsim.model.probes import ExecProbe, HttpProbe, LogProbe
from tox_prodsim.model.runner import Completed
from tox_prodsim.supervision.expressions import Expressions
from tox_prodsim.supervision.probes import evaluate, http, notify

HTTP = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.0 503 Not yet\r\n\r\nwait\nfor\nit\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
)
NOTIFICATIONS = (
    b"READY=1\nSTATUS=serving\nMAINPID=7\n",
    b"EXTEND_TIMEOUT_USEC=5000000\nWATCHDOG_USEC=2000000\nWATCHDOG=1",
    b"STOPPING=1\nERRNO=2\nRELOADING=1\nWATCHDOG=trigger\nFDSTORE=1",
)
TRACEBACKS = (
    b'INFO x\nTraceback (most recent call last):\n  File "a.py", line 3, in f\n    x()\n    ~^^\nValueError: no\n',
    (
        b'  + Exception Group Traceback (most recent call last):\n  |   File "a.py", line 3, in f\n'
        b"  | ExceptionGroup: x (1 sub)\n"
        b"  +-+---------------- 1 ----------------\n    | ValueError: no\n    +------------------------------------\n"
    ),
    "╭─ Traceback (most recent call last) ─╮\n│ a.py:3 in f │\n╰───╯\nValueError: no\n".encode(),
    b'Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  File "a.py", line 3 in f\n',
    b'{"exception": "Traceback (most recent call last):\\n  File \\"a.py\\", line 3, in f\\nValueError: no"}\n',
)
PROBES = (
    HttpProbe(url="http://127.0.0.1:8000/", timeout_s=0.2),
    HttpProbe(url="http://127.0.0.1:8000/", timeout_s=0.2, body="hello", header=("X-A", "b")),
)


def _play_http(data: bytes, _folder: Path) -> Iterator[str]:
    for probe in PROBES:
        ours, server = socket.socketpair()
        with closing(server):
            ours.settimeout(probe.timeout_s)
            server.settimeout(0.2)
            server.sendall(data[:60_000])
            server.shutdown(socket.SHUT_WR)
            with (
                mock.patch.object(http, "connected", lambda *_, ours=ours: ours),
                mock.patch.object(http, "check_owner"),
            ):
                http.check_owner.return_value = ""  # type: ignore[attr-defined]
                answer = http.probe_http(probe, lambda: (), Expressions())
        yield repr(answer)
        yield getattr(answer, "reason", "")
        yield from getattr(answer, "got", ())


def _play_notify(data: bytes, _folder: Path) -> Iterator[str]:
    state = notify.NotifyState()
    for message in data.split(b"\n\n"):
        state = notify.apply_message(state, message, 5.0)
        assert notify.deadline(1.0, 10.0, state) <= 1.0 + notify.EXTENSION * 10.0
        notify.watchdog_missed(state, 3.0, 100.0, since=1.0)
    yield state.status
    yield repr(evaluate._notify(state))


def _play_command(data: bytes, _folder: Path) -> Iterator[str]:
    probe = ExecProbe(argv=("check",), timeout_s=1.0, every_s=1.0)
    for code in (0, 1, -9, None):
        ran = Completed(returncode=code, timed_out=code is None, stdout=data, stderr=data[:10])
        yield repr(evaluate._exec_answer(probe, ran, 1.0))


def _play_log(data: bytes, folder: Path) -> Iterator[str]:
    path = folder / "log"
    path.write_bytes(data)
    yield repr(evaluate._log(LogProbe(pattern="serving"), evaluate.LogWatch(path), Expressions()))
    yield from map(repr, tracebacks.read(data.splitlines(keepends=True)))


TARGETS = (
    Target("probe_http", _play_http, edited(HTTP, most=5)),
    Target("probe_notify", _play_notify, edited_lines(NOTIFICATIONS)),
    Target("probe_exec", _play_command, edited([b"not yet\n", b"a\n\nb\x1b[0m\n"])),
    Target("probe_log", _play_log, edited_lines([*TRACEBACKS, b"starting\nserving on 8000\n"]), (ProdsimError,)),
)
