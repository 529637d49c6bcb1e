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
from typing import Any

import psutil

from tox_prodsim.supervision.diagnosis import lives
from tox_prodsim.supervision.ending import KILL, Cause

HAS_GROUPS = hasattr(os, "killpg")
_WINDOWS_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
"""Without it a CTRL_BREAK_EVENT would reach tox as well."""
LEAK_GRACE_S = 0.5
KILL_LIMIT_S = 5.0


class GroupWarden(threading.Thread):
    """Does what the warden does where there are no subreapers: with a process group, and what psutil has seen."""

    def __init__(self, control: socket.socket, files: Mapping[str, int | None]) -> None:
        super().__init__(daemon=True)
        self._control = control
        # Copies: the caller closes its own as soon as start has returned.
        self._files = {name: os.dup(fd) if fd is not None and fd >= 0 else fd for name, fd in files.items()}
        self._order: dict[str, Any] | None = None
        self._urgent = False
        self._known: dict[int, psutil.Process] = {}
        self._ending: dict[str, Any] = {"code": None, "signal": None, "error": "", "forced": False, "survivors": []}
        self._ending |= {"signals": [], "unkillable": [], "waited_for_cpu_s": 0.0}
        self.start()

    def run(self) -> None:
        """See one command through, from its start to the end of what can be found of it."""
        with self._control, self._control.makefile("rwb", buffering=0) as self._lines:
            request: dict[str, Any] = {**json.loads(self._lines.readline()), **self._files}
            self._spawned_at = time.monotonic()
            try:
                main: subprocess.Popen[bytes] = subprocess.Popen(
                    request.pop("argv"), **request, start_new_session=HAS_GROUPS, creationflags=_WINDOWS_GROUP
                )
            except OSError as problem:
                self._tell(event="not started", error=f"{problem.filename}: {problem.strerror}")
                return
            finally:
                for fd in self._files.values():
                    if fd is not None and fd >= 0:
                        os.close(fd)
            self._main = self._known[main.pid] = psutil.Process(main.pid)
            self._tell(event="started", pid=main.pid, warden=0, at=self._spawned_at)
            self._see_through()
            code = main.wait()  # reaped only now: until then the group is ours
            self._ending |= {"code": code} if code >= 0 else {"signal": -code}
            self._ending.setdefault("cause", Cause.EXITED if code >= 0 else Cause.SIGNALLED)
            self._tell(event="ended", **self._ending)

    def _see_through(self) -> None:
        while lives(self._main) and not self._order:
            self._rest()
        self._ending["duration_s"] = time.monotonic() - self._spawned_at
        if self._order and lives(self._main):
            self._ending["cause"] = self._order["cause"]
            if not self._urgent:
                self._wave(self._order["signal"])
                self._ending["forced"] = not self._drained(self._order["grace_s"]) and not self._urgent
        elif not self._drained(LEAK_GRACE_S) and not self._urgent:
            self._ending["survivors"] = [_described(process) for process in self._alive()]
            self._wave(signal.SIGTERM)
            self._drained(LEAK_GRACE_S)
        if not self._drained(0.0):
            self._wave(KILL)
            self._urgent = False
            self._drained(KILL_LIMIT_S, again=KILL)
            self._ending["unkillable"] = [_described(process) for process in self._alive()]

    def _drained(self, limit_s: float, *, again: int = 0) -> bool:
        """Wait until nothing that is known is alive, sending the signal ``again`` to what still appears."""
        until = time.monotonic() + limit_s
        while self._alive():
            if self._urgent or time.monotonic() >= until:
                return False
            self._rest()
            if again:
                self._send(again)
        return True

    def _rest(self) -> None:
        """Look at the tree, and listen to the host for a moment; the end of the host is an order to end."""
        self._look()
        if select.select([self._control], [], [], 0.02)[0]:
            order = json.loads(self._lines.readline() or '{"signal": 9, "grace_s": 0, "cause": "stopped"}')
            self._order = self._order or order
            self._urgent = self._urgent or order["signal"] == KILL

    def _look(self) -> None:
        """Remember who is below the main process now: once it is gone, nobody can tell any more."""
        with suppress(psutil.Error):
            self._known |= {child.pid: child for child in self._main.children(recursive=True)}

    def _alive(self) -> list[psutil.Process]:
        for pid in psutil.pids():
            with suppress(psutil.Error, OSError):
                if pid not in self._known and self._is_in_group(pid):
                    self._known[pid] = psutil.Process(pid)
        return [process for process in self._known.values() if lives(process)]

    def _wave(self, number: int) -> None:
        self._look()
        at_s, pids = time.monotonic() - self._spawned_at, len(self._alive())
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

    def _tell(self, **message: Any) -> None:
        with suppress(OSError):
            self._lines.write(json.dumps(message).encode() + b"\n")


def _described(process: psutil.Process) -> dict[str, Any]:
    """Return pid, command line and TCP listeners, as far as psutil may look."""
    command, listens = "", []
    with suppress(psutil.Error):
        command = " ".join(process.cmdline())[:300]
        listens = [f"{c.laddr.ip}:{c.laddr.port}" for c in process.net_connections("tcp") if c.status == "LISTEN"]
    return {"pid": process.pid, "command": command, "listens": listens}
