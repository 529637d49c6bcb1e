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
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tox_prodsim.supervision.clock import Clock
from tox_prodsim.supervision.diagnosis import lives
from tox_prodsim.supervision.ending import KILL, Cause

HAS_GROUPS = hasattr(os, "killpg")
_WINDOWS_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""Without it a CTRL_BREAK_EVENT would reach tox as well."""
LEAK_GRACE_S = 0.5
DISMISS_GRACE_S = 0.5
KILL_LIMIT_S = 5.0
SHORTEST_REST_S, LONGEST_REST_S = 0.02, 0.2
"""Between two looks at the tree: the shorter after a change, as a fork is followed by the next; costly looks, all."""


class GroupWarden(threading.Thread):
    """Does what the warden does where there are no subreapers: with a process group, and what psutil has seen."""

    def __init__(self, control: socket.socket, files: Mapping[str, int | None]) -> None:
        super().__init__(daemon=True)
        self._control = control
        # Copies: the caller closes its own as soon as start has returned.
        self._files = {name: os.dup(fd) if fd is not None and fd >= 0 else fd for name, fd in files.items()}
        self._clock = Clock()
        self._order: dict[str, Any] | None = None
        self._urgent = False
        self._rest_s = SHORTEST_REST_S
        self._ended_at: float | None = None
        self._suspended: list[psutil.Process] = []
        self._known: dict[int, psutil.Process] = {}
        self._ending: dict[str, Any] = {"code": None, "signal": None, "error": "", "forced": False, "survivors": []}
        self._ending |= {"signals": [], "unkillable": [], "core_dumped": False, "waited_for_cpu_s": 0.0}
        self.start()

    def run(self) -> None:
        """See one command through, from its start to the end of what can be found of it."""
        with self._control, self._control.makefile("rwb", buffering=0) as self._lines:
            request = json.loads(self._lines.readline())
            self._outputs = [os.fstat(fd) for fd in self._files.values() if fd is not None and fd >= 0]
            if main := self._launched(request):
                self._main = self._known[main.pid] = psutil.Process(main.pid)
                self._tell(event="started", pid=main.pid, warden=0, at=self._spawned_at, cgroup="")
                self._see_through()
                self._note_end(main)
                self._tell(event="ended", **self._ending)

    def _launched(self, request: Mapping[str, Any]) -> subprocess.Popen[bytes] | None:
        """Start the command; None, and the host is told, when that cannot be done."""
        self._spawned_at = time.monotonic()
        try:
            return subprocess.Popen(
                request["argv"],
                cwd=request["cwd"],
                env=request["env"],
                start_new_session=HAS_GROUPS,
                creationflags=_WINDOWS_GROUP,
                stdin=self._files["stdin"],
                stdout=self._files["stdout"],
                stderr=self._files["stderr"],
            )
        except OSError as problem:
            self._tell(event="not started", error=f"{problem.filename or request['argv'][0]}: {problem.strerror}")
        except ValueError as problem:
            self._tell(event="not started", error=f"{request['argv'][0]}: {problem}")
        finally:
            for fd in self._files.values():
                if fd is not None and fd >= 0:
                    os.close(fd)
        return None

    def _see_through(self) -> None:
        """Wait for the end of the main process or for a stop, then for the end of everything else."""
        while self._ended_at is None and not self._order:
            self._rest()
        if self._order and self._ended_at is None:
            self._ending["cause"] = self._order["cause"]
            if not self._urgent:
                self._wave(self._order["signal"])
                self._ending["forced"] = not self._drained(self._order["grace_s"]) and not self._urgent
        elif not self._drained(LEAK_GRACE_S) and not self._urgent:
            self._ending["survivors"] = [self._described(process) for process in self._alive()]
            self._wave(signal.SIGTERM)
            self._drained(DISMISS_GRACE_S)
        self._kill()

    def _kill(self) -> None:
        """SIGKILL what is known and what still appears; what withstands for KILL_LIMIT_S is unkillable."""
        self._urgent = True
        give_up_at = time.monotonic() + KILL_LIMIT_S
        if self._alive():
            self._wave(KILL)
        while self._alive() and time.monotonic() < give_up_at:
            self._rest()
            self._send(KILL)
        self._ending["unkillable"] = [self._described(process) for process in self._alive()]

    def _note_end(self, main: subprocess.Popen[bytes]) -> None:
        """Reap the main process, only now: until then the group is ours; and note how and when it ended."""
        if self._ended_at is None and not lives(self._main):
            self._ended_at = self._clock.now()
        self._ending["duration_s"] = (self._ended_at or self._clock.now()) - self._spawned_at
        if self._ended_at is None:
            return  # unkillable
        if hasattr(os, "waitid"):
            end = os.waitid(os.P_PID, main.pid, os.WEXITED | os.WNOWAIT)
            self._ending["core_dumped"] = end is not None and end.si_code == os.CLD_DUMPED
        code = main.wait()
        self._ending |= {"code": code} if code >= 0 else {"signal": -code}
        self._ending.setdefault("cause", Cause.EXITED if code >= 0 else Cause.SIGNALLED)

    def _drained(self, limit_s: float) -> bool:
        """Wait until nothing that is known is alive; False when the time is up, or when there is no time any more."""
        until = self._clock.now() + limit_s
        while self._alive():
            if self._urgent or self._clock.now() >= until:
                return False
            self._rest()
        return True

    def _rest(self) -> None:
        """Listen to the host for a moment, and look at the tree: more often while it is changing or is to end."""
        known = len(self._known)
        self._look()
        is_busy = len(self._known) > known or self._order or self._ended_at is not None
        self._rest_s = SHORTEST_REST_S if is_busy else min(self._rest_s * 1.2, LONGEST_REST_S)
        if select.select([self._control], [], [], self._rest_s)[0]:
            # The end of the host is an order to end.
            self._obey(json.loads(self._lines.readline() or '{"signal": 9, "grace_s": 0, "cause": "stopped"}'))

    def _obey(self, message: dict[str, Any]) -> None:
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
        self._look()
        for process in self._alive():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_STOPPED:
                    self._suspended.append(process)
                    process.suspend()

    def _resume(self) -> None:
        """Continue what ``_suspend`` has stopped, and the clock."""
        self._clock.go_on()
        for process in self._suspended:
            with suppress(psutil.Error):
                process.resume()
        self._suspended.clear()

    def _look(self) -> None:
        """Remember who is below the main process now: once it is gone, nobody can tell any more."""
        with suppress(psutil.Error):
            self._known |= {child.pid: child for child in self._main.children(recursive=True)}
        if self._ended_at is None and not lives(self._main):
            self._ended_at = self._clock.now()
            self._tell(event="main")

    def _alive(self) -> list[psutil.Process]:
        for pid in psutil.pids():
            with suppress(psutil.Error, OSError):
                if pid not in self._known and self._is_in_group(pid):
                    self._known[pid] = psutil.Process(pid)
        return [process for process in self._known.values() if lives(process)]

    def _wave(self, number: int) -> None:
        self._look()
        at_s, pids = self._clock.now() - self._spawned_at, len(self._alive())
        self._ending["signals"].append({"name": signal.Signals(number).name, "at_s": at_s, "pids": pids})
        self._send(number)
        if HAS_GROUPS:
            self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        """Signal the group, and what is known outside of it; psutil looks at the start time before it sends."""
        if HAS_GROUPS:
            with suppress(OSError):
                os.killpg(self._main.pid, number)
        for process in self._alive():
            with suppress(psutil.Error, OSError):
                if not self._is_in_group(process.pid):
                    process.send_signal(number)

    def _is_in_group(self, pid: int) -> bool:
        return HAS_GROUPS and os.getpgid(pid) == self._main.pid

    def _described(self, process: psutil.Process) -> dict[str, Any]:
        """Return what a survivor is, as far as psutil may look."""
        found: dict[str, Any] = {"pid": process.pid, "command": "", "listens": []}
        with suppress(psutil.Error):
            found["state"] = process.status().replace("-", " ")
            found["uid"] = process.uids().real if HAS_GROUPS else None
            found["command"] = " ".join(process.cmdline())[:300]
            sockets = process.net_connections("tcp")
            found["listens"] = [f"{c.laddr.ip}:{c.laddr.port}" for c in sockets if c.status == "LISTEN"]
            found["holds_output"] = any(self._is_output(file.path) for file in process.open_files())
        return found

    def _is_output(self, path: str) -> bool:
        """Return whether a file is one of those that the run writes to."""
        with suppress(OSError):
            return any(os.path.samestat(Path(path).stat(), output) for output in self._outputs)
        return False

    def _tell(self, **message: Any) -> None:
        with suppress(OSError):
            self._lines.write(json.dumps(message).encode() + b"\n")
