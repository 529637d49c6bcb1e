"""More commands that misbehave in one way each: ``python -I -S rogue.py KIND FOLDER [ends]``.

It has the kinds of ``../support/adversary.py`` too. With ``ends`` its main process exits with 7, 0.2 s after it is
ready, whatever the others do.
"""

import functools
import os
import signal
import sys
import time

sys.path.insert(0, f"{__file__.rpartition('/')[0]}/..")

from support import adversary
from support.adversary import (
    ALARM_S,
    FOLDER,
    child,
    hopper,
    ignore_signals,
    ready,
    register,
    sleep,
    stat,
    stubborn_sleeper,
    zoo,
)

EXIT_CODE = 7
CHILDREN = 60
FLOOD_BYTES = 200_000_000


def write_down(pid: int) -> None:
    """Register a process that cannot do so itself."""
    os.close(os.open(f"{FOLDER}/{pid}-{stat(pid)[19].decode()}", os.O_CREAT | os.O_WRONLY))


def quiet(*_) -> None:
    """Handle a signal, and do nothing."""


def flood(size: float) -> None:
    ready()
    line = b"x" * 9_999 + b"\n"
    while size > 0:
        os.write(1, line)
        size -= len(line)
    os._exit(0)


def flood_for_ever() -> None:
    ignore_signals()
    flood(float("inf"))


def pipe_holder() -> None:
    """Leave a deaf child in our session and group; it has our output."""
    child(stubborn_sleeper)
    ready()
    os._exit(0)


def zombies_for_ever() -> None:
    for _ in range(20):
        child(lambda is_ready: is_ready())


def hangs_at_exit() -> None:
    import atexit  # noqa: PLC0415 - costs the others time, here and below

    atexit.register(sleep)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def has_a_thread() -> None:
    import threading  # noqa: PLC0415

    threading.Thread(target=sleep).start()
    ready()
    sys.exit(0)


def is_stuck_in_asyncio() -> None:
    import asyncio  # noqa: PLC0415

    async def stuck() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, quiet)
        ready()
        await asyncio.gather(asyncio.get_running_loop().create_future())

    asyncio.run(stuck())


def deadlocks_in_c() -> None:
    """Lock a mutex twice with the GIL held: no signal handler of Python ever runs again."""
    import ctypes  # noqa: PLC0415

    signal.signal(signal.SIGTERM, quiet)
    mutex = ctypes.create_string_buffer(64)
    libc = ctypes.PyDLL(None)
    ready()
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


def respawning_master() -> None:
    """Be deaf, and replace each of four workers that ends, as an application server does."""
    ignore_signals()
    started = 0

    def fill(*_) -> None:
        nonlocal started
        while workers and os.waitpid(-1, os.WNOHANG)[0]:
            workers.pop()
        while len(workers) < 4 and started < CHILDREN:
            workers.append(child(default_sleeper, wait_for_it=False))
            started += 1

    workers: list[int] = []
    fill()
    ready()
    while True:
        time.sleep(0.005)
        try:
            fill()
        except ChildProcessError:
            workers.clear()


def default_sleeper(is_ready) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    is_ready()
    sleep()


def worker() -> None:
    register()
    sleep()


def multiprocesses() -> None:
    import multiprocessing  # noqa: PLC0415
    from multiprocessing import resource_tracker  # noqa: PLC0415

    context = multiprocessing.get_context("spawn")
    for _ in range(3):
        context.Process(target=worker).start()
    write_down(resource_tracker._resource_tracker._pid)


def starts_sleepers() -> None:
    """Start programs that are not Python's, in the group and in a session of its own."""
    for how in ({}, {"setsid": True}):
        pid = os.posix_spawn("/bin/sleep", ["sleep", str(ALARM_S)], {}, **how)
        write_down(pid)


def kills_its_supervisor() -> None:
    parent = os.getppid()
    zoo()
    ready()
    if parent > 1 and os.getppid() == parent:
        os.kill(parent, signal.SIGKILL)


