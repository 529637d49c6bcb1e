"""What is known about frames: the package they belong to, and what a wait of the standard library waits for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tox_prodsim.model.formatting import listed, plural
from tox_prodsim.model.regex import lazy_regex
from tox_prodsim.supervision.diagnosis.values import Frame, ProcessSnapshot, ThreadStack

_INSTALLED = lazy_regex(r"/(?:site|dist)-packages/([^/]+)")
_STANDARD = lazy_regex(
    r"/lib(?:64)?/(?:python|pypy)\d\.\d+t?/([^/]+)|^<frozen ([\w.]+)>$|^/.*/(?:python\d+\.zip)/([^/]+)"
)


def package_of(file: str) -> str:
    """Return the package that a file of the standard library or of site-packages is in; "": of neither."""
    if installed := _INSTALLED.search(file):
        return installed[1].removesuffix(".py")
    if standard := _STANDARD.search(file):
        return next(name for name in standard.groups() if name).removesuffix(".py").partition(".")[0]
    return ""


def is_own(frame: Frame, own_code: Sequence[Path]) -> bool:
    """Return whether a frame is the user's; see ``is_own_file``."""
    return is_own_file(frame.file, own_code)


def is_own_file(file: str, own_code: Sequence[Path]) -> bool:
    """Return whether a file is the user's: below one of their folders, or neither installed nor standard library.

    The scripts that an installer writes into an environment are installed, too.
    """
    if any(Path(file).is_relative_to(folder) for folder in own_code):
        return True
    return not package_of(file) and not _is_installed_script(Path(file))


@functools.cache
def _is_installed_script(file: Path) -> bool:
    return file.parent.name in {"bin", "Scripts"} and (file.parents[1] / "pyvenv.cfg").is_file()


def explanation(frame: Frame, stack: ThreadStack, process: ProcessSnapshot) -> str:
    """Return what a known frame of the standard library waits for; "": it is not known."""
    if not package_of(frame.file) or _INSTALLED.search(frame.file):
        return ""
    for (file, function), explain in _KNOWN.items():
        if frame.function == function and frame.file.endswith(f"/{file}"):
            return explain(frame, stack, process)
    return ""


def _limit(frame: Frame) -> str:
    return {None: "", True: ", for a limited time", False: ", without a limit"}[frame.limited]


def _fixed_text(words: str) -> Callable[[Frame, ThreadStack, ProcessSnapshot], str]:
    return lambda frame, _stack, _process: f"{words}{_limit(frame)}"


def _shutdown(_frame: Frame, stack: ThreadStack, process: ProcessSnapshot) -> str:
    """Return which threads keep the interpreter from ending; a pool that is ended there has its own words."""
    if any(frame.function == "_python_exit" for frame in stack.frames):
        return ""
    names = [each.thread for each in process.stacks if each.daemon is False and not each.is_main]
    if not names:
        return "waits for threads that are not daemons"
    return f"waits for non-daemon {plural('thread', len(names))} {listed(names, 5)}"


def _join(frame: Frame, _stack: ThreadStack, _process: ProcessSnapshot) -> str:
    return f"waits for the end of thread {frame.thread}{_limit(frame)}" if frame.thread else "waits for a thread"


def _child(frame: Frame, _stack: ThreadStack, _process: ProcessSnapshot) -> str:
    return f"waits for child process {frame.child}{_limit(frame)}" if frame.child else "waits for a child process"


_KNOWN: Mapping[tuple[str, str], Callable[[Frame, ThreadStack, ProcessSnapshot], str]] = {
    ("threading.py", "_shutdown"): _shutdown,
    ("threading.py", "join"): _join,
    ("threading.py", "wait"): _fixed_text("waits to be notified by another thread"),
    ("threading.py", "acquire"): _fixed_text("waits for a semaphore"),
    ("queue.py", "get"): _fixed_text("waits for work"),
    ("queue.py", "put"): _fixed_text("waits for a place in a full queue"),
    ("queue.py", "join"): _fixed_text("waits until all work is done"),
    ("selectors.py", "select"): _fixed_text("waits for events"),
    ("subprocess.py", "wait"): _child,
    ("subprocess.py", "_wait"): _child,
    ("subprocess.py", "_communicate"): _fixed_text("waits for the output of a child process"),
    ("concurrent/futures/thread.py", "_python_exit"): _fixed_text("waits for the jobs of thread pools"),
    ("concurrent/futures/thread.py", "shutdown"): _fixed_text("waits for the jobs of a thread pool"),
    ("concurrent/futures/_base.py", "result"): _fixed_text("waits for the result of a future"),
    ("multiprocessing/popen_fork.py", "poll"): _fixed_text("waits for a child process"),
    ("multiprocessing/connection.py", "_recv"): _fixed_text("waits for data from another process"),
    ("multiprocessing/synchronize.py", "wait"): _fixed_text("waits to be notified by another process"),
    ("socket.py", "accept"): _fixed_text("waits for a connection"),
    ("socket.py", "readinto"): _fixed_text("waits for data from a connection"),
    ("socket.py", "create_connection"): _fixed_text("waits for a server to answer"),
    ("ssl.py", "read"): _fixed_text("waits for data from a connection"),
    ("ssl.py", "do_handshake"): _fixed_text("waits for the other side's TLS handshake"),
    ("asyncio/tasks.py", "sleep"): _fixed_text("sleeps"),
    ("asyncio/queues.py", "get"): _fixed_text("waits for work"),
    ("asyncio/queues.py", "put"): _fixed_text("waits for a place in a full queue"),
    ("asyncio/locks.py", "acquire"): _fixed_text("waits for a lock or a semaphore"),
    ("asyncio/locks.py", "wait"): _fixed_text("waits to be notified by another task"),
    ("asyncio/streams.py", "_wait_for_data"): _fixed_text("waits for data from a connection"),
    ("asyncio/streams.py", "drain"): _fixed_text("waits until the other side has read"),
    ("asyncio/base_events.py", "wait_closed"): _fixed_text("waits for the connections of a server to close"),
    ("asyncio/base_events.py", "shutdown_default_executor"): _fixed_text(
        "waits for the jobs of the default thread pool"
    ),
}
