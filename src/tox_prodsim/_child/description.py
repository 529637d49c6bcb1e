"""The description of a process that should not be there."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from processes import living_folder, read

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Any, Collection, Iterable

SHOWN = 50  # addresses of a process at most: they must not fill the control socket


def describe_all(pids: Iterable[int], outputs: Collection[tuple[int, int]] = ()) -> list[dict[str, Any]]:
    """Return what each survivor is; the sockets of a network namespace are read once for all of them."""
    sockets: dict[str, list[list[bytes]]] = {}
    return [describe(pid, outputs, sockets) for pid in pids]


def describe(pid: int, outputs: Collection[tuple[int, int]], sockets: dict[str, list[list[bytes]]]) -> dict[str, Any]:
    """Return what a survivor is: ``holds_output`` when it has a file open that is one of ``outputs``, device and inode.

    ``waits_on`` is the function of the kernel in which the process sleeps; ``uid`` is None when unknown.
    """
    folder = living_folder(pid)
    command = read(f"{folder}/cmdline").rstrip(b"\0").replace(b"\0", b" ") or read(f"{folder}/comm").strip()
    fields = dict(line.split(":", 1) for line in text(f"{folder}/status").splitlines() if ":" in line)
    waits_on, files = text(f"{folder}/wchan"), open_files(folder)
    return {
        "pid": pid,
        "command": command[:300].decode("utf-8", "replace"),
        "listens": listens({str(inode).encode() for _, inode in files}, listeners(folder, sockets)),
        "holds_output": any(file in outputs for file in files),
        "state": state(fields),
        "waits_on": "" if waits_on == "0" else waits_on,
        "uid": int(fields["Uid"].split()[0]) if "Uid" in fields else None,
    }


def state(fields: dict[str, str]) -> str:
    """Return the kernel's name for the state of a process; what traces it may keep it as it is."""
    name, tracer = fields.get("State", "").partition("(")[2].rstrip(")\n"), fields.get("TracerPid", "0").strip()
    return name if tracer == "0" else f"{name}, traced by pid {tracer}"


def text(path: str) -> str:
    """Return the content of a file of /proc."""
    return read(path).decode("utf-8", "replace")


def identity(fd: int) -> tuple[int, int] | None:
    """Return device and inode of an open file; None for /dev/null, which holds up nobody, and for a closed one."""
    with suppress(OSError):
        found = os.fstat(fd)
        return None if found.st_rdev == os.stat(os.devnull).st_rdev else (found.st_dev, found.st_ino)
    return None


def open_files(folder: str) -> list[tuple[int, int]]:
    """Return device and inode of every file that a process has open; nothing when access is denied."""
    found = []
    with suppress(OSError):
        for fd in os.listdir(f"{folder}/fd"):
            with suppress(OSError):
                status = os.stat(f"{folder}/fd/{fd}")
                found.append((status.st_dev, status.st_ino))
    return found


def listens(inodes: set[bytes], rows: list[list[bytes]]) -> list[str]:
    """Return those of the listening sockets that are open, such as ``127.0.0.1:8000`` or ``[::]:8000``."""
    return sorted(address(row[1].decode()) for row in rows if row[9] in inodes)[:SHOWN]


def listeners(folder: str, known: dict[str, list[list[bytes]]]) -> list[list[bytes]]:
    """Return the rows of all listening TCP sockets in the network namespace of a process."""
    try:
        namespace = os.readlink(f"{folder}/ns/net")
    except OSError:
        return []
    if namespace not in known:
        tables = read(f"{folder}/net/tcp").splitlines()[1:] + read(f"{folder}/net/tcp6").splitlines()[1:]
        known[namespace] = [row for row in map(bytes.split, tables) if row[3] == b"0A"]
    return known[namespace]


def address(text: str) -> str:
    """Return host and port from ``0100007F:1F90``: each 32-bit word of the host in the byte order of this machine."""
    from socket import AF_INET, AF_INET6, inet_ntop  # costs 5 ms and is needed only for a leak

    words, _, port = text.partition(":")
    raw = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
    host = inet_ntop(AF_INET, raw) if len(raw) == 4 else f"[{inet_ntop(AF_INET6, raw)}]"
    return f"{host}:{int(port, 16)}"
