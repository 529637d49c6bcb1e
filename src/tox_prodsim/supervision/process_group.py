"""Supervision where there are no subreapers: a thread that speaks the guard's messages, and does what it can.

It has a process group and what psutil has seen of the tree: what leaves the group *and* its parent escapes, and all
of it outlives a host that is killed. Windows has no such groups: there it is psutil alone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tox_prodsim.supervision.clock import Clock
from tox_prodsim.supervision.diagnosis import lives, living_thread
from tox_prodsim.supervision.ending import KILL, Cause

HAS_GROUPS = hasattr(os, "killpg")
_WINDOWS_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""Without it a CTRL_BREAK_EVENT would reach tox as well."""
LEAK_GRACE_S = 0.5
DISMISS_GRACE_S = 0.5
KILL_LIMIT_S = 5.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.2
"""Between two scans of the tree, each of which is costly: the shorter after a change, as forks come in bursts."""
_HOST_GONE: Mapping[str, Any] = {"signal": int(KILL), "grace_s": 0, "cause": "stopped"}


class GroupWarden(threading.Thread):
    """Does what the warden does where there are no subreapers: with a process group, and what psutil has seen."""

    _tree: _GroupTree

    def __init__(self, control: socket.socket, files: Mapping[str, int | None]) -> None:
        super().__init__(daemon=True)
        self._host = _HostSocket(control)
        self._files = _Files(files)
        self._clock = Clock()
        self._report = _EndingReport(self._clock)
        self._order: Mapping[str, Any] | None = None
        self._urgent = False
        self._pause_s = SHORTEST_PAUSE_S
        self.start()

    def run(self) -> None:
        """See one command through, from its start to the end of what can be found of it."""
        with self._host:
            request = self._host.receive()
            if request and (main := self._launch(request)):
                self._tree = _GroupTree(psutil.Process(main.pid))
                self._host.send(event="started", pid=main.pid, warden=0, at=self._report.spawned_at, cgroup="")
                self._supervise()
                if self._report.ended_at is None and not lives(self._tree.main):
                    self._report.ended_at = self._clock.now()
                self._report.note_exit(main)
                self._host.send(event="ended", **self._report.fields)

    def _launch(self, request: Mapping[str, Any]) -> subprocess.Popen[bytes] | None:
        """Start the command; None if that fails, which is reported to the host."""
        self._report.spawned_at = time.monotonic()
        try:
            return _popen(request, self._files.copies)
        except OSError as problem:
            self._host.send(event="not started", error=f"{problem.filename or request['argv'][0]}: {problem.strerror}")
        except ValueError as problem:
            self._host.send(event="not started", error=f"{request['argv'][0]}: {problem}")
        finally:
            self._files.close()
        return None

    def _supervise(self) -> None:
        """Wait for the end of the main process or for a stop, then for the end of everything else."""
        while self._report.ended_at is None and not self._order:
            self._wait()
        if self._order and self._report.ended_at is None:
            self._report.fields["cause"] = self._order["cause"]
            if not self._urgent:
                self._stop(self._order)
        else:
            self._dismiss_left(DISMISS_GRACE_S)
        self._kill()

    def _stop(self, order: Mapping[str, Any]) -> None:
        """Send the stop signal and wait, as the warden does."""
        until, to = self._clock.now() + order["grace_s"], order.get("to", "tree")
        self._signal_all(order["signal"], to)
        ended = self._holds_within(self._is_gone if to == "tree" else self._main_is_gone, order["grace_s"])
        if ended and to != "tree":
            self._dismiss_left(until - self._clock.now())
        elif not ended and not self._urgent:
            self._report.fields |= {"forced": True, "unstopped": self._describe_alive()}

    def _dismiss_left(self, grace_s: float) -> None:
        """Let what the main process left end by itself; report what does not, then ask that to end."""
        if not self._drained(LEAK_GRACE_S) and not self._urgent:
            self._report.fields["survivors"] = self._describe_alive()
            self._signal_all(signal.SIGTERM)
            self._drained(grace_s)

    def _kill(self) -> None:
        """SIGKILL what is known and what still appears; what withstands for KILL_LIMIT_S is unkillable."""
        self._urgent = True
        give_up_at = time.monotonic() + KILL_LIMIT_S
        if self._tree.alive():
            self._signal_all(KILL)
        while self._tree.alive() and time.monotonic() < give_up_at:
            self._wait()
            self._tree.send(KILL)
        self._report.fields["unkillable"] = self._describe_alive()

    def _describe_alive(self) -> list[dict[str, Any]]:
        return [_describe(process, self._files.outputs) for process in self._tree.alive()]

    def _drained(self, limit_s: float) -> bool:
        """Wait until nothing that is known is alive; False when the time is up, or when there is no time any more."""
        return self._holds_within(self._is_gone, limit_s)

    def _is_gone(self) -> bool:
        return not self._tree.alive()

    def _main_is_gone(self) -> bool:
        return not lives(self._tree.main)

    def _holds_within(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Wait until the condition holds; False when the time is up, or when there is no time any more."""
        until = self._clock.now() + limit_s
        while not condition():
            if self._urgent or self._clock.now() >= until:
                return False
            self._wait()
        return True

    def _wait(self) -> None:
        """Wait for the host for a moment, and scan the tree: more often while it is changing or is to end."""
        is_growing = self._scan()
        is_busy = is_growing or self._order or self._report.ended_at is not None
        self._pause_s = SHORTEST_PAUSE_S if is_busy else min(self._pause_s * 1.2, LONGEST_PAUSE_S)
        if self._host.is_readable(self._pause_s):
            self._obey(self._host.receive() or _HOST_GONE)

    def _obey(self, message: Mapping[str, Any]) -> None:
        """Suspend, resume or stop; the first stop counts, and SIGKILL always."""
        if "suspended" in message:
            self._suspend() if message["suspended"] and not self._urgent else self._resume()
            return
        self._resume()
        self._order = self._order or message
        self._urgent = self._urgent or message["signal"] == KILL

    def _suspend(self) -> None:
        """Stop the tree and the clock, as far as the tree is known."""
        self._clock.halt()
        self._scan()
        self._tree.suspend()

    def _resume(self) -> None:
        """Continue what ``_suspend`` has stopped, and the clock."""
        self._clock.resume()
        self._tree.resume()

    def _scan(self) -> bool:
        """Scan the tree and report the end of the main process; return whether there are more processes."""
        is_growing = self._tree.scan()
        if self._report.ended_at is None and not lives(self._tree.main):
            self._report.ended_at = self._clock.now()
            self._host.send(event="main")
        return is_growing

    def _signal_all(self, number: int, to: str = "tree") -> None:
        self._scan()
        self._report.note_signal(number, 1 if to == "main" else len(self._tree.alive()))
        self._tree.send(number, to)
        if HAS_GROUPS:
            self._tree.send(signal.SIGCONT)


class _HostSocket:
    """The supervisor's end of the control socket: JSON messages, one a line."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lines = control.makefile("rwb", buffering=0)

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._control.close()

    def is_readable(self, limit_s: float) -> bool:
        """Return whether a message, or the end of file, arrives within the limit."""
        return bool(select.select([self._control], [], [], limit_s)[0])

    def receive(self) -> dict[str, Any] | None:
        """Wait for one message; None: the host is gone."""
        line = self._lines.readline()
        message: dict[str, Any] | None = json.loads(line) if line else None
        return message

    def send(self, **message: Any) -> None:
        """Send a message; the host may be gone."""
        with suppress(OSError):
            self._lines.write(json.dumps(message).encode() + b"\n")


class _Files:
    """Copies of the files of the command: the caller closes its own as soon as start has returned."""

    def __init__(self, files: Mapping[str, int | None]) -> None:
        self.copies = {name: os.dup(fd) if fd is not None and fd >= 0 else fd for name, fd in files.items()}
        self.outputs = [os.fstat(fd) for fd in self._open()]

    def close(self) -> None:
        """Close the copies; only the command may have them open."""
        for fd in self._open():
            os.close(fd)

    def _open(self) -> list[int]:
        return [fd for fd in self.copies.values() if fd is not None and fd >= 0]


class _EndingReport:
    """How the run ends, noted as it happens; ``ended_at``: None while the main process is alive."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.spawned_at = time.monotonic()
        self.ended_at: float | None = None
        self.fields: dict[str, Any] = {"code": None, "signal": None, "error": "", "forced": False, "survivors": []}
        self.fields["unstopped"] = []
        self.fields |= {"signals": [], "unkillable": [], "core_dumped": False, "waited_for_cpu_s": 0.0}

    def note_signal(self, number: int, pids: int) -> None:
        """Note that so many processes get a signal now."""
        at_s = self._clock.now() - self.spawned_at
        self.fields["signals"].append({"name": signal.Signals(number).name, "at_s": at_s, "pids": pids})

    def note_exit(self, main: subprocess.Popen[bytes]) -> None:
        """Reap the main process, only now: until then the group is ours; and note how and when it ended."""
        self.fields["duration_s"] = (self.ended_at or self._clock.now()) - self.spawned_at
        if self.ended_at is None:
            return  # unkillable
        if hasattr(os, "waitid"):
            end = os.waitid(os.P_PID, main.pid, os.WEXITED | os.WNOWAIT)
            self.fields["core_dumped"] = end is not None and end.si_code == os.CLD_DUMPED
        code = main.wait()
        self.fields |= {"code": code} if code >= 0 else {"signal": -code}
        self.fields.setdefault("cause", Cause.EXITED if code >= 0 else Cause.SIGNALLED)


class _GroupTree:
    """The main process, its group, and what psutil has seen below it."""

    def __init__(self, main: psutil.Process) -> None:
        self.main = main
        self.suspended: list[psutil.Process] = []
        self._known = {main.pid: main}

    def scan(self) -> bool:
        """Remember what is below the main process now: once that is gone, it cannot be found any more.

        Returns whether that is more than before.
        """
        count = len(self._known)
        with suppress(psutil.Error):
            self._known |= {child.pid: child for child in self.main.children(recursive=True)}
        return len(self._known) > count

    def alive(self) -> list[psutil.Process]:
        """Return the processes that are known, or in the group, and alive."""
        for pid in psutil.pids():
            with suppress(psutil.Error, OSError):
                if pid not in self._known and self._is_in_group(pid):
                    self._known[pid] = psutil.Process(pid)
        return [process for process in self._known.values() if lives(process)]

    def send(self, number: int, to: str = "tree") -> None:
        """Signal the main process, its group, or that and what is known outside of it.

        psutil looks at the start time before it sends.
        """
        if to == "main":
            with suppress(psutil.Error, OSError):
                self.main.send_signal(number)
            return
        if HAS_GROUPS:
            with suppress(OSError):
                os.killpg(self.main.pid, number)
        for process in self.alive() if to == "tree" or not HAS_GROUPS else ():
            with suppress(psutil.Error, OSError):
                if not self._is_in_group(process.pid):
                    process.send_signal(number)

    def suspend(self) -> None:
        """Stop what is known and not stopped already."""
        for process in self.alive():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_STOPPED:
                    self.suspended.append(process)
                    process.suspend()

    def resume(self) -> None:
        """Continue what ``suspend`` has stopped."""
        for process in self.suspended:
            with suppress(psutil.Error):
                process.resume()
        self.suspended.clear()

    def _is_in_group(self, pid: int) -> bool:
        return HAS_GROUPS and os.getpgid(pid) == self.main.pid


def _popen(request: Mapping[str, Any], files: Mapping[str, int | None]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        request["argv"],
        cwd=request["cwd"],
        env=request["env"],
        start_new_session=HAS_GROUPS,
        creationflags=_WINDOWS_GROUP,
        stdin=files["stdin"],
        stdout=files["stdout"],
        stderr=files["stderr"],
    )


def _describe(process: psutil.Process, outputs: Sequence[os.stat_result]) -> dict[str, Any]:
    """Return what a survivor is, as far as psutil has access to it."""
    found: dict[str, Any] = {"pid": process.pid, "command": "", "listens": []}
    with suppress(psutil.Error):
        seen = living_thread(process)
        found["state"] = seen.status().replace("-", " ")
        found["uid"] = seen.uids().real if HAS_GROUPS else None
        found["command"] = " ".join(seen.cmdline())[:300]
        sockets = seen.net_connections("tcp")
        found["listens"] = [f"{c.laddr.ip}:{c.laddr.port}" for c in sockets if c.status == "LISTEN"]
        found["holds_output"] = any(_is_one_of(outputs, file.path) for file in seen.open_files())
    return found


def _is_one_of(outputs: Sequence[os.stat_result], path: str) -> bool:
    """Return whether a file is one of those that the run writes to."""
    with suppress(OSError):
        return any(os.path.samestat(Path(path).stat(), output) for output in outputs)
    return False
