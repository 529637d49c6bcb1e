"""Unix sockets that listen."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def listener(path: Path, kind: int = socket.SOCK_STREAM, backlog: int = 5) -> Iterator[socket.socket]:
    """Listen on a path, bound by its name alone from within its folder: it may be longer than an address."""
    with socket.socket(socket.AF_UNIX, kind) as listening:
        fd = os.open(path.parent, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{fd}/{path.name}")
        os.close(fd)
        if kind != socket.SOCK_DGRAM:
            listening.listen(backlog)
        yield listening
