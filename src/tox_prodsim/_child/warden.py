"""The warden: starts the command, passes a stop on, and takes the tree down; between the guard and the command."""

from __future__ import annotations

import math
import os
import signal
import time

from command import launch
from description import describe_all, identity
from ending import EndingReport
from messages import Poller, SigchldWakeup, release_output
from stopwatch import Stopwatch
from tree import Tree

TYPE_CHECKING = False  # typing's own would have to be imported
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

    from containments import Containment
    from messages import JsonChannel

LEAK_GRACE_S = 0.5  # what a main process leaves behind may end by itself for so long
DISMISS_GRACE_S = 0.5  # and then has so long to answer SIGTERM
ORPHAN_GRACE_S = 1.0  # the whole tree, when the host is gone
KILL_LIMIT_S = 5.0  # what SIGKILL has not removed by then is unkillable: another user's, or in an uninterruptible wait
SHOWN = 50  # survivors described at most; a fork bomb must not fill the control socket


class Warden:
    """Starts the command, passes a stop on, and takes the tree down."""

    def __init__(self, host: JsonChannel, request: dict[str, Any], containment: Containment, lifeline: int) -> None:
        self.host = host
        self.request = request
        self.containment = containment
        self.wakeups = Wakeups(host.fd, lifeline)
        self.clock = Stopwatch()
        self.orders = Orders()
        self.report = EndingReport()
        self.tree = Tree(0)
        self.outputs = {file for file in map(identity, (1, 2)) if file}
        self.lost = ""  # why the run is lost; empty: it is not

    def run(self) -> None:
        """Start the command and see it through to the end of its tree."""
        if self.start():
            if self.host.early:
                self.receive()
            self.supervise()
            if self.lost:
                self.report.fields |= {"cause": "lost", "error": self.lost}
            self.host.send(event="ended", **self.report.fields)

    def start(self) -> bool:
        """Start the command and report to the host; return whether it runs."""
        try:
            self.tree.main, answer = launch(self.request, self.containment)
        except OSError as problem:
            answer = {"error": f"the supervising process could not fork: {problem.strerror}"}
        release_output()
        if "refused" in answer:
            self.host.send(event="not contained", error=answer["refused"])
        elif "error" in answer:
            self.host.send(event="not started", error=answer["error"])
        else:
            self.started(answer)
            return True
        if self.tree.main:
            os.waitpid(self.tree.main, 0)
        return False

    def started(self, answer: dict[str, Any]) -> None:
        """Note and report that the command runs."""
        self.report.spawned_at, self.report.queued_before_ns = answer["at"], answer["queued_ns"]
        known = {key: answer[key] for key in ("pid", "at", "queued_ns")}
        self.host.send(event="started", warden=self.containment.host_pid(), cgroup=self.containment.folder, **known)

    def supervise(self) -> None:
        """Wait for the end of the main process or for a stop, then for the end of everything else."""
        order = self.wait_for_main() or self.wait_for_kept()
        if order:
            self.stop(order)
        else:
            self.dismiss_left(DISMISS_GRACE_S)
        self.kill()

    def wait_for_main(self) -> dict[str, Any] | None:
        """Return the order that ends the command, or None when its main process has ended by itself."""
        while not self.is_gone() and not self.report.ended_at:
            if self.orders.stops:
                return self.orders.stops[0]
            self.wait(None)
        return None

    def wait_for_kept(self) -> dict[str, Any] | None:
        """Return the order that ends what the main process left, if that may live on; None when nothing is kept."""
        while self.request.get("keeps_left") and not self.is_gone():
            if self.orders.stops:
                return self.orders.stops[0]
            self.wait(None)
        return None

    def stop(self, order: dict[str, Any]) -> None:
        """Send the stop signal and wait: for the end of the tree when all of it got the signal, or of the main process.

        What the main process leaves then has the rest of the grace.
        """
        self.report.fields["cause"] = order["cause"]
        if self.orders.urgent:
            return
        until, to = self.clock.now() + order["grace_s"], order.get("to", "tree")
        self.signal_all(order["signal"], to)
        ended = self.holds_within(self.is_gone if to == "tree" else self.main_is_gone, order["grace_s"])
        if ended and to != "tree":
            self.dismiss_left(until - self.clock.now())
        elif not ended and not self.orders.urgent:
            self.report.fields |= {"forced": True, "unstopped": self.describe_alive()}

    def dismiss_left(self, grace_s: float) -> None:
        """Let what the main process left end by itself; report what does not, then ask that to end."""
        if not self.drained(LEAK_GRACE_S) and not self.orders.urgent:
            self.report.fields["survivors"] = self.describe_alive()
            self.signal_all(signal.SIGTERM)
            self.drained(grace_s)

    def drained(self, limit_s: float) -> bool:
        """Wait until nothing is left; False when the time is up, or when there is no time any more."""
        return self.holds_within(self.is_gone, limit_s)

    def holds_within(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Wait until the condition holds; False when the time is up, or when there is no time any more."""
        until = self.clock.now() + limit_s
        while not condition():
            left_s = min(until, self.orders.latest) - self.clock.now()
            if self.orders.urgent or left_s <= 0:
                return False
            self.wait(None if self.clock.is_halted else min(left_s, 0.05))
        return True

    def kill(self) -> None:
        """SIGKILL what is there until nothing is; what withstands for KILL_LIMIT_S is unkillable."""
        self.orders.urgent = True
        begun, pause_s = time.monotonic(), 0.002
        while not self.is_gone():
            if time.monotonic() >= begun + KILL_LIMIT_S:
                self.report.fields["unkillable"] = self.describe(self.tree.left()) or [self.unlisted()]
                return
            self.kill_all()
            self.wait(pause_s)
            if time.monotonic() >= begun + 1:
                pause_s = 0.05  # it will not be a matter of milliseconds any more

    def wait(self, limit_s: float | None) -> None:
        """Sleep until a child changes or a message arrives, ``limit_s`` seconds at most (None: for ever)."""
        for fd in self.wakeups.wait(limit_s):
            if fd == self.wakeups.lifeline:
                self.end_without_guard()
            elif fd == self.host.fd:
                self.receive()

    def end_without_guard(self) -> None:
        """Kill everything at once: nobody would, should this process die as well."""
        self.wakeups.remove(self.wakeups.lifeline)
        self.lost = "the guard of the run was killed"
        self.orders.add([{"cause": "lost", "signal": signal.SIGKILL, "grace_s": 0.0}])

    def receive(self) -> None:
        """Take in the messages of the host; when it is gone, the order is to end soon."""
        messages = self.host.receive()
        stops = [message for message in messages if "signal" in message]
        if self.host.gone:
            self.wakeups.remove(self.host.fd)
            stops.append({"cause": "stopped", "signal": signal.SIGTERM, "grace_s": ORPHAN_GRACE_S})
        for message in messages:
            if "suspended" in message:
                self.suspend() if message["suspended"] else self.resume()
        if stops:
            self.resume()
        if self.host.gone:
            self.orders.latest = self.clock.now() + ORPHAN_GRACE_S
        self.orders.add(stops)

    def suspend(self) -> None:
        """Stop the whole tree and its clock; a tree that is being killed is not stopped."""
        if not self.orders.urgent:
            self.clock.halt()
            self.tree.suspend()

    def resume(self) -> None:
        """Continue what ``suspend`` has stopped, and the clock."""
        self.clock.resume()
        self.tree.resume()

    def is_gone(self) -> bool:
        """Reap what has ended and return whether the kernel says that nothing is left."""
        if not self.report.ended_at:
            end = self.tree.main_end()
            if end is None:
                return False
            self.report.note_main_end(self.tree.main, end, self.clock.now())
            self.host.send(event="main", **self.report.of_main())
        return self.tree.is_gone()

    def main_is_gone(self) -> bool:
        """Reap what has ended and return whether the main process has ended."""
        return self.is_gone() or self.report.ended_at > 0

    def describe_alive(self) -> list[dict[str, Any]]:
        """Describe the processes of the run that are alive now, by their pids on the host."""
        return self.describe(self.tree.living())

    def describe(self, pids: list[int]) -> list[dict[str, Any]]:
        """Describe processes of the run, by their pids on the host."""
        host_pids, described = self.containment.host_pids(), describe_all(pids[:SHOWN], self.outputs)
        return [{**each, "pid": host_pids.get(each["pid"], each["pid"])} for each in described]

    def unlisted(self) -> dict[str, Any]:
        """Describe what the kernel knows to be there and /proc does not list, by the pid of this process."""
        command = "the supervising process, with a child that is not listed"
        return {"pid": self.containment.host_pid(), "command": command, "listens": []}

    def signal_all(self, number: int, to: str = "tree") -> None:
        """Signal the whole tree, or the part of it that is named."""
        self.report.note_signal(number, self.tree.signal(number, to), self.clock.now())

    def kill_all(self) -> None:
        """SIGKILL whatever is there now."""
        self.tree.kill_tracer()
        alive = self.tree.living()
        self.containment.kill()
        self.tree.kill(alive)
        self.report.note_kill(alive, self.clock.now())


class Wakeups:
    """What the warden waits for: the end of a child, a message of the host, the end of the guard."""

    def __init__(self, host: int, lifeline: int) -> None:
        self.lifeline = lifeline  # at its end of file the guard is dead
        self.sigchld = SigchldWakeup()
        self.poller = Poller()
        for fd in (self.sigchld.fileno, host, lifeline):
            self.poller.add(fd)

    def wait(self, limit_s: float | None) -> Iterator[int]:
        """Yield the file descriptors that are readable, within ``limit_s`` seconds (None: without a limit)."""
        yield from self.poller.wait(limit_s)
        self.sigchld.drain()

    def remove(self, fd: int) -> None:
        """Do not wait for this one any more: it is at its end of file."""
        self.poller.remove(fd)


class Orders:
    """What the host has ordered; the first stop counts, and SIGKILL always."""

    def __init__(self) -> None:
        self.stops: list[dict[str, Any]] = []
        self.urgent = False  # no grace any more
        self.latest = math.inf  # when every grace is over

    def add(self, stops: list[dict[str, Any]]) -> None:
        """Add orders to stop."""
        self.stops += stops
        self.urgent = self.urgent or any(stop["signal"] == signal.SIGKILL for stop in stops)
