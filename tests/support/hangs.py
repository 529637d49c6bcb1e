"""The seventeen ways to hang, each with the frame that a diagnosis must name."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """\
import os, signal, sys, time
def ready():
    open(os.environ["HANG_READY"], "w").close()
if hasattr(signal, "alarm"):
    signal.alarm(120)
"""
"""An alarm of its own: nothing of a test may run on, whatever becomes of the test."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hang:
    """A program, and the (file, function) pairs that hang; ``task`` is the asyncio task that must be told."""

    source: str
    frames: tuple[tuple[str, str], ...]
    task: str = ""

    @property
    def program(self) -> str:
        return HEAD + self.source


def hang(source: str, *frames: str, task: str = "") -> Hang:
    pairs = [frame.rpartition(":")[::2] for frame in frames]
    return Hang(source=source, frames=tuple((file or "hang.py", function) for file, function in pairs), task=task)


DEADLOCK = """
import ctypes
mutex = ctypes.create_string_buffer(64)
library = ctypes.{library}(None)
library.pthread_mutex_lock(mutex)
def locks_twice():
    ready()
    library.pthread_mutex_lock(mutex)
locks_twice()
"""
CHILD = """
import subprocess
CHILD = '''
import os, time
def hangs_in_child():
    open(os.environ["HANG_READY"], "w").close()
    time.sleep(100)
hangs_in_child()
'''
open("child.py", "w").write(CHILD)
def waits_for_child():
    subprocess.call([sys.executable, {options} "child.py"])
waits_for_child()
"""

HANGS = {
    "time.sleep in main": hang("def naps():\n    ready(); time.sleep(100)\nnaps()", "naps"),
    "C deadlock that holds the GIL": hang(DEADLOCK.format(library="PyDLL"), "locks_twice"),
    "C deadlock, the GIL released": hang(DEADLOCK.format(library="CDLL"), "locks_twice"),
    "while True": hang("def spins():\n    ready()\n    while True:\n        pass\nspins()", "spins"),
    "non-daemon thread at exit": hang(
        "import threading, queue\n"
        "def worker():\n    ready(); queue.Queue().get()\n"
        "threading.Thread(target=worker, name='acme-worker-0').start()",
        "worker",
        "threading.py:_shutdown",
    ),
    "job of a thread pool at exit": hang(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def job():\n    ready(); time.sleep(100)\n"
        "ThreadPoolExecutor(1).submit(job)",
        "job",
        "thread.py:_python_exit",
    ),
    "atexit callback": hang("import atexit\n@atexit.register\ndef late():\n    ready(); time.sleep(100)", "late"),
    "__del__ of a global": hang(
        "class Last:\n    def __del__(self, ready=os.mkdir, file=os.environ['HANG_READY'], sleep=time.sleep):\n"
        "        ready(file); sleep(100)\nkept = Last()",
        "__del__",
    ),
    "__del__ while modules are taken apart": hang(
        "class Last:\n    def __del__(self, ready=os.mkdir, file=os.environ['HANG_READY'], sleep=time.sleep):\n"
        "        ready(file); sleep(100)\nsys.kept = Last()",
        "__del__",
    ),
    "asyncio: a gather that is never done": hang(
        "import asyncio\n"
        "async def part(gate):\n    await gate\n"
        "async def main():\n"
        "    gates = [asyncio.get_running_loop().create_future() for _ in range(2)]\n"
        "    asyncio.get_running_loop().call_later(0.01, ready)\n"
        "    await asyncio.gather(*map(part, gates))\n"
        "asyncio.run(main())",
        "main",
        "part",
        task="main",
    ),
    "asyncio: time.sleep in a coroutine": hang(
        "import asyncio\n"
        "async def waiting():\n    await asyncio.sleep(100)\n"
        "async def blocks():\n    await asyncio.sleep(0); ready(); time.sleep(100)\n"
        "async def main():\n    await asyncio.gather(waiting(), blocks())\n"
        "asyncio.run(main())",
        "blocks",
        "waiting",
        task="waiting",
    ),
    "hang in an import": hang(
        "open('slow.py', 'w').write(\"import os, time\\nopen(os.environ['HANG_READY'], 'w').close()\\n"
        'time.sleep(100)\\n")\nimport slow',
        "slow.py:<module>",
    ),
    "all signals blocked": hang(
        "signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
        "def masked():\n    ready(); time.sleep(100)\nmasked()",
        "masked",
    ),
    "handles the usual signals itself": hang(
        "def nothing(*_):\n    pass\n"
        "for name in 'SIGUSR1', 'SIGUSR2', 'SIGABRT', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT':\n"
        "    signal.signal(getattr(signal, name), nothing)\n"
        "def handles():\n    ready()\n    while True:\n        time.sleep(100)\nhandles()",
        "handles",
    ),
    "stderr closed": hang("os.close(2)\ndef silent():\n    ready(); time.sleep(100)\nsilent()", "silent"),
    "waits for a child that hangs": hang(CHILD.format(options=""), "waits_for_child", "child.py:hangs_in_child"),
    "the child that hangs was started with -I -S": hang(
        CHILD.format(options="'-I', '-S',"), "waits_for_child", "child.py:hangs_in_child"
    ),
}
UNSEEN = "the child that hangs was started with -I -S"
"""Without ptrace rights nobody sees into it: it loads no hook."""
