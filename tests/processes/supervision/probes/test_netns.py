"""Asking inside of the network namespace of a process: a service without a network answers nobody else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tox_prodsim.model.errors import NamespaceError
from tox_prodsim.supervision import Network

LISTENS = """
import ctypes, fcntl, os, socket, struct, sys
flags = 0x40000000 if os.geteuid() == 0 else 0x50000000
if ctypes.CDLL(None).unshare(flags) != 0:
    sys.exit("refused")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def service() -> Iterator[tuple[int, int]]:
    """The pid and the port of a service in a network of its own."""
    command = [sys.executable, "-I", "-c", LISTENS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline()
        if not port:
            pytest.skip("no network namespace is to be had here")
        yield process.pid, int(port)


def connect(port: int) -> tuple[str, int]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        address: tuple[str, int] = connection.getpeername()
        return address


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may enter")
def test_a_service_in_its_own_network_answers_who_asks_in_there(service: tuple[int, int]) -> None:
    pid, port = service
    with Network(pid) as network:
        assert network.call(lambda: connect(port)) == ("127.0.0.1", port)
    with pytest.raises(ConnectionRefusedError):
        connect(port)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter")
def test_who_is_not_root_is_told_that_there_is_no_entry(service: tuple[int, int]) -> None:
    with Network(service[0]) as network, pytest.raises(NamespaceError):
        network.call(lambda: connect(service[1]))


def test_nobody_is_asked_before_the_process_is_in_a_network_of_its_own() -> None:
    with Network(os.getpid()) as network:
        assert network.call(lambda: pytest.fail("asked")) is None


def test_nobody_is_asked_after_the_process_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with Network(process.pid) as network:
        assert network.call(lambda: pytest.fail("asked")) is None
