"""The guard: two processes between tox and a command, so that nothing of the command outlives the run.

    host (tox) ==control socket==> guard --fork--> warden --fork, exec--> the command and all below it

The warden is a subreaper: whatever the command leaves behind becomes its child. It starts the command, passes on a
stop, and is finished when the kernel answers ECHILD, never because a look at /proc found nothing (one look in 300
misses what is there). The guard above it only waits: should the warden be killed, the orphans become the guard's,
which kills them; should it be stopped, the guard continues it. End of file on the control socket: the host is gone.

Messages are JSON, one a line. From the host: first ``{argv, cwd, env}``, then ``{signal, grace_s, cause}`` to stop.
To the host: ``started`` or ``not started``, ``main`` when the main process has ended, then ``ended``, or ``lost`` from
the guard. Moments are seconds of CLOCK_MONOTONIC, which all processes share.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import select
import signal
import sys
import time
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, NoReturn

LEAK_GRACE_S = 0.5  # what a main process leaves behind may end by itself for so long
DISMISS_GRACE_S = 0.5  # and then has so long to answer SIGTERM
ORPHAN_GRACE_S = 1.0  # the whole tree, when the host is gone
KILL_LIMIT_S = 5.0  # what SIGKILL has not removed by then is unkillable: another user's, or in an uninterruptible wait
WARDEN_LIMIT_S = 8.0  # a warden that has not finished so long after the host is gone is stuck

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
FAULTS = {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
SHOWN = 50  # survivors described at most; a fork bomb must not fill the control socket


def begin(control: int) -> None:
    """Be the guard of one run; what goes wrong is told to the host."""
    try:
        guard(control)
    except BaseException as problem:
        Line(control).tell(event="trouble", error=f"{type(problem).__name__}: {problem}")
        raise


def guard(control: int) -> None:
    """Fork the warden, and watch over it to its end."""
    os.set_inheritable(control, False)  # noqa: FBT003 - positional-only
    deafen()
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    # The death of the host (or of the thread that started us) wakes a guard that somebody has stopped.
    prctl(PR_SET_PDEATHSIG, signal.SIGCONT)
    me = os.getpid()
    warden = os.fork()
    if warden == 0:
        be_warden(control, me)
    release_output()
    keep(warden, control)


def be_warden(control: int, guard: int) -> NoReturn:
    """Be the warden of one run; the exit code 0 promises the guard that the host was told how it ended."""
    host = Line(control)
    try:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        prctl(PR_SET_PDEATHSIG, signal.SIGCHLD)
        Warden(host, guard).run()
    except BaseException as problem:  # noqa: BLE001 - whatever it is, the guard must take over and the host must know
        host.tell(event="trouble", error=f"{type(problem).__name__}: {problem}")
        os._exit(70)
    if os.getppid() == guard:
        os.kill(guard, signal.SIGCONT)
    os._exit(0)


def keep(warden: int, control: int) -> None:
    """Wait for the warden, continue it when it is stopped, and clean up after it when it dies."""
    bell, poller = Bell(), select.poll()
    poller.register(bell.fileno, select.POLLIN)
    poller.register(control, select.POLLRDHUP)
    give_up_at: float | None = None
    while True:
        change = os.waitid(os.P_PID, warden, os.WEXITED | os.WSTOPPED | os.WNOHANG)
        if change and change.si_code in {os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED}:
            break
        if change or (give_up_at is not None and time.monotonic() >= give_up_at):
            os.kill(warden, signal.SIGCONT if change else signal.SIGKILL)
        for fd, _ in poller.poll(None if give_up_at is None else 100):
            if fd == control:
                poller.unregister(control)
                give_up_at = time.monotonic() + WARDEN_LIMIT_S
        bell.drain()
    kill_orphans(bell)
    if change.si_status != 0:
        how = "exit code" if change.si_code == os.CLD_EXITED else "signal"
        Line(control).tell(event="lost", error=f"the supervising process died ({how} {change.si_status})")


def kill_orphans(bell: Bell) -> None:
    """Kill what the warden left, until the kernel says that no child remains; gives up after KILL_LIMIT_S."""
    me, give_up_at = os.getpid(), time.monotonic() + KILL_LIMIT_S
    while not no_child_left() and time.monotonic() < give_up_at:
        for pid in descendants(me):
            send(pid, signal.SIGKILL)
        bell.wait(0.002)


class Warden:
    """Starts the command, passes a stop on, and takes the tree down."""

    def __init__(self, host: Line, guard: int) -> None:
        self.host = host
        self.guard = guard
        self.me = os.getpid()
        self.bell = Bell()
        self.poller = select.poll()
        self.orders: list[dict[str, Any]] = []
        self.urgent = False  # no grace any more
        self.latest = math.inf  # when every grace is over
        self.lost = ""
        self.main = 0
        self.main_reaped = False  # while it is a zombie its pid and its group stay ours
        self.spawned_at = self.ended_at = 0.0
        self.queued_ns = 0  # before its exec
        self.killed: set[int] = set()
        self.ending: dict[str, Any] = {"cause": "", "code": None, "signal": None, "duration_s": 0.0, "error": ""}
        self.ending |= {"signals": [], "survivors": [], "unkillable": [], "forced": False, "waited_for_cpu_s": 0.0}

    def run(self) -> None:
        """Start the command and see it through to the end of its tree."""
        request = self.host.first()
        if request is None:
            return
        self.main, said = launch(request, self.me)
        release_output()
        if "error" in said:
            os.waitpid(self.main, 0)
            self.host.tell(event="not started", error=said["error"])
            return
        self.spawned_at, self.queued_ns = said["at"], said["queued_ns"]
        self.host.tell(event="started", pid=self.main, warden=self.me, at=self.spawned_at)
        self.poller.register(self.bell.fileno, select.POLLIN)
        self.poller.register(self.host.fd, select.POLLIN)
        self.see_through()
        if self.lost:
            self.ending |= {"cause": "lost", "error": self.lost}
        self.host.tell(event="ended", **self.ending)

    def see_through(self) -> None:
        """Wait for the end of the main process or for a stop, then for the end of everything else."""
        order = self.watch()
        if order:
            self.stop(order)
        elif not self.drained(LEAK_GRACE_S) and not self.urgent:
            self.ending["survivors"] = self.alive()
            self.wave(signal.SIGTERM)
            self.drained(DISMISS_GRACE_S)
        self.kill()

    def watch(self) -> dict[str, Any] | None:
        """Return the order that ends the command, or None when its main process has ended by itself."""
        while not self.empty() and not self.ended_at:
            if self.orders:
                return self.orders[0]
            self.rest(None)
        return None

    def stop(self, order: dict[str, Any]) -> None:
        """Send the stop signal to the tree and wait for its end, or for the end of the grace."""
        self.ending["cause"] = order["cause"]
        if not self.urgent:
            self.wave(order["signal"])
            self.ending["forced"] = not self.drained(order["grace_s"]) and not self.urgent

    def drained(self, limit_s: float) -> bool:
        """Wait until nothing is left; False when the time is up, or when there is no time any more."""
        until = time.monotonic() + limit_s
        while not self.empty():
            left_s = min(until, self.latest) - time.monotonic()
            if self.urgent or left_s <= 0:
                return False
            self.rest(min(left_s, 0.05))
        return True

    def kill(self) -> None:
        """SIGKILL what is there until nothing is; what withstands for KILL_LIMIT_S is unkillable."""
        until = time.monotonic() + KILL_LIMIT_S
        while not self.empty():
            if time.monotonic() >= until:
                self.ending["unkillable"] = self.alive()
                return
            self.kill_wave()
            self.rest(0.002)

    def rest(self, limit_s: float | None) -> None:
        """Sleep until a child changes or the host speaks, ``limit_s`` seconds at most (None: for ever)."""
        if os.getppid() != self.guard and not self.lost:
            self.lost = "the guard of the run was killed"
            self.orders.append({"cause": "lost", "signal": signal.SIGKILL, "grace_s": 0.0})
            self.urgent = True
            return
        for fd, _ in self.poller.poll(None if limit_s is None else limit_s * 1000):
            if fd == self.host.fd:
                self.listen()
        self.bell.drain()

    def listen(self) -> None:
        """Take in the orders of the host; when it is gone, the order is to end soon."""
        self.orders += self.host.receive()
        if self.host.gone:
            self.poller.unregister(self.host.fd)
            self.orders.append({"cause": "stopped", "signal": signal.SIGTERM, "grace_s": ORPHAN_GRACE_S})
            self.latest = time.monotonic() + ORPHAN_GRACE_S
        self.urgent = self.urgent or any(order["signal"] == signal.SIGKILL for order in self.orders)

    def empty(self) -> bool:
        """Reap what has ended and return whether the kernel says that nothing is left; the main process goes last."""
        if not self.ended_at and not self.look_at_main():
            return False
        if not self.main_reaped:
            left = [pid for pid in children(self.me) if pid != self.main and not reaped(pid)]
            if left:
                return False
            os.waitpid(self.main, 0)
            self.main_reaped = True
        return no_child_left()

    def look_at_main(self) -> bool:
        """Reap ended orphans and return whether the main process has ended, without reaping that one."""
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == self.main:
                self.main_ended(ended)
                return True
            os.waitpid(ended.si_pid, 0)
        return False

    def main_ended(self, how: os.waitid_result) -> None:
        """Note when and how the main process ended."""
        self.ended_at = time.monotonic()
        by_itself = how.si_code == os.CLD_EXITED
        self.ending["cause"] = self.ending["cause"] or ("exited" if by_itself else "signalled")
        self.ending["code" if by_itself else "signal"] = how.si_status
        self.ending["duration_s"] = self.ended_at - self.spawned_at
        self.ending["waited_for_cpu_s"] = max(0.0, (queued_ns(self.main) - self.queued_ns) / 1e9)
        self.host.tell(event="main")

    def living(self) -> list[int]:
        """Return what is below us and no zombie."""
        return [pid for pid in descendants(self.me) if stat(pid)[0] not in "ZX"]

    def alive(self) -> list[dict[str, Any]]:
        """Describe the processes of the run that are alive now."""
        return [describe(pid) for pid in self.living()[:SHOWN]]

    def wave(self, number: int) -> None:
        """Send a signal to the main process's group and to everybody outside of it, then continue the stopped."""
        alive = self.living()
        outside = [pid for pid in alive if self.main_reaped or stat(pid)[2] != self.main]
        for each in (number, signal.SIGCONT):
            self.to_group(each)
            for pid in outside:
                send(pid, each)
        self.note(number, len(alive))

    def kill_wave(self) -> None:
        """SIGKILL whatever is there now."""
        alive = self.living()
        self.to_group(signal.SIGKILL)
        for pid in alive:
            send(pid, signal.SIGKILL)
        if not self.killed:
            self.note(signal.SIGKILL, 0)
        self.killed.update(alive)
        self.ending["signals"][-1]["pids"] = len(self.killed)

    def to_group(self, number: int) -> None:
        """Signal the main process's group: one step for the kernel, so that a fork cannot slip through."""
        if not self.main_reaped:
            with suppress(OSError):
                os.killpg(self.main, number)

    def note(self, number: int, pids: int) -> None:
        """Remember a wave of signals for the ending."""
        at_s = time.monotonic() - self.spawned_at
        self.ending["signals"].append({"name": signal.Signals(number).name, "at_s": at_s, "pids": pids})


