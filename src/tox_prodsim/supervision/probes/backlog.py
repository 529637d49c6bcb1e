"""Whether a server on this machine has accepted the connections of this process, and read what was sent on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_ESTABLISHED = "01"
_TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))


def unread_connections(client_ports: Iterable[int]) -> bool:
    """Return whether the other end of one of our connections is not accepted yet, or has bytes that nobody has read.

    False also where that cannot be known: for a server on another machine, and on a system without ``/proc/net``.
    """
    searched = set(client_ports)
    return any(port in searched and not is_read for port, is_read in _server_ends())


def _server_ends() -> Iterator[tuple[int, bool]]:
    """Yield the client's port of each connection, and whether its owner has accepted it and read all of it."""
    for table in _TABLES:
        with suppress(OSError):
            for line in table.read_text().splitlines()[1:]:
                _, _local, remote, state, queues, *_, inode = line.split()[:10]
                if state == _ESTABLISHED:
                    yield int(remote.rpartition(":")[2], 16), inode != "0" and int(queues.partition(":")[2], 16) == 0
