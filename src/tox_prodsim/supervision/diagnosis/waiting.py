"""What a thread waits for according to the kernel, in words."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

COMPUTES = "computes"
_MACHINES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "x86_64": {
        "read": (0, 17, 19, 45, 47),
        "write": (1, 18, 20, 44, 46),
        "open": (2, 257),
        "poll": (7, 271),
        "select": (23, 270),
        "pause": (34,),
        "sleep": (35, 230),
        "connect": (42,),
        "accept": (43, 288),
        "child": (61, 247),
        "fcntl": (72,),
        "flock": (73,),
        "disk": (74, 75),
        "signal": (128, 130),
        "futex": (202,),
        "epoll": (232, 281, 441),
    },
    "aarch64": {
        "epoll": (22, 441),
        "fcntl": (25,),
        "flock": (32,),
        "open": (56,),
        "read": (63, 65, 207, 212),
        "write": (64, 66, 206, 211),
        "select": (72,),
        "poll": (73,),
        "disk": (82, 83),
        "child": (95, 260),
        "futex": (98,),
        "sleep": (101, 115),
        "signal": (133, 137),
        "accept": (202, 242),
        "connect": (203,),
    },
}
"""The numbers of system calls that wait, by what they wait for."""
_DESCRIPTIONS = {
    "poll": "waits for events (poll)",
    "select": "waits for events (select)",
    "epoll": "waits for events (epoll)",
    "pause": "waits for a signal",
    "signal": "waits for a signal",
    "sleep": "sleeps",
    "child": "waits for a child process",
    "fcntl": "waits for a lock on a file",
    "flock": "waits for a lock on a file",
    "disk": "waits for the disk",
    "futex": "waits for a lock or another thread",
    "open": "waits for a file to open",
    "read": "reads",
    "write": "writes",
    "accept": "waits for a connection",
    "connect": "waits for a server to answer",
}
_ABOUT_A_FILE = {"read", "write", "accept", "connect", "flock", "fcntl"}
_WAIT_CHANNELS = {
    "futex": "futex",
    "nanosleep": "sleep",
    "epoll": "epoll",
    "poll": "poll",
    "select": "select",
    "do_wait": "child",
    "pipe_read": "read",
    "pipe_write": "write",
    "anon_pipe_read": "read",
    "anon_pipe_write": "write",
    "accept": "accept",
    "sigsuspend": "signal",
    "sigtimedwait": "signal",
    "flock": "flock",
}


def waits_on(pid: int, task: int) -> str:
    """Return what one thread of a process waits for, in words where they are known; "": the kernel does not say."""
    folder = Path(f"/proc/{pid}/task/{task}")
    with suppress(OSError, ValueError):
        number, *arguments = (folder / "syscall").read_text("ascii").split()
        if number == "running":
            return COMPUTES
        for word, numbers in _MACHINES.get(platform.machine(), {}).items():
            if int(number) in numbers:
                return _describe(folder, word, arguments)
    with suppress(OSError):
        channel = (folder / "wchan").read_text("ascii").strip()
        for part, word in _WAIT_CHANNELS.items():
            if part in channel:
                return _DESCRIPTIONS[word]
        return "" if channel in {"", "0"} else f"waits in the kernel ({channel})"
    return ""


def _describe(folder: Path, word: str, arguments: list[str]) -> str:
    """Return the words, and what is at the other end of the file that the call is about."""
    if word not in _ABOUT_A_FILE:
        return _DESCRIPTIONS[word]
    number = int(arguments[0], 16)
    with suppress(OSError):
        return f"{_DESCRIPTIONS[word]} (file {number}: {_display((folder / f'fd/{number}').readlink())})"
    return f"{_DESCRIPTIONS[word]} (file {number})"


def _display(file: Path) -> str:
    """Return a file as a user may know it: without the inode of a pipe or a socket."""
    return str(file).partition(":[")[0]