def launch(request: dict[str, Any], warden: int) -> tuple[int, dict[str, Any]]:
    """Fork and exec the command; return its pid and what it said: the moment of its exec, or an error."""
    told, tell = os.pipe()  # close-on-exec: end of file means that the command is running
    pid = os.fork()
    if pid == 0:
        become(request, Line(tell), warden)
    os.close(tell)
    said: dict[str, Any] = {}
    child = Line(told)
    while not child.gone:
        for message in child.receive():
            said |= message
    os.close(told)
    return pid, said or {"error": "it was killed before it could start"}


def become(request: dict[str, Any], parent: Line, warden: int) -> NoReturn:
    """Turn this fork into the command: in a session of its own, signals at their defaults, dead if the warden dies."""
    argv, cwd = request["argv"], request["cwd"]
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != warden:
            os._exit(127)
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.chdir(cwd)
        parent.tell(queued_ns=queued_ns("self"), at=time.monotonic())
        os.execvpe(argv[0], argv, request["env"])  # noqa: S606 - no shell is the point
    except BaseException as problem:  # noqa: BLE001 - this is a fork: nothing may run on in here
        parent.tell(error=why_not(problem, argv[0], cwd))
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


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; raises OSError when the kernel refuses."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) is refused")


def deafen() -> None:
    """Ignore every signal that can be ignored, but SIGCHLD: the kernel reaps by itself for who ignores that one."""
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - FAULTS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGCHLD else signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def release_output() -> None:
    """Let go of the command's stdin, stdout and stderr: only the command may hold them."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd, inheritable=False)
    os.close(null)


class Bell:
    """Makes SIGCHLD visible to poll(2)."""

    def __init__(self) -> None:
        self.fileno, self._ring = os.pipe()
        os.set_blocking(self.fileno, False)
        os.set_blocking(self._ring, False)
        signal.set_wakeup_fd(self._ring, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def drain(self) -> None:
        """Forget the signals that came; one look at the children answers all of them."""
        with suppress(BlockingIOError):
            os.read(self.fileno, 65536)

    def wait(self, limit_s: float) -> None:
        """Sleep until a child changes, ``limit_s`` seconds at most."""
        select.select([self.fileno], [], [], limit_s)
        self.drain()


class Line:
    """JSON messages over the control socket; ``gone`` is set when the other end has closed it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.gone = False
        self._rest = b""

    def first(self) -> dict[str, Any] | None:
        """Wait for one message; None when the other end is gone before it is complete."""
        while not self.gone:
            for message in self.receive():
                return message
        return None

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages that have come; blocks when there is nothing to read."""
        try:
            chunk = os.read(self.fd, 1 << 20)
        except ConnectionError:
            chunk = b""
        self.gone = not chunk
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def tell(self, **message: Any) -> None:
        """Send a message; nobody may be there to hear it."""
        data = json.dumps(message).encode() + b"\n"
        with suppress(OSError):
            while data:
                data = data[os.write(self.fd, data) :]


def no_child_left() -> bool:
    """Reap what has ended and return whether the kernel says ECHILD: the one proof that a tree is gone."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return False
    return True


