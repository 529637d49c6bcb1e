"""The log of a job of GitHub while a prodsim environment runs: nothing that is printed there is a workflow command.

GitHub obeys ``::command::`` at the begin of a line and ``##[command]`` anywhere in it, whoever prints it: a build back
end, an installer, a service. From ``::stop-commands::TOKEN`` on it obeys none, until ``::TOKEN::``. The token is new
each time; a program under test cannot know it. When tox runs environments in parallel it shows their output when they
have ended: commands stay stopped until tox ends.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
import sys
import threading

_lock = threading.Lock()
_running: set[str] = set()
_token: list[str] = []
"""The token of the last ``stop-commands``; empty: commands are obeyed."""


def begin(env_name: str, *, in_parallel: bool) -> None:
    """Stop workflow commands, unless they are stopped already."""
    with _lock:
        _running.add(env_name)
        if _token:
            return
        _token.append(secrets.token_hex(16))
        _write(f"::stop-commands::{_token[0]}")
    if in_parallel:
        atexit.register(resume)


def end(env_name: str, *, in_parallel: bool) -> None:
    """Let workflow commands be obeyed again, once no prodsim environment runs."""
    with _lock:
        _running.discard(env_name)
        is_last = not _running
    if is_last and not in_parallel:
        resume()


def resume() -> None:
    """Let workflow commands be obeyed again; without effect if they are."""
    with _lock:
        if _token:
            _write(f"::{_token.pop()}::")


def _write(command: str) -> None:
    """Write a command to a line of its own: what was printed last may not have ended its line."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"\n{command}\n")
        sys.stdout.flush()
