"""Handles of processes that are not our children: they show the end of one, and on new kernels also how it ended."""

from __future__ import annotations

import os
import struct
import sys

_GET_INFO = 0xC040FF0B
"""PIDFD_GET_INFO of pidfs(5), for the first 64 bytes of ``struct pidfd_info``."""
_WITH_EXIT = 1 << 3
"""PIDFD_INFO_EXIT, from Linux 6.15 on: the status that the parent got, also when it has reaped the process."""
_SIZE, _STATUS_AT = 64, 60


def open_handle(pid: int) -> int | None:
    """Return a file descriptor that is readable from the end of a process on; None where there is none."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:  # it has ended, an old kernel, a sandbox, or no descriptor is left
        return None


def reaped_status(handle: int) -> int | None:
    """Return the wait status of a process that its parent has reaped; None where the kernel does not tell it."""
    import fcntl  # noqa: PLC0415  # Windows has none

    answer = bytearray(_SIZE)
    struct.pack_into("=Q", answer, 0, _WITH_EXIT)
    try:
        fcntl.ioctl(handle, _GET_INFO, answer)
    except OSError:  # before Linux 6.13; or it is not reaped yet
        return None
    known, status = struct.unpack_from("=Q", answer)[0] & _WITH_EXIT, struct.unpack_from("=i", answer, _STATUS_AT)[0]
    return int(status) if known else None
