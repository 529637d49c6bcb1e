"""What a server has accepted and read, as the kernel knows it."""

from __future__ import annotations

import socket

import pytest

from tox_prodsim.supervision.probes.backlog import unread_connections


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_connection_is_unread_until_it_is_accepted_and_read(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as server:
        with socket.create_connection(server.getsockname()[:2]) as client:
            port = client.getsockname()[1]
            assert unread_connections([port])
            assert not unread_connections([])
            accepted, _ = server.accept()
            with accepted:
                assert not unread_connections([port]), "nothing was sent"
                client.sendall(b"GET")
                assert unread_connections([port])
                accepted.recv(3)
                assert not unread_connections([port])
        assert not unread_connections([port]), "closed"
