"""System calls that the standard library lacks: attributes of a process, namespaces and mounts."""

from __future__ import annotations

import ctypes
import errno
import os

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; raises OSError when the kernel refuses."""
    refuse(LIBC.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl({option})")


def unshare(flags: int, what: str) -> None:
    """Enter new namespaces, or let the next child; raises OSError when the kernel refuses."""
    refuse(LIBC.unshare(flags), what)


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """Mount a file system; raises OSError when the kernel refuses."""
    file_system = kind.encode() if kind else None
    refuse(LIBC.mount(source.encode(), target.encode(), file_system, ctypes.c_ulong(flags), None), f"mounting {target}")


def make_mounts_private() -> None:
    """Keep to this new mount namespace what is mounted from now on; raises OSError when the kernel refuses.

    In a chroot ``/`` is not a mount point, and only the root of the namespace leads to the mount that holds it.
    """
    private = MS_REC | MS_PRIVATE
    try:
        mount("none", "/", None, private)
    except OSError as problem:
        if problem.errno != errno.EINVAL:
            raise
        root, cwd = (os.open(path, os.O_PATH | os.O_CLOEXEC) for path in ("/", "."))
        namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        refuse(LIBC.setns(namespace, CLONE_NEWNS), "leaving the chroot")
        mount("none", "/", None, private)
        os.fchdir(root)
        os.chroot(".")
        os.fchdir(cwd)
        for fd in (root, cwd, namespace):
            os.close(fd)


def signalfd(number: int) -> int:
    """Return a file descriptor that is readable while a signal is pending, which is blocked; raises OSError."""
    mask = (ctypes.c_uint64 * 16)(1 << (number - 1))  # a sigset_t has 128 bytes
    fd: int = LIBC.signalfd(-1, mask, os.O_NONBLOCK | os.O_CLOEXEC)
    refuse(min(fd, 0), "signalfd")
    return fd


def refuse(answer: int, what: str) -> None:
    """Turn the error of a call into an OSError that names the call."""
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


LIBC = ctypes.CDLL(None, use_errno=True)
