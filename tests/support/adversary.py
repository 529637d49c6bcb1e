"""A command that misbehaves in one way: ``python -I -S adversary.py KIND FOLDER``; ``../torture/rogue.py`` has more.

Every process of it leaves a file ``pid-start`` in FOLDER, so that survivors are counted without asking the supervisor,
and carries an alarm of its own, so that not even a failing test leaves anything behind for long.
"""

import os
import signal
import sys
import time

KIND, FOLDER = sys.argv[1:3]
ALARM_S = 60
IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def register() -> None:
    signal.alarm(ALARM_S)
    pid = os.readlink("/proc/self")  # noqa: PTH115 - as below; not getpid, which differs in a pid namespace of its own
    start = stat("self")[19].decode()
    os.close(os.open(f"{FOLDER}/{pid}-{start}", os.O_CREAT | os.O_WRONLY))


def stat(pid: int | str) -> list[bytes]:
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs each process 5 ms
        return file.read().rpartition(b")")[2].split()


def ready() -> None:
    os.close(os.open(f"{FOLDER}/ready", os.O_CREAT | os.O_WRONLY))


def sleep(seconds: float = ALARM_S) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(1, max(0, end - time.monotonic())))


def ignore_signals() -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


def child(action, *, wait_for_it=True) -> int:
    """Fork; the child registers, does ``action`` and exits. Returns once the child says that it is ready."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        register()
        try:
            action(lambda: os.write(writer, b"!"))
        finally:
            os._exit(0)
    if wait_for_it:
        os.read(reader, 1)
    os.close(writer)
    os.close(reader)
    return pid


def sleeper(is_ready) -> None:
    is_ready()
    sleep()


def stubborn_sleeper(is_ready) -> None:
    ignore_signals()
    is_ready()
    sleep()


def session_sleeper(is_ready) -> None:
    ignore_signals()
    os.setsid()
    is_ready()
    sleep()


def daemonised(action):
    """Return an action that does ``action`` in a daemon: forked twice, in a session of its own."""

    def first(is_ready) -> None:
        os.setsid()
        child(action)
        is_ready()

    return first


def ghost(is_ready) -> None:
    ignore_signals()
    os.chdir("/")
    is_ready()
    os.closerange(0, 64)
    os.execve(sys.executable, [sys.executable, "-I", "-S", __file__, "deaf_main", FOLDER], {})


def stopped(is_ready) -> None:
    is_ready()
    os.kill(os.getpid(), signal.SIGSTOP)


def own_group(is_ready) -> None:
    ignore_signals()
    os.setpgid(0, 0)
    is_ready()
    sleep()


def hydra(generation: int) -> None:
    def heads(*_) -> None:
        if os.fork() == 0:
            register()
            os.setsid()
            hydra(generation + 1)
        os._exit(0)

    if generation < 30:
        signal.signal(signal.SIGTERM, heads)
    sleep()


def hopper(is_ready, pause_s: float = 0.001) -> None:
    """Never keep a pid for longer than the pause, for nine seconds or until somebody writes ``stop``."""
    ignore_signals()
    is_ready()
    end = time.monotonic() + 9
    while time.monotonic() < end and not os.path.exists(f"{FOLDER}/stop"):  # noqa: PTH110 - as above
        if os.fork():
            os._exit(0)
        register()
        os.setsid()
        time.sleep(pause_s)


def forker(is_ready) -> None:
    """Be deaf, and fork deaf children into sessions of their own, 50 in a second."""
    ignore_signals()
    is_ready()
    for _ in range(60):
        child(session_sleeper, wait_for_it=False)
        time.sleep(0.02)
    sleep()


def reaper(is_ready) -> None:
    is_ready()
    time.sleep(0.05)


def listener(is_ready) -> None:
    import socket  # noqa: PLC0415 - costs the others 5 ms

    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    is_ready()
    sleep()


def parent_of(pid: int) -> int:
    return int(stat(pid)[1])


def zoo() -> None:
    child(stubborn_sleeper)
    child(session_sleeper)
    child(daemonised(stubborn_sleeper))
    child(daemonised(ghost))
    child(stopped)


def supervisors(*numbers: int) -> None:
    """Signal the warden, then the guard."""
    warden = os.getppid()
    guard = parent_of(warden)
    zoo()
    ready()
    for pid, number in zip((guard, warden), numbers, strict=True):
        if number:
            os.kill(pid, number)


def prepare(kind: str) -> None:  # noqa: C901 - a flat table
    match kind:
        case "obedient":
            pass
        case "deaf_main":
            ignore_signals()
        case "deaf_grandchildren":
            for _ in range(2):
                child(lambda is_ready: (child(stubborn_sleeper), child(stubborn_sleeper), stubborn_sleeper(is_ready)))
        case "fan_out":
            for _ in range(50):
                child(stubborn_sleeper, wait_for_it=False)
        case "daemon":
            child(daemonised(stubborn_sleeper))
        case "ghost":
            child(daemonised(ghost))
        case "setpgid":
            child(own_group)
        case "stopped_child":
            child(stopped)
        case "stopped_main":
            ready()
            os.kill(os.getpid(), signal.SIGSTOP)
        case "hydra":
            ready()
            hydra(0)
        case "hopper":
            child(hopper)
        case "forker":
            child(forker)
        case "zombies":
            for _ in range(20):
                child(lambda is_ready: is_ready())
        case "orphans":
            for _ in range(100):
                child(daemonised(reaper))
            os._exit(5)
        case "zoo":
            ignore_signals()
            zoo()
        case "daemon_exit":
            child(daemonised(sleeper))
            os._exit(0)
        case "pipe_holder_exit":
            child(session_sleeper)
            os._exit(0)
        case "ghost_exit":
            child(daemonised(ghost))
            os._exit(0)
        case "hopper_exit":
            child(hopper)
            os._exit(0)
        case "listener_exit":
            child(listener)
            os._exit(0)
        case "late_child_exit":
            child(lambda is_ready: (is_ready(), time.sleep(0.2)))
            os._exit(0)
        case "kills_warden":
            supervisors(0, signal.SIGKILL)
        case "kills_guard":
            supervisors(signal.SIGKILL, 0)
        case "kills_both":
            child(session_sleeper)
            os.kill(parent_of(os.getppid()), signal.SIGKILL)
            os.kill(os.getppid(), signal.SIGKILL)
        case "stops_warden":
            supervisors(0, signal.SIGSTOP)
        case "stops_guard":
            supervisors(signal.SIGSTOP, 0)
        case "stops_both":
            supervisors(signal.SIGSTOP, signal.SIGSTOP)
        case "terminates_both":
            supervisors(signal.SIGTERM, signal.SIGHUP)
        case "stops_guard_kills_warden":
            supervisors(signal.SIGSTOP, signal.SIGKILL)


def main() -> None:
    register()
    prepare(KIND)
    ready()
    sleep()


if __name__ == "__main__":
    main()
