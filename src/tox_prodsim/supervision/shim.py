"""A process of ours that lives between tox and one command which tox itself starts: it supervises the command.

It is needed where tox talks to a command (a build backend) through its standard input, which no executor of ours can
hand over. What the command leaves is ended with it; when tox is gone, or asks with a signal, the command goes too.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

from tox_prodsim import supervision
from tox_prodsim.model.errors import Cancelled
from tox_prodsim.model.runner import LeftProcess
from tox_prodsim.supervision import process_tree, procfs

GRACE_S = 0.2
"""tox kills 0.5 s after it has asked to end; a build has nothing to bring to a good end."""
_POLL_S = 0.2
_WORKERS = ("from multiprocessing.", "--multiprocessing-fork")
"""In the command lines of the workers of a Python, and of its resource tracker."""
_BEGIN = "import sys; sys.path.append(sys.argv[1]); from tox_prodsim.supervision import shim; shim.begin(sys.argv[2:])"


def command(argv: Sequence[str], ledger: Path) -> list[str]:
    """Return the command line that runs this one below a guard, recorded in the ledger; what is one already stays.

    On Windows there is a process between tox and a Python of a virtual environment, and so no parent to watch.
    """
    if _BEGIN in argv or sys.platform == "win32":
        return list(argv)
    return [sys.executable, "-I", "-c", _BEGIN, str(Path(__file__).parents[2]), str(os.getpid()), str(ledger), *argv]


def begin(arguments: Sequence[str]) -> None:
    """Run the command while the process of the first argument is our parent, and exit as it does.

    The second argument is the folder in which the run is recorded.
    """
    parent, ledger, *argv = arguments
    cancel = supervision.Cancel()
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, lambda *_: cancel.set())
    if hasattr(signal, "SIGTSTP"):
        signal.signal(signal.SIGTSTP, suspend)
    with suppress(Cancelled):
        code = _host(argv, int(parent), Path(ledger), cancel)
        sys.exit(code if code >= 0 else 128 - code)
    sys.exit(128 + signal.SIGTERM)


def left_running(pid: int, patience_s: float = 0.5) -> tuple[LeftProcess, ...]:
    """Return what the command below the shim ``pid`` has left running, given so many seconds to end.

    The command goes on: workers of its own, which end with it, and Python's resource tracker are not left.
    """
    until = time.monotonic() + patience_s
    while (left := _beside_command(pid)) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def _beside_command(pid: int) -> tuple[LeftProcess, ...]:
    """Return what runs below the shim, but for guard, warden, command, and workers of the command."""
    found = list(process_tree.descendants(pid))
    parents: dict[int, list[psutil.Process]] = {}
    for each in found:
        with suppress(psutil.Error):
            parents.setdefault(each.ppid(), []).append(each)
    at, supervised = pid, set[int]()
    for _ in ("guard", "warden", "command"):
        first = min(parents.get(at, []), key=lambda each: (each.create_time(), each.pid), default=None)
        if first is None:
            return ()
        at = first.pid
        supervised.add(at)
    own = procfs.command(at)
    others = ((each.pid, procfs.command(each.pid)) for each in found if each.pid not in supervised)
    return tuple(
        LeftProcess(pid=each, command=command)
        for each, command in others
        if command not in {"", own} and not any(word in command for word in _WORKERS)
    )


def suspend(number: int, _frame: FrameType | None) -> None:
    """Suspend what we supervise, then this process by the default action of SIGTSTP; SIGCONT lets all go on."""
    supervision.suspend()
    signal.signal(number, signal.SIG_DFL)
    try:
        os.kill(os.getpid(), number)
    finally:
        signal.signal(number, suspend)
        supervision.resume()


def _host(argv: Sequence[str], parent: int, ledger: Path, cancel: supervision.Cancel) -> int:
    program = shutil.which(argv[0]) or argv[0]
    process = supervision.start(
        [program, *argv[1:]],
        cwd=Path.cwd(),
        env=dict(os.environ),
        stdout=None,
        stderr=None,
        stdin_null=False,
        cancel=cancel,
        ledger=ledger,
    )
    try:
        while (ending := process.wait(_POLL_S)) is None:
            if os.getppid() != parent:
                cancel.set()
    except Cancelled:
        ending = process.stop(signal.SIGTERM, GRACE_S)
    if ending.cause is supervision.Cause.NOT_STARTED:
        sys.stderr.write(f"failed to start backend: {program}: {ending.error}\n")
        return 127
    return ending.returncode if ending.returncode is not None else 1
