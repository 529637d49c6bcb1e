"""The warden: starts the command, passes a stop on, and takes the tree down; between the guard and the command."""

from __future__ import annotations

import math
import os
import select
import signal
import time
from contextlib import suppress

from command import launch
from description import describe_all, identity
from messages import SigchldWakeup, release_output
from processes import children, descendants, no_child_left, queued_ns, reaped, send, stat
from stopwatch import Stopwatch

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Any

    from enclosures import Containment
    from messages import JsonChannel

LEAK_GRACE_S = 0.5  # what a main process leaves behind may end by itself for so long
DISMISS_GRACE_S = 0.5  # and then has so long to answer SIGTERM
ORPHAN_GRACE_S = 1.0  # the whole tree, when the host is gone
KILL_LIMIT_S = 5.0  # what SIGKILL has not removed by then is unkillable: another user's, or in an uninterruptible wait
SUSPEND_LOOKS = 50  # a tree that is not at rest after so many looks has a process that cannot be stopped
SHOWN = 50  # survivors described at most; a fork bomb must not fill the control socket


class Warden:
    """Starts the command, passes a stop on, and takes the tree down."""

    def __init__(self, host: JsonChannel, request: dict[str, Any], enclosure: Containment, lifeline: int) -> None:
        self.host = host
        self.request = request
        self.enclosure = enclosure
        self.lifeline = lifeline  # at its end of file the guard is dead
        self.me = os.getpid()
        self.bell = SigchldWakeup()
        self.poller = select.poll()
        self.clock = Stopwatch()
        self.suspended: set[int] = set()  # what we have stopped; not what had stopped itself
        self.orders: list[dict[str, Any]] = []
        self.urgent = False  # no grace any more
        self.latest = math.inf  # when every grace is over
        self.lost = ""
        self.main = 0
        self.main_reaped = False  # while it is a zombie its pid and its group stay ours
        self.spawned_at = self.ended_at = 0.0
        self.queued_ns = 0  # before its exec
        self.killed: set[int] = set()
        self.outputs = {file for file in map(identity, (1, 2)) if file}
        self.ending: dict[str, Any] = {"cause": "", "code": None, "signal": None, "duration_s": 0.0, "error": ""}
        self.ending["core_dumped"] = False
        self.ending |= {"signals": [], "survivors": [], "unkillable": [], "forced": False, "waited_for_cpu_s": 0.0}

    def run(self) -> None:
        """Start the command and see it through to the end of its tree."""
        if self.start():
            for fd in (self.bell.fileno, self.host.fd, self.lifeline):
                self.poller.register(fd, select.POLLIN)
            if self.host.early:
                self.listen()
            self.see_through()
            if self.lost:
                self.ending |= {"cause": "lost", "error": self.lost}
            self.host.tell(event="ended", **self.ending)

    def start(self) -> bool:
        """Start the command and tell the host; return whether it runs."""
        try:
            self.main, said = launch(self.request, self.enclosure)
        except OSError as problem:
            said = {"error": f"the supervising process could not fork: {problem.strerror}"}
        release_output()
        if "refused" in said:
            self.host.tell(event="not contained", error=said["refused"])
        elif "error" in said:
            self.host.tell(event="not started", error=said["error"])
        else:
            self.spawned_at, self.queued_ns = said["at"], said["queued_ns"]
            own_pid, cgroup = self.enclosure.own_pid(), self.enclosure.folder
            self.host.tell(event="started", pid=said["pid"], warden=own_pid, at=self.spawned_at, cgroup=cgroup)
            return True
        if self.main:
            os.waitpid(self.main, 0)
        return False

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
        until = self.clock.now() + limit_s
        while not self.empty():
            left_s = min(until, self.latest) - self.clock.now()
            if self.urgent or left_s <= 0:
                return False
            self.rest(None if self.clock.is_halted else min(left_s, 0.05))
        return True

    def kill(self) -> None:
        """SIGKILL what is there until nothing is; what withstands for KILL_LIMIT_S is unkillable."""
        self.urgent = True
        begun, pause_s = time.monotonic(), 0.002
        while not self.empty():
            if time.monotonic() >= begun + KILL_LIMIT_S:
                self.ending["unkillable"] = self.alive()
                return
            self.kill_wave()
            self.rest(pause_s)
            if time.monotonic() >= begun + 1:
                pause_s = 0.05  # it will not be a matter of milliseconds any more

    def rest(self, limit_s: float | None) -> None:
        """Sleep until a child changes or somebody speaks, ``limit_s`` seconds at most (None: for ever)."""
        for fd, _ in self.poller.poll(None if limit_s is None else math.ceil(limit_s * 1000)):
            if fd == self.lifeline:
                self.end_without_guard()
            elif fd == self.host.fd:
                self.listen()
        self.bell.drain()

    def end_without_guard(self) -> None:
        """Kill everything at once: nobody would, should this process die as well."""
        self.poller.unregister(self.lifeline)
        self.lost = "the guard of the run was killed"
        self.orders.append({"cause": "lost", "signal": signal.SIGKILL, "grace_s": 0.0})
        self.urgent = True

    def listen(self) -> None:
        """Take in what the host says; when it is gone, the order is to end soon."""
        messages = self.host.receive()
        orders = [message for message in messages if "signal" in message]
        if self.host.gone:
            self.poller.unregister(self.host.fd)
            orders.append({"cause": "stopped", "signal": signal.SIGTERM, "grace_s": ORPHAN_GRACE_S})
        for message in messages:
            if "suspended" in message:
                self.suspend() if message["suspended"] else self.resume()
        if orders:
            self.resume()
        if self.host.gone:
            self.latest = self.clock.now() + ORPHAN_GRACE_S
        self.orders += orders
        self.urgent = self.urgent or any(order["signal"] == signal.SIGKILL for order in orders)

    def suspend(self) -> None:
        """Stop the whole tree and its clock; a tree that is being killed is not stopped."""
        if self.urgent:
            return
        self.clock.halt()
        for _ in range(SUSPEND_LOOKS):
            running = [pid for pid in self.living() if stat(pid)[0] not in "Tt"]
            for pid in running:
                send(pid, signal.SIGSTOP)
            self.suspended.update(running)
            if not running:
                return
            time.sleep(0.001)

    def resume(self) -> None:
        """Continue what ``suspend`` has stopped, and the clock."""
        self.clock.go_on()
        for pid in self.suspended:
            send(pid, signal.SIGCONT)
        self.suspended.clear()

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
        self.ended_at = self.clock.now()
        by_itself = how.si_code == os.CLD_EXITED
        self.ending["core_dumped"] = how.si_code == os.CLD_DUMPED
        self.ending["cause"] = self.ending["cause"] or ("exited" if by_itself else "signalled")
        self.ending["code" if by_itself else "signal"] = how.si_status
        self.ending["duration_s"] = self.ended_at - self.spawned_at
        self.ending["waited_for_cpu_s"] = max(0.0, (queued_ns(self.main) - self.queued_ns) / 1e9)
        self.host.tell(event="main")

    def living(self) -> list[int]:
        """Return what is below us and no zombie."""
        return [pid for pid in descendants(self.me) if stat(pid)[0] not in "ZX"]

    def alive(self) -> list[dict[str, Any]]:
        """Describe the processes of the run that are alive now, by their pids on the host."""
        pids, outside = self.living()[:SHOWN], self.enclosure.pids()
        return [{**each, "pid": outside.get(each["pid"], each["pid"])} for each in describe_all(pids, self.outputs)]

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
        self.enclosure.kill()
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
        at_s = self.clock.now() - self.spawned_at
        self.ending["signals"].append({"name": signal.Signals(number).name, "at_s": at_s, "pids": pids})