def reaped(pid: int) -> bool:
    """Reap this child if it has ended and return whether it is gone."""
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    return True


def send(pid: int, number: int) -> None:
    """Signal a process that was just found below us, if at this moment it still is.

    Our own children keep their pid until we reap them. Any other pid may have changed hands since: the pidfd holds on
    to one process, the look at its ancestors that follows says whether the pid's present owner is below us, and if
    the two differ, the pidfd's process is dead and the signal goes nowhere.
    """
    me = os.getpid()
    with suppress(OSError, AttributeError):  # ended; or no pidfd here: then its turn comes when it is our child
        if stat(pid)[1] == me:
            os.kill(pid, number)
            return
        handle = os.pidfd_open(pid)
        try:
            if is_below(pid, me):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def is_below(pid: int, top: int) -> bool:
    """Return whether the parents of a process lead to ``top``."""
    for _ in range(4096):
        pid = stat(pid)[1]
        if pid == top:
            return True
        if pid <= 1:
            return False
    return False


def descendants(top: int) -> list[int]:
    """Return the pids below ``top``, nearest first; may miss some in a tree that is changing."""
    below = children if LISTS_CHILDREN else by_parent().__getitem__
    found: dict[int, None] = {}
    queue = list(below(top))
    while queue:
        pid = queue.pop(0)
        if pid not in found:
            found[pid] = None
            queue += below(pid)
    return list(found)


