"""Refuse to start processes while a unit test runs."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, NoReturn

import pytest

EVENTS = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
    "subprocess.Popen",
    "_winapi.CreateProcess",
}
"""The audit events of what starts a process, or becomes another program."""


class ProcessRefusal:
    """Fails whatever starts a process within ``with``, and remembers it in case that the failure is swallowed."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self._is_armed = False
        self._patch = pytest.MonkeyPatch()
        sys.addaudithook(self._audit)  # for good: a hook cannot be removed

    def __enter__(self) -> None:
        self.attempts.clear()
        # multiprocessing calls it without an audit event
        if fork_exec_module := sys.modules.get("_posixsubprocess"):
            self._patch.setattr(fork_exec_module, "fork_exec", self._fork_exec)
        self._is_armed = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_armed = False
        self._patch.undo()

    def taken(self) -> list[str]:
        """Return the attempts so far, and forget them."""
        attempts, self.attempts = self.attempts, []
        return attempts

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._is_armed and event in EVENTS:
            self._refuse(f"{event} {' '.join(map(repr, arguments[:2]))}".rstrip())

    def _fork_exec(self, arguments: object, *_: object) -> NoReturn:
        self._refuse(f"fork_exec {arguments!r}")

    def _refuse(self, attempt: str) -> NoReturn:
        self.attempts.append(attempt)
        pytest.fail(message([attempt]))


def message(attempts: list[str]) -> str:
    """Return what the author of a test is told."""
    return f"a unit test must not start a process, tests/processes has those that do: {'; '.join(attempts)}"
