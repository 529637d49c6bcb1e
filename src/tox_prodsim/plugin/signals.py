"""Turn what would end tox at once into tox's own interrupt, while a prodsim environment is to be run.

tox handles SIGINT only. SIGTERM and SIGHUP (a CI system, a closed terminal) take the same way here: KeyboardInterrupt
in the main thread. The first signal is told to all who wait, at once: tox interrupts its environments one after the
other. A second signal, of any kind, says that the grace is over. A provisioned tox, whose outer tox was killed, is told
by the change of its parent. SIGTSTP (Ctrl-Z) suspends what tox runs together with tox, and no limit runs on meanwhile.
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

_ORPHAN_POLL_S = 0.2
_on_first: list[Callable[[], None]] = []
_on_second: list[Callable[[], None]] = []
_asked: list[int] = []
_OURS_BY_DEFAULT = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
"""What is taken over, unless somebody has changed its action before us."""


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
    """Take over the signals where nobody else has, and watch for the death of an outer tox."""
    if threading.current_thread() is not threading.main_thread():
        return
    _asked.clear()
    for name, untouched in _OURS_BY_DEFAULT.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is untouched:
            signal.signal(number, _interrupt)
    if hasattr(signal, "SIGTSTP") and signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
        signal.signal(signal.SIGTSTP, shim.suspend)
    core = state.conf.core
    if Path(sys.prefix) == core["work_dir"] / core["provision_tox_env"]:
        threading.Thread(target=_watch_parent, args=(os.getppid(),), name="prodsim-parent", daemon=True).start()


def on_first(act: Callable[[], None]) -> None:
    """Call ``act``, in a signal handler, when a signal asks to stop; now, if one has."""
    _on_first.append(act)
    if _asked:
        act()


def on_second(act: Callable[[], None]) -> None:
    """Call ``act`` when a second signal asks to stop."""
    _on_second.append(act)


def rearm() -> None:
    """Let a second Ctrl-C through: tox ignores SIGINT from the first one on. Called from tox's main thread."""
    if not _asked:
        _asked.append(signal.SIGINT)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    _asked.append(number)
    if len(_asked) == 1:
        for act in tuple(_on_first):
            act()
        raise KeyboardInterrupt
    for act in tuple(_on_second):
        act()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_ORPHAN_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)
