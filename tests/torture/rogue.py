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
}


def main() -> None:
    register()
    KINDS.get(adversary.KIND, functools.partial(adversary.prepare, adversary.KIND))()
    ready()
    if sys.argv[3:] == ["ends"]:
        time.sleep(0.2)
        os._exit(EXIT_CODE)
    sleep()


if __name__ == "__main__":
    main()
