"""One run at a time on an environment: the next one waits for it, or refuses, before tox removes the folder.

tox has no hook before that, so its ``setup`` is wrapped. The lock file is in the work folder: tox empties the folder of
the environment. All commands that set an environment up take the lock, ``tox exec`` as well; a report that is only
read needs none.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import select
import threading
import time
import weakref
from argparse import ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tox.report import HandledError
from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Fail
from tox.tox_env.runner import RunToxEnv

from tox_prodsim import supervision
from tox_prodsim.model import ranges
from tox_prodsim.model.errors import LockError, ProdsimError
from tox_prodsim.model.formatting import shortened
from tox_prodsim.plugin import signals
from tox_prodsim.plugin.ci import job
from tox_prodsim.plugin.paths import ledger_of, locks_of
from tox_prodsim.plugin.redaction import one_line

OPTION = "--prodsim-lock-timeout"
_POLL_S = 0.1
_SAY_AGAIN_S = 10.0
_HOLDER_LIMIT_S = 0.3
"""For so long, a process that has just taken the lock may not have written its pid."""
_ENDING_LIMIT_S = 20.0
"""Longest wait for the supervising processes of a run whose tox was killed; they need 6 seconds at most."""
_LOGGER = logging.getLogger(__name__)
_held: weakref.WeakKeyDictionary[ToxEnv, supervision.KernelLock | None] = weakref.WeakKeyDictionary()
"""The locks of the environments that are set up; None: there can be none."""
_given_up: weakref.WeakSet[ToxEnv] = weakref.WeakSet()
"""The environments that another run uses, for the rest of this one."""


def seconds(text: str) -> float:
    """Return the seconds of the option; raises ArgumentTypeError."""
    try:
        return ranges.WAIT_S.parse(OPTION, text)
    except ProdsimError as problem:
        raise ArgumentTypeError(problem.message) from None


def refuse_unusable(work_dir: Path) -> None:
    """Refuse a work folder in which nothing can be written, in one line: tox itself would end with a traceback."""
    reason = ""
    try:
        work_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        reason = "it is not a folder"
    except OSError as problem:
        reason = f"it cannot be made: {problem.strerror}"
    if not reason and not os.access(work_dir, os.W_OK | os.X_OK):
        reason = "it cannot be written"
    if reason:
        raise HandledError(f"work_dir: {work_dir}: {reason}")


@functools.cache
def install() -> None:
    """Let every prodsim environment take its lock before tox sets it up."""
    setup = RunToxEnv.setup

    @functools.wraps(setup)
    def locked_setup(tox_env: RunToxEnv) -> None:
        if "prodsim" in (tox_env.conf.env_name or "").split("-"):
            job.begin(tox_env)
            hold(tox_env)
        setup(tox_env)

    vars_of_class: Any = RunToxEnv  # not the instance: tox gives it to no hook before it calls its setup
    vars_of_class.setup = locked_setup


def hold(tox_env: RunToxEnv) -> None:
    """Take the lock of the environment, once; wait for it as long as the option allows.

    Raises Fail when that time is over, and SystemExit when the user interrupts the wait.
    """
    if tox_env in _held:
        return
    _given_up.add(tox_env)
    with _cancelled_by_interrupt(tox_env) as cancel:
        _held[tox_env] = _take(tox_env, cancel)
        _given_up.discard(tox_env)
        _let_lost_runs_end(tox_env, cancel)


def _take(tox_env: RunToxEnv, cancel: supervision.Cancel) -> supervision.KernelLock | None:
    """Return the lock once it is held; None, and one line that says so, when there can be none."""
    try:
        ranges.WAIT_S.parse(OPTION, tox_env.options.prodsim_lock_timeout)  # of a variable: tox checks no range
    except ProdsimError as problem:
        raise Fail(str(problem)) from None
    try:
        lock = supervision.KernelLock(_path_of(tox_env))
        _Wait(tox_env, lock, cancel).until_held()
    except LockError as problem:
        _say(tox_env, f"there is no lock, another run of this environment would not be noticed: {problem}")
        return None
    return lock


def gave_up(tox_env: ToxEnv) -> bool:
    """Return whether another run uses the environment, and this one touches nothing of it."""
    return tox_env in _given_up


def owns_folder(tox_env: ToxEnv) -> bool:
    """Return whether no other run uses the folder; the lock of an environment not set up is tried, at once."""
    if tox_env in _held:
        return True
    try:
        lock = supervision.KernelLock(_path_of(tox_env))
        is_free = lock.acquire()
    except LockError:
        return True
    if is_free:
        _held[tox_env] = lock
    else:
        lock.close()
    return is_free


def release(tox_env: ToxEnv) -> None:
    """Let the next run begin; idempotent."""
    lock = _held.pop(tox_env, None)
    if lock is not None:
        lock.release()


class _Wait:
    """A wait for the lock of an environment."""

    def __init__(self, tox_env: RunToxEnv, lock: supervision.KernelLock, cancel: supervision.Cancel) -> None:
        self._env = tox_env
        self._lock = lock
        self._cancel = cancel
        self._limit_s: float = tox_env.options.prodsim_lock_timeout
        self._began = time.monotonic()
        self._say_at_s = 0.0

    def until_held(self) -> None:
        """Wait; whoever has no lock in the end leaves no open file."""
        try:
            while not self._lock.acquire():
                self._wait_a_little()
        except BaseException:
            self._lock.close()
            raise

    def _wait_a_little(self) -> None:
        waited_s = time.monotonic() - self._began
        if waited_s >= min(self._limit_s, self._say_at_s):
            holder = self._holder()
            if holder is not None and holder.is_ancestor:
                raise Fail(f"{_describe(holder)} uses this environment, and waits for the end of this run")
            if waited_s >= self._limit_s:
                raise Fail(f"{OPTION} {self._limit_s:g}: {_describe(holder)} uses this environment")
            so_far = f"; {waited_s:.0f} s so far" if self._say_at_s else ""
            _say(self._env, f"waits for {_describe(holder)}, which uses this environment{so_far}")
            self._say_at_s += _SAY_AGAIN_S
        _sleep(self._cancel, min(_POLL_S, max(self._limit_s - waited_s, 0.0)))

    def _holder(self) -> supervision.LockHolder | None:
        """Return who holds it; None: another user's, another machine's, or one that has just ended."""
        give_up_at = time.monotonic() + _HOLDER_LIMIT_S
        while (holder := self._lock.holder()) is None and time.monotonic() < give_up_at:
            _sleep(self._cancel, _POLL_S / 5)
        return holder


def _describe(holder: supervision.LockHolder | None) -> str:
    if holder is None:
        return "another tox run, whose pid is not known here"
    command = holder.command
    return f"pid {holder.pid}{f' ({shortened(command, 120)})' if command else ''}"


def _path_of(tox_env: ToxEnv) -> Path:
    """Return the file of the lock: two environments that share a folder share it."""
    folder, env_dir = locks_of(tox_env), Path(tox_env.env_dir)
    if env_dir == folder.parent / env_dir.name:
        return folder / f"{env_dir.name}.lock"
    place = hashlib.sha256(str(env_dir.resolve()).encode(errors="surrogateescape")).hexdigest()[:8]
    return folder / f"{env_dir.name}-{place}.lock"


def _let_lost_runs_end(tox_env: RunToxEnv, cancel: supervision.Cancel) -> None:
    """Wait while the supervising processes of a run whose tox was killed end what that has left."""
    give_up_at, said = time.monotonic() + _ENDING_LIMIT_S, False
    while (ending := supervision.runs_ending(ledger_of(tox_env))) and time.monotonic() < give_up_at:
        if not said:
            _say(tox_env, f"waits for the end of what a killed run has left: {shortened(ending[0], 120)}")
        said = True
        _sleep(cancel, _POLL_S)


def _sleep(cancel: supervision.Cancel, limit_s: float) -> None:
    """Sleep; raises SystemExit as tox does when the user interrupts that."""
    select.select([cancel], [], [], limit_s)
    if cancel.is_set:
        raise SystemExit(signals.INTERRUPTED)


@contextlib.contextmanager
def _cancelled_by_interrupt(tox_env: RunToxEnv) -> Iterator[supervision.Cancel]:
    """Give a cancel that signals set, and tox when it interrupts the environment."""
    cancel, interrupt = supervision.Cancel(), tox_env.interrupt

    def cancel_and_interrupt() -> None:
        cancel.set()
        interrupt()

    signals.on_first(cancel.set)
    vars(tox_env)["interrupt"] = cancel_and_interrupt  # tox has no hook for a Ctrl-C
    try:
        yield cancel
    finally:
        vars(tox_env)["interrupt"] = interrupt
        cancel.close()


def _say(tox_env: RunToxEnv, text: str) -> None:
    """Print one line now; ``tox p`` keeps what the thread of an environment prints until its end."""

    def log() -> None:
        with tox_env.log_handler.with_context(tox_env.conf.name):
            _LOGGER.warning("%s", one_line(text))

    printer = threading.Thread(target=log, name="prodsim-lock", daemon=True)
    printer.start()
    printer.join(1.0)  # whoever reads the output may have stopped
