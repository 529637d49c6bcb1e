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

    from containments import Containment


def launch(request: dict[str, Any], containment: Containment) -> tuple[int, dict[str, Any]]:
    """Fork and exec the command; return its pid here, and its report: moment and pid on the host, or an error.

    With ``pid1`` in the request it is PID 1 of a pid namespace of its own; pid 0: that is refused here.
    """
    if request.get("pid1"):
        import namespaces  # only who asks for it waits for its import

        try:
            namespaces.unshare()
        except OSError as problem:
            return 0, {"error": "", "refused": str(problem.strerror)}
    read_end, write_end = os.pipe()  # close-on-exec: end of file means that the command is running
    warden = os.getpid()
    pid = os.fork()
    if pid == 0:
        exec_command(request, containment, JsonChannel(write_end), warden)
    os.close(write_end)
    report: dict[str, Any] = {}
    child = JsonChannel(read_end)
    while not child.gone:
        for message in child.receive():
            report |= message
    os.close(read_end)
    if request.get("pid1") and "pid" in report:  # the command itself sees no other pid than 1
        report["pid"] = containment.host_pids().get(pid, pid)
    return pid, report or {"error": "it was killed before it could start"}


def exec_command(request: dict[str, Any], containment: Containment, parent: JsonChannel, warden: int) -> NoReturn:
    """Turn this fork into the command: in a session of its own, signals at their defaults, dead if the warden dies."""
    argv, cwd = request["argv"], request["cwd"]
    try:
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != (0 if request.get("pid1") else warden):  # the parent of a PID 1 is outside of its namespace
            os._exit(127)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        place(request, containment, parent)
        os.chdir(cwd)
        parent.send(at=time.monotonic(), queued_ns=queued_ns("self"), pid=containment.host_pid())
        os.execvpe(argv[0], argv, request["env"])  # no shell is the point
    except BaseException as problem:  # this is a fork: nothing may run on in here
        parent.send(error=why_not(problem, argv[0], cwd))
    os._exit(127)


def place(request: dict[str, Any], containment: Containment, parent: JsonChannel) -> None:
    """Bring this fork to its place in the containment; a command that cannot get there is not started at all."""
    try:
        containment.place_command()
        if request.get("pid1"):
            import namespaces

            namespaces.mount_proc()
    except OSError as problem:
        parent.send(error="", refused=str(problem.strerror))
        os._exit(127)


def why_not(problem: BaseException, command: str, cwd: str) -> str:
    """Return what kept the command from starting."""
    if not isinstance(problem, OSError):
        return f"{command}: {problem}"
    if problem.filename == cwd:
        return f"cannot work in {cwd}: {problem.strerror}"
    if isinstance(problem, FileNotFoundError) and "/" in command and os.path.exists(command):
        return f"{command}: the interpreter that its first line names does not exist"
    return f"{command}: {problem.strerror}"
