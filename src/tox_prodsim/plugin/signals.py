"""Turn the signals that end tox at once into tox's own interrupt, while a prodsim environment is to be run.

tox handles SIGINT only. SIGTERM and SIGHUP (a CI system, a closed terminal) are handled alike here: KeyboardInterrupt
in the main thread. The first signal cancels all environments at once; tox interrupts them one after the other. A second
signal, of any kind, ends the grace. A provisioned tox notices by the change of its parent that its outer tox was
killed. SIGTSTP (Ctrl-Z) suspends what tox runs together with tox, and no limit runs meanwhile.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tox.session.state import State

from tox_prodsim.supervision import shim

INTERRUPTED = -2
"""Exit code with which tox itself leaves an environment that was interrupted."""
_ORPHAN_POLL_S = 0.2
_on_first: list[Callable[[], None]] = []
_on_second: list[Callable[[], None]] = []
_on_suspend: list[Callable[[], None]] = []
_received: list[int] = []
_DEFAULT_ACTIONS = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
"""The signals that are taken over, with the action that they must have until then."""


def is_selected(env_name: str, state: State) -> bool:
    """Return whether this tox run will run the environment."""
    options = state.conf.options
    if getattr(options, "labels", None) or getattr(options, "factors", None):
        return True
    chosen = getattr(options, "env", None)
    if chosen is None or chosen.is_default_list:
        return env_name in state.conf.core["env_list"]
    return chosen.is_all or env_name in chosen


def install(state: State) -> None:
    """Handle the signals whose action is the default, and watch for the death of an outer tox."""
    if threading.current_thread() is not threading.main_thread():
        return
    _received.clear()
    for name, default in _DEFAULT_ACTIONS.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is default:
            signal.signal(number, _interrupt)
    if hasattr(signal, "SIGTSTP") and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
        signal.signal(signal.SIGTSTP, _suspend)
    core = state.conf.core
    if Path(sys.prefix) == core["work_dir"] / core["provision_tox_env"]:
        threading.Thread(target=_watch_parent, args=(os.getppid(),), name="prodsim-parent", daemon=True).start()


def on_first(action: Callable[[], None]) -> None:
    """Call ``action``, in a signal handler, when a signal asks to stop; now, if one has."""
    _on_first.append(action)
    if _received:
        action()


def on_second(action: Callable[[], None]) -> None:
    """Call ``action`` when a second signal asks to stop."""
    _on_second.append(action)


def on_suspend(action: Callable[[], None]) -> None:
    """Call ``action`` when Ctrl-Z is about to suspend tox."""
    _on_suspend.append(action)


def rearm() -> None:
    """Let a second Ctrl-C through: tox ignores SIGINT from the first one on. Called from tox's main thread."""
    if not _received:
        _received.append(signal.SIGINT)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    if len(_received) == 1:
        for action in tuple(_on_first):
            action()
        raise KeyboardInterrupt
    for action in tuple(_on_second):
        action()


def _suspend(number: int, frame: FrameType | None) -> None:
    for action in tuple(_on_suspend):
        action()
    shim.suspend(number, frame)
    signal.signal(number, _suspend)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
