"""What a thread waits for according to the kernel, in words: of Linux, and of the two machines whose numbers are here."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

COMPUTES = "computes"
_MACHINES: Mapping[str, Mapping[int, str]] = {
    "x86_64": {
        **{0: "read", 1: "write", 7: "poll", 17: "read", 18: "write", 19: "read", 20: "write", 23: "select"},
        **{34: "pause", 35: "sleep", 42: "connect", 43: "accept", 44: "write", 45: "read", 46: "write", 47: "read"},
        **{61: "child", 72: "fcntl", 73: "flock", 74: "disk", 75: "disk", 128: "signal", 130: "signal", 202: "futex"},
        **{230: "sleep", 232: "epoll", 247: "child", 270: "select", 271: "poll", 281: "epoll", 288: "accept"},
        **{2: "open", 257: "open", 441: "epoll"},
    },
    "aarch64": {
        **{22: "epoll", 25: "fcntl", 32: "flock", 56: "open", 63: "read", 64: "write", 65: "read", 66: "write"},
        **{72: "select", 73: "poll", 82: "disk", 83: "disk", 95: "child", 98: "futex", 101: "sleep", 115: "sleep"},
        **{133: "signal", 137: "signal", 202: "accept", 203: "connect", 206: "write", 207: "read", 211: "write"},
        **{212: "read", 242: "accept", 260: "child", 441: "epoll"},
    },
}
_WORDS = {
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
        if word := _MACHINES.get(platform.machine(), {}).get(int(number)):
            return _worded(pid, word, arguments)
    with suppress(OSError):
        channel = (folder / "wchan").read_text("ascii").strip()
        for part, word in _WAIT_CHANNELS.items():
            if part in channel:
                return _WORDS[word]
        return "" if channel in {"", "0"} else f"waits in the kernel ({channel})"
    return ""


def _worded(pid: int, word: str, arguments: list[str]) -> str:
    """Return the words, and what is at the other end of the file that the call is about."""
    if word not in _ABOUT_A_FILE:
        return _WORDS[word]
    number = int(arguments[0], 16)
    with suppress(OSError):
        return f"{_WORDS[word]} (file {number}: {_shown(Path(f'/proc/{pid}/fd/{number}').readlink())})"
    return f"{_WORDS[word]} (file {number})"


def _shown(file: Path) -> str:
    """Return a file as a user may know it: the inode of a pipe or a socket says nothing."""
    return str(file).partition(":[")[0]
