"""The host's end of the control socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tox_prodsim.supervision.control import ControlSocket


@pytest.fixture
def ends() -> Iterator[tuple[ControlSocket, socket.socket]]:
    host, guard = socket.socketpair()
    with closing(host), closing(guard):
        control = ControlSocket(host)
        control.send_request({"argv": ["x"]}, 5.0)
        assert json.loads(guard.recv(100)) == {"argv": ["x"]}
        yield control, guard


def test_a_message_is_received_when_it_is_complete(ends: tuple[ControlSocket, socket.socket]) -> None:
    control, guard = ends
    guard.sendall(b'{"event": "main"}\n{"event"')
    assert list(control.receive()) == [{"event": "main"}]
    guard.sendall(b': "ended"}\n')
    assert (list(control.receive()), control.at_end) == ([{"event": "ended"}], False)


def test_the_end_of_file_comes_after_the_last_message(ends: tuple[ControlSocket, socket.socket]) -> None:
    control, guard = ends
    guard.sendall(b'{"event": "ended"}\n')
    guard.close()
    assert (list(control.receive()), control.at_end) == ([{"event": "ended"}], True)


def test_a_message_to_a_closed_end_is_no_error(ends: tuple[ControlSocket, socket.socket]) -> None:
    control, guard = ends
    guard.close()
    control.send({"suspended": True})
    list(control.receive())
    assert control.at_end


def test_it_stays_open_while_a_thread_polls_it(ends: tuple[ControlSocket, socket.socket]) -> None:
    control, _ = ends
    control.waiters = 1
    control.close()
    assert control.fileno() >= 0
    control.waiters = 0
    control.close()
    assert control.fileno() == -1
