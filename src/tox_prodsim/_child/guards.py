"""Fork the guards of one host: each is ready at once, without an interpreter that has to start and to import.

    host (tox) ==socket==> this process --fork--> guard (``guard.py``), in a session of its own, for each run

A request is one byte, with four files: the control socket of the run, and its stdin, stdout and stderr. The answer is
the pid of the guard with a pidfd of it, or the negative number of the error. A guard needs this process for nothing
more: if this one is killed, the runs go on. When the host is gone, this process continues the guards that somebody has
stopped, waits for them, and ends.
"""

from __future__ import annotations

import _socket  # the module socket would import much more
import os
import signal
import sys
from contextlib import suppress

import guard
import kernel
from messages import Poller, SigchldWakeup, fill_standard_files

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import NoReturn

FILES = 4
INT_BYTES = 4
LOOK_S = 1.0


def serve(control: int) -> None:
    """Fork guards until the host is gone."""
    fill_standard_files()
    guard.ignore_signals()
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGCONT)  # the death of the host continues us, too
    os.set_inheritable(control, False)
    Guards(_socket.socket(fileno=control)).serve()


class Guards:
    """The guards that are alive, and the socket of the host."""

    def __init__(self, host: _socket.socket) -> None:
        self.host = host
        self.pids: set[int] = set()
        self.sigchld = SigchldWakeup()
        self.poller = Poller()
        self.poller.add(self.sigchld.fileno)
        self.poller.add(host.fileno())

    def serve(self) -> None:
        """Answer the host, and reap what has ended; at last wait for the rest."""
        while self.answer_if_asked(self.poller.wait(None)):
            self.reap()
        while self.reap():
            for pid in self.pids:
                os.kill(pid, signal.SIGCONT)
            self.sigchld.wait(LOOK_S)

    def answer_if_asked(self, ready: list[int]) -> bool:
        """Fork a guard if the host asks for one; return whether the host is there."""
        if self.host.fileno() not in ready:
            return True
        message, attached, *_ = self.host.recvmsg(1, _socket.CMSG_SPACE(FILES * INT_BYTES), _socket.MSG_CMSG_CLOEXEC)
        files = [fd for _, _, data in attached for fd in ints(data)]
        if len(files) == FILES:
            self.answer(files)
        for fd in files:
            os.close(fd)
        return bool(message)

    def answer(self, files: list[int]) -> None:
        """Fork a guard, and tell the host which process it is."""
        try:
            pid = os.fork()
            if pid == 0:
                self.become_guard(files)
            self.pids.add(pid)
            handle = os.pidfd_open(pid)
        except OSError as problem:
            self.host.send(to_bytes(-(problem.errno or 1)))
            return
        with suppress(OSError):  # the host is gone: the guard sees that, too
            self.host.sendmsg([to_bytes(pid)], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, to_bytes(handle))])
        os.close(handle)

    def become_guard(self, files: list[int]) -> NoReturn:
        """Be a guard that has its own files only."""
        try:
            os.setsid()
            control, *standard = files
            for number, fd in enumerate(standard):
                os.dup2(fd, number)
                os.close(fd)
            self.poller.close()
            os.close(self.sigchld.fileno)
            self.host.close()
            guard.begin(control)
        finally:
            os._exit(0)

    def reap(self) -> bool:
        """Reap what has ended; return whether a guard is alive."""
        self.sigchld.drain()
        for pid in tuple(self.pids):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self.pids.discard(pid)
        return bool(self.pids)


def ints(data: bytes) -> list[int]:
    """Return the file descriptors of a message."""
    return [int.from_bytes(data[at : at + INT_BYTES], sys.byteorder) for at in range(0, len(data), INT_BYTES)]


def to_bytes(number: int) -> bytes:
    """Return a number as the kernel and the host have it."""
    return number.to_bytes(INT_BYTES, sys.byteorder, signed=True)
