"""The guard: two processes between tox and a command, so that nothing of the command outlives the run.

    host (tox) ==control socket==> guard --fork--> warden --fork, exec--> the command and all below it

The warden is a subreaper: whatever the command leaves behind becomes its child. It starts the command, passes on a
stop, and is finished when the kernel answers ECHILD, never because a scan of /proc found nothing (one scan in 300
misses what is there). The guard above it only waits: should the warden be killed, the orphans become the guard's,
which kills them; should it be stopped, the guard continues it. End of file on the control socket: the host is gone.

Messages are JSON, one a line. From the host: first ``{argv, cwd, env, containment, tag, remove_if_lost}``, then
``{signal, grace_s, cause}`` to stop, ``{suspended}`` to let the tree and its clock stand still, or go on.
To the host: ``started``, ``not started`` or ``not contained``, ``main`` when the main process has ended, then
``ended``, or ``lost`` from the guard. Moments are seconds of CLOCK_MONOTONIC, which all processes share.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress

import kernel
from containments import contain
from description import describe_all
from messages import JsonChannel, Poller, SigchldWakeup, fill_standard_files, release_output
from processes import descendants, keep_list_of_children, lives, no_child_left, send
from warden import KILL_LIMIT_S, SHOWN, Warden
from watched import WatchedChild

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Any

    from containments import Containment

DYING_LIMIT_MS = 300  # who kills one of us may have killed the host as well, whose end of file comes a little later
LOOK_S = 1.0  # between two looks at a warden that a tracer may hold
LOOK_SOON_S = 0.1
AFTERWARDS_S = 0.5  # to kill what a warden has left that gave up: it may be another matter one process higher
WARDEN_LIMIT_S = 8.0  # a warden that has not finished so long after the host is gone is stuck
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


def begin(control: int) -> None:
    """Be the guard of one run; what goes wrong is reported to the host."""
    os.set_inheritable(control, False)
    fill_standard_files()
    ignore_signals()
    host = JsonChannel(control)
    request = host.first()
    if request is None:
        return
    try:
        Guard(host, request).run()
    except BaseException as problem:  # the host must know, and the command's output is not a place for it
        host.send(event="trouble", error=f"{type(problem).__name__}: {problem}")
        os._exit(70)


class Guard:
    """Forks the warden, and watches over it to its end."""

    def __init__(self, host: JsonChannel, request: dict[str, Any]) -> None:
        self.host = host
        self.request = request
        self.host_gone_at: float | None = None
        self.warden_was_lost = False

    def run(self) -> None:
        """See one run through; what cannot even begin is reported."""
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        try:
            self.containment = contain(self.request["containment"], f"tox-prodsim-{self.request['tag']}")
        except OSError as problem:
            self.host.send(event="not contained", error=problem.strerror)
            return
        # The death of the host (or of the thread that started us) wakes a guard that somebody has stopped.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGCONT)
        try:
            self.warden = self.fork()
        except OSError as problem:
            self.host.send(event="not started", error=f"the supervising process could not fork: {problem.strerror}")
        else:
            release_output()
            self.watch()
        clear_away(self.host, self.request, self.containment, DYING_LIMIT_MS if self.warden_was_lost else 0)

    def fork(self) -> int:
        """Fork the warden and return its pid; raises OSError when there are too many processes."""
        lifeline, held = os.pipe()  # only this process holds that end
        me, warden = os.getpid(), os.fork()
        if warden == 0:
            os.close(held)
            run_warden(self.host, self.request, self.containment, lifeline)
            if os.getppid() == me:
                os.kill(me, signal.SIGCONT)  # somebody may have stopped it
            os._exit(0)
        os.close(lifeline)
        return warden

    def watch(self) -> None:
        """Wait for the warden, continue it when it is stopped, and clean up after it when it dies."""
        keep_list_of_children()
        warden, sigchld, poller = WatchedChild(self.warden), SigchldWakeup(), Poller()
        poller.add(sigchld.fileno)
        poller.add(self.host.fd, select.EPOLLRDHUP)
        while (end := warden.end()) is None:
            is_urgent = warden.held_since is not None or self.host_gone_at is not None
            if self.host.fd in poller.wait(LOOK_SOON_S if is_urgent else LOOK_S):
                poller.remove(self.host.fd)
                self.host_gone_at = time.monotonic()
            sigchld.drain()
            if self.host_gone_at is not None and time.monotonic() >= self.host_gone_at + WARDEN_LIMIT_S:
                warden.kill()  # it is stuck
        self.finish(end, sigchld)

    def finish(self, end: str, sigchld: SigchldWakeup) -> None:
        """Clean up after the warden, which has ended, with an empty text if it did its work."""
        if not end:
            self.kill_orphans(sigchld, AFTERWARDS_S)
            return
        self.warden_was_lost = True
        left = self.kill_orphans(sigchld, KILL_LIMIT_S)
        self.host.send(event="lost", error=f"the supervising process died ({end})", unkillable=left)

    def kill_orphans(self, sigchld: SigchldWakeup, limit_s: float) -> list[dict[str, Any]]:
        """Kill what the warden left until the kernel says that no child remains; describe what is left at the limit."""
        me, give_up_at = os.getpid(), time.monotonic() + limit_s
        while not no_child_left():
            found = descendants(me)
            if time.monotonic() >= give_up_at:
                return describe_all(([*filter(lives, found)] or found)[:SHOWN])
            self.containment.kill()
            for pid in found:
                send(pid, signal.SIGKILL)
            sigchld.wait(0.002)
        return []


def run_warden(host: JsonChannel, request: dict[str, Any], containment: Containment, lifeline: int) -> None:
    """Be the warden of one run; on return the host has got the ending, and nothing is left to do."""
    try:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        # The death of the guard wakes a warden that somebody has stopped.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGCONT)
        containment.place_warden()
    except OSError as problem:
        host.send(event="not contained", error=problem.strerror)
        return
    try:
        warden = Warden(host, request, containment, lifeline)
        warden.run()
        if warden.lost:
            clear_away(host, request, containment, DYING_LIMIT_MS)
    except BaseException as problem:  # whatever it is, the guard must take over and the host must know
        host.send(event="trouble", error=f"{type(problem).__name__}: {problem}")
        os._exit(70)


def clear_away(host: JsonChannel, request: dict[str, Any], containment: Containment, limit_ms: int) -> None:
    """Remove the containment, and what the host would have removed if it is gone within ``limit_ms``."""
    containment.remove()
    files = request["remove_if_lost"]
    for file in files if files and host.hung_up(limit_ms) else ():
        with suppress(OSError):
            os.unlink(file)


def ignore_signals() -> None:
    """Ignore every signal that can be ignored, but SIGCHLD: the kernel reaps by itself for who ignores that one.

    They are blocked too: who is traced stops at the delivery even of a signal that it ignores. SIGCONT, although
    blocked, continues who is stopped.
    """
    ignored = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - FAULTS
    for number in ignored:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ignored)
