"""The start of the command: a fork of the warden that becomes it."""

from __future__ import annotations

import os
import signal
import time

import kernel
from messages import JsonChannel
from processes import queued_ns

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from enclosures import Containment


def launch(request: dict[str, Any], enclosure: Containment) -> tuple[int, dict[str, Any]]:
    """Fork and exec the command; return its pid here, and what it said: moment and pid on the host, or an error."""
    told, tell = os.pipe()  # close-on-exec: end of file means that the command is running
    warden = os.getpid()
    pid = os.fork()
    if pid == 0:
        become(request, enclosure, JsonChannel(tell), warden)
    os.close(tell)
    said: dict[str, Any] = {}
    child = JsonChannel(told)
    while not child.gone:
        for message in child.receive():
            said |= message
    os.close(told)
    return pid, said or {"error": "it was killed before it could start"}


def become(request: dict[str, Any], enclosure: Containment, parent: JsonChannel, warden: int) -> NoReturn:
    """Turn this fork into the command: in a session of its own, signals at their defaults, dead if the warden dies."""
    argv, cwd = request["argv"], request["cwd"]
    try:
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warden:
            os._exit(127)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        arrive(enclosure, parent)
        os.chdir(cwd)
        parent.tell(at=time.monotonic(), queued_ns=queued_ns("self"), pid=enclosure.own_pid())
        os.execvpe(argv[0], argv, request["env"])  # no shell is the point
    except BaseException as problem:  # this is a fork: nothing may run on in here
        parent.tell(error=why_not(problem, argv[0], cwd))
    os._exit(127)


def arrive(enclosure: Containment, parent: JsonChannel) -> None:
    """Go into the enclosure; a command that cannot is not started at all."""
    try:
        enclosure.arrive()
    except OSError as problem:
        parent.tell(error="", refused=str(problem.strerror))
        os._exit(127)


def why_not(problem: BaseException, command: str, cwd: str) -> str:
    """Say what kept the command from starting."""
    if not isinstance(problem, OSError):
        return f"{command}: {problem}"
    if problem.filename == cwd:
        return f"cannot work in {cwd}: {problem.strerror}"
    if isinstance(problem, FileNotFoundError) and "/" in command and os.path.exists(command):
        return f"{command}: the interpreter that its first line names does not exist"
    return f"{command}: {problem.strerror}"