def own_subreaper() -> None:
    """Adopt our own orphans, as a process manager does."""
    import ctypes  # noqa: PLC0415

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    zoo()


def first_thread_ends() -> None:
    """End the first thread of this process and of a child in a session of its own: both live on, zombies to /proc."""

    def session_child(is_ready) -> None:
        os.setsid()
        is_ready()
        go_on_in_a_thread(sleep)

    ignore_signals()
    child(session_child)
    ready()
    go_on_in_a_thread(to_the_end)


def first_thread_ends_exit() -> None:
    """Exit with 0, and leave a child in a session of its own whose first thread has ended."""

    def session_child(is_ready) -> None:
        ignore_signals()
        os.setsid()
        is_ready()
        go_on_in_a_thread(sleep)

    child(session_child)
    os._exit(0)


def go_on_in_a_thread(action) -> None:
    import ctypes  # noqa: PLC0415
    import threading  # noqa: PLC0415

    threading.Thread(target=action).start()
    ctypes.CDLL(None).pthread_exit(None)


def traces_the_warden() -> None:
    """Trace the warden, let it go on, and never ask for its end: so its parent is not told of it either."""

    def attach(ptrace, warden: int) -> None:
        ptrace(PTRACE_ATTACH, warden)
        os.waitpid(warden, 0)
        ptrace(PTRACE_CONT, warden)

    beside_the_zoo(attach)


def holds_the_warden() -> None:
    """Trace the warden and stop it so that nothing but SIGKILL ends that."""

    def hold(ptrace, warden: int) -> None:
        ptrace(PTRACE_SEIZE, warden)
        ptrace(PTRACE_INTERRUPT, warden)

    beside_the_zoo(hold)


PTRACE_CONT, PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 16, 0x4206, 0x4207


def beside_the_zoo(trace) -> None:
    """Let a child in a session of its own trace the warden."""
    import ctypes  # noqa: PLC0415

    warden, libc = os.getppid(), ctypes.CDLL(None, use_errno=True)

    def ptrace(request: int, pid: int) -> None:
        if libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), None, None) != 0:
            os._exit(1)

    def tracer(is_ready) -> None:
        ignore_signals()
        os.setsid()
        trace(ptrace, warden)
        is_ready()
        sleep()

    ignore_signals()
    zoo()
    child(tracer)


def starves_its_supervisors() -> None:
    """Let neither warden nor guard open a file any more."""
    import resource  # noqa: PLC0415

    warden = os.getppid()
    ignore_signals()
    zoo()
    for pid in (warden, adversary.parent_of(warden)):
        if pid:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0))


KINDS = {
    "flood200": functools.partial(flood, FLOOD_BYTES),
    "flood_forever": flood_for_ever,
    "pipe_holder": pipe_holder,
    "hangs_at_exit": hangs_at_exit,
    "has_a_thread": has_a_thread,
    "stuck_in_asyncio": is_stuck_in_asyncio,
    "deadlocks_in_c": deadlocks_in_c,
    "respawning_master": respawning_master,
    "multiprocesses": multiprocesses,
    "sleepers": starts_sleepers,
    "slow_hopper": lambda: child(functools.partial(hopper, pause_s=0.05)),
    "kills_its_supervisor": kills_its_supervisor,
    "own_subreaper": own_subreaper,
    "first_thread_ends": first_thread_ends,
    "first_thread_ends_exit": first_thread_ends_exit,
    "traces_the_warden": traces_the_warden,
    "holds_the_warden": holds_the_warden,
    "starves_its_supervisors": starves_its_supervisors,
}


def main() -> None:
    register()
    KINDS.get(adversary.KIND, functools.partial(adversary.prepare, adversary.KIND))()
    ready()
    to_the_end()


def to_the_end() -> None:
    """Exit as it was asked for, or sleep."""
    if sys.argv[3:] == ["ends"]:
        time.sleep(0.2)
        os._exit(EXIT_CODE)
    sleep()


if __name__ == "__main__":
    main()