def children(pid: int) -> list[int]:
    """Return the children of all threads of a process; may miss some while they come and go."""
    if not LISTS_CHILDREN:
        return by_parent()[pid]
    with suppress(OSError):
        tasks = os.listdir(f"/proc/{pid}/task")
        return [int(child) for task in tasks for child in read(f"/proc/{pid}/task/{task}/children").split()]
    return []


LISTS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # CONFIG_PROC_CHILDREN


def by_parent() -> dict[int, list[int]]:
    """Return the children of every process, for a kernel that does not list them; slower, one scan of /proc."""
    found: dict[int, list[int]] = defaultdict(list)
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        found[stat(pid)[1]].append(pid)
    return found


def stat(pid: int) -> tuple[str, int, int]:
    """Return state, parent and process group; ("X", 0, 0) when it does not exist."""
    fields = read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return (fields[0].decode(), int(fields[1]), int(fields[2])) if len(fields) > 2 else ("X", 0, 0)


def read(path: str) -> bytes:
    """Return what a file says; nothing when it cannot be read, as when its process has ended."""
    with suppress(OSError), open(path, "rb") as file:
        return file.read()
    return b""


def queued_ns(pid: int | str) -> int:
    """Return how long the first thread of a process was ready to run and had to queue; a zombie still knows."""
    times = read(f"/proc/{pid}/schedstat").split()
    return int(times[1]) if len(times) > 1 else 0


def describe(pid: int) -> dict[str, Any]:
    """Return pid, command line and listening sockets."""
    words = read(f"/proc/{pid}/cmdline").rstrip(b"\0").replace(b"\0", b" ") or read(f"/proc/{pid}/comm").strip()
    return {"pid": pid, "command": words[:300].decode("utf-8", "replace"), "listens": listens(pid)}


def listens(pid: int) -> list[str]:
    """Return the TCP addresses that a process listens on, such as ``127.0.0.1:8000`` or ``[::]:8000``."""
    inodes = set()
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                inodes.add(os.readlink(f"/proc/{pid}/fd/{fd}")[8:-1].encode())  # socket:[12345]
    tables = read(f"/proc/{pid}/net/tcp").splitlines()[1:] + read(f"/proc/{pid}/net/tcp6").splitlines()[1:]
    rows = [line.split() for line in tables]
    return sorted(address(row[1].decode()) for row in rows if row[3] == b"0A" and row[9] in inodes)[:SHOWN]


def address(text: str) -> str:
    """Return host and port from ``0100007F:1F90``: each 32-bit word of the host in the byte order of this machine."""
    from socket import AF_INET, AF_INET6, inet_ntop  # noqa: PLC0415 - costs 5 ms and is needed only for a leak

    words, _, port = text.partition(":")
    raw = b"".join(int(words[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(words), 8))
    host = inet_ntop(AF_INET, raw) if len(raw) == 4 else f"[{inet_ntop(AF_INET6, raw)}]"
    return f"{host}:{int(port, 16)}"
